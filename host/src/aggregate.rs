//! Puts signature shares together. Aggregation is public; the result is verified before anybody sees it, and a share that spoils it
//! names its signer.

mod ecdsa;
mod ed25519;

use std::collections::BTreeMap;

use cloister_wire::{
    ids::SignerId,
    message::{Package, SignerCommitment},
    request::Scheme,
};
use frost_core::{
    Ciphersuite, Field as _, Group as _, Identifier, SigningPackage, VerifyingKey,
    keys::{PublicKeyPackage, VerifyingShare},
    round1::SigningCommitments,
    round2::SignatureShare,
};
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1::Secp256K1Sha256;
use frost_secp256k1_tr::{Secp256K1Group, Secp256K1ScalarField, Secp256K1Sha256TR, keys::Tweak as _};

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// This signer's commitment or share is to blame.
    Blame(SignerId),
    /// One of those who signed is to blame, and nothing says which.
    Suspect,
    /// Nobody in particular.
    Failed,
}

/// The public side of a key or child key: aggregates and verifies under what its signatures verify under.
pub(crate) trait Aggregator: Send + Sync {
    /// One signature over `message`, as its scheme writes it.
    fn aggregate(&self, message: &[u8], package: &Package, shares: &[(SignerId, &[u8])]) -> Result<Vec<u8>, Unsigned>;

    /// A signer whose commitment in the package is none.
    fn bad_commitment(&self, package: &Package) -> Option<SignerId>;

    /// What signatures verify under, as the FROST library serialises it: for Taproot the output key (BIP-86), for ECDSA the key itself.
    fn verifying_key(&self) -> &[u8];
}

/// A key, or a child of one.
pub(crate) struct Public<'a> {
    /// Of the certificate, for all children alike.
    pub(crate) package: &'a [u8],
    /// The key's own or the child's, in the certificate's encoding.
    pub(crate) key: &'a [u8],
    /// What the child's secret is more than the key's: a scalar, big-endian. Absent for the key itself.
    pub(crate) tweak: Option<&'a [u8; 32]>,
}

/// The aggregator of a key or child key, if the public package is one of its scheme.
pub(crate) fn aggregator(scheme: Scheme, public: &Public<'_>) -> Option<Box<dyn Aggregator>> {
    match scheme {
        Scheme::Ed25519 => Group::<Ed25519Sha512>::read(public),
        Scheme::Secp256k1Taproot => Group::<Secp256K1Sha256TR>::read(public),
        Scheme::Secp256k1Schnorr => Group::<Secp256K1Sha256>::read(public),
        Scheme::Secp256k1Ecdsa => ecdsa::read(public.key),
    }
}

/// What differs between the ciphersuites.
trait Suite: Ciphersuite + Sized {
    /// The package that signatures are made under.
    fn for_signing(public: PublicKeyPackage<Self>) -> PublicKeyPackage<Self> {
        public
    }

    /// The package of a child.
    fn shifted(_: &PublicKeyPackage<Self>, _tweak: &[u8; 32]) -> Option<PublicKeyPackage<Self>> {
        None
    }

    /// A verified signature by a shorter way than the library's, if there is one and nobody cheats.
    fn aggregate_quickly(_: &Group<Self>, _: &[u8], _: &Package, _: &[(SignerId, &[u8])]) -> Option<Vec<u8>> {
        None
    }

    /// Checks beyond the library's own.
    fn verify_strictly(_verifying_key: &[u8], _message: &[u8], _signature: &[u8]) -> bool {
        true
    }
}

impl Suite for Ed25519Sha512 {
    fn aggregate_quickly(
        group: &Group<Self>,
        message: &[u8],
        package: &Package,
        shares: &[(SignerId, &[u8])],
    ) -> Option<Vec<u8>> {
        ed25519::aggregate(&group.public, &group.verifying_key, message, package, shares)
    }

    fn verify_strictly(verifying_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        ed25519::verify_strictly(verifying_key, message, signature)
    }
}

impl Suite for Secp256K1Sha256 {}

