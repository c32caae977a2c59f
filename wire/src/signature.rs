//! Ed25519 over tagged hashes: the one place where wire signatures are made and checked.

use core::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::{ids::Hash, tag::Tag};

/// An Ed25519 public key, 32 bytes. Valid by construction: a point on the curve, not of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

/// An Ed25519 signature, 64 bytes (RFC 8032).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// The signature is not by this key over these bytes for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct Invalid;

impl PublicKey {
    /// From 32 bytes.
    ///
    /// # Errors
    /// [`Invalid`] if they are not a point, or one of small order (which would verify more than it should).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Invalid> {
        let key = VerifyingKey::try_from(bytes).map_err(|_| Invalid)?;
        if key.is_weak() { Err(Invalid) } else { Ok(Self(key)) }
    }

    /// The public key of `secret`.
    #[must_use]
    pub fn of(secret: &SigningKey) -> Self {
        Self(secret.verifying_key())
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Checks a signature over `tag.hash(data)`, strictly (no malleability, no small-order components).
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn verify(&self, tag: Tag, data: &[u8], signature: &Signature) -> Result<(), Invalid> {
        self.verify_hash(&tag.hash(data), signature)
    }

    /// Checks a signature over a tagged hash that was computed already.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn verify_hash(&self, hash: &Hash, signature: &Signature) -> Result<(), Invalid> {
        self.verify_bytes(hash.as_bytes(), signature)
    }

    /// Checks a signature over bytes that carry no tag: those that an authenticator signs.
    pub(crate) fn verify_bytes(&self, bytes: &[u8], signature: &Signature) -> Result<(), Invalid> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(bytes, &signature).map_err(|_| Invalid)
    }
}

impl Signature {
    /// Signs `tag.hash(data)`.
    #[must_use]
    pub fn sign(secret: &SigningKey, tag: Tag, data: &[u8]) -> Self {
        Self(secret.sign(tag.hash(data).as_bytes()).to_bytes())
    }

    /// From 64 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Its 64 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl<C> Encode<C> for PublicKey {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(self.as_bytes()).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for PublicKey {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::from_bytes(d.bytes()?).map_err(|_| decode::Error::message("not an Ed25519 public key"))
    }
}

impl<C> Encode<C> for Signature {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0).map(drop)
    }
}

impl<'b, C> Decode<'b, C> for Signature {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        d.bytes()?.try_into().map(Self).map_err(|_| decode::Error::message("a signature is 64 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_for_one_purpose_does_not_verify_for_another() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let signature = Signature::sign(&secret, Tag::POLICY, b"bytes");
        let key = PublicKey::of(&secret);
        assert_eq!(key.verify(Tag::POLICY, b"bytes", &signature), Ok(()));
        assert_eq!(key.verify(Tag::MANIFEST, b"bytes", &signature), Err(Invalid));
        assert_eq!(key.verify(Tag::POLICY, b"bytez", &signature), Err(Invalid));
    }

    #[test]
    fn refuses_a_public_key_of_small_order() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(Invalid));
    }
}
