//! What eth-account made (`chains/vectors/ethereum.json`, with the script that made it), and what
//! is refused.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    Rejected, U256, limits,
    rejected::{Fault, Malformed},
};

pub(super) fn vectors(part: &str) -> Value {
    let text = include_str!("../../vectors/ethereum.json");
    serde_json::from_str::<Value>(text).unwrap()[part].take()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap()
}

pub(super) fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn number(value: &Value) -> U256 {
    value.to_string().parse().unwrap()
}

pub(super) fn fault<T: std::fmt::Debug>(refused: Result<T, Rejected>) -> Fault {
    match refused {
        Err(Rejected::Malformed(Malformed { fault, .. })) => fault,
        other => panic!("{other:?}"),
    }
}

pub(super) fn unsignable<T: std::fmt::Debug>(refused: Result<T, Rejected>) -> Unsignable {
    match refused {
        Err(Rejected::Ethereum(unsignable)) => unsignable,
        other => panic!("{other:?}"),
    }
}

#[test]
fn eth_keys_derives_the_same_addresses() {
    for case in list(&vectors("addresses")) {
        let address = Address::of_public_key(&array(&case["public_key"]));
        assert_eq!(address.to_string(), case["address"].as_str().unwrap());
    }
}

#[test]
fn eth_account_signs_the_same_hashes_and_sends_the_same_bytes() {
    let transactions = vectors("transactions");
    let cases = list(&transactions);
    assert_eq!(cases.len(), 36);
    for case in cases {
        let [unsigned, signed] = ["unsigned", "signed"].map(|part| bytes(&case[part]));
        let transaction = Transaction::parse(&unsigned).unwrap();
        assert_eq!(transaction.signing_hash(), array(&case["signing_hash"]), "{}", case["name"]);
        let y_parity = YParity::try_from(case["y_parity"].as_u64().unwrap()).unwrap();
        let signature = Signature::new(array(&case["r"]), array(&case["s"]), y_parity).unwrap();
        assert_eq!(transaction.with_signature(&signature), signed, "{}", case["name"]);
        let parsed = SignedTransaction::parse(&signed).unwrap();
        assert_eq!((parsed.transaction(), parsed.signature()), (&transaction, &signature));
        assert_eq!(parsed.hash(), array(&case["hash"]));
    }
}

#[test]
fn says_what_eth_account_was_told() {
    for case in list(&vectors("transactions")) {
        let unsigned = bytes(&case["unsigned"]);
        let transaction = Transaction::parse(&unsigned).unwrap();
        let fields = &case["fields"];
        let kind = transaction.transaction_type().byte().map(u64::from);
        assert_eq!(kind, fields["type"].as_u64());
        assert_eq!(transaction.chain_id(), fields["chainId"].as_u64().unwrap());
        assert_eq!(transaction.nonce(), fields["nonce"].as_u64().unwrap());
        assert_eq!(transaction.gas_limit(), fields["gas"].as_u64().unwrap());
        assert_eq!(transaction.data(), bytes(&fields["data"]));
        assert_eq!(transaction.to().is_some(), fields.get("to").is_some());
        if let Some(to) = transaction.to() {
            assert_eq!(*to.as_bytes(), array(&fields["to"]));
        }
        check_fees(&transaction, fields);
        check_lists(&transaction, case);
    }
}

fn check_fees(transaction: &Transaction<'_>, fields: &Value) {
    let said = |field: &str, price: u128| assert_eq!(U256::from(price), number(&fields[field]), "{field}");
    match transaction.fees() {
        Fees::GasPrice(price) => said("gasPrice", price),
        Fees::Dynamic { max_priority, max } => {
            said("maxPriorityFeePerGas", max_priority);
            said("maxFeePerGas", max);
        }
        Fees::Blob { max_priority, max, max_per_blob_gas } => {
            said("maxPriorityFeePerGas", max_priority);
            said("maxFeePerGas", max);
            said("maxFeePerBlobGas", max_per_blob_gas);
        }
    }
}

