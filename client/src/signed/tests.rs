use cloister_chains::{derivation::ChildPath, ethereum::Sidecar};
use secp256k1::{Message, Secp256k1, SecretKey};

use super::*;
use crate::key::Key;

/// The key of EIP-155's example.
const SECRET: [u8; 32] = [0x46; 32];
const UNSIGNED: &str = "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080";
const SIGNED: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

fn key(scheme: Scheme) -> Key {
    let secret = SecretKey::from_slice(&SECRET).unwrap();
    Key::unchecked(scheme, &secret.public_key(&Secp256k1::new()).serialize(), [7; 32])
}

/// What a group with that key would answer: r, s and v.
fn sign(secret: &SecretKey, digest: &[u8]) -> Vec<u8> {
    let message = Message::from_digest(digest.try_into().unwrap());
    let (id, compact) = Secp256k1::new().sign_ecdsa_recoverable(&message, secret).serialize_compact();
    [&compact[..], &[27 + u8::try_from(id.to_i32()).unwrap()]].concat()
}

fn job(kind: Kind, payload: &[u8]) -> SigningJob {
    SigningJob::new(&key(Scheme::Secp256k1Ecdsa), kind, payload).unwrap()
}

#[test]
fn an_ethereum_transaction_is_finished_as_eip_155_has_it() {
    let job = job(Kind::Ethereum, &hex::decode(UNSIGNED).unwrap());
    let signature = sign(&SecretKey::from_slice(&SECRET).unwrap(), &job.messages()[0]);
    for signature in [signature.clone(), signature[..64].to_vec()] {
        let Finished::Ethereum { transaction, sender, .. } = job.finish(&[signature]).unwrap() else { panic!() };
        assert_eq!(hex::encode(transaction), SIGNED);
        assert_eq!(sender.to_string(), "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
    }
}

#[test]
fn the_sidecar_of_a_blob_transaction_is_not_sent_and_put_back() {
    let network = network_form();
    let job = job(Kind::Ethereum, &network);
    let (transaction, _) = Sidecar::detach(&network).unwrap();
    assert_eq!(job.payload(), transaction);
    let signature = sign(&SecretKey::from_slice(&SECRET).unwrap(), &job.messages()[0]);
    let Finished::Ethereum { transaction: sent, .. } = job.finish(&[signature]).unwrap() else { panic!() };
    assert!(sent.len() > network.len());
    let (signed, sidecar) = Sidecar::detach(&sent).unwrap();
    assert!(signed.len() > transaction.len());
    assert_eq!(sidecar.attach(&transaction).unwrap(), network);
}

/// A blob transaction with one blob of zeros: its commitment is the point at infinity.
fn network_form() -> Vec<u8> {
    use cloister_chains::ethereum::RlpList;
    use sha2::{Digest as _, Sha256};
    let infinity = [&[0xc0][..], &[0; 47]].concat();
    let mut hash: [u8; 32] = Sha256::digest(&infinity).into();
    hash[0] = 1;
    let fields = RlpList::new().number(1_u64).number(0_u64).number(1_u64).number(2_u64).number(21_000_u64);
    let fields = fields.string(&[0x35; 20]).number(0_u64).string(b"").list(RlpList::new()).number(3_u64);
    let fields = fields.list(RlpList::new().string(&hash));
    let one = |bytes: &[u8]| RlpList::new().string(bytes);
    let form = RlpList::new().list(fields).list(one(&[0; 131_072])).list(one(&infinity)).list(one(&infinity));
    [&[3][..], &form.finish()].concat()
}

#[test]
fn a_child_signs_for_itself_and_the_root_does_not_sign_for_it() {
    let root = key(Scheme::Secp256k1Ecdsa);
    let account = Account::new(&root, "m/0/5".parse().unwrap()).unwrap();
    assert_ne!(account.public_key(), root.public_key());
    let job = SigningJob::new(account, Kind::EthereumMessage, b"hello").unwrap();
    let signature = sign(&SecretKey::from_slice(&SECRET).unwrap(), &job.messages()[0]);
    assert!(matches!(job.finish(&[signature]), Err(Error::Signature(SignatureRejected::Invalid(0)))));
}

#[test]
fn a_message_takes_a_signature_with_its_v_or_without_and_no_other() {
    let job = job(Kind::EthereumMessage, b"hello");
    let signature = sign(&SecretKey::from_slice(&SECRET).unwrap(), &job.messages()[0]);
    assert_eq!(job.finish(std::slice::from_ref(&signature)).unwrap(), Finished::Message);
    assert_eq!(job.usual_form(&job.messages()[0], signature[..64].to_vec()), signature);
    let mut other = signature.clone();
    other[64] ^= 27 ^ 28;
    for wrong in [vec![signature[..63].to_vec()], vec![other], vec![], vec![signature.clone(), signature]] {
        assert!(matches!(job.finish(&wrong), Err(Error::Signature(_))));
    }
}

#[test]
fn schemes_sign_only_what_they_are_for() {
    let refused = |scheme, kind, payload: &[u8]| {
        matches!(SigningJob::new(&key(scheme), kind, payload), Err(Error::SchemeMismatch))
    };
    let transaction = hex::decode(UNSIGNED).unwrap();
    for scheme in [Scheme::Secp256k1Taproot, Scheme::Secp256k1Schnorr] {
        assert!(refused(scheme, Kind::Ethereum, &transaction));
        assert!(refused(scheme, Kind::EthereumMessage, b"hello"));
    }
    assert!(refused(Scheme::Secp256k1Ecdsa, Kind::Solana, b""));
    assert!(refused(Scheme::Secp256k1Schnorr, Kind::Bitcoin, b""));
    let child = Account::new(&key(Scheme::Secp256k1Schnorr), ChildPath::new(&[0]).unwrap());
    assert!(matches!(child, Err(Error::PathNotSupported)));
}
