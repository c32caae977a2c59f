//! Bitcoin: bitcoinjs-lib builds PSBTs, validates the signatures in them, finishes them and extracts the transactions.

use cloister_client::{Account, Finished, scheme::Kind};
use cloister_tests::stage::Stage;
use cloister_wire::{
    policy::{ForeignInputs, Permission},
    request::Scheme,
};
use serde_json::{Value, json};

use crate::{bytes, group, judge::Judge, sign};

/// Every kind of output that a key of the scheme can spend.
const KINDS: [(Scheme, &[&str]); 2] = [
    (Scheme::Secp256k1Ecdsa, &["p2wpkh", "p2sh_p2wpkh", "p2pkh", "p2wpkh"]),
    (Scheme::Secp256k1Taproot, &["p2tr", "p2tr"]),
];

#[test]
fn bitcoinjs_validates_finishes_and_extracts_what_the_group_signed() {
    for (scheme, kinds) in KINDS {
        let (mut stage, key) = group(scheme, &[Permission::Bitcoin { foreign: ForeignInputs::LeftAlone }]);
        spend_alone(&mut stage, &Account::from(&key), kinds);
        spend_beside_somebody_else(&mut stage, &Account::from(&key), kinds);
    }
}

/// The judge puts the signatures in by itself, and reads the finished PSBT: both give the client's transaction.
pub(crate) fn spend_alone(stage: &mut Stage, account: &Account, kinds: &[&str]) {
    let unsigned = build(account, kinds, false);
    let signed = sign(stage, account.clone(), Kind::Bitcoin, &bytes(&unsigned));
    let Finished::Bitcoin { psbt, transaction, txid, .. } = signed.finished else { panic!("a finished PSBT") };
    // Without Ethereum's v.
    let signatures: Vec<_> = signed.signatures.iter().map(|signature| hex::encode(&signature[..64])).collect();
    assert_eq!(signatures.len(), kinds.len());
    let public_key = hex::encode(account.public_key());
    let extracted = Judge::Bitcoin.ask_all(&[
        json!({ "do": "insert", "psbt": unsigned, "public_key": public_key, "signatures": signatures }),
        json!({ "do": "extract", "psbt": hex::encode(psbt) }),
    ]);
    let ours = json!({ "transaction": hex::encode(transaction), "txid": txid });
    assert_eq!(extracted, [ours.clone(), ours]);
}

/// The judge validates the signatures in the PSBT that comes back, and signs the rest.
fn spend_beside_somebody_else(stage: &mut Stage, account: &Account, kinds: &[&str]) {
    let signed = sign(stage, account.clone(), Kind::Bitcoin, &bytes(&build(account, kinds, true)));
    let Finished::BitcoinInPart { psbt, missing } = signed.finished else { panic!("a PSBT that is not finished") };
    assert_eq!(missing, 1);
    let finished = Judge::Bitcoin.ask(json!({ "do": "complete", "psbt": hex::encode(psbt) }));
    assert!(finished["txid"].is_string());
}

fn build(account: &Account, kinds: &[&str], beside_other: bool) -> Value {
    let public_key = hex::encode(account.public_key());
    Judge::Bitcoin.ask(json!({ "do": "build", "public_key": public_key, "kinds": kinds, "beside_other": beside_other }))
}