fn check_lists(transaction: &Transaction<'_>, case: &Value) {
    let fields = &case["fields"];
    let lists = fields.get("accessList").map_or(&[][..], list);
    assert_eq!(transaction.access_list().len(), lists.len());
    for (item, said) in transaction.access_list().iter().zip(lists) {
        assert_eq!(*item.address.as_bytes(), array(&said["address"]));
        assert_eq!(item.storage_keys, list(&said["storageKeys"]).iter().map(array).collect::<Vec<_>>());
    }
    let hashes = fields.get("blobVersionedHashes").map_or(&[][..], list);
    assert_eq!(transaction.blob_hashes(), hashes.iter().map(array).collect::<Vec<_>>());
    assert_eq!(transaction.authorizations().len() as u64, case["authorizations"].as_u64().unwrap());
    for (position, authorization) in transaction.authorizations().iter().enumerate() {
        let chain = if position % 2 == 0 { 0 } else { transaction.chain_id() };
        assert_eq!((authorization.chain_id, authorization.nonce), (U256::from(chain), position as u64));
        assert_eq!(Some(authorization.address), transaction.to());
    }
}

#[test]
fn shows_values_in_decimal() {
    // serde_json reads numbers above 64 bits as floats, so that these stand here.
    let values = ["0", "1", "1000000000000000000", "18446744073709551616"].map(str::to_owned);
    let large = [u128::MAX.to_string()];
    let transactions = vectors("transactions");
    let shown: Vec<_> = list(&transactions)
        .iter()
        .filter(|case| case["name"].as_str().unwrap().starts_with("legacy"))
        .map(|case| Transaction::parse(&bytes(&case["unsigned"])).unwrap().value().to_string())
        .collect();
    assert_eq!(shown[..4], values);
    assert!(shown[4] > large[0] && shown[6].len() == 78);
}

#[test]
fn refuses_every_truncation_and_every_byte_more() {
    for case in list(&vectors("transactions")) {
        let [unsigned, signed] = ["unsigned", "signed"].map(|part| bytes(&case[part]));
        for length in 0..unsigned.len() {
            assert!(Transaction::parse(&unsigned[..length]).is_err());
        }
        for length in 0..signed.len() {
            assert!(SignedTransaction::parse(&signed[..length]).is_err());
        }
        let trailing = Fault::TrailingBytes { extra: 1 };
        assert_eq!(fault(Transaction::parse(&[unsigned.as_slice(), &[0]].concat())), trailing);
        assert_eq!(fault(SignedTransaction::parse(&[signed.as_slice(), &[0]].concat())), trailing);
    }
    for data in list(&vectors("typed_data")) {
        let canonical = bytes(&data["canonical"]);
        for length in 0..canonical.len() {
            assert!(TypedData::parse(&canonical[..length]).is_err());
        }
        let longer = [canonical.as_slice(), &[0]].concat();
        assert_eq!(fault(TypedData::parse(&longer)), Fault::TrailingBytes { extra: 1 });
    }
}

#[test]
fn takes_no_signed_transaction_for_an_unsigned_one_nor_the_other_way_round() {
    for case in list(&vectors("transactions")) {
        assert!(Transaction::parse(&bytes(&case["signed"])).is_err());
        assert!(SignedTransaction::parse(&bytes(&case["unsigned"])).is_err());
    }
}

#[test]
fn what_survives_a_flipped_bit_is_written_as_it_was_read() {
    let transactions = vectors("transactions");
    for case in list(&transactions) {
        let [unsigned, signed] = ["unsigned", "signed"].map(|part| bytes(&case[part]));
        flip(&unsigned, |bytes| Transaction::parse(bytes).map(|parsed| parsed.to_bytes()));
        flip(&signed, |bytes| SignedTransaction::parse(bytes).map(|parsed| parsed.to_bytes()));
    }
}

fn flip(bytes: &[u8], rewrite: impl Fn(&[u8]) -> Result<Vec<u8>, Rejected>) {
    let mut flipped = bytes.to_vec();
    for at in 0..bytes.len().min(400) {
        for bit in 0..8 {
            flipped[at] ^= 1 << bit;
            assert!(rewrite(&flipped).is_ok_and(|written| written == flipped) || rewrite(&flipped).is_err());
            flipped[at] ^= 1 << bit;
        }
    }
}

#[test]
fn signs_messages_as_eth_account_does() {
    for case in list(&vectors("messages")) {
        let message = bytes(&case["message"]);
        let digest = personal_message_digest(&message);
        assert_eq!(digest.ok(), (message.len() != 32).then(|| array(&case["digest"])));
    }
}

// What follows is written with `RlpList`, one thing wrong at a time.

