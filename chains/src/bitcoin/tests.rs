//! PSBTs from parsing to the finished transaction, and every refusal on the way.

use super::{
    Amount, Psbt, SighashType, XOnlyKey, encoding::write_string, fields::*, p2tr_script,
    transaction::UnsignedTransaction,
};
use crate::limits;

const INTERNAL: [u8; 32] = [0x1a; 32];
const OUTPUT: [u8; 32] = [0x0a; 32];
const SIGNATURE: [u8; 64] = [0x51; 64];

/// A PSBT to be: its transaction and maps, to be bent before they are written.
struct Draft {
    coins: Vec<(u8, u32)>,
    script_sig: &'static [u8],
    amounts: Vec<u64>,
    global: Vec<(Vec<u8>, Vec<u8>)>,
    input: Vec<(Vec<u8>, Vec<u8>)>,
    output: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Draft {
    /// Two coins of 1000 that are ours, one output of 1900.
    fn new() -> Self {
        Self {
            coins: vec![(0xc0, 0), (0xc0, 1)],
            script_sig: b"",
            amounts: vec![1900],
            global: vec![],
            input: vec![(WITNESS_UTXO.to_vec(), txout(1000, &p2tr_script(&OUTPUT.into())))],
            output: vec![],
        }
    }

    fn input(mut self, key: &[u8], value: &[u8]) -> Self {
        self.input.retain(|(known, _)| known != key);
        self.input.push((key.to_vec(), value.to_vec()));
        self
    }

    fn transaction(&self) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, self.coins.len() as u8];
        for (txid, index) in &self.coins {
            bytes.extend([[*txid; 32].as_slice(), &index.to_le_bytes()].concat());
            write_string(&mut bytes, self.script_sig);
            bytes.extend([0xff; 4]);
        }
        bytes.push(self.amounts.len() as u8);
        self.amounts.iter().for_each(|&amount| bytes.extend(txout(amount, b"\x6a")));
        bytes.extend([0; 4]);
        bytes
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"psbt\xff".to_vec();
        let mut global = vec![(UNSIGNED_TX.to_vec(), self.transaction())];
        global.extend(self.global.clone());
        let inputs = self.coins.iter().map(|_| &self.input);
        let outputs = self.amounts.iter().map(|_| &self.output);
        for map in core::iter::once(&global).chain(inputs).chain(outputs) {
            for (key, value) in map {
                write_string(&mut bytes, key);
                write_string(&mut bytes, value);
            }
            bytes.push(0);
        }
        bytes
    }

    /// What refuses the PSBT, be it in parsing or in signing.
    fn refusal(&self) -> &'static str {
        let psbt = Psbt::parse(&self.bytes());
        psbt.and_then(|psbt| psbt.taproot_key_path_sighashes(&INTERNAL.into(), &OUTPUT.into())).unwrap_err().code()
    }
}

fn txout(amount: u64, script: &[u8]) -> Vec<u8> {
    let mut bytes = amount.to_le_bytes().to_vec();
    write_string(&mut bytes, script);
    bytes
}

#[test]
fn signs_and_finishes_every_input() {
    let unknown = (vec![0xfc, 1, b'c', 0], b"kept".to_vec());
    let draft = Draft::new().input(TAP_INTERNAL_KEY, &INTERNAL).input(&unknown.0, &unknown.1);
    let mut psbt = Psbt::parse(&draft.bytes()).unwrap();
    assert_eq!(psbt.fee().unwrap().satoshis(), 100);
    let sighashes = psbt.taproot_key_path_sighashes(&INTERNAL.into(), &OUTPUT.into()).unwrap();
    assert_ne!(sighashes[0].sighash, sighashes[1].sighash);
    for sighash in sighashes {
        assert!(psbt.finalise().is_err());
        psbt.insert_taproot_signature(sighash.input, SIGNATURE, sighash.sighash_type).unwrap();
    }
    let finalised = psbt.finalise().unwrap();
    let input = &Psbt::parse(&finalised.psbt).unwrap().inputs[1];
    let witness = [&[1, 64][..], &SIGNATURE].concat();
    assert_eq!(input.pairs.get(FINAL_SCRIPT_WITNESS), Some(&witness));
    assert_eq!(input.pairs.get(&unknown.0), Some(&unknown.1));
    assert_eq!(input.pairs.len(), 3);
    let unsigned = draft.transaction();
    let (body, lock_time) = unsigned.split_at(unsigned.len() - 4);
    let expected = [&body[..4], &[0, 1], &body[4..], &witness, &witness, lock_time].concat();
    assert_eq!(finalised.transaction, expected);
}

