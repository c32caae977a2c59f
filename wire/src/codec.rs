//! Canonical encoding: CBOR in definite-length arrays, one byte string per value.

use core::convert::Infallible;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

/// Why bytes were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not the shape that was expected, or over a bound.
    #[error("not a well-formed message, at byte {at}")]
    Malformed {
        /// Offset of the first byte that could not be read.
        at: usize,
    },
    /// Well-formed, but not in the one encoding that this value has, or with bytes behind it.
    #[error("not the canonical encoding of this message: encode it in definite-length arrays with shortest integers")]
    NotCanonical,
}

/// Encodes `value`.
#[must_use]
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length(value));
    minicbor::encode(value, &mut bytes).expect("writing to a Vec cannot fail");
    bytes
}

/// Encodes `value`, which holds secrets, into a buffer that is erased when dropped and made as long as it has to be: growing would leave
/// copies behind.
#[must_use]
pub fn encode_secret<T: Encode<()>>(value: &T) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(length(value)));
    minicbor::encode(value, &mut *bytes).expect("writing to a Vec cannot fail");
    bytes
}

/// Decodes `bytes`, which must be the canonical encoding of the value and nothing else.
///
/// # Errors
/// [`DecodeError::Malformed`] with the offset, or [`DecodeError::NotCanonical`] when re-encoding gives other bytes.
pub fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value: T = decoder.decode().map_err(|_| DecodeError::Malformed { at: decoder.position() })?;
    let mut same = Comparison { rest: bytes };
    match minicbor::encode(&value, &mut same) {
        Ok(()) if same.rest.is_empty() => Ok(value),
        _ => Err(DecodeError::NotCanonical),
    }
}

fn length<T: Encode<()>>(value: &T) -> usize {
    let mut length = Length(0);
    minicbor::encode(value, &mut length).expect("counting cannot fail");
    length.0
}

/// Counts what is written.
struct Length(usize);

impl minicbor::encode::Write for Length {
    type Error = Infallible;

    fn write_all(&mut self, written: &[u8]) -> Result<(), Infallible> {
        self.0 = self.0.saturating_add(written.len());
        Ok(())
    }
}

/// Compares what is written with what was read, so that no second copy is made.
struct Comparison<'b> {
    rest: &'b [u8],
}

impl minicbor::encode::Write for Comparison<'_> {
    type Error = DecodeError;

    fn write_all(&mut self, written: &[u8]) -> Result<(), DecodeError> {
        self.rest = self.rest.strip_prefix(written).ok_or(DecodeError::NotCanonical)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounded::List;

    #[test]
    fn reads_back_what_it_wrote() {
        let list: List<u64, 3> = vec![1, 500, 70_000].try_into().unwrap();
        assert_eq!(decode(&encode(&list)), Ok(list));
    }

    #[test]
    fn secrets_are_encoded_into_a_buffer_that_never_grew() {
        for length in [0, 1, 9, 45, 100] {
            let value = crate::bounded::SecretBytes::<100>::try_from(vec![7; length]).unwrap();
            let encoded = encode_secret(&value);
            assert_eq!(*encoded, encode(&value));
            assert_eq!(encoded.capacity(), encoded.len());
        }
    }

    #[test]
    fn refuses_a_longer_encoding_of_the_same_number() {
        assert_eq!(decode::<u64>(&[0x18, 0x01]), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn refuses_trailing_bytes() {
        assert_eq!(decode::<u64>(&[0x01, 0x00]), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn refuses_an_indefinite_length() {
        assert!(decode::<List<u64, 3>>(&[0x9f, 0x01, 0xff]).is_err());
    }
}
