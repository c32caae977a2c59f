//! PSBTs with ECDSA inputs in both versions, from parsing to the finished transaction.

use super::{
    CompressedKey, EcdsaSignature, Foreign, Psbt, Spend, Spender, address::*, encoding::write_string, fields::*,
    transaction::double_sha256,
};
use crate::derivation::ChildPath;

const KEY: [u8; 33] = [2; 33];
const STRANGER: [u8; 33] = [3; 33];
/// A child of the key, as a path says.
const CHILD: [u8; 33] =
    [2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4];

fn key() -> CompressedKey {
    KEY.into()
}

fn ecdsa() -> Spender {
    Spender::Ecdsa(key())
}

fn signature() -> EcdsaSignature {
    EcdsaSignature::new([0x80; 32], [0x11; 32]).unwrap()
}

type Pair = (Vec<u8>, Vec<u8>);

/// A PSBT to be: coins of 1000 and what is known of each, and one output.
struct Draft {
    scripts: Vec<Vec<u8>>,
    /// Fields that the first input has besides its UTXO; without a value, those it has not.
    first: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    global: Vec<Pair>,
    version: Version,
    /// The script of the one output, and what else is known of it.
    output: Vec<u8>,
    output_fields: Vec<Pair>,
}

impl Draft {
    fn of(version: Version, scripts: &[&[u8]]) -> Self {
        let scripts = scripts.iter().map(|script| script.to_vec()).collect();
        Self { scripts, first: vec![], global: vec![], version, output: b"\x6a".to_vec(), output_fields: vec![] }
    }

    fn one(script: &[u8]) -> Self {
        Self::of(Version::Zero, &[script])
    }

    fn with(mut self, key: &[u8], value: &[u8]) -> Self {
        self.first.push((key.to_vec(), Some(value.to_vec())));
        self
    }

    fn without(mut self, key: &[u8]) -> Self {
        self.first.push((key.to_vec(), None));
        self
    }

    fn previous(&self, coin: usize) -> Vec<u8> {
        let output = txout(1000, &self.scripts[coin]);
        [&[1, 0, 0, 0, 1][..], &[coin as u8; 36], &[0], &[0xff; 4], &[1], &output, &[0; 4]].concat()
    }

    fn transaction(&self) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, self.scripts.len() as u8];
        for coin in 0..self.scripts.len() {
            bytes.extend(double_sha256(&[&self.previous(coin)]));
            bytes.extend([0, 0, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff]);
        }
        bytes.push(1);
        bytes.extend(txout(900, &self.output));
        bytes.extend([7, 0, 0, 0]);
        bytes
    }

    fn input(&self, coin: usize) -> Vec<Pair> {
        let mut pairs = vec![(NON_WITNESS_UTXO.to_vec(), self.previous(coin))];
        if self.scripts[coin] == p2sh_p2wpkh_script(&key()) {
            pairs.push((REDEEM_SCRIPT.to_vec(), p2wpkh_script(&key()).to_vec()));
        }
        if self.version == Version::Two {
            pairs.push((PREVIOUS_TXID.to_vec(), double_sha256(&[&self.previous(coin)]).to_vec()));
            pairs.push((OUTPUT_INDEX.to_vec(), vec![0; 4]));
            pairs.push((SEQUENCE.to_vec(), vec![0xfd, 0xff, 0xff, 0xff]));
        }
        if coin == 0 {
            pairs.retain(|(key, _)| !self.first.iter().any(|(bent, _)| bent == key));
            pairs.extend(self.first.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))));
        }
        pairs
    }

    fn maps(&self) -> Vec<Vec<Pair>> {
        let (mut global, mut output) = match self.version {
            Version::Zero => (vec![(UNSIGNED_TX.to_vec(), self.transaction())], vec![]),
            Version::Two => (
                vec![
                    (VERSION.to_vec(), vec![2, 0, 0, 0]),
                    (TX_VERSION.to_vec(), vec![2, 0, 0, 0]),
                    (FALLBACK_LOCK_TIME.to_vec(), vec![7, 0, 0, 0]),
                    (INPUT_COUNT.to_vec(), vec![self.scripts.len() as u8]),
                    (OUTPUT_COUNT.to_vec(), vec![1]),
                ],
                vec![(AMOUNT.to_vec(), 900_u64.to_le_bytes().to_vec()), (SCRIPT.to_vec(), self.output.clone())],
            ),
        };
        global.extend(self.global.clone());
        output.extend(self.output_fields.clone());
        let inputs = (0..self.scripts.len()).map(|coin| self.input(coin));
        core::iter::once(global).chain(inputs).chain([output]).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        written(&self.maps())
    }

    fn psbt(&self) -> Psbt {
        Psbt::parse(&self.bytes()).unwrap()
    }

    fn refusal(&self, foreign: Foreign) -> &'static str {
        Psbt::parse(&self.bytes()).and_then(|psbt| psbt.sighashes(&ecdsa(), foreign)).unwrap_err().code()
    }
}