#[test]
fn refuses_to_sign_what_is_not_ours_alone() {
    let script = p2tr_script(&[0x0b; 32].into());
    let cases: [(&str, &[u8], &[u8]); 12] = [
        ("psbt_input_of_another_key", WITNESS_UTXO, &txout(1000, &script)),
        ("psbt_input_of_another_key", WITNESS_UTXO, &txout(1000, b"\x00\x14")),
        ("psbt_wrong_internal_key", TAP_INTERNAL_KEY, &[0x1b; 32]),
        ("psbt_script_tree", TAP_MERKLE_ROOT, &[3; 32]),
        ("psbt_script_tree", &[&[TAP_LEAF_SCRIPT][..], &[0; 33]].concat(), b"\x51\xc0"),
        ("psbt_sighash_type", SIGHASH_TYPE, &[2, 0, 0, 0]),
        ("psbt_sighash_type", SIGHASH_TYPE, &[0x81, 0, 0, 0]),
        ("psbt_sighash_type", SIGHASH_TYPE, &[0, 1, 0, 0]),
        ("psbt_already_signed", TAP_KEY_SIG, &SIGNATURE),
        ("psbt_already_signed", FINAL_SCRIPT_WITNESS, b"\x00"),
        ("psbt_already_signed", &[&[TAP_SCRIPT_SIG][..], &[0; 64]].concat(), &SIGNATURE),
        ("psbt_already_signed", &[&[PARTIAL_SIG][..], &[2; 33]].concat(), b""),
    ];
    for (code, key, value) in cases {
        assert_eq!(Draft::new().input(key, value).refusal(), code, "{key:x?}");
    }
}

#[test]
fn refuses_a_psbt_without_the_coins_amounts() {
    let mut draft = Draft::new();
    draft.input.clear();
    assert_eq!(draft.refusal(), "psbt_no_utxo");
}

#[test]
fn refuses_amounts_that_do_not_add_up_or_cannot_exist() {
    let all = Amount::MAX.satoshis();
    let ours = p2tr_script(&OUTPUT.into());
    for (code, input, outputs) in [
        ("psbt_overspent", 1000, vec![2001]),
        ("psbt_bad_amount", all, vec![1]),
        ("psbt_bad_amount", all + 1, vec![1]),
        ("psbt_bad_amount", u64::MAX, vec![1]),
        ("psbt_bad_amount", 1000, vec![all + 1]),
        ("psbt_bad_amount", 1000, vec![all, 1]),
        ("psbt_bad_amount", 1000, vec![u64::MAX, 2]),
    ] {
        let mut draft = Draft::new().input(WITNESS_UTXO, &txout(input, &ours));
        draft.amounts = outputs;
        assert_eq!(draft.refusal(), code, "{input} {:?}", draft.amounts);
    }
}

#[test]
fn refuses_transactions_that_no_node_would_take() {
    let bent = |bend: fn(&mut Draft)| {
        let mut draft = Draft::new();
        bend(&mut draft);
        draft.refusal()
    };
    assert_eq!(bent(|draft| draft.coins.clear()), "psbt_no_inputs");
    assert_eq!(bent(|draft| draft.amounts.clear()), "psbt_no_outputs");
    assert_eq!(bent(|draft| draft.script_sig = b"\x00"), "psbt_script_sig");
    assert_eq!(bent(|draft| draft.coins.push((0xc0, 1))), "psbt_bad_outpoint");
    assert_eq!(bent(|draft| draft.coins.push((0, u32::MAX))), "psbt_bad_outpoint");
}

#[test]
fn refuses_a_previous_transaction_that_does_not_fit() {
    // Version 1, one input, one output that is ours, lock time 0.
    let ours = txout(1000, &p2tr_script(&OUTPUT.into()));
    let previous = [&[1, 0, 0, 0, 1][..], &[7; 36], &[0], &[0xff; 4], &[1], &ours, &[0; 4]].concat();
    assert_eq!(Draft::new().input(NON_WITNESS_UTXO, &previous).refusal(), "psbt_wrong_utxo");
    let longer = [&previous[..], &[0]].concat();
    assert_eq!(Draft::new().input(NON_WITNESS_UTXO, &longer).refusal(), "payload_trailing_bytes");
    let empty_witness = [&previous[..4], &[0, 1], &previous[4..previous.len() - 4], &[0], &[0; 4]].concat();
    assert_eq!(Draft::new().input(NON_WITNESS_UTXO, &empty_witness).refusal(), "payload_not_minimal");
}

