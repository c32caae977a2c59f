//! What the policy is told of payloads that are built best with others' libraries.

use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Transaction, TxIn, TxOut, Txid,
    absolute::LockTime,
    bip32::{DerivationPath, Fingerprint},
    hashes::Hash as _,
    secp256k1::PublicKey,
    transaction::Version,
};
use cloister_chains::{
    bitcoin::{CompressedKey, Spender},
    derivation::{ChildPath, ExtendedKey},
};
use cloister_policy::{
    Facts,
    payload::{self, Account, Change},
};
use cloister_tests::{
    charter::{COSMOS, Charter, NOW, list},
    payload::cosmos_transfer,
};
use cloister_wire::{
    ids::KeyId,
    policy::{ForeignInputs, Network, Permission},
    request::{Chain, Purpose, Scheme},
};

/// The example of EIP-712.
const MAIL: &[u8] = include_bytes!("../../fuzz/seeds/ethereum_typed_data/mail");

/// Two steps below an account.
const PATH: [u32; 3] = [4, 0, 5];

fn root() -> ExtendedKey {
    // The generator: a point as good as any.
    let hex = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    ExtendedKey::root(&hex::decode(hex).unwrap().try_into().unwrap(), [7; 32]).unwrap()
}

fn child(path: &[u32]) -> [u8; 33] {
    root().derive(&ChildPath::new(path).unwrap()).unwrap().0.public_key()
}

/// What the child at [`PATH`] is told.
fn facts(chain: Chain, purpose: Purpose, payload: &[u8]) -> Facts {
    let mut request = Charter::new(2, 2).sign_request(KeyId::from_bytes([1; 32]), chain, payload, 1, NOW);
    (request.purpose, request.path) = (purpose, list(PATH));
    let spender = |key: [u8; 33]| Spender::Ecdsa(CompressedKey::from(key));
    let at = |path: &ChildPath| Some(spender(child(path.steps())));
    let (public_key, scheme) = (child(&PATH), Scheme::Secp256k1Ecdsa);
    let change = Some(Change { fingerprint: root().fingerprint(), spender: &at });
    let account = Account { scheme, public_key: &public_key, spender: Some(spender(public_key)), change, tables: &[] };
    payload::read(&account, &request).unwrap().facts
}

fn script(key: &[u8]) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&bitcoin::CompressedPublicKey::from_slice(key).unwrap().wpubkey_hash())
}

/// Spends coins of the child at [`PATH`], each by its number, on outputs of 1000 satoshis to children at these paths, which it names.
fn psbt(coins: &[u8], outputs: &[&[u32]]) -> Psbt {
    let coin = TxOut { value: Amount::from_sat(100_000), script_pubkey: script(&child(&PATH)) };
    let funding = |number: u8| Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint { txid: Txid::from_byte_array([number; 32]), vout: 0 },
            ..TxIn::default()
        }],
        output: vec![coin.clone()],
    };
    let fundings: Vec<_> = coins.iter().map(|number| funding(*number)).collect();
    let spent = |funding: &Transaction| OutPoint { txid: funding.compute_txid(), vout: 0 };
    let input = fundings.iter().map(|funding| TxIn { previous_output: spent(funding), ..TxIn::default() }).collect();
    let output =
        outputs.iter().map(|path| TxOut { value: Amount::from_sat(1000), script_pubkey: script(&child(path)) });
    let transaction = Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output: output.collect() };
    let mut psbt = Psbt::from_unsigned_tx(transaction).unwrap();
    for (input, funding) in psbt.inputs.iter_mut().zip(fundings) {
        (input.witness_utxo, input.non_witness_utxo) = (Some(coin.clone()), Some(funding));
    }
    for (output, path) in psbt.outputs.iter_mut().zip(outputs) {
        let text = ChildPath::new(path).unwrap().to_string();
        let origin = (Fingerprint::from(root().fingerprint()), text.parse::<DerivationPath>().unwrap());
        output.bip32_derivation.insert(PublicKey::from_slice(&child(path)).unwrap(), origin);
    }
    psbt
}

fn bitcoin(psbt: &Psbt) -> Facts {
    facts(Chain::Bitcoin, Purpose::Transaction, &psbt.serialize())
}

