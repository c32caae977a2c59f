//! Ethereum: a node mines every type of transaction, and eth-account recovers the group's account from all that is signed.

use cloister_client::{
    Account, Finished, Key, authorization_json, permission, scheme::Kind, typed_data, user_operation_json,
};
use cloister_tests::stage::Stage;
use cloister_wire::{policy::Permission, request::Scheme};
use serde_json::{Value, json};

use crate::{
    anvil::{Anvil, CHAIN_ID, DEVELOPER, quantity},
    bytes, group,
    judge::Judge,
    sign,
};

/// Typed data as wallets have it.
const TYPED_DATA: &str = include_str!("../../judges/ecdsa/typed_data.json");

#[test]
fn anvil_mines_a_transaction_of_every_type_and_takes_value_and_gas_from_the_groups_account() {
    let anvil = Anvil::start();
    let (mut stage, key) = group(Scheme::Secp256k1Ecdsa, &[Permission::Ethereum { chain_id: CHAIN_ID }]);
    let sender = address(&key);
    anvil.call("anvil_setBalance", json!([sender, format!("0x{:x}", 10_u128.pow(19))]));

    let build = json!({ "do": "build", "chain_id": CHAIN_ID, "authority": DEVELOPER[1] });
    let built = Judge::Ethereum.ask(build);
    let built = built.as_array().expect("transactions");
    let mined: Vec<_> = built.iter().map(|one| mine(&anvil, &mut stage, &key, &sender, one)).collect();

    let types: Vec<_> = mined.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(types, [0, 1, 2, 3, 3, 4]);
    let recover = mined.iter().map(|(_, raw)| json!({ "do": "recover", "transaction": raw }));
    let recovered = Judge::Ethereum.ask_all(&recover.collect::<Vec<_>>());
    assert!(recovered.iter().all(|signer| *signer == sender), "{recovered:?} and not {sender}");
    let code = anvil.call("eth_getCode", json!([DEVELOPER[0], "latest"]));
    assert_eq!(code, format!("0xef0100{}", "de1e6a7e".repeat(5)), "the delegation of EIP-7702");
}

/// Signs, sends and checks one transaction; its type and its bytes.
fn mine(anvil: &Anvil, stage: &mut Stage, key: &Key, sender: &str, built: &Value) -> (u128, String) {
    let name = &built["name"];
    let signed = sign(stage, key, Kind::Ethereum, &bytes(&built["payload"]));
    let Finished::Ethereum { transaction, hash, .. } = signed.finished else { panic!("{name}: a transaction") };
    let (raw, hash) = (format!("0x{}", hex::encode(transaction)), format!("0x{}", hex::encode(hash)));

    let before = anvil.balance(sender);
    assert_eq!(anvil.call("eth_sendRawTransaction", json!([raw])), hash, "{name}");
    let receipt = anvil.receipt(&hash);
    assert_eq!(receipt["status"], "0x1", "{name}: {receipt}");
    assert_eq!(receipt["from"], sender.to_lowercase(), "{name}");
    let field = |name: &str| quantity(&receipt[name]);
    let gas = field("gasUsed") * field("effectiveGasPrice") + field("blobGasUsed") * field("blobGasPrice");
    let value = u128::from(built["value"].as_u64().expect("a value"));
    assert_eq!(before - anvil.balance(sender), value + gas, "{name}");
    (field("type"), raw)
}

#[test]
fn eth_account_recovers_the_groups_account_from_messages_and_typed_data() {
    let documents: Vec<Value> = serde_json::from_str(TYPED_DATA).expect("JSON");
    let domains = documents.iter().map(|document| permission::for_domain_of(document.to_string().as_bytes()));
    let domains: Vec<_> = domains.collect::<Result<_, _>>().expect("typed data");
    let (mut stage, key) =
        group(Scheme::Secp256k1Ecdsa, &[&[Permission::EthereumMessage], domains.as_slice()].concat());

    let messages = ["hello", "", "Grüße\n\0\u{1f511}", &"x".repeat(1_000)];
    let mut questions: Vec<_> = messages.iter().map(|text| message_question(&mut stage, &key, text)).collect();
    for document in documents {
        let canonical = typed_data::from_json(document.to_string().as_bytes()).expect("typed data");
        let signed = sign(&mut stage, &key, Kind::TypedData, &canonical);
        let signature = hex::encode(&signed.signatures[0]);
        questions.push(json!({ "do": "recover", "typed_data": document, "signature": format!("0x{signature}") }));
    }
    let sender = address(&key);
    for (question, recovered) in questions.iter().zip(Judge::Ethereum.ask_all(&questions)) {
        assert_eq!(recovered, sender, "{question}");
    }
}