const TO: [u8; 20] = [0x35; 20];
const CHAIN: u64 = 5;

/// A legacy transaction's six fields.
fn legacy() -> RlpList {
    RlpList::new().number(1_u64).number(2_u64).number(21_000_u64).string(&TO).number(3_u64).string(b"data")
}

/// The fields of a transaction with dynamic fees, without the list at its end.
fn dynamic(chain_id: u64, nonce: u64, [max_priority, max]: [u128; 2], to: &[u8]) -> RlpList {
    let fees = RlpList::new().number(chain_id).number(nonce).number(max_priority).number(max);
    fees.number(21_000_u64).string(to).number(3_u64).string(b"").list(RlpList::new())
}

fn typed(kind: u8, fields: RlpList) -> Vec<u8> {
    [vec![kind], fields.finish()].concat()
}

fn half(last: u8) -> [u8; 32] {
    let mut half = [0; 32];
    half[31] = last;
    half
}

#[test]
fn refuses_legacy_transactions_that_name_no_chain() {
    assert_eq!(unsignable(Transaction::parse(&legacy().finish())), Unsignable::NoChainId);
    for v in [0_u64, 27, 28, 34] {
        let signed = legacy().number(v).number(1_u64).number(1_u64).finish();
        assert_eq!(unsignable(SignedTransaction::parse(&signed)), Unsignable::NoChainId);
    }
    for (v, chain_id) in [(35, 0), (36, 0), (u64::MAX, u64::MAX / 2 - 17)] {
        let signed = legacy().number(v).number(1_u64).number(1_u64).finish();
        assert_eq!(unsignable(SignedTransaction::parse(&signed)), Unsignable::BadChainId { chain_id });
    }
    for [first, second] in [[1_u64, 0], [0, 1]] {
        let bytes = legacy().number(CHAIN).number(first).number(second).finish();
        assert!(matches!(fault(Transaction::parse(&bytes)), Fault::WrongForm { .. }));
    }
}

#[test]
fn refuses_chain_ids_that_no_chain_has() {
    let largest = u64::MAX / 2 - 36;
    for chain_id in [0, largest + 1, u64::MAX] {
        let refused = Unsignable::BadChainId { chain_id };
        let bytes = legacy().number(chain_id).number(0_u64).number(0_u64).finish();
        assert_eq!(unsignable(Transaction::parse(&bytes)), refused);
        let bytes = typed(2, dynamic(chain_id, 0, [0, 0], &TO));
        assert_eq!(unsignable(Transaction::parse(&bytes)), refused);
    }
    let bytes = legacy().number(largest).number(0_u64).number(0_u64).finish();
    let signature = Signature::new(half(1), half(1), YParity::Odd).unwrap();
    let signed = Transaction::parse(&bytes).unwrap().with_signature(&signature);
    assert_eq!(SignedTransaction::parse(&signed).unwrap().transaction().chain_id(), largest);
}

#[test]
fn refuses_types_that_it_does_not_know() {
    for byte in (0..=0xbf).filter(|byte| !(1..=4).contains(byte)) {
        let bytes = [byte, 0xc0];
        let refused = Transaction::parse(&bytes);
        assert_eq!(unsignable(refused), Unsignable::UnknownType { byte });
    }
}

#[test]
fn refuses_nonces_and_fees_beyond_their_range() {
    let parse = |bytes: &[u8]| Transaction::parse(bytes).map(drop);
    assert!(parse(&typed(2, dynamic(CHAIN, u64::MAX - 1, [1, 1], &TO))).is_ok());
    let nonce = typed(2, dynamic(CHAIN, u64::MAX, [1, 1], &TO));
    assert_eq!(unsignable(parse(&nonce)), Unsignable::NonceTooLarge);
    let fees = typed(2, dynamic(CHAIN, 0, [2, 1], &TO));
    assert_eq!(unsignable(parse(&fees)), Unsignable::PriorityAboveMax { max_priority: 2, max: 1 });
    assert!(parse(&typed(2, dynamic(CHAIN, 0, [0, u128::MAX / 21_000], &TO))).is_ok());
    let fees = typed(2, dynamic(CHAIN, 0, [0, u128::MAX / 21_000 + 1], &TO));
    assert_eq!(unsignable(parse(&fees)), Unsignable::FeeTooLarge);
    let above = RlpList::new().number(1_u64).number(U256::from([1; 32]));
    assert_eq!(fault(parse(&above.finish())), Fault::WrongForm { field: "gas price" });
}