#[test]
fn a_psbt_says_its_fee_rate_and_whether_others_sign_it_too() {
    let own = psbt(&[1, 2], &[&[9]]);
    let facts = bitcoin(&own);
    assert_eq!(facts.permission, Permission::Bitcoin { foreign: ForeignInputs::Refused });
    assert_eq!(facts.network, Some(Network::Bitcoin));
    // 199,000 satoshis for 10 bytes and a half, two inputs of 68 and an output of 31.
    assert!(facts.fee_rate.is_some_and(|rate| (1100..1130).contains(&rate)), "{:?}", facts.fee_rate);
    let mut shared = own;
    let stranger = script(&child(&[9]));
    let funding = shared.inputs[1].non_witness_utxo.as_mut().unwrap();
    funding.output[0].script_pubkey = stranger.clone();
    shared.unsigned_tx.input[1].previous_output.txid = funding.compute_txid();
    shared.inputs[1].witness_utxo.as_mut().unwrap().script_pubkey = stranger;
    assert_eq!(bitcoin(&shared).permission, Permission::Bitcoin { foreign: ForeignInputs::LeftAlone });
}

#[test]
fn psbts_that_spend_the_same_coins_share_a_place_and_others_do_not() {
    let place = |coins: &[u8], outputs: &[&[u32]]| bitcoin(&psbt(coins, outputs)).place;
    assert!(place(&[1, 2], &[&[9]]).is_some());
    assert_eq!(place(&[1, 2], &[&[9]]), place(&[2, 1], &[&[8], &[7]]), "in another order, to others");
    assert_ne!(place(&[1, 2], &[&[9]]), place(&[1, 3], &[&[9]]));
    assert_ne!(place(&[1, 2], &[&[9]]), place(&[1], &[&[9]]));
}

#[test]
fn what_comes_back_to_a_child_of_the_same_account_is_shown_with_its_path() {
    let lines = bitcoin(&psbt(&[1], &[&[4, 1, 7], &[3, 1, 7]])).lines;
    assert_eq!(lines.iter().filter(|line| line.contains("names child")).count(), 1, "{lines:?}");
    assert!(lines.contains(&"an output names child m/4/1/7 of the signer".to_owned()), "{lines:?}");
    assert!(lines.contains(&"pays 1000 satoshis to the signer".to_owned()), "{lines:?}");
}

#[test]
fn what_comes_back_is_looked_for_in_sixty_four_outputs() {
    let paths: Vec<_> = (0..65).map(|step| [4, 1, step]).collect();
    let paths: Vec<&[u32]> = paths.iter().map(<[u32; 3]>::as_slice).collect();
    let lines = bitcoin(&psbt(&[1], &paths)).lines;
    assert_eq!(lines.iter().filter(|line| *line == "pays 1000 satoshis to the signer").count(), 64);
}

#[test]
fn a_cosmos_transaction_says_its_chain_and_its_memo_and_others_of_its_sequence_replace_it() {
    let facts = |payload: &[u8]| facts(Chain::Cosmos, Purpose::Transaction, payload);
    let payload = cosmos_transfer(&child(&PATH), COSMOS);
    let plain = facts(&payload);
    assert_eq!(plain.lines[0], format!("Cosmos transaction on chain {COSMOS}"));
    assert!(!plain.lines.iter().any(|line| line.starts_with("memo")), "{:?}", plain.lines);
    assert!(plain.place.is_some());
    // The body's length is of two bytes, behind its tag; a memo of two letters makes it longer by four.
    assert!(payload[1] & 0x80 != 0 && payload[1] < 0xfc);
    let body = 3 + usize::from(payload[1] & 0x7f) + 128 * usize::from(payload[2]);
    let longer =
        [&[payload[0], payload[1] + 4][..], &payload[2..body], &[0x12, 2, b'h', b'i'], &payload[body..]].concat();
    let with_memo = facts(&longer);
    assert_eq!(with_memo.lines[1], "memo \"hi\"");
    assert_eq!(with_memo.place, plain.place);
    let sequence = payload.windows(2).rposition(|bytes| bytes == [0x18, 7]).unwrap();
    let mut next = payload;
    next[sequence + 1] = 8;
    assert!(facts(&next).place.is_some_and(|place| Some(place) != plain.place));
}

#[test]
fn typed_data_says_its_contract_and_its_chain() {
    let lines = facts(Chain::Ethereum, Purpose::TypedData, MAIL).lines;
    let contract = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC";
    assert_eq!(lines[0], format!("typed data (EIP-712) for contract {contract} on chain 1"));
}