#[test]
fn eth_account_recovers_the_groups_account_from_authorisations_and_user_operations() {
    let chains = [0, 1].map(|chain_id| Permission::Authorization { chain_id });
    let account: cloister_chains::ethereum::Address = DEVELOPER[0].parse().expect("an address");
    let account = cloister_wire::ids::EthereumAccount::from_bytes(*account.as_bytes());
    let permissions = [&chains[..], &[Permission::UserOperation { chain_id: 1, account }]].concat();
    let (mut stage, key) = group(Scheme::Secp256k1Ecdsa, &permissions);
    let mut questions = Vec::new();
    for (chain_id, nonce) in [(0, 0), (1, 7), (1, 300)] {
        let fields = json!({ "chainId": chain_id, "address": DEVELOPER[0], "nonce": nonce });
        let payload = authorization_json::from_json(fields.to_string().as_bytes()).expect("an authorisation");
        let signed = sign(&mut stage, &key, Kind::Authorization, &payload);
        let signature = format!("0x{}", hex::encode(&signed.signatures[0]));
        questions.push(json!({ "do": "recover", "authorization": fields, "signature": signature }));
    }
    let (sender, entry_point) = (DEVELOPER[0], "0x0000000071727De22E5E9d8BAf0edAc6f37da032");
    for (nonce, init_code, call_data) in [(0, "0x", "0x"), (9, &*format!("0x{}", "17".repeat(33)), "0xb61d27f6ff")] {
        let gas = format!("0x{:032x}{:032x}", 100_000, 200_000);
        let operation = json!({ "sender": sender, "nonce": nonce, "initCode": init_code, "callData": call_data, "accountGasLimits": gas,
            "preVerificationGas": 50_000, "gasFees": format!("0x{:032x}{:032x}", 1, 2), "paymasterAndData": "0x" });
        let document = json!({ "userOperation": operation, "entryPoint": entry_point, "chainId": 1 });
        let payload = user_operation_json::from_json(document.to_string().as_bytes()).expect("a user operation");
        let signed = sign(&mut stage, &key, Kind::UserOperation, &payload);
        let signature = format!("0x{}", hex::encode(&signed.signatures[0]));
        let fields = json!({ "operation": operation, "entry_point": entry_point, "chain_id": 1 });
        questions.push(json!({ "do": "recover", "user_operation": fields, "signature": signature }));
    }
    let account = address(&key);
    for (question, recovered) in questions.iter().zip(Judge::Ethereum.ask_all(&questions)) {
        assert_eq!(recovered, account, "{question}");
    }
}

/// Has the group sign a message, and the judge asked who did.
pub(crate) fn message_question(stage: &mut Stage, account: impl Into<Account>, text: &str) -> Value {
    let signed = sign(stage, account, Kind::EthereumMessage, text.as_bytes());
    let signature = format!("0x{}", hex::encode(&signed.signatures[0]));
    json!({ "do": "recover", "message": format!("0x{}", hex::encode(text)), "signature": signature })
}

/// The account as the judge derives it, which the client derives too.
pub(crate) fn address(account: impl Into<Account>) -> String {
    let account = account.into();
    let question = json!({ "do": "address", "public_key": hex::encode(account.public_key()) });
    let address = Judge::Ethereum.ask(question).as_str().expect("a text").to_owned();
    assert_eq!(account.ethereum_address().expect("an ECDSA key").to_string(), address);
    address
}
