//! Judges of signatures: libraries that had no part in making them.

use cloister_wire::request::Scheme;
use k256::{
    AffinePoint, EncodedPoint, ProjectivePoint, Scalar,
    elliptic_curve::{
        PrimeField as _,
        hash2curve::{ExpandMsgXmd, hash_to_field},
        sec1::FromEncodedPoint as _,
    },
};

/// Whether `signature` signs `message` under `key`: `ed25519-dalek`, libsecp256k1 (BIP-340 and ECDSA) or, for the plain ciphersuite, the equation of
/// RFC 9591 over `k256`.
#[must_use]
pub fn verifies(scheme: Scheme, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match scheme {
        Scheme::Ed25519 => ed25519(key, message, signature),
        Scheme::Secp256k1Taproot => bip340(key, message, signature),
        Scheme::Secp256k1Schnorr => plain(key, message, signature),
        Scheme::Secp256k1Ecdsa => ecdsa(key, message, signature),
    }
}

/// Low s alone: libsecp256k1 takes no other. A recovery byte behind `r ‖ s` is not looked at.
fn ecdsa(key: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let key = secp256k1::PublicKey::from_slice(key).expect("a point");
    let message = secp256k1::Message::from_digest_slice(digest).expect("a digest of 32 bytes");
    secp256k1::ecdsa::Signature::from_compact(&signature[..64]).is_ok_and(|signature| {
        secp256k1::Secp256k1::verification_only().verify_ecdsa(&message, &signature, &key).is_ok()
    })
}

fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = ed25519_dalek::VerifyingKey::try_from(key).expect("a point");
    ed25519_dalek::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}

fn bip340(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let x_only = &key[key.len() - 32..];
    let key = secp256k1::XOnlyPublicKey::from_slice(x_only).expect("a point");
    let message = secp256k1::Message::from_digest_slice(message).expect("a digest of 32 bytes");
    secp256k1::schnorr::Signature::from_slice(signature).is_ok_and(|signature| {
        secp256k1::Secp256k1::verification_only().verify_schnorr(&signature, &message, &key).is_ok()
    })
}

/// z·G = R + c·Y with c = H2(R ‖ Y ‖ message), RFC 9591 sections 3.2 and 6.5.
fn plain(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (r, z) = signature.split_at(33);
    let mut challenge = [Scalar::ZERO];
    let tag: &[&[u8]] = &[b"FROST-secp256k1-SHA256-v1chal"];
    hash_to_field::<ExpandMsgXmd<sha2::Sha256>, Scalar>(&[r, key, message], tag, &mut challenge).expect("in range");
    let z = Option::<Scalar>::from(Scalar::from_repr(*k256::FieldBytes::from_slice(z))).expect("a scalar");
    ProjectivePoint::GENERATOR * z == point(r) + point(key) * challenge[0]
}

fn point(compressed: &[u8]) -> ProjectivePoint {
    let encoded = EncodedPoint::from_bytes(compressed).expect("SEC1");
    Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded)).expect("on the curve").into()
}
