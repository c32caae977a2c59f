//! PSBTs: golden ones of bitcoinjs-lib, the vectors of BIP-174 and BIP-371, and random ones judged by
//! the crate `bitcoin`.

use bitcoin::{
    Amount, OutPoint, Psbt as TheirPsbt, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut, Txid, Witness,
    absolute::LockTime,
    consensus,
    hashes::Hash,
    key::{Keypair, TapTweak, XOnlyPublicKey},
    psbt::{PsbtSighashType, raw},
    secp256k1::{Message, Secp256k1},
    sighash::{Prevouts, SighashCache},
    transaction::Version,
};
use cloister_chains::{
    bitcoin::{Network, Psbt, SighashType, Spender, XOnlyKey, p2tr_address, p2tr_script},
    effect::{Asset, Effect, Party},
};
use proptest::{collection::vec, prelude::*};

use crate::{bytes, golden, list, text};

#[test]
fn signs_and_finishes_what_bitcoinjs_built_as_bitcoinjs_does() {
    let golden = golden("bitcoin_golden.json");
    let key = |name: &str| XOnlyKey::from(<[u8; 32]>::try_from(bytes(&golden[name])).unwrap());
    let (internal, output) = (key("internal_key"), key("output_key"));
    for case in list(&golden["cases"]) {
        let mut psbt = Psbt::parse(&bytes(&case["unsigned"])).unwrap();
        assert_eq!(psbt.fee().unwrap().satoshis(), case["fee"].as_u64().unwrap());
        assert_eq!(psbt.txid().to_string(), text(&case["txid"]));
        let sighashes = psbt.taproot_key_path_sighashes(&internal, &output).unwrap();
        assert_eq!(sighashes.len(), list(&case["sighashes"]).len());
        for (position, ours) in sighashes.iter().enumerate() {
            assert_eq!(ours.sighash[..], bytes(&case["sighashes"][position]), "{}", case["name"]);
            assert_eq!(u64::from(ours.sighash_type.byte()), case["sighash_types"][position].as_u64().unwrap());
            let signature = bytes(&case["signatures"][position]).try_into().unwrap();
            psbt.insert_taproot_signature(position, signature, ours.sighash_type).unwrap();
        }
        assert_eq!(psbt, Psbt::parse(&bytes(&case["signed"])).unwrap());
        let finalised = psbt.finalise().unwrap();
        assert_eq!(finalised.transaction, bytes(&case["transaction"]));
        assert_eq!(finalised.txid, psbt.txid());
    }
}

#[test]
fn writes_the_addresses_that_bitcoinjs_writes() {
    let golden = golden("bitcoin_golden.json");
    let key = XOnlyKey::from(<[u8; 32]>::try_from(bytes(&golden["output_key"])).unwrap());
    let networks = [
        (Network::Bitcoin, "bitcoin"),
        (Network::Testnet, "testnet"),
        (Network::Signet, "testnet"),
        (Network::Regtest, "regtest"),
    ];
    for (network, name) in networks {
        assert_eq!(p2tr_address(&key, network), text(&golden["addresses"][name]));
    }
}

#[test]
fn takes_the_valid_vectors_of_bip_174_and_bip_371_and_loses_nothing_of_them() {
    for vector in list(&golden("psbt_vectors.json")["valid"]) {
        let name = text(&vector["name"]);
        let psbt = Psbt::parse(&bytes(&vector["hex"])).unwrap_or_else(|error| panic!("{name}: {error}"));
        let read = |bytes: &[u8]| TheirPsbt::deserialize(bytes).unwrap();
        assert_eq!(read(&psbt.to_bytes()), read(&bytes(&vector["hex"])), "{name}");
        assert_eq!(Psbt::parse(&psbt.to_bytes()), Ok(psbt), "{name}");
    }
}

