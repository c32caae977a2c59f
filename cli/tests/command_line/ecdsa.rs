//! ECDSA keys and their children through the real binary: judged by libsecp256k1, `sha3` and the `bitcoin` crate.

use std::fs;

use crate::world::{OPERATORS, World, bytes, text};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bitcoin::{
    Address, Amount, CompressedPublicKey, EcdsaSighashType, Network, OutPoint, Psbt, ScriptBuf, Sequence, Transaction,
    TxIn, TxOut, Witness, XOnlyPublicKey,
    absolute::LockTime,
    bip32::{ChildNumber, DerivationPath, Xpub},
    consensus::deserialize,
    hashes::Hash as _,
    secp256k1::{
        Message, PublicKey, Secp256k1,
        ecdsa::{RecoverableSignature, RecoveryId, Signature},
    },
    sighash::SighashCache,
    transaction::Version,
};
use cloister_chains::{cosmos, ethereum};
use serde_json::{Value, json};
use sha3::{Digest as _, Keccak256};

/// One key for all these tests, which may sign everything.
fn hot() -> (&'static World, Value) {
    use std::sync::OnceLock;
    static KEY: OnceLock<Value> = OnceLock::new();
    let world = World::shared();
    let make = || {
        let allowed = "message,bitcoin+foreign,ethereum:1,ethereum-message,cosmos:cosmoshub-4";
        let key = world.key("hot", "secp256k1-ecdsa", allowed);
        let file = world.file("mail.json", mail()["document"].to_string());
        let turn = OPERATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        world.ok(&["requester", "add", "demo", "--allow", &format!("hot=typed-data:{file}")]);
        drop(turn);
        key
    };
    (world, KEY.get_or_init(make).clone())
}

fn mail() -> Value {
    let vectors: Value = serde_json::from_str(include_str!("../../../chains/vectors/ethereum.json")).unwrap();
    vectors["typed_data"][0].clone()
}

fn address(world: &World, more: &[&str]) -> String {
    text(&world.ok(&[&["key", "address", "--key", "hot"], more].concat()), "address").to_owned()
}

fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// Who signed `digest`: `r ‖ s` and a parity.
fn recovered(digest: [u8; 32], compact: &[u8], parity: u8) -> String {
    let id = RecoveryId::from_i32(parity.into()).unwrap();
    let signature = RecoverableSignature::from_compact(compact, id).unwrap();
    let key = Secp256k1::new().recover_ecdsa(&Message::from_digest(digest), &signature).unwrap();
    format!("0x{}", hex::encode(&keccak256(&key.serialize_uncompressed()[1..])[12..]))
}

fn transfer(from: Option<&str>) -> Value {
    let mut transfer = json!({"chainId": "0x1", "nonce": "0x7", "maxPriorityFeePerGas": "0x1", "maxFeePerGas": "0x2",
        "gas": "0x5208", "to": "0x3535353535353535353535353535353535353535", "value": "0x1"});
    transfer["from"] = from.into();
    transfer
}

#[test]
fn pools_are_shown_with_their_counters() {
    let (world, key) = hot();
    let file = world.file("for-a-pool.txt", "one signature");
    world.ok(&["sign", "--key", "hot", "--path", "m/9/9", "--chain", "message", &file]);
    let pools = world.ok(&["pools"]);
    let presignatures = &pools["presignatures"];
    for counter in ["hits", "misses", "refills", "expiries"] {
        assert!(presignatures[counter].is_u64() && pools["commitments"][counter].is_u64(), "{pools}");
    }
    assert!(presignatures["misses"].as_u64() > Some(0), "{pools}");
    let is_it = |pool: &&Value| pool["key"] == key["key"] && pool["path"] == json!([9, 9]);
    let pool = presignatures["pools"].as_array().unwrap().iter().find(is_it).unwrap();
    assert!(pool["signers"].is_array() && pool["ready"].is_u64() && pool["target"].is_u64(), "{pool}");
}