#[test]
fn refuses_recipients_that_are_no_address() {
    for to in [&[0; 19][..], &[0; 21], &[0; 1], &[0; 32]] {
        let refused = Transaction::parse(&typed(2, dynamic(CHAIN, 0, [0, 0], to))).map(drop);
        assert_eq!(fault(refused), Fault::WrongForm { field: "recipient" });
    }
}

#[test]
fn adds_blobs_to_the_highest_fee() {
    let fields = dynamic(CHAIN, 0, [0, 10], &TO).number(7_u64);
    let bytes = typed(3, fields.items([[1; 32]; 2], |list, hash| list.string(&hash)));
    assert_eq!(Transaction::parse(&bytes).unwrap().max_fee(), 210_000 + 2 * 131_072 * 7);
}

#[test]
fn refuses_blob_transactions_without_blobs_recipient_or_known_version() {
    let blobs = |to: &[u8], hashes: &[[u8; 32]]| {
        let fields = dynamic(CHAIN, 0, [0, 0], to).number(1_u64);
        let bytes = typed(3, fields.items(hashes, |list, hash| list.string(hash)));
        Transaction::parse(&bytes).map(drop)
    };
    assert!(blobs(&TO, &[[1; 32]; limits::ETHEREUM_BLOBS]).is_ok());
    assert_eq!(unsignable(blobs(&TO, &[])), Unsignable::NoBlobs);
    assert_eq!(unsignable(blobs(&[], &[[1; 32]])), Unsignable::NoRecipient);
    assert_eq!(unsignable(blobs(&TO, &[[1; 32], [2; 32]])), Unsignable::BlobHashVersion { blob: 1 });
    let many = blobs(&TO, &[[1; 32]; limits::ETHEREUM_BLOBS + 1]);
    assert!(matches!(fault(many), Fault::TooMany { field: "blob hashes", .. }));
}

#[test]
fn refuses_set_code_transactions_without_authorisations_or_recipient() {
    let authorization = || {
        let signed = RlpList::new().number(0_u64).string(&TO).number(0_u64);
        signed.number(1_u64).number(2_u64).number(3_u64)
    };
    let set_code = |to: &[u8], count: usize| {
        let fields = dynamic(CHAIN, 0, [0, 0], to).items(0..count, |list, _| list.list(authorization()));
        Transaction::parse(&typed(4, fields)).map(drop)
    };
    assert!(set_code(&TO, limits::ETHEREUM_AUTHORIZATIONS).is_ok());
    assert_eq!(unsignable(set_code(&TO, 0)), Unsignable::NoAuthorizations);
    assert_eq!(unsignable(set_code(&[], 1)), Unsignable::NoRecipient);
    let many = set_code(&TO, limits::ETHEREUM_AUTHORIZATIONS + 1);
    assert!(matches!(fault(many), Fault::TooMany { field: "authorisations", .. }));
}

#[test]
fn refuses_payloads_and_access_lists_beyond_the_bounds() {
    let refused = Transaction::parse(&[0xff; limits::ETHEREUM_TRANSACTION + 1]).map(drop);
    assert!(matches!(fault(refused), Fault::TooMany { field: "bytes", .. }));
    let item = || RlpList::new().string(&TO).list(RlpList::new());
    let access = |count: usize| {
        let fields = RlpList::new().number(CHAIN).number(0_u64).number(0_u64).number(0_u64);
        let fields = fields.string(&TO).number(0_u64).string(b"").items(0..count, |list, _| list.list(item()));
        Transaction::parse(&typed(1, fields)).map(drop)
    };
    assert!(access(limits::ETHEREUM_ACCESS_LIST).is_ok());
    let many = access(limits::ETHEREUM_ACCESS_LIST + 1);
    assert!(matches!(fault(many), Fault::TooMany { field: "access list items", .. }));
}