impl Suite for Secp256K1Sha256TR {
    /// The certificate's key is the internal one; signatures are under its tweak without a script tree.
    fn for_signing(public: PublicKeyPackage<Self>) -> PublicKeyPackage<Self> {
        public.tweak::<&[u8]>(None)
    }

    /// As signers shift their shares: every point plus the tweak's.
    fn shifted(public: &PublicKeyPackage<Self>, tweak: &[u8; 32]) -> Option<PublicKeyPackage<Self>> {
        let point = Secp256K1Group::generator() * Secp256K1ScalarField::deserialize(tweak).ok()?;
        let shares = public.verifying_shares().iter();
        let shares = shares.map(|(signer, share)| (*signer, VerifyingShare::new(share.to_element() + point)));
        let verifying_key = VerifyingKey::new(public.verifying_key().to_element() + point);
        Some(PublicKeyPackage::new(shares.collect(), verifying_key, public.min_signers()))
    }
}

struct Group<C: Suite> {
    public: PublicKeyPackage<C>,
    verifying_key: Vec<u8>,
}

impl<C: Suite> Group<C> {
    fn read(public: &Public<'_>) -> Option<Box<dyn Aggregator>> {
        let package = PublicKeyPackage::<C>::deserialize(public.package).ok()?;
        let package = match public.tweak {
            Some(tweak) => C::shifted(&package, tweak)?,
            None => package,
        };
        let public = C::for_signing(package);
        let verifying_key = public.verifying_key().serialize().ok()?;
        Some(Box::new(Self { public, verifying_key }))
    }
}

impl<C: Suite> Aggregator for Group<C> {
    fn aggregate(&self, message: &[u8], package: &Package, shares: &[(SignerId, &[u8])]) -> Result<Vec<u8>, Unsigned> {
        if let Some(signature) = C::aggregate_quickly(self, message, package, shares) {
            return Ok(signature);
        }
        let commitments = package.iter().map(commitment::<C>).collect::<Result<_, _>>()?;
        let shares = shares.iter().map(|share| signature_share::<C>(*share)).collect::<Result<BTreeMap<_, _>, _>>()?;
        let package = SigningPackage::new(commitments, message);
        let signature =
            frost_core::aggregate(&package, &shares, &self.public).map_err(|error| blame(&shares, &error))?;
        let signature = signature.serialize().map_err(|_| Unsigned::Failed)?;
        let verified = C::verify_strictly(&self.verifying_key, message, &signature);
        if verified { Ok(signature) } else { Err(Unsigned::Failed) }
    }

    fn bad_commitment(&self, package: &Package) -> Option<SignerId> {
        package.iter().find(|entry| commitment::<C>(entry).is_err()).map(|entry| entry.signer)
    }

    fn verifying_key(&self) -> &[u8] {
        &self.verifying_key
    }
}

fn commitment<C: Suite>(entry: &SignerCommitment) -> Result<(Identifier<C>, SigningCommitments<C>), Unsigned> {
    let commitments = SigningCommitments::deserialize(entry.commitment.as_slice());
    commitments.map(|commitments| (identifier(entry.signer), commitments)).map_err(|_| Unsigned::Blame(entry.signer))
}

fn signature_share<C: Suite>(
    (signer, share): (SignerId, &[u8]),
) -> Result<(Identifier<C>, SignatureShare<C>), Unsigned> {
    let share = SignatureShare::deserialize(share).map_err(|_| Unsigned::Blame(signer))?;
    Ok((identifier(signer), share))
}

fn blame<C: Suite>(shares: &BTreeMap<Identifier<C>, SignatureShare<C>>, error: &frost_core::Error<C>) -> Unsigned {
    let culprits = error.culprits();
    let number = |culprit: &Identifier<C>| (1..=u16::MAX).find(|id| Identifier::try_from(*id).as_ref() == Ok(culprit));
    let named = culprits.first().filter(|culprit| shares.contains_key(culprit)).and_then(number);
    named.and_then(|id| SignerId::try_from(id).ok()).map_or(Unsigned::Failed, Unsigned::Blame)
}

fn identifier<C: Ciphersuite>(signer: SignerId) -> Identifier<C> {
    Identifier::try_from(signer.get()).expect("a signer id is never zero")
}

#[cfg(test)]
mod tests;
