//! Sign documents from parsing to the signed transaction, and every refusal on the way.

use proptest::prelude::*;
use prost::Message;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    Address, Part, SignDoc, SignedTransaction, Transaction, Unsignable,
    protobuf::{
        self, DIRECT, MSG_BEGIN_REDELEGATE, MSG_DELEGATE, MSG_SEND, MSG_TRANSFER, MSG_UNDELEGATE,
        MSG_WITHDRAW_DELEGATOR_REWARD, SECP256K1_KEY,
    },
};
use crate::{Rejected, effect::Effect, limits, message};

const KEY: [u8; 33] = [2; 33];
const SIGNATURE: [u8; 64] = [0x51; 64];

fn address(key: u8, prefix: &str) -> String {
    Address::of_key(&[key; 33], prefix).unwrap().to_string()
}

fn coin(amount: &str, denom: &str) -> protobuf::Coin {
    protobuf::Coin { denom: denom.into(), amount: amount.into() }
}

fn packed(type_url: &str, message: &impl Message) -> protobuf::Any {
    protobuf::Any { type_url: type_url.into(), value: message.encode_to_vec() }
}

/// A document to be: bent before it is written.
#[derive(Clone)]
struct Draft {
    sends: Vec<protobuf::MsgSend>,
    body: protobuf::TxBody,
    key: protobuf::PubKey,
    auth_info: protobuf::AuthInfo,
    chain_id: String,
}

impl Draft {
    /// One coin to a stranger, for a fee of another.
    fn new() -> Self {
        let send = protobuf::MsgSend {
            from_address: address(2, "osmo"),
            to_address: address(3, "osmo"),
            amount: vec![coin("1", "uosmo")],
        };
        let mode = protobuf::ModeInfo { single: Some(protobuf::Single { mode: DIRECT }), multi: None };
        let signer = protobuf::SignerInfo { mode_info: Some(mode), sequence: 7, ..Default::default() };
        let fee = protobuf::Fee { amount: vec![coin("2", "uosmo")], gas_limit: 300, ..Default::default() };
        Self {
            sends: vec![send],
            body: protobuf::TxBody { memo: "hi".into(), timeout_height: 9, ..Default::default() },
            key: protobuf::PubKey { key: KEY.to_vec() },
            auth_info: protobuf::AuthInfo { signer_infos: vec![signer], fee: Some(fee), tip: None },
            chain_id: "osmosis-1".into(),
        }
    }

    fn signer(&mut self) -> &mut protobuf::SignerInfo {
        &mut self.auth_info.signer_infos[0]
    }

    fn fee(&mut self) -> &mut protobuf::Fee {
        self.auth_info.fee.as_mut().unwrap()
    }

    /// Puts sends and key where they belong, unless something else is there already.
    fn parts(&self) -> (Vec<u8>, Vec<u8>) {
        let mut body = self.body.clone();
        body.messages.extend(self.sends.iter().map(|send| packed(MSG_SEND, send)));
        let mut auth_info = self.auth_info.clone();
        for signer in &mut auth_info.signer_infos {
            signer.public_key.get_or_insert_with(|| packed(SECP256K1_KEY, &self.key));
        }
        (body.encode_to_vec(), auth_info.encode_to_vec())
    }

    fn bytes(&self) -> Vec<u8> {
        let (body, auth_info) = self.parts();
        document(body, auth_info, &self.chain_id)
    }
}

fn document(body_bytes: Vec<u8>, auth_info_bytes: Vec<u8>, chain_id: &str) -> Vec<u8> {
    let chain_id = chain_id.into();
    protobuf::SignDoc { body_bytes, auth_info_bytes, chain_id, account_number: 300 }.encode_to_vec()
}

fn refusal(bytes: &[u8]) -> Unsignable {
    match SignDoc::parse(bytes) {
        Err(Rejected::Cosmos(unsignable)) => unsignable,
        other => panic!("{other:?}"),
    }
}

/// What refuses the draft once it is bent.
fn bent(bend: impl FnOnce(&mut Draft)) -> Unsignable {
    let mut draft = Draft::new();
    bend(&mut draft);
    refusal(&draft.bytes())
}

