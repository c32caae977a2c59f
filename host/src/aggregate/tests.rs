use cloister_wire::bounded::Bytes;
use frost_core::{
    keys::{KeyPackage, generate_with_dealer},
    round1, round2,
};
use frost_ed25519::rand_core::{CryptoRng, Error, RngCore, impls};

use super::*;

/// The system's generator.
struct System;

impl CryptoRng for System {}

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

const MESSAGE: &[u8] = b"a message";

struct Signed {
    public: Vec<u8>,
    package: Package,
    shares: Vec<(SignerId, Vec<u8>)>,
}

fn signer(id: u16) -> SignerId {
    SignerId::try_from(id).unwrap()
}

/// Signers 1 and 3 of a 2-of-3 key sign a message, each with the library alone.
fn sign<C: Suite>(tweak: impl Fn(KeyPackage<C>) -> KeyPackage<C>) -> Signed {
    let ids = frost_core::keys::IdentifierList::Default;
    let (shares, public) = generate_with_dealer::<C, _>(3, 2, ids, &mut System).unwrap();
    let key = |id| tweak(KeyPackage::try_from(shares[&identifier(signer(id))].clone()).unwrap());
    let keys = [(signer(1), key(1)), (signer(3), key(3))];
    let nonces: Vec<_> = keys.iter().map(|(_, key)| round1::commit(key.signing_share(), &mut System)).collect();
    let commitments = keys.iter().zip(&nonces).map(|((id, _), (_, commitments))| (identifier(*id), *commitments));
    let signing = SigningPackage::new(commitments.collect(), MESSAGE);
    let shares = keys
        .iter()
        .zip(&nonces)
        .map(|((id, key), (nonces, _))| (*id, round2::sign(&signing, nonces, key).unwrap().serialize()));
    let package: Vec<_> = keys
        .iter()
        .zip(&nonces)
        .map(|((id, _), (_, commitments))| SignerCommitment {
            signer: *id,
            commitment: Bytes::try_from(commitments.serialize().unwrap()).unwrap(),
        })
        .collect();
    Signed { public: public.serialize().unwrap(), package: package.try_into().unwrap(), shares: shares.collect() }
}

fn root(scheme: Scheme, package: &[u8]) -> Option<Box<dyn Aggregator>> {
    aggregator(scheme, &Public { package, key: &[], tweak: None })
}

fn borrowed(shares: &[(SignerId, Vec<u8>)]) -> Vec<(SignerId, &[u8])> {
    shares.iter().map(|(id, share)| (*id, share.as_slice())).collect()
}

#[test]
fn shares_make_a_signature_that_an_independent_verifier_takes() {
    let signed = sign::<Ed25519Sha512>(|key| key);
    let group = root(Scheme::Ed25519, &signed.public).unwrap();
    let signature = group.aggregate(MESSAGE, &signed.package, &borrowed(&signed.shares)).unwrap();
    assert!(Ed25519Sha512::verify_strictly(group.verifying_key(), MESSAGE, &signature));
}

#[test]
fn the_quick_way_for_ed25519_gives_the_librarys_signature_or_none() {
    let mut signed = sign::<Ed25519Sha512>(|key| key);
    let public = PublicKeyPackage::deserialize(&signed.public).unwrap();
    let key = public.verifying_key().serialize().unwrap();
    let quick = ed25519::aggregate(&public, &key, MESSAGE, &signed.package, &borrowed(&signed.shares));
    let commitments = signed.package.iter().map(commitment::<Ed25519Sha512>).collect::<Result<_, _>>().unwrap();
    let shares = borrowed(&signed.shares).into_iter().map(signature_share).collect::<Result<_, _>>().unwrap();
    let library = frost_core::aggregate(&SigningPackage::new(commitments, MESSAGE), &shares, &public).unwrap();
    assert_eq!(quick, library.serialize().ok());
    signed.shares[0].1[0] ^= 1;
    assert_eq!(ed25519::aggregate(&public, &key, MESSAGE, &signed.package, &borrowed(&signed.shares)), None);
}

#[test]
fn taproot_signatures_are_under_the_tweaked_key() {
    let signed = sign::<Secp256K1Sha256TR>(|key| key.tweak::<&[u8]>(None));
    let group = root(Scheme::Secp256k1Taproot, &signed.public).unwrap();
    let signature = group.aggregate(MESSAGE, &signed.package, &borrowed(&signed.shares)).unwrap();
    assert_eq!(signature.len(), 64);
}

#[test]
fn the_plain_ciphersuite_signs_too() {
    let signed = sign::<Secp256K1Sha256>(|key| key);
    let group = root(Scheme::Secp256k1Schnorr, &signed.public).unwrap();
    assert!(group.aggregate(MESSAGE, &signed.package, &borrowed(&signed.shares)).is_ok());
}

#[test]
fn a_bad_share_names_its_signer() {
    let mut signed = sign::<Ed25519Sha512>(|key| key);
    signed.shares[1].1[0] ^= 1;
    let group = root(Scheme::Ed25519, &signed.public).unwrap();
    let result = group.aggregate(MESSAGE, &signed.package, &borrowed(&signed.shares));
    assert_eq!(result, Err(Unsigned::Blame(signer(3))));
}

#[test]
fn a_bad_commitment_names_its_signer() {
    let signed = sign::<Ed25519Sha512>(|key| key);
    let mut package = signed.package.clone().into_vec();
    package[0].commitment = vec![0xff; 69].try_into().unwrap();
    let package = package.try_into().unwrap();
    let group = root(Scheme::Ed25519, &signed.public).unwrap();
    assert_eq!(group.bad_commitment(&package), Some(signer(1)));
    assert_eq!(group.bad_commitment(&signed.package), None);
}

#[test]
fn a_share_over_another_message_makes_no_signature() {
    let signed = sign::<Ed25519Sha512>(|key| key);
    let group = root(Scheme::Ed25519, &signed.public).unwrap();
    assert!(group.aggregate(b"another", &signed.package, &borrowed(&signed.shares)).is_err());
}

/// The package of a 2-of-2 key and its sharing, both shifted as signers do it.
#[test]
fn a_child_of_a_taproot_key_signs_with_shifted_shares() {
    let tweak = [7; 32];
    let scalar = Secp256K1ScalarField::deserialize(&tweak).unwrap();
    let signed = sign::<Secp256K1Sha256TR>(|key| {
        let share = frost_core::keys::SigningShare::new(key.signing_share().to_scalar() + scalar);
        let verifying_key = VerifyingKey::new(key.verifying_key().to_element() + Secp256K1Group::generator() * scalar);
        let shifted = KeyPackage::new(*key.identifier(), share, share.into(), verifying_key, *key.min_signers());
        shifted.tweak::<&[u8]>(None)
    });
    let public = Public { package: &signed.public, key: &[], tweak: Some(&tweak) };
    let child = aggregator(Scheme::Secp256k1Taproot, &public).unwrap();
    assert!(child.aggregate(MESSAGE, &signed.package, &borrowed(&signed.shares)).is_ok());
    let root = root(Scheme::Secp256k1Taproot, &signed.public).unwrap();
    assert_ne!(root.verifying_key(), child.verifying_key());
    assert!(root.aggregate(MESSAGE, &signed.package, &borrowed(&signed.shares)).is_err());
}

#[test]
fn keys_of_other_schemes_have_no_children() {
    let signed = sign::<Ed25519Sha512>(|key| key);
    let public = Public { package: &signed.public, key: &[], tweak: Some(&[7; 32]) };
    assert!(aggregator(Scheme::Ed25519, &public).is_none());
}