#[test]
fn refuses_signatures_that_are_malleable_or_out_of_range() {
    let signed = |parity: u64, r: [u8; 32], s: [u8; 32]| {
        let fields = dynamic(CHAIN, 0, [0, 0], &TO).number(parity).number(r).number(s);
        SignedTransaction::parse(&typed(2, fields)).map(drop)
    };
    assert!(signed(1, half(1), half(1)).is_ok());
    assert_eq!(fault(signed(2, half(1), half(1))), Fault::WrongForm { field: "parity" });
    assert_eq!(unsignable(signed(0, [0; 32], half(1))), Unsignable::SignatureOutOfRange);
    assert_eq!(unsignable(signed(0, half(1), [0xff; 32])), Unsignable::SignatureOutOfRange);
    assert_eq!(unsignable(signed(0, half(1), [0x80; 32])), Unsignable::HighS);
}

#[test]
fn the_longest_transaction_stays_within_the_bound_when_it_is_signed() {
    let long = |data: usize| {
        let fields = RlpList::new().number(0_u64).number(0_u64).number(0_u64).string(&TO).number(0_u64);
        fields.string(&vec![1; data]).number(u64::MAX / 2 - 36).number(0_u64).number(0_u64).finish()
    };
    let spare = limits::ETHEREUM_TRANSACTION - long(100_000).len();
    let bytes = long(100_000 + spare);
    assert_eq!(bytes.len(), limits::ETHEREUM_TRANSACTION);
    let mut s = [0xff; 32];
    s[0] = 0x7e;
    let signature = Signature::new([0xfe; 32], s, YParity::Odd).unwrap();
    let signed = Transaction::parse(&bytes).unwrap().with_signature(&signature);
    assert!(SignedTransaction::parse(&signed).is_ok());
}

proptest! {
    #[test]
    fn writes_what_it_reads_and_reads_what_it_writes(
        chain_id in 1..u64::MAX / 2 - 36, nonce in 0..u64::MAX, fees in any::<[u64; 2]>(), gas in any::<u32>(),
        to in proptest::option::of(any::<[u8; 20]>()), value in any::<[u8; 32]>(),
        data in proptest::collection::vec(any::<u8>(), 0..300),
        accounts in proptest::collection::vec((any::<[u8; 20]>(), proptest::collection::vec(any::<[u8; 32]>(), 0..3)), 0..3),
        parity in 0..2_u64,
    ) {
        let to = to.as_ref().map_or(&[][..], |to| to.as_slice());
        let fields = RlpList::new().number(chain_id).number(nonce);
        let fields = fields.number(fees[0].min(fees[1])).number(fees[0].max(fees[1])).number(u64::from(gas));
        let fields = fields.string(to).number(value).string(&data).items(accounts, |list, (address, keys)| {
            list.list(RlpList::new().string(&address).items(keys, |list, key| list.string(&key)))
        });
        let bytes = typed(2, fields);
        let transaction = Transaction::parse(&bytes).unwrap();
        prop_assert_eq!(transaction.to_bytes(), bytes.as_slice());
        let signature = Signature::new(half(1), half(2), YParity::try_from(parity).unwrap()).unwrap();
        let signed = transaction.with_signature(&signature);
        let parsed = SignedTransaction::parse(&signed).unwrap();
        prop_assert_eq!(parsed.transaction(), &transaction);
        prop_assert_eq!(parsed.to_bytes(), signed);
    }

    #[test]
    fn noise_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..6_u8) {
        let bytes = typed_noise(kind, &bytes);
        let _ = (Transaction::parse(&bytes), SignedTransaction::parse(&bytes), Sidecar::detach(&bytes));
        let _ = TypedData::parse(&bytes);
    }
}

/// Noise in a list, so that more than its header is read.
fn typed_noise(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let list = RlpList::new().encoded(bytes).finish();
    if kind == 0 { list } else { [vec![kind], list].concat() }
}

// Sidecars.

/// What `ethereum.py` makes, too: 4096 field elements, each a small number.
fn blob(number: u32) -> Vec<u8> {
    let elements = (0..4096_u32).map(|i| U256::from(u64::from(i * (number + 1) % 65521)));
    elements.flat_map(|element| element.to_be_bytes()).collect()
}

fn strings(items: impl IntoIterator<Item = Vec<u8>>) -> RlpList {
    items.into_iter().fold(RlpList::new(), |list, item| list.string(&item))
}

struct NetworkForms {
    signed: Vec<u8>,
    eip_4844: Vec<u8>,
    eip_7594: Vec<u8>,
}

