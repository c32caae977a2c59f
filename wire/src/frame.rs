//! Frames: how requests and replies are told apart on a byte stream (vsock or a Unix socket).
//!
//! ```text
//!  0      4        5      6          8              12            16
//!  ┌──────┬────────┬──────┬──────────┬──────────────┬─────────────┬─ ─ ─
//!  │ CLST │ version│ kind │ reserved │ correlation  │ length (BE) │ payload
//!  └──────┴────────┴──────┴──────────┴──────────────┴─────────────┴─ ─ ─
//! ```
//! The length is compared with [`limits::FRAME`] before anything is allocated. Requests may be pipelined; replies carry the
//! correlation of their request and may come in another order.

use crate::limits;

/// A frame's first sixteen bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Request or reply.
    pub kind: Kind,
    /// Chosen by the host, repeated in the reply.
    pub correlation: u32,
    /// Bytes of payload that follow, at most [`limits::FRAME`].
    length: u32,
}

/// Who sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A host: the payload is a [`crate::message::Request`].
    Request,
    /// A signer: the payload is a [`crate::message::Reply`].
    Reply,
}

/// Bytes that begin no frame. The stream cannot be read on: close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// Not our magic number: not Cloister at the other end.
    #[error("the stream does not carry Cloister frames")]
    Magic,
    /// A version that we don't speak.
    #[error("frame version {0} is not spoken here, only {known}", known = Header::VERSION)]
    Version(u8),
    /// Neither request nor reply, or reserved bits that are set.
    #[error("unknown kind of frame")]
    Kind,
    /// Larger than allowed.
    #[error("a frame of {0} bytes is over the limit of {limit}", limit = limits::FRAME)]
    TooLong(u64),
}

impl Header {
    /// Its length on the stream.
    pub const LEN: usize = 16;
    /// The one version there is.
    pub const VERSION: u8 = 1;
    const MAGIC: [u8; 4] = *b"CLST";

    /// The header of a payload.
    ///
    /// # Errors
    /// [`BadFrame::TooLong`].
    pub fn new(kind: Kind, correlation: u32, payload: &[u8]) -> Result<Self, BadFrame> {
        let too_long = BadFrame::TooLong(payload.len() as u64);
        let length = u32::try_from(payload.len()).map_err(|_| too_long)?;
        if payload.len() > limits::FRAME { Err(too_long) } else { Ok(Self { kind, correlation, length }) }
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`BadFrame`].
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Result<Self, BadFrame> {
        let [m0, m1, m2, m3, version, kind, r0, r1, c0, c1, c2, c3, l0, l1, l2, l3] = *bytes;
        if [m0, m1, m2, m3] != Self::MAGIC {
            return Err(BadFrame::Magic);
        }
        if version != Self::VERSION {
            return Err(BadFrame::Version(version));
        }
        let kind = match (kind, r0, r1) {
            (0, 0, 0) => Kind::Request,
            (1, 0, 0) => Kind::Reply,
            _ => return Err(BadFrame::Kind),
        };
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        if length as usize > limits::FRAME {
            return Err(BadFrame::TooLong(length.into()));
        }
        Ok(Self { kind, correlation: u32::from_be_bytes([c0, c1, c2, c3]), length })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [m0, m1, m2, m3] = Self::MAGIC;
        let [c0, c1, c2, c3] = self.correlation.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        let kind = match self.kind {
            Kind::Request => 0,
            Kind::Reply => 1,
        };
        [m0, m1, m2, m3, Self::VERSION, kind, 0, 0, c0, c1, c2, c3, l0, l1, l2, l3]
    }

    /// Bytes of payload that follow.
    #[must_use]
    pub fn length(self) -> usize {
        self.length as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: [u8; 16] = *b"CLST\x01\x01\0\0\0\0\0\x07\0\0\0\x03";

    #[test]
    fn a_header_has_the_bytes_that_its_documentation_shows() {
        let header = Header::new(Kind::Reply, 7, b"abc").unwrap();
        assert_eq!(header.to_bytes(), GOLDEN);
        assert_eq!(Header::from_bytes(&GOLDEN), Ok(header));
    }

    #[test]
    fn refuses_a_length_over_the_limit_from_the_header_alone() {
        let mut bytes = GOLDEN;
        bytes[12..].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(Header::from_bytes(&bytes), Err(BadFrame::TooLong(u32::MAX.into())));
    }

    #[test]
    fn refuses_a_header_with_any_fixed_byte_changed() {
        for at in 0..8 {
            let mut bytes = GOLDEN;
            bytes[at] ^= 0x40;
            assert!(Header::from_bytes(&bytes).is_err(), "byte {at}");
        }
    }
}