#[test]
fn a_key_shows_its_addresses_and_so_do_its_children() {
    let (world, key) = hot();
    let public_key = bytes(&key, "public_key");
    let point = PublicKey::from_slice(&public_key).unwrap();
    let ethereum = format!("0x{}", hex::encode(&keccak256(&point.serialize_uncompressed()[1..])[12..]));
    assert_eq!(text(&key["addresses"], "ethereum").to_lowercase(), ethereum);
    assert_eq!(text(&key, "address"), text(&key["addresses"], "ethereum"));
    assert_eq!(world.ok(&["key", "show", "hot"]), key);
    assert_eq!(address(world, &["--chain", "cosmos"]), text(&key["addresses"], "cosmos"));
    assert!(address(world, &["--chain", "cosmos", "--prefix", "osmo"]).starts_with("osmo1"));

    let xpub = world.ok(&["key", "address", "--key", "hot", "--xpub"]);
    let xpub: Xpub = text(&xpub, "xpub").parse().unwrap();
    let path: DerivationPath = "m/0/5".parse().unwrap();
    let child = xpub.derive_pub(&Secp256k1::new(), &path).unwrap();
    let shown = world.ok(&["key", "address", "--key", "hot", "--path", "m/0/5", "--chain", "ethereum"]);
    assert_eq!(bytes(&shown, "public_key"), child.public_key.serialize());
    assert_eq!(text(&shown, "path"), "m/0/5");
    let compressed = CompressedPublicKey(child.public_key);
    let expected = [
        ("p2wpkh", Address::p2wpkh(&compressed, Network::Signet)),
        ("p2sh-p2wpkh", Address::p2shwpkh(&compressed, Network::Signet)),
        ("p2pkh", Address::p2pkh(compressed, Network::Signet)),
    ];
    for (kind, expected) in expected {
        let asked = ["--path", "m/0/5", "--chain", "bitcoin", "--network", "signet", "--type", kind];
        assert_eq!(address(world, &asked), expected.to_string());
    }
    let descriptors = world.ok(&["key", "address", "--key", "hot", "--descriptor"]);
    let receiving = text(&descriptors["descriptors"], "receiving");
    assert!(receiving.starts_with("wpkh([") && receiving.contains(&format!("]{xpub}/0/*)#")), "{receiving}");
    assert_eq!(ChildNumber::from_normal_idx(5).unwrap(), child.child_number);
    let descriptors = world.ok(&["key", "address", "--key", "hot", "--path", "m/0/5", "--descriptor"]);
    let origin = format!("wpkh([{:08x}/0/5]{child}/0/*)#", xpub.fingerprint());
    assert!(text(&descriptors["descriptors"], "receiving").starts_with(&origin), "{descriptors:#}");
}

#[test]
fn a_taproot_childs_address_is_bip_86s() {
    let world = World::shared();
    world.ok(&["key", "create", "--scheme", "secp256k1-taproot", "--name", "tap"]);
    let of = |more: &[&str]| world.ok(&[&["key", "address", "--key", "tap"], more].concat());
    let xpub: Xpub = text(&of(&["--xpub"]), "xpub").parse().unwrap();
    let path: DerivationPath = "m/1/2".parse().unwrap();
    let secp = Secp256k1::new();
    let internal = XOnlyPublicKey::from(xpub.derive_pub(&secp, &path).unwrap().public_key);
    let expected = Address::p2tr(&secp, internal, None, Network::Bitcoin);
    assert_eq!(text(&of(&["--path", "m/1/2", "--chain", "bitcoin"]), "address"), expected.to_string());
}