fn network_forms() -> NetworkForms {
    let case = vectors("sidecar");
    let signed = bytes(&case["transaction"]);
    let blobs = || strings([blob(0), blob(1)]);
    let each = |part: &str| strings(list(&case[part]).iter().map(bytes));
    let cell_proofs = bytes(&case["cell_proofs"]);
    let cell_proofs = strings(cell_proofs.chunks(48).map(<[u8]>::to_vec));
    let fields = || RlpList::new().encoded(&signed[1..]);
    let eip_4844 = fields().list(blobs()).list(each("commitments")).list(each("proofs"));
    let eip_7594 = fields().number(1_u64).list(blobs()).list(each("commitments")).list(cell_proofs);
    NetworkForms { eip_4844: typed(3, eip_4844), eip_7594: typed(3, eip_7594), signed }
}

#[test]
fn takes_sidecars_of_both_versions_off_and_puts_them_back() {
    let case = vectors("sidecar");
    let NetworkForms { signed, eip_4844, eip_7594 } = network_forms();
    for (name, network) in [("eip_4844", eip_4844), ("eip_7594", eip_7594)] {
        assert_eq!(keccak256(&network), array(&case[name]["keccak256"]), "as eth-account has it");
        assert!(Sidecar::is_attached(&network) && !Sidecar::is_attached(&signed));
        let (transaction, sidecar) = Sidecar::detach(&network).unwrap();
        assert_eq!(transaction, signed);
        assert_eq!(sidecar.attach(&transaction).unwrap(), network);
        let parsed = SignedTransaction::parse(&transaction).unwrap();
        assert_eq!(sidecar.blob_hashes(), parsed.transaction().blob_hashes());

        // The same before it is signed.
        let unsigned = parsed.transaction().to_bytes();
        let attached = sidecar.attach(&unsigned).unwrap();
        let (detached, again) = Sidecar::detach(&attached).unwrap();
        assert_eq!((detached, &again), (unsigned, &sidecar));
    }
}

#[test]
fn refuses_sidecars_of_other_transactions_and_in_other_forms() {
    let NetworkForms { signed, eip_4844, eip_7594 } = network_forms();
    let (transaction, sidecar) = Sidecar::detach(&eip_7594).unwrap();
    let others = vectors("transactions");
    let other = list(&others).iter().find(|case| case["name"] == "EIP-4844 1").unwrap();
    assert_eq!(unsignable(sidecar.attach(&bytes(&other["signed"]))), Unsignable::WrongSidecar);
    let other = list(&others).iter().find(|case| case["name"] == "EIP-1559 1").unwrap();
    assert_eq!(unsignable(sidecar.attach(&bytes(&other["signed"]))), Unsignable::WrongSidecar);
    assert_eq!(unsignable(Sidecar::detach(&bytes(&other["signed"]))), Unsignable::NotABlobTransaction { byte: 2 });
    assert_eq!(fault(Sidecar::detach(&signed)), Fault::WrongForm { field: "transaction's fields" });
    assert!(sidecar.attach(&eip_7594).is_err() && sidecar.attach(&[]).is_err());

    for network in [&eip_4844, &eip_7594] {
        for length in (0..network.len()).step_by(997).chain(network.len() - 100..network.len()) {
            assert!(Sidecar::detach(&network[..length]).is_err());
        }
        let longer = [network.as_slice(), &[0]].concat();
        assert_eq!(fault(Sidecar::detach(&longer)), Fault::TrailingBytes { extra: 1 });
    }
    let fields = || RlpList::new().encoded(&transaction[1..]);
    let version = typed(3, fields().number(2_u64).list(RlpList::new()).list(RlpList::new()).list(RlpList::new()));
    assert_eq!(fault(Sidecar::detach(&version)), Fault::WrongForm { field: "sidecar version" });
    let empty = typed(3, fields().list(RlpList::new()).list(RlpList::new()).list(RlpList::new()));
    assert_eq!(unsignable(Sidecar::detach(&empty)), Unsignable::WrongSidecar);
    let short = typed(3, fields().list(strings([vec![0; 100]])).list(RlpList::new()).list(RlpList::new()));
    assert_eq!(fault(Sidecar::detach(&short)), Fault::WrongForm { field: "blob" });
    let refused = Sidecar::detach(&vec![3; limits::ETHEREUM_NETWORK_TRANSACTION + 1]).map(drop);
    assert!(matches!(fault(refused), Fault::TooMany { field: "bytes", .. }));
}
