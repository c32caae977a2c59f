//! Canonical encoding: CBOR in definite-length arrays, one byte string per value.

use minicbor::{Decode, Encode};

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
    let mut bytes = Vec::new();
    minicbor::encode(value, &mut bytes).expect("writing to a Vec cannot fail");
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
