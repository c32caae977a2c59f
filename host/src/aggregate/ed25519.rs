//! Aggregation of Ed25519 signatures at less than half the library's price, from the library's own parts (RFC 9591, section 5.3).
//!
//! The library checks each commitment for torsion when it reads it, which costs more than all the rest, and verifies with the cofactor.
//! Here the finished signature is verified once, strictly, and that covers everything: a signature that verifies is the group's over this
//! message, whatever it was made from. If it does not, the library goes over it in full and names the signer.

use cloister_wire::{
    ids::SignerId,
    message::{Package, SignerCommitment},
};
use ed25519_dalek::VerifyingKey;
use frost_core::{
    Field as _, Signature, SigningPackage, compute_binding_factor_list, compute_group_commitment,
    keys::PublicKeyPackage,
    round1::{NonceCommitment, SigningCommitments},
};
use frost_ed25519::{Ed25519ScalarField, Ed25519Sha512};

use super::identifier;

/// The signature, if it verifies.
pub(super) fn aggregate(
    public: &PublicKeyPackage<Ed25519Sha512>,
    verifying_key: &[u8],
    message: &[u8],
    package: &Package,
    shares: &[(SignerId, &[u8])],
) -> Option<Vec<u8>> {
    let read = |entry: &SignerCommitment| Some((identifier(entry.signer), commitments(entry.commitment.as_slice())?));
    let package = SigningPackage::new(package.iter().map(read).collect::<Option<_>>()?, message);
    let factors = compute_binding_factor_list(&package, public.verifying_key(), &[]).ok()?;
    let commitment = compute_group_commitment(&package, &factors).ok()?;
    let scalar = |(_, share): &(SignerId, &[u8])| Ed25519ScalarField::deserialize(&(*share).try_into().ok()?).ok();
    let z = shares.iter().map(scalar).sum::<Option<_>>()?;
    let signature = Signature::<Ed25519Sha512>::new(commitment.to_element(), z).serialize().ok()?;
    verify_strictly(verifying_key, message, &signature).then_some(signature)
}

/// As the chain does it: without the cofactor, and no small-order components.
pub(super) fn verify_strictly(verifying_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::try_from(verifying_key);
    let signature = ed25519_dalek::Signature::try_from(signature);
    key.and_then(|key| key.verify_strict(message, &signature?)).is_ok()
}

/// What the library writes: a header of five bytes, hiding and binding commitment.
fn commitments(bytes: &[u8]) -> Option<SigningCommitments<Ed25519Sha512>> {
    let (points, []) = bytes.get(5..)?.as_chunks::<32>() else {
        return None;
    };
    let [hiding, binding] = points else {
        return None;
    };
    Some(SigningCommitments::new(nonce_commitment(hiding)?, nonce_commitment(binding)?))
}

/// A point of the curve; of which order is not checked.
fn nonce_commitment(point: &[u8; 32]) -> Option<NonceCommitment<Ed25519Sha512>> {
    Some(NonceCommitment::new(VerifyingKey::from_bytes(point).ok()?.to_edwards()))
}