fn written(maps: &[Vec<Pair>]) -> Vec<u8> {
    let mut bytes = b"psbt\xff".to_vec();
    for map in maps {
        for (key, value) in map {
            write_string(&mut bytes, key);
            write_string(&mut bytes, value);
        }
        bytes.push(0);
    }
    bytes
}

fn txout(amount: u64, script: &[u8]) -> Vec<u8> {
    let mut bytes = amount.to_le_bytes().to_vec();
    write_string(&mut bytes, script);
    bytes
}

#[test]
fn signs_and_finishes_every_kind_of_output_in_both_versions() {
    let scripts: [&[u8]; 3] = [&p2wpkh_script(&key()), &p2sh_p2wpkh_script(&key()), &p2pkh_script(&key())];
    let mut digests = vec![];
    for version in [Version::Zero, Version::Two] {
        let draft = Draft::of(version, &scripts);
        let mut psbt = draft.psbt();
        let to_sign = psbt.sighashes(&ecdsa(), Foreign::Refuse).unwrap();
        let spends: Vec<Spend> = to_sign.sighashes.iter().map(|sighash| sighash.spend).collect();
        assert_eq!(spends, [Spend::P2wpkh, Spend::P2shP2wpkh, Spend::P2pkh]);
        for sighash in &to_sign.sighashes {
            assert_eq!(psbt.unfinished_inputs().first(), Some(&sighash.input));
            assert_eq!(psbt.finalise().unwrap_err().code(), "psbt_not_signed");
            psbt.insert_ecdsa_signature(sighash.input, &key(), &signature()).unwrap();
        }
        assert_eq!(psbt.unfinished_inputs(), [0; 0]);
        let finalised = psbt.finalise().unwrap();
        let signature = [&signature().to_der()[..], &[1]].concat();
        let (length, program) = (signature.len() as u8, p2wpkh_script(&key()));
        let witness = [&[2, length], &signature[..], &[33], &KEY].concat();
        let script_sig = [&[length], &signature[..], &[33], &KEY].concat();
        let unsigned = draft.transaction();
        // Each input is of 41 bytes, its scriptSig's length at 36.
        let input = |n: usize| unsigned[5 + 41 * n..5 + 41 * (n + 1)].split_at(36);
        let signed = |n: usize, script: &[u8]| {
            let (outpoint, rest) = input(n);
            [outpoint, &[script.len() as u8], script, &rest[1..]].concat()
        };
        let inputs = [signed(0, b""), signed(1, &[&[22][..], &program].concat()), signed(2, &script_sig)].concat();
        let (outputs, lock_time) = unsigned[128..].split_at(unsigned.len() - 132);
        let body = [&unsigned[4..5], &inputs, outputs].concat();
        let expected = [&unsigned[..4], &[0, 1], &body, &witness, &witness, &[0], lock_time].concat();
        assert_eq!(finalised.transaction, expected);
        let without_witnesses = [&unsigned[..4], &body, lock_time].concat();
        assert_eq!(finalised.txid.as_bytes(), &double_sha256(&[&without_witnesses]));
        let again = Psbt::parse(&finalised.psbt).unwrap();
        assert_eq!(again.finalise().unwrap(), finalised, "a finished PSBT finishes to itself");
        digests.push(to_sign);
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn writes_a_transaction_without_witnesses_as_before_segwit() {
    let mut psbt = Draft::one(&p2pkh_script(&key())).psbt();
    psbt.insert_ecdsa_signature(0, &key(), &signature()).unwrap();
    let finalised = psbt.finalise().unwrap();
    assert_eq!(finalised.transaction[4], 1, "the number of inputs, not the marker of witnesses");
    assert_eq!(finalised.txid.as_bytes(), &double_sha256(&[&finalised.transaction]));
    assert!(!Psbt::parse(&finalised.psbt).unwrap().inputs[0].pairs.contains_key(FINAL_SCRIPT_WITNESS));
}

#[test]
fn leaves_inputs_of_others_alone_only_with_leave() {
    let (ours, theirs) = (p2wpkh_script(&key()), p2wpkh_script(&STRANGER.into()));
    let taproot = p2tr_script(&[9; 32].into());
    let draft = Draft::of(Version::Zero, &[&theirs, &ours, &taproot]);
    assert_eq!(draft.refusal(Foreign::Refuse), "psbt_input_of_another_key");
    let mut psbt = draft.psbt();
    let to_sign = psbt.sighashes(&ecdsa(), Foreign::LeaveAlone).unwrap();
    assert_eq!(to_sign.foreign, [0, 2]);
    assert_eq!(to_sign.sighashes.iter().map(|sighash| sighash.input).collect::<Vec<_>>(), [1]);
    assert_eq!(psbt.insert_ecdsa_signature(0, &key(), &signature()).unwrap_err().code(), "psbt_input_of_another_key");
    psbt.insert_ecdsa_signature(1, &key(), &signature()).unwrap();
    assert_eq!(psbt.unfinished_inputs(), [0, 2]);
    let stranger = psbt.sighashes(&Spender::Ecdsa(STRANGER.into()), Foreign::LeaveAlone).unwrap();
    assert_eq!(stranger.foreign, [1, 2], "signed by us already, which does not hinder the other");
    let owner = Spender::Taproot { internal_key: [8; 32].into(), output_key: [9; 32].into() };
    assert_eq!(psbt.sighashes(&owner, Foreign::LeaveAlone).unwrap().foreign, [0, 1]);
    let nobody = Draft::of(Version::Zero, &[&theirs, &taproot]);
    assert_eq!(nobody.refusal(Foreign::LeaveAlone), "psbt_no_input_of_the_key");
}

#[test]
fn signs_by_ecdsa_only_where_every_amount_is_proven() {
    let (ours, theirs) = (p2wpkh_script(&key()), p2wpkh_script(&STRANGER.into()));
    let stated = |script: &[u8]| {
        let draft = Draft::of(Version::Zero, &[script, &ours]);
        draft.without(NON_WITNESS_UTXO).with(WITNESS_UTXO, &txout(1000, script))
    };
    for script in [ours, theirs] {
        assert_eq!(stated(&script).refusal(Foreign::LeaveAlone), "psbt_unproven_amount");
    }
    let both = |amount| Draft::one(&ours).with(WITNESS_UTXO, &txout(amount, &ours));
    assert!(both(1000).psbt().sighashes(&ecdsa(), Foreign::Refuse).is_ok());
    assert_eq!(both(1001).refusal(Foreign::Refuse), "psbt_wrong_utxo");
    assert_eq!(Draft::one(&ours).without(NON_WITNESS_UTXO).refusal(Foreign::Refuse), "psbt_no_utxo");
}

#[test]
fn refuses_what_an_input_of_the_key_must_not_have() {
    let (native, nested, old) = (p2wpkh_script(&key()), p2sh_p2wpkh_script(&key()), p2pkh_script(&key()));
    let scripts: [&[u8]; 3] = [&native, &nested, &old];
    for script in scripts {
        for (code, field, value) in [
            ("psbt_ecdsa_sighash_type", SIGHASH_TYPE, &[0, 0, 0, 0][..]),
            ("psbt_ecdsa_sighash_type", SIGHASH_TYPE, &[2, 0, 0, 0]),
            ("psbt_ecdsa_sighash_type", SIGHASH_TYPE, &[3, 0, 0, 0]),
            ("psbt_ecdsa_sighash_type", SIGHASH_TYPE, &[0x81, 0, 0, 0]),
            ("psbt_ecdsa_sighash_type", SIGHASH_TYPE, &[1, 1, 0, 0]),
            ("psbt_wrong_script", REDEEM_SCRIPT, b"\x51"),
            ("psbt_wrong_script", WITNESS_SCRIPT, b"\x51"),
            ("psbt_already_signed", FINAL_SCRIPT_SIG, b""),
            ("psbt_already_signed", &[&[PARTIAL_SIG][..], &KEY].concat(), b"\x30"),
        ] {
            assert_eq!(Draft::one(script).with(field, value).refusal(Foreign::LeaveAlone), code, "{field:x?}");
        }
        let all = Draft::one(script).with(SIGHASH_TYPE, &[1, 0, 0, 0]).psbt();
        let silent = Draft::one(script).psbt();
        assert_eq!(all.sighashes(&ecdsa(), Foreign::Refuse), silent.sighashes(&ecdsa(), Foreign::Refuse));
    }
    assert_eq!(Draft::one(&nested).without(REDEEM_SCRIPT).refusal(Foreign::Refuse), "psbt_wrong_script");
    assert_eq!(Draft::one(&old).with(REDEEM_SCRIPT, &native).refusal(Foreign::Refuse), "psbt_wrong_script");
}

#[test]
fn finishes_only_what_has_a_signature_of_the_right_form_and_type() {
    let draft = Draft::one(&p2wpkh_script(&key()));
    let field = [&[PARTIAL_SIG][..], &KEY].concat();
    let der = signature().to_der();
    let finish = |draft: &Draft| draft.psbt().finalise().map_err(|rejected| rejected.code());
    let with = |value: &[u8]| Draft::one(&draft.scripts[0]).with(&field, value);
    assert!(finish(&with(&[&der[..], &[1]].concat())).is_ok());
    assert_eq!(finish(&with(b"")), Err("bitcoin_bad_signature"));
    assert_eq!(finish(&with(&der)), Err("bitcoin_bad_signature"));
    assert_eq!(finish(&with(&[&der[..], &[0x81]].concat())), Err("psbt_wrong_partial_signature"));
    let asked = with(&[&der[..], &[0x81]].concat()).with(SIGHASH_TYPE, &[0x81, 0, 0, 0]);
    assert!(finish(&asked).is_ok(), "others may sign as they like");
    let other = [&[PARTIAL_SIG][..], &STRANGER].concat();
    let strange = Draft::one(&draft.scripts[0]).with(&other, &[&der[..], &[1]].concat());
    assert_eq!(finish(&strange), Err("psbt_not_signed"));
    let witness = |bytes: &[u8]| finish(&Draft::one(&draft.scripts[0]).with(FINAL_SCRIPT_WITNESS, bytes));
    assert!(witness(&[1, 0]).is_ok());
    assert_eq!(witness(&[1, 0, 0]), Err("payload_trailing_bytes"));
    assert_eq!(witness(&[2, 0]), Err("payload_truncated"));
    assert_eq!(witness(&[0xfd, 1, 0, 0]), Err("payload_not_minimal"));
}

#[test]
fn closes_a_psbt_of_version_2_when_it_signs() {
    let mut draft = Draft::of(Version::Two, &[&p2wpkh_script(&key())]);
    draft.global = vec![(TX_MODIFIABLE.to_vec(), vec![0x0f])];
    let mut psbt = draft.psbt();
    psbt.insert_ecdsa_signature(0, &key(), &signature()).unwrap();
    draft.global = vec![(TX_MODIFIABLE.to_vec(), vec![0x0c])];
    let signature = [&signature().to_der()[..], &[1]].concat();
    let draft = draft.with(&[&[PARTIAL_SIG][..], &KEY].concat(), &signature);
    assert_eq!(psbt, draft.psbt());
}

#[test]
fn refuses_the_fields_of_version_2_in_version_0() {
    for (map, fields) in [
        (0, vec![TX_VERSION, FALLBACK_LOCK_TIME, INPUT_COUNT, OUTPUT_COUNT, TX_MODIFIABLE]),
        (1, vec![PREVIOUS_TXID, OUTPUT_INDEX, SEQUENCE, REQUIRED_TIME, REQUIRED_HEIGHT]),
        (2, vec![AMOUNT, SCRIPT]),
    ] {
        for field in fields {
            let mut maps = Draft::one(&p2pkh_script(&key())).maps();
            maps[map].push((field.to_vec(), vec![0; 4]));
            assert_eq!(Psbt::parse(&written(&maps)).unwrap_err().code(), "psbt_field_of_version_2", "{field:x?}");
        }
    }
}

#[test]
fn refuses_maps_of_version_2_that_lack_or_bend_what_it_demands() {
    let new = || Draft::of(Version::Two, &[&p2wpkh_script(&key())]);
    let bent = |draft: &Draft, map: usize, field: &[u8], value: Option<&[u8]>| {
        let mut maps = draft.maps();
        maps[map].retain(|(key, _)| key != field);
        maps[map].extend(value.map(|value| (field.to_vec(), value.to_vec())));
        Psbt::parse(&written(&maps)).map(|psbt| psbt.transaction.lock_time).map_err(|rejected| rejected.code())
    };
    for (map, fields) in [
        (0, vec![TX_VERSION, INPUT_COUNT, OUTPUT_COUNT]),
        (1, vec![PREVIOUS_TXID, OUTPUT_INDEX]),
        (2, vec![AMOUNT, SCRIPT]),
    ] {
        for field in fields {
            assert_eq!(bent(&new(), map, field, None), Err("psbt_missing_field"), "{map} {field:x?}");
        }
    }
    for (code, map, field, value) in [
        ("psbt_field_of_version_0", 0, UNSIGNED_TX, &new().transaction()[..]),
        ("psbt_bad_field", 0, TX_VERSION, &[2]),
        ("psbt_bad_field", 0, &[0x02, 0], &[2, 0, 0, 0]),
        ("psbt_bad_field", 0, FALLBACK_LOCK_TIME, &[2]),
        ("psbt_bad_field", 0, TX_MODIFIABLE, &[0, 0]),
        ("psbt_bad_field", 0, INPUT_COUNT, b""),
        ("payload_not_minimal", 0, INPUT_COUNT, &[0xfd, 1, 0]),
        ("payload_trailing_bytes", 0, INPUT_COUNT, &[1, 0]),
        ("payload_too_large", 0, INPUT_COUNT, &[0xfd, 0x01, 0x02]),
        ("payload_too_large", 0, OUTPUT_COUNT, &[0xff; 9]),
        ("payload_truncated", 0, OUTPUT_COUNT, &[2]),
        ("payload_trailing_bytes", 0, OUTPUT_COUNT, &[0]),
        ("psbt_bad_field", 1, PREVIOUS_TXID, &[0; 31]),
        ("psbt_bad_field", 1, SEQUENCE, &[0; 3]),
        ("psbt_bad_field", 1, REQUIRED_HEIGHT, &[0; 4]),
        ("psbt_bad_field", 1, REQUIRED_HEIGHT, &500_000_000_u32.to_le_bytes()),
        ("psbt_bad_field", 1, REQUIRED_TIME, &499_999_999_u32.to_le_bytes()),
        ("psbt_wrong_utxo", 1, PREVIOUS_TXID, &[0; 32]),
        ("psbt_wrong_utxo", 1, OUTPUT_INDEX, &[1, 0, 0, 0]),
        ("psbt_bad_field", 2, AMOUNT, &[0; 4]),
        ("psbt_bad_amount", 2, AMOUNT, &[0xff; 8]),
    ] {
        assert_eq!(bent(&new(), map, field, Some(value)), Err(code), "{map} {field:x?}");
    }
    assert_eq!(bent(&new(), 0, FALLBACK_LOCK_TIME, None), Ok(0));
    assert_eq!(bent(&new(), 1, REQUIRED_HEIGHT, Some(&499_999_999_u32.to_le_bytes())), Ok(499_999_999));
    assert_eq!(bent(&new(), 1, REQUIRED_TIME, Some(&500_000_000_u32.to_le_bytes())), Ok(500_000_000));
    let no_inputs = [&b"psbt\xff"[..], b"\x01\x02\x04\x02\0\0\0\x01\x04\x01\0\x01\x05\x01\0\x01\xfb\x04\x02\0\0\0\0"];
    assert_eq!(Psbt::parse(&no_inputs.concat()).unwrap_err().code(), "psbt_no_inputs");
}

#[test]
fn refuses_every_truncation_and_survives_every_flipped_bit() {
    let scripts: [&[u8]; 2] = [&p2wpkh_script(&key()), &p2pkh_script(&key())];
    for version in [Version::Zero, Version::Two] {
        let draft = Draft::of(version, &scripts);
        let (bytes, good) = (draft.bytes(), draft.psbt().sighashes(&ecdsa(), Foreign::Refuse).unwrap());
        for length in 0..bytes.len() {
            assert!(Psbt::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Psbt::parse(&[&bytes[..], &[0]].concat()).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(psbt) = Psbt::parse(&flipped) else { continue };
            assert_eq!(Psbt::parse(&psbt.to_bytes()), Ok(psbt.clone()));
            let same = psbt.sighashes(&ecdsa(), Foreign::Refuse).is_ok_and(|to_sign| to_sign == good);
            // An output or sequence that is not stated has a default, but the digests tell.
            assert!(!same, "{version:?}, bit {bit}");
        }
    }
}

#[test]
fn an_output_comes_back_to_the_key_by_its_script_or_by_a_path_that_leads_there() {
    const FINGERPRINT: [u8; 4] = [1, 2, 3, 4];
    let [own, child, stranger] = [KEY, CHILD, STRANGER].map(|key| p2wpkh_script(&CompressedKey::from(key)).to_vec());
    let path = [&FINGERPRINT[..], &1_u32.to_le_bytes(), &5_u32.to_le_bytes()].concat();
    let key = |point: &[u8; 33]| [&[OUT_BIP32_DERIVATION][..], point].concat();
    let tap = ([&[OUT_TAP_BIP32_DERIVATION][..], &[9; 32]].concat(), [&[0][..], &path].concat());
    let paid = |script: &[u8], fields: &[Pair]| {
        let mut draft = Draft::of(Version::Two, &[&own]);
        draft.output = script.to_vec();
        draft.output_fields = fields.to_vec();
        let child =
            |path: &ChildPath| (path.to_string() == "m/1/5").then(|| Spender::Ecdsa(CompressedKey::from(CHILD)));
        let effects = draft.psbt().effects(&ecdsa(), FINGERPRINT, child).unwrap();
        effects.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let (back, fee) = ("pays 900 satoshis to the signer", "costs up to 100 satoshis");
    let away = |script: &[u8]| format!("pays 900 satoshis to script {}", hex::encode(script));
    assert_eq!(paid(&own, &[]), [back, fee]);
    assert_eq!(paid(&child, &[(key(&CHILD), path.clone())]), [back, fee]);
    assert_eq!(paid(&child, &[tap]), [back, fee]);
    assert_eq!(paid(&child, &[]), [away(&child).as_str(), fee], "nobody says that it is a child");
    assert_eq!(paid(&stranger, &[(key(&STRANGER), path.clone())]), [away(&stranger).as_str(), fee], "a lie");
    let other_root = [&[9; 4][..], &path[4..]].concat();
    assert_eq!(paid(&child, &[(key(&CHILD), other_root)]), [away(&child).as_str(), fee]);
    let hardened = [&FINGERPRINT[..], &[1, 0, 0, 0x80]].concat();
    assert_eq!(paid(&child, &[(key(&CHILD), hardened)]), [away(&child).as_str(), fee]);
}

#[test]
fn the_fee_rate_counts_what_a_signature_takes_and_nothing_unverified() {
    let psbt = Draft::of(Version::Two, &[&p2wpkh_script(&key())]).psbt();
    let (fee, size) = (psbt.fee().unwrap().satoshis(), psbt.virtual_size());
    assert_eq!(psbt.fee_rate().unwrap(), fee.div_ceil(size));
    let unknown = Draft::of(Version::Two, &[b"\x51"]).psbt();
    // Marker, flag and the witness of a P2WPKH input, at a quarter each.
    assert_eq!(size - unknown.virtual_size(), (2 + 108_u64).div_ceil(4));
    let mut stuffed = Draft::of(Version::Two, &[b"\x51"]);
    let witness = [&[1, 0xfd, 0, 4][..], &[0; 1024]].concat();
    stuffed.first.push((FINAL_SCRIPT_WITNESS.to_vec(), Some(witness)));
    assert_eq!(stuffed.psbt().virtual_size(), unknown.virtual_size());
    assert_eq!(psbt.outpoints().count(), 1);
}
