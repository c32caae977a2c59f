//! FROST Ed25519 by `frost-ed25519`.

use std::collections::BTreeMap;

use frost_ed25519::{
    Identifier, Signature, SigningPackage, aggregate,
    keys::{IdentifierList, KeyPackage, PublicKeyPackage, generate_with_dealer},
    round1, round2,
};
use rand_core::OsRng;

/// A 2-of-3 Ed25519 key whose shares are all here.
pub struct Ed25519 {
    shares: Vec<KeyPackage>,
    public: PublicKeyPackage,
}

impl Ed25519 {
    /// Deals a key. How it was made changes nothing about signing.
    ///
    /// # Errors
    /// None that a working library gives.
    pub fn new() -> anyhow::Result<Self> {
        let (shares, public) = generate_with_dealer(3, 2, IdentifierList::Default, OsRng)?;
        let shares = shares.into_values().map(KeyPackage::try_from).collect::<Result<_, _>>()?;
        Ok(Self { shares, public })
    }

    /// Two commitments, two signature shares, aggregation, which verifies the signature.
    ///
    /// # Errors
    /// None that a working library gives.
    pub fn sign(&self, message: &[u8]) -> anyhow::Result<Signature> {
        let signers = &self.shares[..2];
        let made: Vec<_> = signers.iter().map(|share| round1::commit(share.signing_share(), &mut OsRng)).collect();
        let commitments =
            signers.iter().zip(&made).map(|(share, (_, commitments))| (*share.identifier(), *commitments));
        let package = SigningPackage::new(commitments.collect(), message);
        let sign = |(share, (nonces, _)): (&KeyPackage, &(round1::SigningNonces, _))| {
            Ok((*share.identifier(), round2::sign(&package, nonces, share)?))
        };
        let shares = signers.iter().zip(&made).map(sign).collect::<anyhow::Result<BTreeMap<Identifier, _>>>()?;
        Ok(aggregate(&package, &shares, &self.public)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_what_dalek_verifies() {
        let library = Ed25519::new().unwrap();
        let signature = library.sign(b"message").unwrap().serialize().unwrap();
        let key = library.public.verifying_key().serialize().unwrap();
        let key = ed25519_dalek::VerifyingKey::try_from(key.as_slice()).unwrap();
        key.verify_strict(b"message", &signature.as_slice().try_into().unwrap()).unwrap();
    }
}
