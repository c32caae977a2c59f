//! Lists, byte strings and names that carry their bound in their type, so that no decoder can forget it.

use core::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// At most `MAX` bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes<const MAX: usize>(Vec<u8>);

/// At most `MAX` secret bytes. Erased when dropped, in a buffer that never grows, since growing leaves copies behind; neither shown nor
/// compared.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SecretBytes<const MAX: usize>(Zeroizing<Vec<u8>>);

/// At most `MAX` values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

/// Something longer than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{length} is more than the {max} allowed here")]
pub struct TooLong {
    /// The length that was asked for.
    pub length: usize,
    /// The bound.
    pub max: usize,
}

impl<const MAX: usize> Bytes<MAX> {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> TryFrom<Vec<u8>> for Bytes<MAX> {
    type Error = TooLong;

    fn try_from(bytes: Vec<u8>) -> Result<Self, TooLong> {
        bounded(bytes.len(), MAX).map(|()| Self(bytes))
    }
}

impl<const MAX: usize> TryFrom<&[u8]> for Bytes<MAX> {
    type Error = TooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, TooLong> {
        bounded(bytes.len(), MAX).map(|()| Self(bytes.to_vec()))
    }
}

impl<const MAX: usize> fmt::Debug for Bytes<MAX> {
    /// The length alone: contents may be large, and logs are no place for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<C, const MAX: usize> Encode<C> for Bytes<MAX> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0).map(drop)
    }
}

impl<'b, C, const MAX: usize> Decode<'b, C> for Bytes<MAX> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::try_from(d.bytes()?).map_err(|_| decode::Error::message("byte string too long"))
    }
}

impl<const MAX: usize> SecretBytes<MAX> {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<Vec<u8>> for SecretBytes<MAX> {
    type Error = TooLong;

    fn try_from(bytes: Vec<u8>) -> Result<Self, TooLong> {
        let bytes = Zeroizing::new(bytes);
        bounded(bytes.len(), MAX).map(|()| Self(bytes))
    }
}

impl<const MAX: usize> TryFrom<&[u8]> for SecretBytes<MAX> {
    type Error = TooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, TooLong> {
        bounded(bytes.len(), MAX).map(|()| Self(Zeroizing::new(bytes.to_vec())))
    }
}

impl<const MAX: usize> fmt::Debug for SecretBytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret bytes")
    }
}

impl<C, const MAX: usize> Encode<C> for SecretBytes<MAX> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0).map(drop)
    }
}

impl<'b, C, const MAX: usize> Decode<'b, C> for SecretBytes<MAX> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::try_from(d.bytes()?).map_err(|_| decode::Error::message("byte string too long"))
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// The empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The values, owned.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// Iterates over the values.
    pub fn iter(&self) -> core::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T, const MAX: usize> TryFrom<Vec<T>> for List<T, MAX> {
    type Error = TooLong;

    fn try_from(values: Vec<T>) -> Result<Self, TooLong> {
        bounded(values.len(), MAX).map(|()| Self(values))
    }
}

impl<C, T: Encode<C>, const MAX: usize> Encode<C> for List<T, MAX> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(self.0.len() as u64)?;
        self.0.iter().try_for_each(|value| value.encode(e, ctx))
    }
}

impl<'b, C, T: Decode<'b, C>, const MAX: usize> Decode<'b, C> for List<T, MAX> {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let length = d.array()?.ok_or_else(|| decode::Error::message("indefinite length"))?;
        if length > MAX as u64 {
            return Err(decode::Error::message("list too long"));
        }
        (0..length).map(|_| T::decode(d, ctx)).collect::<Result<Vec<T>, _>>().map(Self)
    }
}

fn bounded(length: usize, max: usize) -> Result<(), TooLong> {
    if length > max { Err(TooLong { length, max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_list_whose_declared_length_exceeds_its_bound_before_reading_it() {
        let claims_a_billion = [0x9a, 0x3b, 0x9a, 0xca, 0x00];
        assert!(decode::<List<u8, 4>>(&claims_a_billion).is_err());
    }

    #[test]
    fn secret_bytes_are_erased_when_dropped_bounded_and_not_shown() {
        fn erased_when_dropped<T: ZeroizeOnDrop>(secret: T) -> T {
            secret
        }
        let secret = erased_when_dropped(SecretBytes::<3>::try_from([17, 34, 51].as_slice()).unwrap());
        assert_eq!(format!("{secret:?}"), "secret bytes");
        assert_eq!(SecretBytes::<3>::try_from(vec![0; 4]).err(), Some(TooLong { length: 4, max: 3 }));
        let read: SecretBytes<3> = crate::codec::decode(&[0x43, 17, 34, 51]).unwrap();
        assert_eq!((read.as_slice(), read.0.capacity()), (secret.as_slice(), 3));
    }

    #[test]
    fn refuses_bytes_past_their_bound() {
        assert_eq!(Bytes::<2>::try_from(vec![0; 3]), Err(TooLong { length: 3, max: 2 }));
        assert!(decode::<Bytes<2>>(&[0x43, 1, 2, 3]).is_err());
    }
}