#[test]
fn paths_and_kinds_of_addresses_that_do_not_fit_are_refused() {
    let (world, _) = hot();
    let fails = |more: &[&str], code: &str| {
        world.fails(&[&["key", "address", "--key", "hot"], more].concat(), 2, code);
    };
    fails(&["--chain", "ethereum", "--path", "m/44'/60'/0'"], "derivation_hardened_step");
    fails(&["--chain", "ethereum", "--path", "m/2147483648"], "derivation_hardened_step");
    fails(&["--chain", "ethereum", "--path", "0/5"], "derivation_bad_path");
    fails(&["--chain", "ethereum", "--path", "m/1/1/1/1/1/1/1/1/1"], "derivation_too_many_steps");
    fails(&["--chain", "bitcoin", "--type", "p2tr"], "scheme_mismatch");
    fails(&["--chain", "solana"], "scheme_mismatch");
    fails(&["--chain", "ethereum", "--type", "p2pkh"], "usage");
    fails(&["--chain", "ethereum", "--prefix", "cosmos"], "usage");
    fails(&["--chain", "ethereum", "--network", "regtest"], "usage");
    let file = world.file("networked.json", transfer(None).to_string());
    world.fails(&["sign", "--key", "hot", "--chain", "ethereum", "--network", "regtest", &file], 2, "usage");
    fails(&["--chain", "cosmos", "--prefix", "Cosmos"], "cosmos_bad_prefix");
    fails(&[], "usage");
    world.ok(&["key", "create", "--scheme", "ed25519", "--name", "childless"]);
    let of = ["key", "address", "--key", "childless"];
    world.fails(&[&of[..], &["--chain", "solana", "--path", "m/0"]].concat(), 2, "path_not_supported");
    world.fails(&[&of[..], &["--xpub"]].concat(), 2, "path_not_supported");
}

#[test]
fn several_keys_are_made_at_once_and_none_if_a_name_is_taken() {
    let world = World::shared();
    let made = world.ok(&["key", "create", "--scheme", "ed25519", "--name", "fleet", "--count", "2"]);
    let names: Vec<_> = made["keys"].as_array().unwrap().iter().map(|key| text(key, "name")).collect();
    assert_eq!(names, ["fleet-1", "fleet-2"]);
    assert!(made["keys"].as_array().unwrap().iter().all(|key| text(key, "key").len() == 64));
    world.fails(&["key", "create", "--scheme", "ed25519", "--name", "fleet", "--count", "3"], 3, "key_name_taken");
    world.fails(&["key", "show", "fleet-3"], 2, "key_unknown");
    world.fails(&["key", "create", "--scheme", "ed25519", "--name", "none", "--count", "0"], 2, "usage");
}

#[test]
fn an_ethereum_transfer_is_signed_by_the_key_and_by_a_child() {
    let (world, _) = hot();
    for path in ["m", "m/0/5"] {
        let sender = address(world, &["--path", path, "--chain", "ethereum"]);
        let file = world.file("transfer.json", transfer(Some(&sender)).to_string());
        let sign = ["sign", "--key", "hot", "--path", path, "--chain", "ethereum"];
        let signed = world.ok(&[&sign[..], &[&file]].concat());
        let raw = hex::decode(text(&signed, "signed").strip_prefix("0x").unwrap()).unwrap();
        let read = ethereum::SignedTransaction::parse(&raw).unwrap();
        let unsigned = read.transaction().to_bytes();
        let compact = [*read.signature().r(), *read.signature().s()].concat();
        let parity = u8::try_from(u64::from(read.signature().y_parity())).unwrap();
        assert_eq!(recovered(keccak256(&unsigned), &compact, parity), sender.to_lowercase());
        assert_eq!(text(&signed, "sender"), sender);
        assert_eq!(text(&signed, "transaction_hash"), format!("0x{}", hex::encode(keccak256(&raw))));
        assert_eq!((read.transaction().nonce(), read.transaction().chain_id()), (7, 1));
        assert_eq!(bytes(&signed, "signature"), [&compact[..], &[27 + parity]].concat());

        let answer = world.run_with(&[&sign[..], &["-"]].concat(), hex::encode(&unsigned).as_bytes());
        assert_eq!(answer.exit, 0, "{:#}", answer.json);
        assert_eq!(answer.json["input"], json!({"encoding": "hex", "form": "transaction"}));
    }
}

