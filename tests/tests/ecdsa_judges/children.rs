//! Children of keys: every library derives the same ones from a certificate, and their signatures hold.

use cloister_chains::bitcoin::{Network, ScriptKind};
use cloister_client::{Account, Key};
use cloister_wire::{
    policy::{ForeignInputs, Permission},
    request::Scheme,
};
use serde_json::{Value, json};

use crate::{
    bitcoin::spend_alone,
    ethereum::{address, message_question},
    group,
    judge::Judge,
};

const PATH: &str = "m/0/5";

#[test]
fn a_child_of_an_ecdsa_key_is_the_one_of_bip_32_and_signs_for_all_its_addresses() {
    let permissions = [Permission::EthereumMessage, Permission::Bitcoin { foreign: ForeignInputs::Refused }];
    let (mut stage, key) = group(Scheme::Secp256k1Ecdsa, &permissions);
    let (account, judged) = child(&key);
    assert_eq!(judged["public_key"], hex::encode(account.public_key()));
    let kinds = [("p2wpkh", ScriptKind::P2wpkh), ("p2sh_p2wpkh", ScriptKind::P2shP2wpkh), ("p2pkh", ScriptKind::P2pkh)];
    for (name, kind) in kinds {
        assert_eq!(judged[name], account.bitcoin_address(kind, Network::Bitcoin).expect("an address"));
    }
    spend_alone(&mut stage, &account, &kinds.map(|(name, _)| name));

    let question = message_question(&mut stage, account.clone(), "from a child");
    assert_eq!(Judge::Ethereum.ask(question), address(account.clone()));
    let question = json!({ "do": "address", "public_key": judged["public_key"], "prefix": "osmo" });
    let osmosis = account.cosmos_address("osmo").expect("an address");
    assert_eq!(Judge::Cosmos.ask(question), osmosis.to_string());
}

#[test]
fn a_child_of_a_taproot_key_is_the_one_of_bip_32_and_spends_from_its_bip_86_address() {
    let permission = Permission::Bitcoin { foreign: ForeignInputs::Refused };
    let (mut stage, key) = group(Scheme::Secp256k1Taproot, &[permission]);
    let (account, judged) = child(&key);
    assert_eq!(judged["p2tr"], account.bitcoin_address(ScriptKind::P2tr, Network::Bitcoin).expect("an address"));
    spend_alone(&mut stage, &account, &["p2tr"]);
}

/// The child as the client has it and as the judge derives it.
fn child(key: &Key) -> (Account, Value) {
    let judged = Judge::Bitcoin.ask(json!({
        "do": "child",
        "public_key": hex::encode(key.public_key()),
        "chain_code": hex::encode(key.body().chain_code.as_bytes()),
        "path": PATH.trim_start_matches("m/"),
        "xpub": Account::from(key).xpub(Network::Bitcoin).expect("an extended key"),
    }));
    (Account::new(key, PATH.parse().expect("a path")).expect("a child"), judged)
}
