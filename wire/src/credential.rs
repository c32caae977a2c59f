//! Credentials of requesters and approvers, and the proofs that they make: signatures over one tagged hash.
//!
//! # Bytes
//! CBOR, every variant as `[number, [fields]]`; lengths are in bytes, bounds in [`limits`](crate::limits).
//!
//! | credential | CBOR |
//! |---|---|
//! | Ed25519 | `[0, [key]]`: byte string, 32 |
//! | P-256 | `[1, [key]]`: byte string, 33, a compressed point (SEC 1) |
//! | WebAuthn | `[2, [[key, rp id, [origin, …]]]]`: key `[0, [P-256 key]]` or `[1, [Ed25519 key]]`; rp id: text, 1–253; at most 8 origins: text, 1–256 |
//!
//! | proof | CBOR | signed message |
//! |---|---|---|
//! | Ed25519 | `[0, [signature]]`: byte string, 64 (RFC 8032) | the hash, 32 bytes |
//! | P-256 | `[1, [signature]]`: byte string, 64: r ‖ s, s at most half the curve's order | the hash, 32 bytes, which ECDSA hashes once more with SHA-256 |
//! | WebAuthn | `[2, [[authenticator data, client data, signature]]]`: byte strings, at most 1024, 2048 and 72 | see [`webauthn`](crate::webauthn); the challenge is the hash |
//!
//! Sources: RFC 8032 (Ed25519, verified strictly), FIPS 186-5 (ECDSA), W3C Web Authentication Level 3.
//!
//! A raw P-256 signature with the upper s is refused, so that nobody can make another proof of one he saw. Authenticators give either
//! s, and WebAuthn takes both: nothing may rely on a proof's bytes being the only ones, and nothing here does.

use minicbor::{Decode, Encode};

use crate::{
    codec,
    ids::Hash,
    p256::{P256Key, P256Signature},
    signature::{PublicKey, Signature},
    tag::Tag,
    webauthn::{Assertion, Passkey},
};