#[test]
fn ethereum_transactions_that_are_not_for_the_key_the_policy_or_anybody_are_refused() {
    let (world, _) = hot();
    let sign = |name: &str, document: Value| {
        let file = world.file(name, document.to_string());
        world.run(&["sign", "--key", "hot", "--chain", "ethereum", &file])
    };
    let stranger = "0x3535353535353535353535353535353535353535";
    sign("stranger.json", transfer(Some(stranger))).fails(2, "from_mismatch");
    let mut other = transfer(None);
    other["chainId"] = 5.into();
    let refused = sign("other-chain.json", other);
    refused.fails(3, "chain_id_not_allowed");
    assert!(text(&refused.json["error"], "hint").contains("ethereum:CHAIN_ID"));
    let mut nowhere = transfer(None);
    nowhere.as_object_mut().unwrap().remove("chainId");
    sign("nowhere.json", nowhere).fails(2, "transaction_json_invalid");
    let mut greedy = transfer(None);
    greedy["maxFeePerGas"] = 0.into();
    sign("greedy.json", greedy).fails(2, "ethereum_priority_above_max");
}

#[test]
fn ethereum_messages_and_typed_data_are_signed_as_wallets_do() {
    let (world, _) = hot();
    let sender = address(world, &["--chain", "ethereum"]).to_lowercase();
    let check = |signed: &Value, digest: [u8; 32]| {
        let signature = bytes(signed, "signature");
        assert_eq!(recovered(digest, &signature[..64], signature[64] - 27), sender);
        assert!(signed["signed"].is_null());
    };
    let file = world.file("greeting.txt", "hello\n");
    let signed = world.ok(&["sign", "--key", "hot", "--chain", "ethereum-message", &file]);
    check(&signed, keccak256(b"\x19Ethereum Signed Message:\n6hello\n"));

    let case = mail();
    let file = world.file("mail-to-sign.json", case["document"].to_string());
    let signed = world.ok(&["sign", "--key", "hot", "--chain", "ethereum-typed-data", &file]);
    check(&signed, bytes(&case, "signing_hash").try_into().unwrap());
    let mut other = case["document"].clone();
    other["domain"]["name"] = "Other Mail".into();
    let file = world.file("other-mail.json", other.to_string());
    let sign = ["sign", "--key", "hot", "--chain", "ethereum-typed-data", &file];
    world.fails(&sign, 3, "domain_not_allowed");
    world.file("other-mail.json", "{}");
    world.fails(&sign, 2, "typed_data_invalid");
}