#[test]
fn refuses_the_invalid_vectors_of_bip_174_and_bip_371() {
    for vector in list(&golden("psbt_vectors.json")["invalid"]) {
        assert!(Psbt::parse(&bytes(&vector["hex"])).is_err(), "{}", vector["name"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn signs_random_psbts_as_the_bitcoin_crate_judges(draft in draft()) {
        let key = Key::new(draft.secret);
        let (theirs, utxos) = draft.psbt(&key);
        let mut ours = Psbt::parse(&theirs.serialize()).unwrap();
        prop_assert_eq!(&TheirPsbt::deserialize(&ours.to_bytes()).unwrap(), &theirs);
        let spender = Spender::Taproot { internal_key: key.internal(), output_key: key.output() };
        prop_assert_eq!(ours.effects(&spender, [0; 4], |_| None).unwrap(), effects(&theirs, &key));
        let sighashes = ours.taproot_key_path_sighashes(&key.internal(), &key.output()).unwrap();
        let mut cache = SighashCache::new(&theirs.unsigned_tx);
        for (sighash, input) in sighashes.iter().zip(&draft.inputs) {
            let expected = cache
                .taproot_key_spend_signature_hash(sighash.input, &Prevouts::All(&utxos), input.theirs())
                .unwrap();
            prop_assert_eq!(sighash.sighash, expected.to_byte_array());
            prop_assert_eq!(sighash.sighash_type, input.ours());
            ours.insert_taproot_signature(sighash.input, key.sign(sighash.sighash), sighash.sighash_type).unwrap();
        }
        let finalised = ours.finalise().unwrap();
        let extracted = TheirPsbt::deserialize(&finalised.psbt).unwrap().extract_tx_unchecked_fee_rate();
        prop_assert_eq!(consensus::serialize(&extracted), finalised.transaction);
        prop_assert_eq!(extracted.compute_txid().to_string(), finalised.txid.to_string());
        key.verify(&extracted, &utxos)?;
    }

    #[test]
    fn agrees_on_damaged_psbts_that_both_take(draft in draft(), position: prop::sample::Index, byte: u8) {
        let mut bytes = draft.psbt(&Key::new(draft.secret)).0.serialize();
        let position = position.index(bytes.len());
        bytes[position] = byte;
        let (Ok(ours), Ok(theirs)) = (Psbt::parse(&bytes), TheirPsbt::deserialize(&bytes)) else { return Ok(()) };
        prop_assert_eq!(ours.txid().to_string(), theirs.unsigned_tx.compute_txid().to_string());
        prop_assert_eq!(TheirPsbt::deserialize(&ours.to_bytes()).unwrap(), theirs);
    }

    #[test]
    fn survives_any_bytes_behind_the_magic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Psbt::parse(&[b"psbt\xff", &bytes[..]].concat());
    }
}

/// What the transaction does, as the other library reads it.
fn effects(psbt: &TheirPsbt, key: &Key) -> Vec<Effect> {
    let own = p2tr_script(&key.output());
    let paid = psbt.unsigned_tx.output.iter().map(|output| {
        let script = output.script_pubkey.to_bytes();
        let to = if script == own[..] { Party::Signer } else { Party::Bitcoin(script) };
        let amount = output.value.to_sat().into();
        Effect::Transfer { asset: Asset::Satoshis, from: Party::Signer, to, amount }
    });
    let most = psbt.fee().unwrap().to_sat().into();
    paid.chain([Effect::Fee { asset: Asset::Satoshis, most }]).collect()
}

/// A BIP-86 key pair, as another library sees it.
struct Key {
    internal: XOnlyPublicKey,
    tweaked: Keypair,
}

impl Key {
    fn new(secret: [u8; 32]) -> Self {
        let secp = Secp256k1::new();
        let pair = Keypair::from_seckey_slice(&secp, &secret).expect("a random scalar");
        Self { internal: pair.x_only_public_key().0, tweaked: pair.tap_tweak(&secp, None).to_keypair() }
    }

    fn internal(&self) -> XOnlyKey {
        self.internal.serialize().into()
    }

    fn output(&self) -> XOnlyKey {
        self.tweaked.x_only_public_key().0.serialize().into()
    }

    fn sign(&self, digest: [u8; 32]) -> [u8; 64] {
        let secp = Secp256k1::new();
        *secp.sign_schnorr_no_aux_rand(&Message::from_digest(digest), &self.tweaked).as_ref()
    }

    /// Each witness is one signature that fits the transaction and the coins.
    fn verify(&self, transaction: &Transaction, utxos: &[TxOut]) -> Result<(), TestCaseError> {
        let mut cache = SighashCache::new(transaction);
        for (position, input) in transaction.input.iter().enumerate() {
            let signature = bitcoin::taproot::Signature::from_slice(&input.witness[0]).unwrap();
            let digest = cache
                .taproot_key_spend_signature_hash(position, &Prevouts::All(utxos), signature.sighash_type)
                .unwrap();
            let digest = Message::from_digest(digest.to_byte_array());
            let (key, _) = self.tweaked.x_only_public_key();
            prop_assert!(Secp256k1::new().verify_schnorr(&signature.signature, &digest, &key).is_ok());
            prop_assert_eq!(input.witness.len(), 1);
        }
        Ok(())
    }
}

/// A PSBT to be.
#[derive(Debug, Clone)]
struct Draft {
    secret: [u8; 32],
    version: i32,
    lock_time: u32,
    inputs: Vec<DraftInput>,
    outputs: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct DraftInput {
    seed: [u8; 32],
    amount: u64,
    sequence: u32,
    utxo: Utxo,
    sighash_type: Option<SighashType>,
    names_key: bool,
    unknown: Option<Vec<u8>>,
}

/// How a PSBT tells of a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Utxo {
    Output,
    Transaction,
    Both,
}

fn draft() -> impl Strategy<Value = Draft> {
    let utxo = prop_oneof![Just(Utxo::Output), Just(Utxo::Transaction), Just(Utxo::Both)];
    let sighash_type = prop_oneof![Just(None), Just(Some(SighashType::Default)), Just(Some(SighashType::All))];
    let unknown = prop::option::of(vec(any::<u8>(), 0..300));
    let input =
        (any::<[u8; 32]>(), 10_000..10_000_000_000u64, any::<u32>(), utxo, sighash_type, any::<bool>(), unknown)
            .prop_map(|(seed, amount, sequence, utxo, sighash_type, names_key, unknown)| DraftInput {
                seed,
                amount,
                sequence,
                utxo,
                sighash_type,
                names_key,
                unknown,
            });
    let outputs = vec(vec(any::<u8>(), 0..300), 1..5);
    // A scalar below the group's order that is not zero.
    let secret = any::<[u8; 32]>().prop_map(|mut secret| {
        secret[0] = 1;
        secret
    });
    (secret, any::<i32>(), any::<u32>(), vec(input, 1..5), outputs)
        .prop_map(|(secret, version, lock_time, inputs, outputs)| Draft { secret, version, lock_time, inputs, outputs })
}

impl Draft {
    fn psbt(&self, key: &Key) -> (TheirPsbt, Vec<TxOut>) {
        let ours = ScriptBuf::from_bytes(p2tr_script(&key.output()).to_vec());
        let previous: Vec<Transaction> = self.inputs.iter().map(|input| input.previous(&ours)).collect();
        let utxos = previous.iter().map(|previous| previous.output[1].clone()).collect();
        let outputs = self.outputs.iter().map(|script| TxOut {
            value: Amount::from_sat(1_000),
            script_pubkey: ScriptBuf::from_bytes(script.clone()),
        });
        let inputs = self.inputs.iter().zip(&previous).map(|(input, previous)| TxIn {
            previous_output: OutPoint::new(previous.compute_txid(), 1),
            sequence: Sequence(input.sequence),
            ..TxIn::default()
        });
        let mut psbt = TheirPsbt::from_unsigned_tx(Transaction {
            version: Version(self.version),
            lock_time: LockTime::from_consensus(self.lock_time),
            input: inputs.collect(),
            output: outputs.collect(),
        })
        .unwrap();
        for ((map, input), previous) in psbt.inputs.iter_mut().zip(&self.inputs).zip(previous) {
            input.fill(map, previous, key);
        }
        (psbt, utxos)
    }
}

impl DraftInput {
    /// A transaction that pays `script` in its second output; every other one has a witness.
    fn previous(&self, script: &ScriptBuf) -> Transaction {
        let other = TxOut { value: Amount::from_sat(1), script_pubkey: ScriptBuf::new() };
        let witness = if self.seed[0].is_multiple_of(2) { Witness::new() } else { Witness::from_slice(&[self.seed]) };
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(Txid::from_byte_array(self.seed), 0),
                witness,
                ..TxIn::default()
            }],
            output: vec![other, TxOut { value: Amount::from_sat(self.amount), script_pubkey: script.clone() }],
        }
    }

    fn fill(&self, map: &mut bitcoin::psbt::Input, previous: Transaction, key: &Key) {
        if self.utxo != Utxo::Transaction {
            map.witness_utxo = Some(previous.output[1].clone());
        }
        if self.utxo != Utxo::Output {
            map.non_witness_utxo = Some(previous);
        }
        map.tap_internal_key = self.names_key.then_some(key.internal);
        map.sighash_type = self.sighash_type.map(|_| PsbtSighashType::from(self.theirs()));
        let unknown_key = raw::Key { type_value: 0xf0, key: vec![1, 2, 3] };
        map.unknown = self.unknown.iter().map(|value| (unknown_key.clone(), value.clone())).collect();
    }

    fn ours(&self) -> SighashType {
        self.sighash_type.unwrap_or(SighashType::Default)
    }

    fn theirs(&self) -> TapSighashType {
        match self.ours() {
            SighashType::Default => TapSighashType::Default,
            SighashType::All => TapSighashType::All,
        }
    }
}
