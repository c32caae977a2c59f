//! Facts that are read from payloads.

use cloister_chains::{U256, effect::Effect};
use cloister_policy::payload::{self, Account, Payload};
use cloister_wire::{
    ids::{GroupId, Hash, KeyId, RequestId, UnixMillis},
    limits,
    policy::{AssetName, LookupTable, Network, Permission},
    refusal::Refusal,
    request::{Chain, Purpose, Scheme, SignRequest},
};

use crate::fixture::*;

const ECDSA_KEY: [u8; 33] = [2; 33];
const ED25519_KEY: [u8; 32] = [7; 32];

fn read(chain: Chain, purpose: Purpose, payload: &[u8]) -> Result<Payload, Refusal> {
    read_with(&[], chain, purpose, payload)
}

fn read_with(tables: &[LookupTable], chain: Chain, purpose: Purpose, payload: &[u8]) -> Result<Payload, Refusal> {
    let (scheme, public_key) = match chain {
        Chain::Ethereum => (Scheme::Secp256k1Ecdsa, &ECDSA_KEY[..]),
        _ => (Scheme::Ed25519, &ED25519_KEY[..]),
    };
    let request = SignRequest {
        group: GroupId::from_bytes([0; 16]),
        tenant: "acme".parse().unwrap(),
        key: KeyId::from_bytes([0; 32]),
        path: list([]),
        chain,
        purpose,
        payload: payload.try_into().unwrap(),
        requester: name("carol"),
        id: RequestId::from_bytes([0; 16]),
        issued_at: UnixMillis(0),
        not_after: UnixMillis(1),
        session: None,
    };
    payload::read(&Account { scheme, public_key, spender: None, change: None, tables }, &request)
}

/// EIP-155's example: nonce 9, 20 gwei for each of 21,000 gas, 1 ether; here with another nonce, price and amount.
fn ethereum(nonce: u8, price: u8, amount: u8) -> Payload {
    let hex = format!(
        "ec{nonce:02x}8504a817c8{price:02x}825208943535353535353535353535353535353535353535880de0b6b3a76400{amount:02x}80018080"
    );
    read(Chain::Ethereum, Purpose::Transaction, &hex::decode(hex).unwrap()).unwrap()
}