#[test]
fn authorisations_and_user_operations_are_signed_by_keys_that_may() {
    let (world, _) = hot();
    world.key(
        "smart",
        "secp256k1-ecdsa",
        "ethereum-authorization:1,user-operation:1:0xC4c4c4C4C4c4C4c4c4C4c4c4c4c4c4C4c4c4c4C4",
    );
    let sender =
        text(&world.ok(&["key", "address", "--key", "smart", "--chain", "ethereum"]), "address").to_lowercase();
    let vectors = |json| serde_json::from_str::<Value>(json).unwrap();
    let authorizations = vectors(include_str!("../../../chains/vectors/ethereum.json"))["authorizations"].take();
    let on_chain_1 = authorizations.as_array().unwrap().iter().find(|case| case["chain_id"] == "1").unwrap().clone();
    let document =
        json!({"chainId": "0x1", "address": on_chain_1["address"], "nonce": on_chain_1["nonce"]}).to_string();
    let operations = vectors(include_str!("../../../chains/vectors/effects.json"))["user_operations"].take();
    let operation = &operations[0];

    let cases = [
        ("ethereum-authorization", document.clone(), "json", text(&on_chain_1, "hash")),
        ("ethereum-authorization", text(&on_chain_1, "encoded").to_owned(), "hex", text(&on_chain_1, "hash")),
        ("ethereum-user-operation", OPERATION.to_owned(), "json", text(operation, "signing_hash")),
        ("ethereum-user-operation", text(operation, "payload").to_owned(), "hex", text(operation, "signing_hash")),
    ];
    for (chain, input, encoding, digest) in cases {
        let file = world.file("order", input);
        let signed = world.ok(&["sign", "--key", "smart", "--chain", chain, &file]);
        assert_eq!((text(&signed, "chain"), text(&signed["input"], "encoding")), (chain, encoding));
        assert!(signed["signed"].is_null(), "{signed:#}");
        let signature = bytes(&signed, "signature");
        let digest = hex::decode(digest).unwrap().try_into().unwrap();
        assert_eq!(recovered(digest, &signature[..64], signature[64] - 27), sender);
        world.fails(&["sign", "--key", "hot", "--chain", chain, &file], 3, "chain_not_allowed");
    }

    let sign = |file: &str, chain| ["sign", "--key", "smart", "--chain", chain, file].map(str::to_owned);
    let said = |file: &str, chain| {
        crate::world::said(
            &[&sign(file, chain).each_ref().map(String::as_str)[..], &["--dir", &world.dir.display().to_string()]]
                .concat(),
        )
    };
    let (order, operation) = (world.file("delegate.json", document), world.file("operation.json", OPERATION));
    let shown = said(&order, "ethereum-authorization");
    assert!(shown.contains(&format!("the code of {} for this account", text(&on_chain_1, "address"))), "{shown}");
    let shown = said(&operation, "ethereum-user-operation");
    assert!(shown.contains("0xC4c4c4C4C4c4C4c4c4C4c4c4c4c4c4C4c4c4c4C4") && shown.contains("1200 wei"), "{shown}");
    let wrong = world.file("wrong.json", "{}");
    world.fails(
        &["sign", "--key", "smart", "--chain", "ethereum-authorization", &wrong],
        2,
        "authorization_json_invalid",
    );
    world.fails(
        &["sign", "--key", "smart", "--chain", "ethereum-user-operation", &wrong],
        2,
        "user_operation_json_invalid",
    );
}

/// As bundlers take it; `chains/vectors/effects.py` has the same.
const OPERATION: &str = r#"{
    "userOperation": {
        "sender": "0xC4c4c4C4C4c4C4c4c4C4c4c4c4c4c4C4c4c4c4C4",
        "nonce": "0x7",
        "callData": "0x",
        "verificationGasLimit": "0x64",
        "callGasLimit": "0xc8",
        "preVerificationGas": "0x12c",
        "maxPriorityFeePerGas": "0x1",
        "maxFeePerGas": "0x2",
        "signature": "0xfffffffffffffffffffffffffffffff0000000000000000000000000000000007aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1c"
    },
    "entryPoint": "0x0000000071727De22E5E9d8BAf0edAc6f37da032",
    "chainId": "0x1"
}"#;

#[test]
fn what_is_signed_is_shown_to_people_first() {
    let (world, _) = hot();
    let file = world.file("shown.json", transfer(None).to_string());
    let dir = world.dir.display().to_string();
    let said = crate::world::said(&["sign", "--key", "hot", "--chain", "ethereum", &file, "--dir", &dir]);
    for words in ["chain id", "1 wei", "at most 42000 wei", "0x3535353535353535353535353535353535353535", "nonce"] {
        assert!(said.contains(words), "{words} is missing:\n{said}");
    }
    let file = world.file("shown-mail.json", mail()["document"].to_string());
    let said = crate::world::said(&["sign", "--key", "hot", "--chain", "ethereum-typed-data", &file, "--dir", &dir]);
    for words in ["message.contents = \"Hello, Bob!\"", "message.from.wallet = 0xCD2a"] {
        assert!(said.contains(words), "{words} is missing:\n{said}");
    }
}