#[test]
fn refuses_versions_fields_and_keys_that_cannot_be_there() {
    for (code, key, value) in [
        ("psbt_unknown_version", VERSION, &[1, 0, 0, 0][..]),
        ("psbt_bad_field", VERSION, &[0]),
        ("psbt_field_of_version_2", &[0x02], &[2, 0, 0, 0]),
        ("psbt_duplicate_key", UNSIGNED_TX, b""),
        ("psbt_bad_field", &[0x00, 0x00], b""),
        ("payload_not_minimal", &[0xfd, 0x10, 0x00], b""),
    ] {
        let mut draft = Draft::new();
        draft.global.push((key.to_vec(), value.to_vec()));
        assert_eq!(draft.refusal(), code, "{key:x?}");
    }
    let mut draft = Draft::new();
    draft.output.push((vec![0x03], vec![0; 8]));
    assert_eq!(draft.refusal(), "psbt_field_of_version_2");
    assert_eq!(Draft::new().input(TAP_KEY_SIG, &[0; 63]).refusal(), "psbt_bad_field");
    assert_eq!(Draft::new().input(&[0x13, 0], &SIGNATURE).refusal(), "psbt_bad_field");
}

#[test]
fn refuses_more_than_the_limits_before_reading_it() {
    assert_eq!(Psbt::parse(&vec![0; limits::PSBT + 1]).unwrap_err().code(), "payload_too_large");
    let mut draft = Draft::new();
    draft.global =
        (0..limits::PSBT_PAIRS as u16).map(|n| ([vec![0x77], n.to_le_bytes().to_vec()].concat(), vec![])).collect();
    assert_eq!(draft.refusal(), "payload_too_large");
    let mut inputs = vec![2, 0, 0, 0, 0xfd];
    inputs.extend((limits::PSBT_INPUTS as u16 + 1).to_le_bytes());
    assert_eq!(UnsignedTransaction::parse(&inputs).unwrap_err().code(), "payload_too_large");
}

#[test]
fn inserts_only_the_signature_that_the_input_asks_for() {
    let mut psbt = Psbt::parse(&Draft::new().input(SIGHASH_TYPE, &[1, 0, 0, 0]).bytes()).unwrap();
    let mut insert = |input, sighash_type| psbt.insert_taproot_signature(input, SIGNATURE, sighash_type);
    assert_eq!(insert(2, SighashType::All).unwrap_err().code(), "psbt_no_such_input");
    assert_eq!(insert(1, SighashType::Default).unwrap_err().code(), "psbt_other_sighash_type");
    insert(1, SighashType::All).unwrap();
    assert_eq!(insert(1, SighashType::All).unwrap_err().code(), "psbt_already_signed");
    let signature = psbt.inputs[1].pairs.get(TAP_KEY_SIG).unwrap();
    assert_eq!(signature[..], [&SIGNATURE[..], &[1]].concat());
}

#[test]
fn refuses_every_truncation_and_survives_every_flipped_bit() {
    let bytes = Draft::new().input(TAP_INTERNAL_KEY, &INTERNAL).bytes();
    for length in 0..bytes.len() {
        assert!(Psbt::parse(&bytes[..length]).is_err(), "{length}");
    }
    let keys = (XOnlyKey::from(INTERNAL), XOnlyKey::from(OUTPUT));
    let good = Psbt::parse(&bytes).unwrap().taproot_key_path_sighashes(&keys.0, &keys.1).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(psbt) = Psbt::parse(&flipped) else { continue };
        assert_eq!(Psbt::parse(&psbt.to_bytes()), Ok(psbt.clone()));
        let sighashes = psbt.taproot_key_path_sighashes(&keys.0, &keys.1);
        let unknown = psbt.inputs.iter().any(|input| !input.pairs.contains_key(TAP_INTERNAL_KEY));
        assert!(unknown || sighashes.as_ref() != Ok(&good), "bit {bit}");
    }
}
