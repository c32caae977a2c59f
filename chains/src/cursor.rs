//! A reader over bounded bytes that knows where it is, so that every refusal names an offset.

use crate::rejected::{Encoding, Fault, Malformed};

/// What is left to read of one encoding.
pub(crate) struct Cursor<'a> {
    encoding: Encoding,
    rest: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first of `bytes`.
    pub(crate) fn new(encoding: Encoding, bytes: &'a [u8]) -> Self {
        Self { encoding, rest: bytes, at: 0 }
    }

    /// The next `length` bytes.
    pub(crate) fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.fault(Fault::Truncated { field }));
        };
        self.rest = rest;
        // A slice of memory is shorter than usize::MAX, so the offset cannot wrap.
        self.at = self.at.saturating_add(length);
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Malformed> {
        let at = self.at;
        let taken = self.take(N, field)?;
        <[u8; N]>::try_from(taken).map_err(|_| Malformed {
            encoding: self.encoding,
            at,
            fault: Fault::Truncated { field },
        })
    }

    /// The next byte.
    pub(crate) fn byte(&mut self, field: &'static str) -> Result<u8, Malformed> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    /// The next four bytes, little-endian.
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Malformed> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// The next eight bytes, little-endian.
    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, Malformed> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// The next byte, left where it is.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// All that has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes have been read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// A refusal at this offset.
    pub(crate) fn fault(&self, fault: Fault) -> Malformed {
        Malformed { encoding: self.encoding, at: self.at, fault }
    }

    /// Ends the reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(self.fault(Fault::TrailingBytes { extra })),
        }
    }
}