#[test]
fn an_ethereum_transaction_says_its_chain_its_fee_and_what_it_pays() {
    let Payload { facts, digests } = ethereum(9, 0, 0);
    assert_eq!((facts.permission, facts.network), (ETHEREUM, Some(MAINNET)));
    assert_eq!(facts.fees, [(AssetName::Native, U256::from(420_000_000_000_000_u64))]);
    assert_eq!(facts.effects.len(), 1);
    assert_eq!(facts.lines.len(), 3);
    assert_eq!(hex::encode(&digests[0]), "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
}

#[test]
fn transactions_of_one_nonce_share_a_place_and_others_do_not() {
    let place = |nonce, price, amount| ethereum(nonce, price, amount).facts.place;
    assert!(place(9, 0, 0).is_some());
    assert_eq!(place(9, 0, 0), place(9, 1, 1));
    assert_ne!(place(9, 0, 0), place(10, 0, 0));
}

/// A Solana message that begins by moving a durable nonce on and then pays.
fn with_durable_nonce(lamports: u64) -> Vec<u8> {
    let accounts = [[7; 32], [8; 32], [9; 32], [6; 32], [0; 32]].concat();
    let pay = [&[2, 0, 0, 0][..], &lamports.to_le_bytes()].concat();
    let advance = [&[4, 3, 1, 3, 0, 4][..], &[4, 0, 0, 0]].concat();
    [&[1, 0, 2, 5][..], &accounts, &[5; 32], &[2], &advance, &[4, 2, 0, 2, 12], &pay].concat()
}

#[test]
fn a_durable_nonce_is_no_place_because_a_recent_blockhash_may_stand_there() {
    let read = |lamports| read(Chain::Solana, Purpose::Transaction, &with_durable_nonce(lamports)).unwrap().facts;
    assert_eq!((read(5).permission, read(5).network), (Permission::Solana, Some(Network::Solana)));
    assert_eq!(read(5).effects.len(), 1, "moving the nonce on is no effect of its own");
    assert_eq!(read(5).place, None);
}

#[test]
fn a_call_of_a_solana_program_is_shown_with_the_accounts_that_it_is_given() {
    let accounts = [[7; 32], [8; 32], [9; 32]].concat();
    let message = [&[1, 0, 1, 3][..], &accounts, &[5; 32], &[1, 2, 2, 0, 1, 1, 0xff]].concat();
    let lines = read(Chain::Solana, Purpose::Transaction, &message).unwrap().facts.lines;
    let given = cloister_chains::solana::Pubkey::from([8; 32]).to_string();
    let last = lines.last().unwrap();
    assert!(last.starts_with("call 1 is given the accounts ") && last.contains(&given), "{lines:?}");
}

#[test]
fn a_pinned_lookup_table_says_whom_a_transfer_pays() {
    let pay = [&[1, 1, 2, 0, 2, 12, 2, 0, 0, 0][..], &5_u64.to_le_bytes()].concat();
    let accounts = [&[2][..], &[7; 32], &[0; 32]].concat();
    let lookup = [&[1][..], &[50; 32], &[1, 1, 0]].concat();
    let message = [&[0x80, 1, 0, 1][..], &accounts, &[5; 32], &pay, &lookup].concat();
    let table = |address, accounts: &[u8]| LookupTable {
        address: Hash::from_bytes([address; 32]),
        addresses: list(accounts.iter().map(|account| Hash::from_bytes([*account; 32]))),
    };
    let read = |tables: &[LookupTable]| read_with(tables, Chain::Solana, Purpose::Transaction, &message);
    let Payload { facts, digests } = read(&[table(49, &[30]), table(50, &[20, 21])]).unwrap();
    let to = cloister_chains::solana::Pubkey::from([21; 32]);
    assert!(facts.lines[0].contains(&format!("pays 5 lamports to {to}")), "{:?}", facts.lines);
    assert_eq!(digests.concat(), message);
    for tables in [&[][..], &[table(49, &[20, 21])], &[table(50, &[20])]] {
        assert_eq!(read(tables).unwrap_err(), Refusal::PayloadRejected);
    }
}

/// An authorisation of `nonce`, below 128, for an account's code to become another's.
fn authorization(chain_id: u8, code: u8, nonce: u8) -> Payload {
    let number = |number| if number == 0 { 0x80 } else { number };
    let payload = [&[0xd7, number(chain_id), 0x94][..], &[code; 20], &[number(nonce)]].concat();
    read(Chain::Ethereum, Purpose::Authorization, &payload).unwrap()
}

#[test]
fn an_authorisation_is_a_payload_of_its_own_and_its_place_is_no_transactions() {
    let Payload { facts, .. } = authorization(1, 0xcc, 9);
    assert_eq!((facts.permission, facts.network), (Permission::Authorization { chain_id: 1 }, Some(MAINNET)));
    assert!(matches!(facts.effects[..], [Effect::Delegation { nonce: 9, .. }]) && facts.fees.is_empty());
    assert_eq!(facts.lines[0], "EIP-7702 authorisation on chain 1, nonce 9");
    let place = |code, nonce| authorization(1, code, nonce).facts.place;
    assert_eq!(place(0xcc, 9), place(0xdd, 9));
    assert_ne!(place(0xcc, 9), place(0xcc, 8));
    assert_ne!(place(0xcc, 9), ethereum(9, 0, 0).facts.place);
}

#[test]
fn nothing_takes_the_place_of_an_authorisation_for_every_chain() {
    let facts = authorization(0, 0xcc, 9).facts;
    assert_eq!((facts.permission, facts.network), (Permission::Authorization { chain_id: 0 }, None));
    assert_eq!(facts.place, None);
    assert_eq!(facts.lines[0], "EIP-7702 authorisation on every chain, nonce 9");
}

/// A user operation of the account of 20 bytes of 0xc4, on chain 1: it calls nothing and costs up to 1200 wei.
fn user_operation(nonce: u8, call_data: u8) -> Payload {
    let word = |number: u64| U256::from(number).to_be_bytes();
    let pair = |high: u128, low: u128| [high.to_be_bytes(), low.to_be_bytes()].concat();
    let address = |bytes: [u8; 20]| [&[0; 12][..], &bytes].concat();
    let entry_point = "0000000071727de22e5e9d8baf0edac6f37da032";
    let head = [&word(96)[..], &address(hex::decode(entry_point).unwrap().try_into().unwrap()), &word(1)].concat();
    let fields = [
        address([0xc4; 20]),
        word(nonce.into()).to_vec(),
        word(256).to_vec(),
        word(288).to_vec(),
        pair(100, 200),
        word(300).to_vec(),
        pair(1, 2),
        word(352).to_vec(),
    ];
    let calls = [&word(1)[..], &[call_data], &[0; 31]].concat();
    let payload = [head, fields.concat(), word(0).to_vec(), calls, word(0).to_vec()].concat();
    read(Chain::Ethereum, Purpose::UserOperation, &payload).unwrap()
}

#[test]
fn a_user_operation_is_the_accounts_and_others_of_its_nonce_replace_it() {
    let facts = user_operation(7, 1).facts;
    assert!(
        matches!(facts.permission, Permission::UserOperation { chain_id: 1, account } if account.as_bytes()[0] == 0xc4)
    );
    assert_eq!(facts.network, Some(MAINNET));
    assert_eq!(facts.fees, [(AssetName::Native, U256::from(1200_u64))]);
    assert_eq!(facts.effects.len(), 1, "a call of the account");
    assert!(facts.lines[0].starts_with("user operation of account 0xC4c4"), "{:?}", facts.lines);
    assert_eq!(facts.place, user_operation(7, 2).facts.place);
    assert_ne!(facts.place, user_operation(8, 1).facts.place);
}

#[test]
fn a_message_that_may_be_the_hash_of_a_user_operation_is_refused() {
    let read = |message: &[u8]| read(Chain::Ethereum, Purpose::Message, message).map(drop);
    assert_eq!(read(&[7; 32]), Err(Refusal::PayloadRejected));
    assert_eq!(read(b"thirty-two letters make a hash.."), Err(Refusal::PayloadRejected));
    assert_eq!(read(&[7; 33]), Ok(()));
}

#[test]
fn a_text_does_nothing_and_is_shown_in_quotation_marks() {
    let facts = read(Chain::Message, Purpose::Message, b"pay \"bob\"").unwrap().facts;
    assert!(facts.effects.is_empty() && facts.fees.is_empty() && facts.place.is_none());
    assert_eq!(facts.lines, ["signs the text \"pay \\\"bob\\\"\""]);
    let facts = read(Chain::Ethereum, Purpose::Message, b"pay").unwrap().facts;
    assert_eq!(facts.lines, ["signs the Ethereum message \"pay\""]);
}

#[test]
fn purposes_and_schemes_that_do_not_fit_the_chain_are_refused() {
    for purpose in [Purpose::Message, Purpose::Authorization, Purpose::UserOperation] {
        assert_eq!(read(Chain::Solana, purpose, b"").unwrap_err(), Refusal::PurposeMismatch);
    }
    assert_eq!(read(Chain::Bitcoin, Purpose::Transaction, b"").unwrap_err(), Refusal::SchemeMismatch);
    assert_eq!(read(Chain::Solana, Purpose::Transaction, b"?").unwrap_err(), Refusal::PayloadRejected);
}

#[test]
fn what_is_cut_is_not_shown_whole() {
    let mut request = Request::pays(5);
    assert!(request.facts.is_shown_whole());
    request.facts.lines = vec!["é".repeat(limits::RENDERING / 2)];
    assert!(!request.facts.is_shown_whole());
}

#[test]
fn what_is_shown_whole_is_not_cut_whatever_the_names_before_it() {
    let session = Some(rule(&"s".repeat(limits::RULE_NAME)));
    let path = vec![u32::MAX; limits::PATH];
    let (requester, key) = (name(&"r".repeat(limits::NAME)), "k".repeat(limits::NAME).parse().unwrap());
    let mut request = Request { requester, key, path, session, ..Request::pays(5) };
    for line in ["", "pays somebody"] {
        let counts: Vec<_> = (0..limits::RENDERING).collect();
        let most = counts.partition_point(|count| {
            request.facts.lines = vec![line.into(); *count];
            request.facts.is_shown_whole()
        });
        request.facts.lines = vec![line.into(); most - 1];
        let shown = request.shown();
        assert!(
            shown.ends_with(&format!("{line}\n{line}")) && shown.len() > limits::RENDERING - 1024,
            "{}",
            shown.len()
        );
    }
    assert!(request.shown().contains(", asked for by session key sss"));
}

#[test]
fn a_long_rendering_is_cut_and_says_the_hash_of_all() {
    let mut request = Request::pays(5);
    request.facts.lines = vec!["é".repeat(limits::RENDERING)];
    let text = request.facts.rendering(&request.asked());
    assert!(text.len() <= limits::RENDERING && text.contains("and more: "), "{}", text.len());
    assert!(
        text.starts_with(&format!("with key hot\n{}", "é".repeat(limits::RENDERING / 2 - 256))),
        "it shows what it can"
    );
    request.facts.lines = vec!["pays".into()];
    let path = vec![0, 5];
    assert_eq!(Request { path, ..request.clone() }.shown(), "with key hot, child m/0/5\npays");
    assert_eq!(request.shown(), "with key hot\npays");
}

impl Request {
    fn shown(&self) -> String {
        self.facts.rendering(&self.asked())
    }
}