#[test]
fn a_psbt_of_a_segwit_child_is_signed_and_foreign_inputs_are_left_alone() {
    let (world, _) = hot();
    let path = ["--path", "m/0/1"];
    let shown = world.ok(&[&["key", "address", "--key", "hot", "--chain", "bitcoin"][..], &path].concat());
    let key = CompressedPublicKey::from_slice(&bytes(&shown, "public_key")).unwrap();
    let own = Address::p2wpkh(&key, Network::Bitcoin).script_pubkey();
    assert_eq!(text(&shown, "address"), Address::p2wpkh(&key, Network::Bitcoin).to_string());

    let sign = |name: &str, psbt: &Psbt| {
        let file = world.file(name, psbt.serialize());
        world.ok(&[&["sign", "--key", "hot", "--chain", "bitcoin", &file][..], &path].concat())
    };
    let psbt = spend(&[own.clone(), own.clone()]);
    let signed = sign("segwit.psbt", &psbt);
    let transaction: Transaction = deserialize(&bytes(&signed, "transaction")).unwrap();
    assert_eq!(text(&signed, "txid"), psbt.unsigned_tx.compute_txid().to_string());
    for (position, input) in transaction.input.iter().enumerate() {
        verify_segwit(&psbt, position, &own, &key, input.witness.nth(0).unwrap());
    }

    let signed = sign("foreign.psbt", &spend(&[own.clone(), ScriptBuf::new_op_return([])]));
    assert_eq!((&signed["missing_signatures"], &signed["txid"]), (&1.into(), &Value::Null));
    let part = Psbt::deserialize(&STANDARD.decode(text(&signed, "signed")).unwrap()).unwrap();
    assert_eq!(part.inputs.iter().map(|input| input.partial_sigs.len()).collect::<Vec<_>>(), [1, 0]);

    let mut others = spend(&[own, ScriptBuf::new_op_return([])]);
    others.inputs[1].final_script_witness = Some(Witness::from_slice(&[b"whatever they put there"]));
    let signed = sign("others.psbt", &others);
    assert_eq!(
        (&signed["unverified_inputs"], signed["txid"].is_string()),
        (&serde_json::json!([1]), true),
        "{signed:#}"
    );
}

/// A PSBT that spends a coin of each script, with the transactions that made them.
fn spend(scripts: &[ScriptBuf]) -> Psbt {
    let output = |script: &ScriptBuf| TxOut { value: Amount::from_sat(50_000), script_pubkey: script.clone() };
    let transaction = |input, output| Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output };
    let input = |previous_output| TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let made = |(script, vout): (&ScriptBuf, u32)| {
        let from = OutPoint { txid: bitcoin::Txid::hash(&vout.to_le_bytes()), vout };
        transaction(vec![input(from)], vec![output(script)])
    };
    let before: Vec<_> = scripts.iter().zip(0..).map(made).collect();
    let inputs = before.iter().map(|made| input(OutPoint { txid: made.compute_txid(), vout: 0 })).collect();
    let mut psbt = Psbt::from_unsigned_tx(transaction(inputs, vec![output(&scripts[0])])).unwrap();
    for (map, made) in psbt.inputs.iter_mut().zip(before) {
        map.witness_utxo = Some(made.output[0].clone());
        map.non_witness_utxo = Some(made);
    }
    psbt
}

fn verify_segwit(psbt: &Psbt, input: usize, script: &ScriptBuf, key: &CompressedPublicKey, signature: &[u8]) {
    let (sighash_type, der) = signature.split_last().unwrap();
    assert_eq!(*sighash_type, 1);
    let sighash = SighashCache::new(&psbt.unsigned_tx)
        .p2wpkh_signature_hash(input, script, Amount::from_sat(50_000), EcdsaSighashType::All)
        .unwrap();
    let message = Message::from_digest(sighash.to_byte_array());
    Secp256k1::new().verify_ecdsa(&message, &Signature::from_der(der).unwrap(), &key.0).unwrap();
}

