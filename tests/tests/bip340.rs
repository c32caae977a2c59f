//! BIP-340's vectors against libsecp256k1, which judges Taproot signatures here, and against `frost-secp256k1-tr`, which makes them.

use std::path::PathBuf;

use frost_secp256k1_tr::{Signature, VerifyingKey};
use secp256k1::{Keypair, Secp256k1, SecretKey, XOnlyPublicKey, schnorr};

struct Vector {
    index: String,
    secret: Vec<u8>,
    public: Vec<u8>,
    auxiliary: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    verdict: bool,
}

#[test]
fn libsecp256k1_judges_as_bip_340_does() {
    let judge = Secp256k1::new();
    for vector in vectors() {
        // The judge takes digests of 32 bytes, as Bitcoin does; BIP-340 has four vectors of other lengths.
        let Ok(message) = secp256k1::Message::from_digest_slice(&vector.message) else { continue };
        let verified = XOnlyPublicKey::from_slice(&vector.public).is_ok_and(|key| {
            schnorr::Signature::from_slice(&vector.signature)
                .is_ok_and(|signature| judge.verify_schnorr(&signature, &message, &key).is_ok())
        });
        assert_eq!(verified, vector.verdict, "vector {}", vector.index);
        if let (Ok(secret), Ok(auxiliary)) =
            (SecretKey::from_slice(&vector.secret), vector.auxiliary.as_slice().try_into())
        {
            let made =
                judge.sign_schnorr_with_aux_rand(&message, &Keypair::from_secret_key(&judge, &secret), &auxiliary);
            assert_eq!(made.as_ref().as_slice(), vector.signature, "vector {}", vector.index);
        }
    }
}

#[test]
fn the_frost_library_verifies_as_bip_340_does() {
    for vector in vectors() {
        let key = [&[2], &vector.public[..]].concat();
        let verified = VerifyingKey::deserialize(&key).is_ok_and(|key| {
            Signature::deserialize(&vector.signature)
                .is_ok_and(|signature| key.verify(&vector.message, &signature).is_ok())
        });
        assert_eq!(verified, vector.verdict, "vector {}", vector.index);
    }
}

/// All of them; none, said aloud, where the published file is not. Under CI it has to be.
fn vectors() -> Vec<Vector> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors");
    let folder = std::env::var_os("CLOISTER_VECTORS").map_or(PathBuf::from(beside), PathBuf::from);
    let path = folder.join("bips/bip-0340.csv");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if std::env::var_os("CI").is_some() => panic!("{}: {error}", path.display()),
        Err(error) => {
            eprintln!("SKIPPED: {}: {error}; set CLOISTER_VECTORS to the folder that holds it", path.display());
            return Vec::new();
        }
    };
    let vectors: Vec<_> = text.lines().skip(1).map(Vector::read).collect();
    assert_eq!(vectors.len(), 19);
    vectors
}

impl Vector {
    /// index, secret key, public key, aux_rand, message, signature, verification result, comment; only comments have commas.
    fn read(line: &str) -> Self {
        let fields: Vec<_> = line.splitn(8, ',').collect();
        let bytes = |field: usize| hex::decode(fields[field]).unwrap();
        Self {
            index: fields[0].into(),
            secret: bytes(1),
            public: bytes(2),
            auxiliary: bytes(3),
            message: bytes(4),
            signature: bytes(5),
            verdict: fields[6] == "TRUE",
        }
    }
}