#[test]
fn reads_a_transfer_and_signs_for_its_key_alone() {
    let bytes = Draft::new().bytes();
    let document = SignDoc::parse(&bytes).unwrap();
    assert_eq!(document.to_bytes(), bytes);
    assert_eq!((document.chain_id(), document.account_number()), ("osmosis-1", 300));
    let transaction = document.transaction();
    assert_eq!((transaction.sequence(), transaction.memo(), transaction.timeout_height()), (7, "hi", 9));
    assert_eq!(transaction.sender().as_str(), address(2, "osmo"));
    assert_eq!(transaction.fee().gas_limit, 300);
    assert!(document.digest_for(&KEY).is_ok());
    assert_eq!(document.digest_for(&[3; 33]), Err(Unsignable::OtherKey.into()));
}

/// `vectors/cosmos.mjs` wrote the file, with CosmJS.
#[test]
fn names_every_coin_and_the_fee_as_effects() {
    let mut draft = Draft::new();
    draft.sends[0].amount.push(coin("3", "uother"));
    let bytes = draft.bytes();
    let effects = SignDoc::parse(&bytes).unwrap().transaction().effects();
    let to = address(3, "osmo");
    let told = format!("calls {to} with input 0x{}", hex::encode(Sha256::digest("hi")));
    let expected =
        [format!("pays 1 uosmo to {to}"), format!("pays 3 uother to {to}"), told, "costs up to 2 uosmo".into()];
    assert_eq!(effects.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[test]
fn agrees_with_cosmjs_on_everything_that_it_builds() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/cosmos.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 14);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let bytes = |name: &str| hex::decode(text(name)).unwrap();
        let key: [u8; 33] = bytes("public_key").try_into().unwrap();
        assert_eq!(Address::of_key(&key, text("prefix")).unwrap().as_str(), text("address"));
        let document = SignDoc::parse(&bytes("sign_doc")).unwrap();
        assert_eq!(document.chain_id(), text("chain_id"));
        assert_eq!(document.account_number(), case["account_number"].as_u64().unwrap());
        assert_eq!(document.digest_for(&key).unwrap()[..], bytes("digest"));
        agrees(document.transaction(), case);
        let signed = document.with_signature(bytes("signature").try_into().unwrap());
        assert_eq!(signed.to_bytes(), bytes("tx_raw"));
        assert_eq!(signed.hash()[..], bytes("hash"));
        assert_eq!(SignedTransaction::parse(&bytes("tx_raw")), Ok(signed.clone()));
        assert_eq!(signed.sign_doc(document.chain_id(), document.account_number()), Ok(document));
    }
}

fn agrees(transaction: &Transaction, case: &Value) {
    let coins = |coins: &[super::Coin]| -> Value {
        let coin = |coin: &super::Coin| serde_json::json!({"denom": coin.denom, "amount": coin.amount.to_string()});
        coins.iter().map(coin).collect()
    };
    // The memo's own calls come behind what the file says, and before the fee.
    let input = transaction.memo().as_bytes();
    let is_memo =
        |effect: &&Effect| matches!(effect, Effect::Call { input: told, .. } if !input.is_empty() && told == input);
    let effects = transaction.effects();
    let others: Value = effects.iter().filter(|effect| !is_memo(effect)).map(ToString::to_string).collect();
    assert_eq!(others, case["effects"]);
    assert_eq!(effects.iter().any(|effect| is_memo(&effect)), !input.is_empty());
    assert_eq!(coins(&transaction.fee().amount), case["fee"]);
    assert_eq!(transaction.fee().gas_limit, case["gas_limit"]);
    assert_eq!(transaction.sequence(), case["sequence"]);
    assert_eq!(transaction.timeout_height(), case["timeout_height"]);
    assert_eq!(transaction.memo(), case["memo"]);
    assert_eq!(transaction.sender().as_str(), case["address"]);
}

#[test]
fn refuses_coins_that_are_not_the_signers() {
    let message = 0;
    let others = Unsignable::FromAddress { message };
    assert_eq!(bent(|draft| draft.sends[0].from_address = address(3, "osmo")), others);
    assert_eq!(bent(|draft| draft.sends[0].from_address = String::new()), others);
    assert_eq!(bent(|draft| draft.sends[0].from_address.make_ascii_uppercase()), others);
    assert_eq!(bent(|draft| draft.key.key[1] ^= 1), others);
    let second = |prefix: &str, from: u8| {
        let prefix = prefix.to_owned();
        bent(move |draft| {
            let (from_address, to_address) = (address(from, &prefix), address(4, &prefix));
            draft.sends.push(protobuf::MsgSend { from_address, to_address, amount: vec![coin("1", "uosmo")] });
        })
    };
    assert_eq!(second("osmo", 3), Unsignable::FromAddress { message: 1 });
    assert_eq!(second("cosmos", 2), Unsignable::FromAddress { message: 1 });
}

