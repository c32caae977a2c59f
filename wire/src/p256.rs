//! ECDSA over NIST P-256 with SHA-256 (FIPS 186-5): keys that hardware and browsers hold.

use core::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm,
};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::signature::Invalid;

/// A P-256 public key, 33 bytes: a compressed point (SEC 1, section 2.3.3). Valid by construction: a point on the curve.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct P256Key([u8; P256Key::LEN]);

/// An ECDSA signature over P-256, 64 bytes: r, then s, big-endian (IEEE P1363).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct P256Signature([u8; P256Signature::LEN]);

impl P256Key {
    /// Length in bytes.
    pub const LEN: usize = 33;

    /// From the 33 bytes of a compressed point.
    ///
    /// # Errors
    /// [`Invalid`] if they are anything else, a point that is not on the curve included.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let bytes: [u8; Self::LEN] = bytes.try_into().map_err(|_| Invalid)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).map_err(|_| Invalid)?;
        Ok(Self(bytes))
    }

    /// Its 33 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Checks a signature over `message`, which is hashed here. Either s verifies; [`P256Signature::is_low`] tells them apart.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn verify(&self, message: &[u8], signature: &P256Signature) -> Result<(), Invalid> {
        self.verify_with(&ECDSA_P256_SHA256_FIXED, message, &signature.0)
    }

    /// Checks a signature in DER, as authenticators give it.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn verify_der(&self, message: &[u8], signature: &[u8]) -> Result<(), Invalid> {
        self.verify_with(&ECDSA_P256_SHA256_ASN1, message, signature)
    }

    fn verify_with(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Invalid> {
        UnparsedPublicKey::new(algorithm, &self.0).verify(message, signature).map_err(|_| Invalid)
    }
}

impl P256Signature {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// From 64 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether s is in the lower half: of the two signatures that anybody can make of one, the one that counts.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.0.last_chunk::<32>().is_some_and(|s| *s <= HALF_ORDER)
    }
}

/// Half the order of the curve (FIPS 186-5, SP 800-186 section 3.2.1.3), rounded down.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d,
    0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

impl fmt::Display for P256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for P256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P256Key({self})")
    }
}

impl<C> Encode<C> for P256Key {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for P256Key {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::from_bytes(d.bytes()?).map_err(|_| decode::Error::message("not a P-256 public key"))
    }
}

impl<C> Encode<C> for P256Signature {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for P256Signature {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.bytes()?.try_into().map(Self).map_err(|_| decode::Error::message("a P-256 signature is 64 bytes"))
    }
}
