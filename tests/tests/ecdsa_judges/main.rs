//! What a group signs with an ECDSA key, judged by an Ethereum node and by the libraries of wallets: anvil, eth-account, CosmJS,
//! bitcoinjs-lib.
//!
//! ```text
//!   judge ──payload──▶ group of real processes ──signed──▶ judge
//! ```
//! The judges build what is signed, read what comes out and compute every digest on their own (`tests/judges/ecdsa`).

mod anvil;
mod bitcoin;
mod children;
mod cosmos;
mod ethereum;
mod judge;

use cloister_client::{Account, Client, Key, Signed, SigningJob, scheme::Kind};
use cloister_tests::stage::{Stage, name, signer};
use cloister_wire::{policy::Permission, request::Scheme};

/// A started 2-of-3 group with one key that may sign this.
fn group(scheme: Scheme, permissions: &[Permission]) -> (Stage, Key) {
    let mut stage = Stage::open(2, 3);
    let requester = stage.credential().name;
    stage.wait(async |group| {
        let changed = group.change_policy(|draft| draft.allow_signing(&requester, &name(0), permissions)).await;
        changed.expect("a policy");
    });
    let key = stage.make_key(0, scheme).expect("a key");
    (stage, key)
}

/// Has the group sign for a key or its child.
fn sign(stage: &mut Stage, account: impl Into<Account>, kind: Kind, payload: &[u8]) -> Signed {
    let job = SigningJob::new(account, kind, payload).expect("a payload that can be signed");
    let signed = stage.wait(async |group| {
        let client = Client::connect(group.url(signer(1)), group.pin()).await?;
        client.sign(&group.credential().expect("a key file"), &job).await
    });
    signed.expect("a signature")
}

/// Of a field that a judge gave in hexadecimal.
fn bytes(field: &serde_json::Value) -> Vec<u8> {
    hex::decode(field.as_str().expect("a text").trim_start_matches("0x")).expect("hexadecimal")
}