#[test]
fn refuses_recipients_that_the_chain_would_not_know() {
    for to in [address(3, "cosmos"), String::new(), address(3, "osmo").to_uppercase(), address(3, "osmo") + "q"] {
        let refused = bent(|draft| draft.sends[0].to_address = to);
        assert_eq!(refused, Unsignable::ToAddress { message: 0 });
    }
}

#[test]
fn refuses_messages_that_are_not_understood() {
    let unknown = Unsignable::MessageType { message: 1 };
    let with = |type_url: &str| {
        let mut draft = Draft::new();
        draft.body.messages = vec![packed(MSG_SEND, &draft.sends[0]), packed(type_url, &draft.sends[0])];
        refusal(&draft.bytes())
    };
    for type_url in
        ["", "/cosmos.bank.v1beta1.MsgMultiSend", "cosmos.bank.v1beta1.MsgSend", "/cosmos.authz.v1beta1.MsgExec"]
    {
        assert_eq!(with(type_url), unknown, "{type_url}");
    }
    assert_eq!(bent(|draft| draft.sends.clear()), Unsignable::MessageCount { count: 0 });
    let count = limits::COSMOS_MESSAGES + 1;
    let many = bent(|draft| draft.body.messages = vec![protobuf::Any::default(); limits::COSMOS_MESSAGES]);
    assert_eq!(many, Unsignable::MessageCount { count });
}