#[test]
fn a_cosmos_transfer_is_signed_and_read_back() {
    let (world, key) = hot();
    let document = sign_doc(&bytes(&key, "public_key"), text(&key["addresses"], "cosmos"), "cosmoshub-4");
    let file = world.file("doc.b64", STANDARD.encode(&document));
    let signed = world.ok(&["sign", "--key", "hot", "--chain", "cosmos", &file]);
    assert_eq!(signed["input"], json!({"encoding": "base64", "form": "sign-doc"}));
    let raw = STANDARD.decode(text(&signed, "signed")).unwrap();
    let read = cosmos::SignedTransaction::parse(&raw).unwrap();
    assert_eq!(read.sign_doc("cosmoshub-4", 11).unwrap().to_bytes(), document);
    let digest = bitcoin::hashes::sha256::Hash::hash(&document).to_byte_array();
    let point = PublicKey::from_slice(&bytes(&key, "public_key")).unwrap();
    let signature = Signature::from_compact(read.signature()).unwrap();
    Secp256k1::new().verify_ecdsa(&Message::from_digest(digest), &signature, &point).unwrap();
    let txid = bitcoin::hashes::sha256::Hash::hash(&raw).to_byte_array();
    assert_eq!(text(&signed, "txid"), hex::encode_upper(txid));

    let other = sign_doc(&bytes(&key, "public_key"), text(&key["addresses"], "cosmos"), "osmosis-1");
    let file = world.file("other.hex", hex::encode(other));
    world.fails(&["sign", "--key", "hot", "--chain", "cosmos", &file], 3, "chain_id_not_allowed");
    let child = ["--path", "m/0", "--chain", "cosmos"];
    let file = world.path("doc.b64");
    world.fails(&[&["sign", "--key", "hot", &file], &child[..]].concat(), 2, "cosmos_other_key");
}

/// One coin to oneself, in protobuf laid out by hand.
fn sign_doc(key: &[u8], address: &str, chain_id: &str) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| {
        let length = bytes.len();
        let header = match u8::try_from(length) {
            Ok(length @ ..0x80) => vec![number << 3 | 2, length],
            _ => vec![number << 3 | 2, u8::try_from(length & 0x7f | 0x80).unwrap(), u8::try_from(length >> 7).unwrap()],
        };
        [&header[..], bytes].concat()
    };
    let number = |field: u8, value: u8| vec![field << 3, value];
    let any = |url: &str, value: &[u8]| [field(1, url.as_bytes()), field(2, value)].concat();
    let coin = [field(1, b"uatom"), field(2, b"1")].concat();
    let send = [field(1, address.as_bytes()), field(2, address.as_bytes()), field(3, &coin)].concat();
    let body = field(1, &any("/cosmos.bank.v1beta1.MsgSend", &send));
    let key = any("/cosmos.crypto.secp256k1.PubKey", &field(1, key));
    let signer = [field(1, &key), field(2, &field(1, &number(1, 1))), number(3, 7)].concat();
    let fee = [field(1, &coin), number(2, 100)].concat();
    let auth_info = [field(1, &signer), field(2, &fee)].concat();
    [field(1, &body), field(2, &auth_info), field(3, chain_id.as_bytes()), number(4, 11)].concat()
}

#[test]
fn permissions_are_listed_as_they_were_given() {
    let (world, _) = hot();
    let domain = format!("typed-data:0x{}", "ab".repeat(32));
    let turn = OPERATORS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    world.ok(&["requester", "add", "demo", "--allow", &format!("listed=bitcoin,ethereum:8453,{domain}")]);
    world.ok(&["requester", "add", "demo", "--allow", "listed=bitcoin+foreign,cosmos:cosmoshub-4"]);
    drop(turn);
    let list = world.ok(&["requester", "list"]);
    let rules = list["requesters"][0]["allow"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["key"] == "listed").unwrap();
    assert_eq!(rule["permissions"], json!(["ethereum:8453", domain, "bitcoin+foreign", "cosmos:cosmoshub-4"]));
    for wrong in ["x=ethereum", "x=ethereum:0", "x=typed-data:", "x=typed-data:0x12", "x=cosmos", "x="] {
        world.fails(&["requester", "add", "demo", "--allow", wrong], 2, "usage");
    }
    let file = world.file("no-mail.json", "{}");
    let allow = format!("x=typed-data:{file}");
    world.fails(&["requester", "add", "demo", "--allow", &allow], 2, "typed_data_invalid");
    world.fails(&["requester", "add", "demo", "--allow", "x=typed-data:/nonexistent.json"], 1, "file");
    fs::remove_file(&file).unwrap();
}
