//! The published vectors of RFC 9591 (appendices E.1 and E.5) against the FROST crates that sign here, and against the judges of
//! these tests.

use std::{collections::BTreeMap, path::PathBuf};

use cloister_tests::signature::verifies;
use cloister_wire::request::Scheme;
use frost_core::{
    Ciphersuite, Identifier, SigningPackage,
    keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare},
    round1::{Nonce, SigningNonces},
    round2,
};
use rand_chacha::rand_core::{CryptoRng, Error, RngCore};
use serde_json::Value;

#[test]
fn ed25519_makes_the_signature_of_the_rfc() {
    reproduces::<frost_ed25519::Ed25519Sha512>("frost-ed25519-sha512.json", Scheme::Ed25519);
}

#[test]
fn plain_secp256k1_makes_the_signature_of_the_rfc() {
    reproduces::<frost_secp256k1::Secp256K1Sha256>("frost-secp256k1-sha256.json", Scheme::Secp256k1Schnorr);
}

/// Every value of a vector file, from the randomness of the nonces to the signature.
fn reproduces<C: Ciphersuite>(file: &str, scheme: Scheme) {
    let Some(vector) = vector(file) else { return };
    let (inputs, message) = (&vector["inputs"], bytes(&vector["inputs"]["message"]));
    let group_key = bytes(&inputs["group_public_key"]);
    let threshold: u16 = vector["config"]["MIN_PARTICIPANTS"].as_str().unwrap().parse().unwrap();
    let shares: BTreeMap<Identifier<C>, SigningShare<C>> =
        each(&inputs["participant_shares"], |entry| share(entry, "participant_share"));
    let verifying_key = frost_core::VerifyingKey::deserialize(&group_key).unwrap();
    let verifying_shares = shares.iter().map(|(signer, share)| (*signer, VerifyingShare::from(*share))).collect();
    let public = PublicKeyPackage::new(verifying_shares, verifying_key, Some(threshold));

    let nonces = each(&vector["round_one_outputs"]["outputs"], |entry| commit(entry, &shares[&identifier(entry)]));
    let commitments = nonces.iter().map(|(signer, nonces)| (*signer, *nonces.commitments())).collect();
    let package = SigningPackage::new(commitments, &message);
    let signed = each(&vector["round_two_outputs"]["outputs"], |entry| {
        let (signer, expected) = (identifier(entry), bytes(&entry["sig_share"]));
        let key = KeyPackage::new(signer, shares[&signer], shares[&signer].into(), verifying_key, threshold);
        let share = round2::sign(&package, &nonces[&signer], &key).unwrap();
        assert_eq!(share.serialize(), expected);
        share
    });
    let signature = frost_core::aggregate(&package, &signed, &public).unwrap().serialize().unwrap();
    assert_eq!(signature, bytes(&vector["final_output"]["sig"]));
    assert!(verifies(scheme, &group_key, &message, &signature));
}

/// Section 4.1's nonces from the vector's randomness, compared with the vector's own.
fn commit<C: Ciphersuite>(entry: &Value, share: &SigningShare<C>) -> SigningNonces<C> {
    let nonce = |kind: &str| {
        let mut rng = Given(bytes(&entry[format!("{kind}_nonce_randomness")]));
        let nonce = Nonce::new(share, &mut rng);
        assert_eq!(nonce.serialize(), bytes(&entry[format!("{kind}_nonce")]));
        nonce
    };
    let nonces = SigningNonces::from_nonces(nonce("hiding"), nonce("binding"));
    assert_eq!(nonces.commitments().hiding().serialize().unwrap(), bytes(&entry["hiding_nonce_commitment"]));
    assert_eq!(nonces.commitments().binding().serialize().unwrap(), bytes(&entry["binding_nonce_commitment"]));
    nonces
}

/// A generator that gives out what it was given, once.
struct Given(Vec<u8>);

impl RngCore for Given {
    fn next_u32(&mut self) -> u32 {
        panic!("FROST draws bytes");
    }

    fn next_u64(&mut self) -> u64 {
        panic!("FROST draws bytes");
    }

    fn fill_bytes(&mut self, destination: &mut [u8]) {
        destination.copy_from_slice(&self.0.drain(..destination.len()).collect::<Vec<_>>());
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(destination);
        Ok(())
    }
}

impl CryptoRng for Given {}

fn each<C: Ciphersuite, T>(entries: &Value, read: impl Fn(&Value) -> T) -> BTreeMap<Identifier<C>, T> {
    entries.as_array().unwrap().iter().map(|entry| (identifier(entry), read(entry))).collect()
}

fn identifier<C: Ciphersuite>(entry: &Value) -> Identifier<C> {
    u16::try_from(entry["identifier"].as_u64().unwrap()).unwrap().try_into().unwrap()
}

fn share<C: Ciphersuite>(entry: &Value, field: &str) -> SigningShare<C> {
    SigningShare::deserialize(&bytes(&entry[field])).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// `None`, said aloud, where the published vectors are not. Under CI they have to be.
fn vector(file: &str) -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors");
    let folder = std::env::var_os("CLOISTER_VECTORS").map_or(PathBuf::from(beside), PathBuf::from);
    let path = folder.join("rfc9591").join(file);
    match std::fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(error) if std::env::var_os("CI").is_some() => panic!("{}: {error}", path.display()),
        Err(error) => {
            eprintln!("SKIPPED: {}: {error}; set CLOISTER_VECTORS to the folder that holds it", path.display());
            None
        }
    }
}