/// What refuses a document of this message alone.
fn refusal_of(type_url: &str, message: &impl Message) -> Option<Unsignable> {
    let mut draft = Draft::new();
    draft.sends.clear();
    draft.body.messages.push(packed(type_url, message));
    match SignDoc::parse(&draft.bytes()) {
        Ok(_) => None,
        Err(Rejected::Cosmos(unsignable)) => Some(unsignable),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn refuses_staking_for_others_with_nobody_or_of_nothing() {
    let delegated = |bend: fn(&mut protobuf::MsgDelegate)| {
        let mut delegate = protobuf::MsgDelegate {
            delegator_address: address(2, "osmo"),
            validator_address: address(3, "osmovaloper"),
            amount: Some(coin("1", "uosmo")),
        };
        bend(&mut delegate);
        let refused = refusal_of(MSG_DELEGATE, &delegate);
        assert_eq!(refusal_of(MSG_UNDELEGATE, &delegate), refused);
        let other = address(4, "osmovaloper");
        for (src, dst) in [(&delegate.validator_address, &other), (&other, &delegate.validator_address)] {
            let redelegate = protobuf::MsgBeginRedelegate {
                delegator_address: delegate.delegator_address.clone(),
                validator_src_address: src.clone(),
                validator_dst_address: dst.clone(),
                amount: delegate.amount.clone(),
            };
            assert_eq!(refusal_of(MSG_BEGIN_REDELEGATE, &redelegate), refused);
        }
        if delegate.amount == Some(coin("1", "uosmo")) {
            let protobuf::MsgDelegate { delegator_address, validator_address, .. } = delegate;
            let reward = protobuf::MsgWithdrawDelegatorReward { delegator_address, validator_address };
            assert_eq!(refusal_of(MSG_WITHDRAW_DELEGATOR_REWARD, &reward), refused);
        }
        refused
    };
    let (message, part) = (0, Part::Message(0));
    assert_eq!(delegated(|_| ()), None);
    assert_eq!(delegated(|it| it.delegator_address = address(3, "osmo")), Some(Unsignable::FromAddress { message }));
    let validator = Some(Unsignable::Validator { message });
    assert_eq!(delegated(|it| it.validator_address = address(3, "osmo")), validator);
    assert_eq!(delegated(|it| it.validator_address = address(3, "cosmosvaloper")), validator);
    assert_eq!(delegated(|it| it.validator_address.clear()), validator);
    assert_eq!(delegated(|it| it.amount = None), Some(Unsignable::NoCoins { message }));
    assert_eq!(delegated(|it| it.amount = Some(coin("0", "uosmo"))), Some(Unsignable::BadAmount { part }));
    assert_eq!(delegated(|it| it.amount = Some(coin("1", ""))), Some(Unsignable::BadDenom { part }));
}

#[test]
fn refuses_to_send_over_channels_what_cannot_be_shown_or_never_ends() {
    let sent = |bend: &dyn Fn(&mut protobuf::MsgTransfer)| {
        let mut transfer = protobuf::MsgTransfer {
            source_port: "transfer".into(),
            source_channel: "channel-0".into(),
            token: Some(coin("1", "uosmo")),
            sender: address(2, "osmo"),
            receiver: "0xabc".into(),
            timeout_height: None,
            timeout_timestamp: 1,
            memo: String::new(),
        };
        bend(&mut transfer);
        refusal_of(MSG_TRANSFER, &transfer)
    };
    let message = 0;
    assert_eq!(sent(&|_| ()), None);
    assert_eq!(sent(&|it| it.timeout_height = Some(protobuf::Height { revision: 1, height: 2 })), None);
    assert_eq!(sent(&|it| it.sender = address(3, "osmo")), Some(Unsignable::FromAddress { message }));
    assert_eq!(sent(&|it| it.source_port = "wasm.osmo1".into()), Some(Unsignable::Channel { message }));
    for bad in
        ["", "channel-", "channel-01", "channel-+1", "channel-1 ", "07-tendermint-1", "channel-18446744073709551616"]
    {
        assert_eq!(sent(&|it| it.source_channel = bad.into()), Some(Unsignable::Channel { message }), "{bad}");
    }
    for bad in ["", "a b", "a\n", "ä", &"a".repeat(limits::COSMOS_RECEIVER + 1)] {
        assert_eq!(sent(&|it| it.receiver = bad.into()), Some(Unsignable::Receiver { message }), "{bad:?}");
    }
    assert_eq!(sent(&|it| it.timeout_timestamp = 0), Some(Unsignable::Timeout { message }));
    assert_eq!(
        sent(&|it| it.timeout_height = Some(protobuf::Height { revision: 1, height: 0 })),
        Some(Unsignable::Timeout { message })
    );
    let escape = Unsignable::MemoControlCharacter { character: '\x1b', at: 1 };
    assert_eq!(sent(&|it| it.memo = "a\x1b".into()), Some(escape));
    assert_eq!(sent(&|it| it.token = None), Some(Unsignable::NoCoins { message }));
}

/// Of every kind: those that CosmJS built, all in one document.
#[test]
fn refuses_every_truncation_and_signs_no_flipped_bit_alike_of_all_kinds_of_messages() {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/cosmos.json")).unwrap();
    let all = vectors["cases"].as_array().unwrap().last().unwrap();
    let bytes = hex::decode(all["sign_doc"].as_str().unwrap()).unwrap();
    let good = SignDoc::parse(&bytes).unwrap();
    let digest = good.digest_for(good.transaction().public_key()).unwrap();
    for length in 0..bytes.len() {
        assert!(SignDoc::parse(&bytes[..length]).is_err() || length == bytes.len() - 2, "{length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(document) = SignDoc::parse(&flipped) else { continue };
        assert_eq!(document.to_bytes(), flipped);
        assert_ne!(document.digest_for(document.transaction().public_key()).unwrap(), digest, "{bit}");
    }
}

#[test]
fn refuses_coins_that_the_sdk_would_not_take() {
    let part = Part::Message(0);
    assert_eq!(bent(|draft| draft.sends[0].amount.clear()), Unsignable::NoCoins { message: 0 });
    assert_eq!(bent(|draft| draft.sends[0].amount[0].amount = "01".into()), Unsignable::BadAmount { part });
    assert_eq!(bent(|draft| draft.sends[0].amount[0].denom = "u".into()), Unsignable::BadDenom { part });
    let twice = |draft: &mut Draft| draft.sends[0].amount.push(coin("1", "uosmo"));
    assert_eq!(bent(twice), Unsignable::CoinOrder { part });
    let part = Part::Fee;
    assert_eq!(bent(|draft| draft.fee().amount[0].amount = "0".into()), Unsignable::BadAmount { part });
    let mut draft = Draft::new();
    draft.fee().amount.clear();
    assert!(SignDoc::parse(&draft.bytes()).is_ok());
}

#[test]
fn refuses_fees_that_are_missing_or_another_accounts() {
    assert_eq!(bent(|draft| draft.auth_info.fee = None), Unsignable::NoFee);
    assert_eq!(bent(|draft| draft.fee().payer = address(3, "osmo")), Unsignable::FeePayer);
    assert_eq!(bent(|draft| draft.fee().payer = address(2, "cosmos")), Unsignable::FeePayer);
    assert_eq!(bent(|draft| draft.fee().granter = address(2, "osmo")), Unsignable::FeeGranter);
    let mut draft = Draft::new();
    draft.fee().payer = address(2, "osmo");
    assert!(SignDoc::parse(&draft.bytes()).is_ok());
}

#[test]
fn refuses_signers_other_than_one_key_in_direct_mode() {
    assert_eq!(bent(|draft| draft.auth_info.signer_infos.clear()), Unsignable::SignerCount { count: 0 });
    let twice = |draft: &mut Draft| draft.auth_info.signer_infos.push(protobuf::SignerInfo::default());
    assert_eq!(bent(twice), Unsignable::SignerCount { count: 2 });
    assert_eq!(bent(|draft| draft.signer().mode_info = None), Unsignable::SignMode);
    for mode in [0, 2, 3, 127, 191, -1] {
        let single = Some(protobuf::Single { mode });
        let mode_info = Some(protobuf::ModeInfo { single, multi: None });
        assert_eq!(bent(|draft| draft.signer().mode_info = mode_info), Unsignable::SignMode);
    }
    let both = |draft: &mut Draft| draft.signer().mode_info.as_mut().unwrap().multi = Some(vec![]);
    assert_eq!(bent(both), Unsignable::SignMode);
}

#[test]
fn refuses_public_keys_of_other_kinds_and_lengths() {
    let bad = Unsignable::BadPublicKey;
    assert_eq!(bent(|draft| draft.key.key.truncate(32)), bad);
    assert_eq!(bent(|draft| draft.key.key = vec![4; 65]), bad);
    for kind in ["", "/cosmos.crypto.ed25519.PubKey", "/ethermint.crypto.v1.ethsecp256k1.PubKey"] {
        let key = protobuf::PubKey { key: KEY.to_vec() };
        assert_eq!(bent(|draft| draft.signer().public_key = Some(packed(kind, &key))), bad, "{kind}");
    }
    // Without a key the network would look it up; here it has to be stated.
    let mut draft = Draft::new();
    let (body, _) = draft.parts();
    draft.auth_info.signer_infos[0].public_key = None;
    assert_eq!(refusal(&document(body, draft.auth_info.encode_to_vec(), "osmosis-1")), bad);
}

#[test]
fn refuses_what_changes_the_meaning_of_the_rest() {
    assert_eq!(bent(|draft| draft.body.extension_options.push(vec![])), Unsignable::Extension);
    assert_eq!(bent(|draft| draft.body.non_critical_extension_options.push(vec![])), Unsignable::Extension);
    assert_eq!(bent(|draft| draft.body.unordered = true), Unsignable::Unordered);
    assert_eq!(bent(|draft| draft.body.timeout_timestamp = Some(vec![])), Unsignable::Unordered);
    assert_eq!(bent(|draft| draft.auth_info.tip = Some(vec![])), Unsignable::Tip);
}

#[test]
fn refuses_memos_that_are_too_long_or_not_shown_as_they_are() {
    let memo = |memo: String| bent(|draft| draft.body.memo = memo);
    let length = limits::COSMOS_MEMO + 1;
    assert_eq!(memo("a".repeat(length)), Unsignable::MemoTooLong { length });
    for character in ['\0', '\r', '\x1b', '\u{85}', '\u{202e}'] {
        assert_eq!(memo(format!("ab{character}")), Unsignable::MemoControlCharacter { character, at: 2 });
    }
}

#[test]
fn refuses_chain_ids_that_no_chain_has() {
    let longest = "a".repeat(limits::COSMOS_CHAIN_ID);
    for bad in ["", " ", "a b", "a\n", "ä", &format!("{longest}a")] {
        assert_eq!(bent(|draft| draft.chain_id = bad.into()), Unsignable::BadChainId, "{bad:?}");
    }
    let signed = SignDoc::parse(&Draft::new().bytes()).unwrap().with_signature(SIGNATURE);
    assert_eq!(signed.sign_doc("", 1), Err(Unsignable::BadChainId.into()));
    assert!(signed.sign_doc(&longest, 1).is_ok());
}

/// The documents that ADR-027 has every signer and node refuse, made from one that they take.
#[test]
fn refuses_every_encoding_that_adr_027_forbids() {
    let good = Draft::new().bytes();
    let (body, auth_info) = Draft::new().parts();
    let whole = Unsignable::NotCanonical { part: Part::SignDoc };
    // Account number 300 is two bytes of varint behind its key.
    let (front, number) = good.split_at(good.len() - 3);
    assert_eq!(number, [0x20, 0xac, 0x02]);
    for (forbidden, number) in [
        ("a longer varint", &[0x20, 0xac, 0x82, 0x00][..]),
        ("a longer key", &[0xa0, 0x00, 0xac, 0x02]),
        ("a default that is written", &[0x20, 0x00]),
        ("a field twice", &[0x20, 0x01, 0x20, 0xac, 0x02]),
        ("a varint of ten bytes for one", &[0x20, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
        ("an unknown field", &[0x20, 0xac, 0x02, 0x28, 0x01]),
        ("an unknown group", &[0x20, 0xac, 0x02, 0x2b, 0x2c]),
        ("trailing fields", &[0x20, 0xac, 0x02, 0x0a, 0x00]),
    ] {
        assert_eq!(refusal(&[front, number].concat()), whole, "{forbidden}");
    }
    assert_eq!(refusal(&[number, front].concat()), whole, "fields out of order");
    for (forbidden, bytes) in [
        ("another wire type", [front, &[0x21, 1, 0, 0, 0, 0, 0, 0, 0]].concat()),
        ("a varint that never ends", [front, &[0x20], &[0xff; 11]].concat()),
        ("a trailing byte", [&good[..], &[0]].concat()),
        ("nested groups", [&good[..], &[0x2b; 500], &[0x2c; 500]].concat()),
        ("a length beyond the end", [&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &good].concat()),
        ("text that is not UTF-8", [&good[..], &[0x1a, 1, 0xff]].concat()),
    ] {
        assert_eq!(refusal(&bytes), Unsignable::NotProtobuf { part: Part::SignDoc }, "{forbidden}");
    }
    let unknown = [0x38, 0x01];
    let body_with = document([&body[..], &unknown].concat(), auth_info.clone(), "a");
    assert_eq!(refusal(&body_with), Unsignable::NotCanonical { part: Part::Body });
    let auth_info_with = document(body.clone(), [&auth_info[..], &unknown].concat(), "a");
    assert_eq!(refusal(&auth_info_with), Unsignable::NotCanonical { part: Part::AuthInfo });
    let mut draft = Draft::new();
    let mut send = packed(MSG_SEND, &draft.sends.remove(0));
    send.value.extend(unknown);
    draft.body.messages.push(send);
    assert_eq!(refusal(&draft.bytes()), Unsignable::NotCanonical { part: Part::Message(0) });
    let mut draft = Draft::new();
    let mut key = packed(SECP256K1_KEY, &draft.key);
    key.value.extend(unknown);
    draft.signer().public_key = Some(key);
    assert_eq!(refusal(&draft.bytes()), Unsignable::NotCanonical { part: Part::PublicKey });
}

#[test]
fn refuses_more_than_the_limit_before_reading_it() {
    let length = limits::COSMOS_SIGN_DOC + 1;
    let long = vec![0x0a; length];
    assert_eq!(refusal(&long), Unsignable::TooLong { length });
    assert_eq!(SignedTransaction::parse(&long), Err(Unsignable::TooLong { length }.into()));
}

#[test]
fn refuses_signed_transactions_without_exactly_one_signature() {
    let (body_bytes, auth_info_bytes) = Draft::new().parts();
    let raw = |signatures: &[usize]| {
        let signatures = signatures.iter().map(|&length| vec![1; length]).collect();
        protobuf::TxRaw { body_bytes: body_bytes.clone(), auth_info_bytes: auth_info_bytes.clone(), signatures }
    };
    assert!(SignedTransaction::parse(&raw(&[64]).encode_to_vec()).is_ok());
    for bad in [&[][..], &[0], &[63], &[65], &[64, 64]] {
        let refused = SignedTransaction::parse(&raw(bad).encode_to_vec());
        assert_eq!(refused, Err(Unsignable::BadSignature.into()), "{bad:?}");
    }
}

#[test]
fn no_text_makes_a_sign_document() {
    // A document begins with 0x0a, what is hashed for a text with the SHA-256 of its tag.
    assert_eq!(Draft::new().bytes()[0], 0x0a);
    let tag: [u8; 32] = Sha256::digest("Cloister/message").into();
    assert_ne!(tag[0], 0x0a);
    assert!(SignDoc::parse(&message::signing_bytes(b"hi").unwrap()).is_err());
}

/// The one truncation that is a document: without account number, which is then 0.
#[test]
fn refuses_every_truncation_but_the_missing_account_number() {
    let bytes = Draft::new().bytes();
    for length in 0..bytes.len() {
        match SignDoc::parse(&bytes[..length]) {
            Ok(document) => assert_eq!((document.account_number(), length), (0, bytes.len() - 3)),
            Err(_) => assert_ne!(length, bytes.len() - 3),
        }
    }
    let signed = SignDoc::parse(&bytes).unwrap().with_signature(SIGNATURE).to_bytes();
    for length in 0..signed.len() {
        assert!(SignedTransaction::parse(&signed[..length]).is_err(), "{length}");
    }
}

#[test]
fn survives_every_flipped_bit_and_never_signs_it_alike() {
    let bytes = Draft::new().bytes();
    let digest = SignDoc::parse(&bytes).unwrap().digest_for(&KEY).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(document) = SignDoc::parse(&flipped) {
            assert_eq!(document.to_bytes(), flipped);
            assert_ne!(document.digest_for(&KEY).unwrap(), digest);
        }
    }
}

proptest! {
    #[test]
    fn reads_every_document_as_it_was_written(
        amounts in prop::collection::vec(1u128.., 1..limits::COSMOS_MESSAGES),
        recipient: u8, sequence: u64, gas_limit: u64, timeout_height: u64, fee in 1u64..,
        memo in "[a-z0-9 äß\n]{0,100}", prefix in "[a-z][a-z0-9]{0,20}",
    ) {
        let mut draft = Draft::new();
        draft.sends = amounts.iter().map(|amount| protobuf::MsgSend {
            from_address: address(2, &prefix),
            to_address: address(recipient, &prefix),
            amount: vec![coin(&amount.to_string(), "uosmo")],
        }).collect();
        draft.signer().sequence = sequence;
        draft.fee().gas_limit = gas_limit;
        draft.fee().amount[0].amount = fee.to_string();
        draft.body.timeout_height = timeout_height;
        draft.body.memo = memo.clone();
        let bytes = draft.bytes();
        let document = SignDoc::parse(&bytes).unwrap();
        prop_assert_eq!(document.to_bytes(), &bytes[..]);
        let signed = document.with_signature(SIGNATURE);
        let again = SignedTransaction::parse(&signed.to_bytes()).unwrap();
        prop_assert_eq!(again.sign_doc(document.chain_id(), document.account_number()), Ok(document));
        let transaction = again.transaction();
        prop_assert_eq!((transaction.sequence(), transaction.timeout_height()), (sequence, timeout_height));
        prop_assert_eq!(transaction.memo(), &memo);
        let to = address(recipient, &prefix);
        let sent: Vec<String> = transaction.effects().iter().map(ToString::to_string).collect();
        let expected = amounts.iter().map(|amount| format!("pays {amount} uosmo to {to}"));
        let told = format!("calls {to} with input 0x{}", hex::encode(Sha256::digest(&memo)));
        let told = (!memo.is_empty()).then_some(told);
        prop_assert_eq!(sent, expected.chain(told).chain([format!("costs up to {fee} uosmo")]).collect::<Vec<_>>());
    }

    #[test]
    fn survives_random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(SignDoc::parse(&bytes).is_err());
        prop_assert!(SignedTransaction::parse(&bytes).is_err());
    }
}
