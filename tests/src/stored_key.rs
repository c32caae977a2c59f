//! What the host keeps of a key, and how it makes signatures out of shares.

use std::collections::BTreeMap;

use cloister_wire::{
    blob::SealedBlob,
    certificate::{Certificate, CertificateBody},
    ids::SignerId,
    message::{Package, SignerCommitment},
    request::Scheme,
};
use frost_core::{Ciphersuite, Identifier, SigningPackage, keys::PublicKeyPackage, round1::SigningCommitments, round2};
use frost_secp256k1_tr::keys::Tweak as _;

use crate::presigning;

/// A key that the host can have signatures made with.
#[derive(Clone)]
pub struct StoredKey {
    /// Complete, with all signatures.
    pub certificate: Certificate,
    /// Each signer's sealed share.
    pub blobs: BTreeMap<SignerId, SealedBlob>,
}

impl StoredKey {
    /// What the certificate says.
    #[must_use]
    pub fn body(&self) -> CertificateBody {
        self.certificate.unverified().expect("canonical")
    }

    /// What signatures verify under: for Taproot the output key.
    #[must_use]
    pub fn verifying_key(&self) -> Vec<u8> {
        let body = self.body();
        match body.scheme {
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => body.public_key.into_vec(),
            Scheme::Secp256k1Taproot => {
                let public = frost_secp256k1_tr::keys::PublicKeyPackage::deserialize(body.public_package.as_slice());
                let tweaked = public.expect("a public package").tweak::<&[u8]>(None);
                tweaked.verifying_key().serialize().expect("a point")
            }
        }
    }

    /// One signature out of the shares of the package's signers, in its order.
    #[must_use]
    pub fn aggregate(&self, message: &[u8], package: &Package, shares: &[&[u8]]) -> Vec<u8> {
        let body = self.body();
        let public = body.public_package.as_slice();
        match body.scheme {
            Scheme::Ed25519 => {
                aggregate(public, message, package, shares, frost_core::aggregate::<frost_ed25519::Ed25519Sha512>)
            }
            Scheme::Secp256k1Schnorr => {
                aggregate(public, message, package, shares, frost_core::aggregate::<frost_secp256k1::Secp256K1Sha256>)
            }
            Scheme::Secp256k1Taproot => aggregate(public, message, package, shares, |package, shares, public| {
                frost_secp256k1_tr::aggregate_with_tweak(package, shares, public, Some(&[]))
            }),
            Scheme::Secp256k1Ecdsa => presigning::combine(shares),
        }
    }
}

type SignatureShares<C> = BTreeMap<Identifier<C>, round2::SignatureShare<C>>;

fn aggregate<C: Ciphersuite>(
    public: &[u8],
    message: &[u8],
    package: &Package,
    shares: &[&[u8]],
    aggregate: impl Fn(
        &SigningPackage<C>,
        &SignatureShares<C>,
        &PublicKeyPackage<C>,
    ) -> Result<frost_core::Signature<C>, frost_core::Error<C>>,
) -> Vec<u8> {
    let identifier = |entry: &SignerCommitment| Identifier::try_from(entry.signer.get()).expect("not zero");
    let commitments =
        |entry: &SignerCommitment| SigningCommitments::deserialize(entry.commitment.as_slice()).expect("commitments");
    let commitments = package.iter().map(|entry| (identifier(entry), commitments(entry))).collect();
    let share = |bytes: &&[u8]| round2::SignatureShare::deserialize(bytes).expect("a share");
    let shares = package.iter().map(identifier).zip(shares.iter().map(share)).collect();
    let public = PublicKeyPackage::deserialize(public).expect("a public package");
    let signature = aggregate(&SigningPackage::new(commitments, message), &shares, &public).expect("good shares");
    signature.serialize().expect("a signature")
}
