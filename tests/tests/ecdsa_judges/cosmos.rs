//! Cosmos: CosmJS builds a payment, reads the transaction that comes back and verifies it.

use cloister_client::{Account, Finished, scheme::Kind};
use cloister_wire::{policy::Permission, request::Scheme};
use serde_json::{Value, json};

use crate::{bytes, group, judge::Judge, sign};

const CHAIN_ID: &str = "cosmoshub-4";

#[test]
fn cosmjs_reads_and_verifies_a_payment_that_it_built_and_the_group_signed() {
    let permission = Permission::Cosmos { chain_id: CHAIN_ID.parse().expect("a chain's name") };
    let (mut stage, key) = group(Scheme::Secp256k1Ecdsa, &[permission]);
    let built = Judge::Cosmos.ask(json!({
        "do": "build",
        "public_key": hex::encode(key.public_key()),
        "chain_id": CHAIN_ID,
        "account_number": 12,
        "prefix": "cosmos",
    }));
    let sender = Account::from(&key).cosmos_address("cosmos").expect("an ECDSA key").to_string();
    assert_eq!(built["address"], sender);

    let signed = sign(&mut stage, &key, Kind::Cosmos, &bytes(&built["payload"]));
    let Finished::Cosmos { transaction, txid } = signed.finished else { panic!("a transaction") };
    let judged = verify(&transaction, 12);
    assert_eq!(judged["verified"], true);
    assert_eq!(judged["signed"], built["payload"], "the transaction holds what was signed");
    assert_eq!([&judged["signer"], &judged["from"]], [&sender, &sender]);
    assert_eq!(judged["txid"], txid);
    let another_account = verify(&transaction, 13);
    assert_eq!(another_account["verified"], false, "the judge takes no signature over something else");
}

fn verify(transaction: &[u8], account_number: u64) -> Value {
    Judge::Cosmos.ask(json!({
        "do": "verify",
        "transaction": hex::encode(transaction),
        "chain_id": CHAIN_ID,
        "account_number": account_number,
        "prefix": "cosmos",
    }))
}