/// What verifies somebody's requests or approvals.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Credential {
    /// A key in a file or a security module.
    #[n(0)]
    Ed25519(#[n(0)] PublicKey),
    /// A key in a file or a security module.
    #[n(1)]
    P256(#[n(0)] P256Key),
    /// A person's passkey.
    #[n(2)]
    WebAuthn(#[n(0)] Passkey),
}

/// What somebody's credential made of a hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Proof {
    /// By [`Credential::Ed25519`].
    #[n(0)]
    Ed25519(#[n(0)] Signature),
    /// By [`Credential::P256`].
    #[n(1)]
    P256(#[n(0)] P256Signature),
    /// By [`Credential::WebAuthn`].
    #[n(2)]
    WebAuthn(#[n(0)] Assertion),
}

/// What is wrong with a proof, for tools to say. Signers answer one coarse refusal for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofRejected {
    /// A proof of another kind.
    #[error("the proof is of another kind than the credential: a key signs, a passkey makes an assertion")]
    WrongKind,
    /// It does not verify.
    #[error("the signature is not by this credential, or over something else")]
    Signature,
    /// A raw P-256 signature with the upper s.
    #[error("the P-256 signature has its s in the upper half of the curve's order; send the order minus s instead")]
    HighS,
    /// Not `{"type":"webauthn.get",…`.
    #[error("the client data is not of an assertion: it has to begin with its type, \"webauthn.get\"")]
    Type,
    /// Another challenge.
    #[error("the assertion is for another challenge than this hash")]
    Challenge,
    /// A page that the credential does not list.
    #[error("the assertion was made on a page that this passkey's credential does not list")]
    Origin,
    /// In a frame of another origin, or by a browser that does not say.
    #[error(
        "the client data does not say \"crossOrigin\":false after the origin: use the page itself, in no frame, with a current browser"
    )]
    CrossOrigin,
    /// Too short, too long, or with flags that an assertion does not have.
    #[error("the authenticator data is not that of an assertion")]
    AuthenticatorData,
    /// For another relying party.
    #[error("the assertion is for another relying party than the passkey's")]
    RpId,
    /// Nobody was there.
    #[error("the authenticator did not check that somebody is present")]
    UserPresence,
    /// It may have been anybody.
    #[error("the authenticator did not verify the person: ask for userVerification \"required\"")]
    UserVerification,
}

impl From<PublicKey> for Credential {
    fn from(key: PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

impl Credential {
    /// What a recovery names it by.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Tag::CREDENTIAL.hash(&codec::encode(self))
    }

    /// Whether anybody could use it: a passkey names at least one page.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !matches!(self, Self::WebAuthn(passkey) if passkey.origins.is_empty())
    }

    /// Checks that `proof` was made for this tagged hash.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, hash: &Hash, proof: &Proof) -> Result<(), ProofRejected> {
        match (self, proof) {
            (Self::Ed25519(key), Proof::Ed25519(signature)) => {
                key.verify_hash(hash, signature).map_err(|_| ProofRejected::Signature)
            }
            (Self::P256(_), Proof::P256(signature)) if !signature.is_low() => Err(ProofRejected::HighS),
            (Self::P256(key), Proof::P256(signature)) => {
                key.verify(hash.as_bytes(), signature).map_err(|_| ProofRejected::Signature)
            }
            (Self::WebAuthn(passkey), Proof::WebAuthn(assertion)) => passkey.verify(hash, assertion),
            (Self::Ed25519(_), Proof::P256(_) | Proof::WebAuthn(_))
            | (Self::P256(_), Proof::Ed25519(_) | Proof::WebAuthn(_))
            | (Self::WebAuthn(_), Proof::Ed25519(_) | Proof::P256(_)) => Err(ProofRejected::WrongKind),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use ed25519_dalek::SigningKey;

    use super::*;

    fn p256() -> (EcdsaKeyPair, P256Key) {
        let secret = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = secret.public_key().as_ref();
        let key = P256Key::from_bytes(&[&[2 + (point[64] & 1)], &point[1..33]].concat()).unwrap();
        (secret, key)
    }

    /// The signature, and its other form: the order minus s.
    fn low_and_high(secret: &EcdsaKeyPair, hash: &Hash) -> (P256Signature, P256Signature) {
        const ORDER: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
            0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ];
        let signature = secret.sign(&SystemRandom::new(), hash.as_bytes()).unwrap();
        let one: [u8; 64] = signature.as_ref().try_into().unwrap();
        let mut other = one;
        let mut borrow = 0;
        for at in (0..32).rev() {
            let difference = i16::from(ORDER[at]) - i16::from(one[32 + at]) - borrow;
            borrow = i16::from(difference < 0);
            other[32 + at] = difference.rem_euclid(256) as u8;
        }
        let (one, other) = (P256Signature::from_bytes(one), P256Signature::from_bytes(other));
        if one.is_low() { (one, other) } else { (other, one) }
    }

    #[test]
    fn of_the_two_p256_signatures_only_the_one_with_the_lower_s_is_a_proof() {
        let ((secret, key), hash) = (p256(), Tag::SIGN_REQUEST.hash(b"bytes"));
        let credential = Credential::P256(key);
        for _ in 0..8 {
            let (low, high) = low_and_high(&secret, &hash);
            assert_eq!(credential.verify(&hash, &Proof::P256(low)), Ok(()));
            assert_eq!(key.verify(hash.as_bytes(), &high), Ok(()), "it is a signature all the same");
            assert_eq!(credential.verify(&hash, &Proof::P256(high)), Err(ProofRejected::HighS));
            let other = Tag::KEY_REQUEST.hash(b"bytes");
            assert_eq!(credential.verify(&other, &Proof::P256(low)), Err(ProofRejected::Signature));
        }
    }

    #[test]
    fn a_credential_takes_no_proof_of_another_kind() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        let hash = Tag::SIGN_REQUEST.hash(b"bytes");
        let ed25519 = Proof::Ed25519(Signature::sign(&secret, Tag::SIGN_REQUEST, b"bytes"));
        assert_eq!(Credential::Ed25519(PublicKey::of(&secret)).verify(&hash, &ed25519), Ok(()));
        assert_eq!(Credential::P256(p256().1).verify(&hash, &ed25519), Err(ProofRejected::WrongKind));
    }

    #[test]
    fn a_p256_key_is_a_compressed_point_on_the_curve() {
        let (secret, key) = p256();
        assert_eq!(P256Key::from_bytes(key.as_bytes()), Ok(key));
        let not_on_the_curve = (0..=u8::MAX).filter(|x| {
            let bytes = [&[2][..], &[0; 31], &[*x]].concat();
            P256Key::from_bytes(&bytes).is_err()
        });
        assert!((64..192).contains(&not_on_the_curve.count()), "half of all x have no point");
        let too_large = [&[2][..], &[0xff; 32]].concat();
        for bad in [secret.public_key().as_ref(), &key.as_bytes()[..32], &[0; 33], &too_large, &[]] {
            assert!(P256Key::from_bytes(bad).is_err(), "{bad:x?}");
        }
    }
}
