//! ECDSA inputs and PSBT version 2: BIP-370's vectors, random PSBTs judged by the crates `bitcoin`,
//! `psbt-v2` and `miniscript`, and descriptors and addresses judged by `miniscript`.

use std::str::FromStr;

use bitcoin::{
    Amount, CompressedPublicKey, OutPoint, Psbt as TheirPsbt, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn,
    TxOut,
    absolute::{self, LockTime},
    bip32::{Xpriv, Xpub},
    consensus,
    hashes::Hash,
    key::{Keypair, TapTweak},
    psbt::PsbtSighashType,
    secp256k1::{Message, Secp256k1, SecretKey},
    sighash::{EcdsaSighashType, Prevouts, SighashCache},
    transaction::Version,
};
use cloister_chains::bitcoin::{
    Branch, CompressedKey, EcdsaSignature, Foreign, Network, Psbt, ScriptKind, SighashType, Spend, Spender, descriptor,
    p2pkh_address, p2pkh_script, p2sh_p2wpkh_address, p2sh_p2wpkh_script, p2tr_script, p2wpkh_address, p2wpkh_script,
};
use cloister_chains::derivation::{ChildPath, ExtendedKey};
use cloister_chains::effect::{Asset, Effect, Party};
use miniscript::{DescriptorPublicKey, psbt::PsbtExt};
use proptest::{collection::vec, prelude::*};
use psbt_v2::v2;

use crate::{bytes, golden, list, text};

#[test]
fn determines_the_lock_times_of_bip_370_and_loses_nothing_of_its_psbts() {
    for vector in list(&golden("bip370_vectors.json")["lock_times"]) {
        let (name, bytes) = (text(&vector["name"]), bytes(&vector["hex"]));
        let Some(lock_time) = vector["lock_time"].as_u64() else {
            assert_eq!(Psbt::parse(&bytes).unwrap_err().code(), "psbt_lock_times", "{name}");
            continue;
        };
        let theirs = v2::Psbt::deserialize(&bytes).unwrap();
        assert_eq!(u64::from(theirs.determine_lock_time().unwrap().to_consensus_u32()), lock_time, "{name}");
        // The lock time shows in the id alone.
        let psbt = Psbt::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(psbt.txid().to_string(), unsigned(&theirs).compute_txid().to_string(), "{name}");
        assert_eq!(v2::Psbt::deserialize(&psbt.to_bytes()).unwrap(), theirs, "{name}");
        assert_eq!(Psbt::parse(&psbt.to_bytes()), Ok(psbt), "{name}");
    }
}

#[test]
fn refuses_the_invalid_vector_of_bip_370() {
    for vector in list(&golden("bip370_vectors.json")["invalid"]) {
        assert!(Psbt::parse(&bytes(&vector["hex"])).is_err(), "{}", vector["name"]);
    }
}

#[test]
fn writes_descriptors_of_the_addresses_that_miniscript_derives() {
    let secp = Secp256k1::new();
    let master = Xpub::from_priv(&secp, &Xpriv::new_master(bitcoin::NetworkKind::Main, &[7; 32]).unwrap());
    for (branch, number) in [(Branch::Receiving, 0), (Branch::Change, 1)] {
        let path = bitcoin::bip32::DerivationPath::from_str(&format!("{number}/5")).unwrap();
        let child = CompressedKey::from(master.derive_pub(&secp, &path).unwrap().public_key.serialize());
        for (kind, script) in [
            (ScriptKind::P2pkh, p2pkh_script(&child).to_vec()),
            (ScriptKind::P2shP2wpkh, p2sh_p2wpkh_script(&child).to_vec()),
            (ScriptKind::P2wpkh, p2wpkh_script(&child).to_vec()),
            (ScriptKind::P2tr, {
                let key = bitcoin::PublicKey::from_slice(child.as_bytes()).unwrap().inner.x_only_public_key().0;
                ScriptBuf::new_p2tr(&secp, key, None).to_bytes()
            }),
        ] {
            let ours =
                descriptor(kind, (master.fingerprint().to_bytes(), &ChildPath::default()), &master.to_string(), branch)
                    .unwrap();
            let theirs = miniscript::Descriptor::<DescriptorPublicKey>::from_str(&ours).unwrap();
            assert_eq!(theirs.to_string(), ours);
            assert_eq!(theirs.at_derivation_index(5).unwrap().script_pubkey().to_bytes(), script, "{ours}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn writes_the_addresses_that_the_bitcoin_crate_writes(secret in secret()) {
        let keys = Keys::new(secret);
        let theirs = CompressedPublicKey::from_slice(keys.ecdsa().as_bytes()).unwrap();
        for (ours, network) in [
            (Network::Bitcoin, bitcoin::Network::Bitcoin),
            (Network::Testnet, bitcoin::Network::Testnet),
            (Network::Signet, bitcoin::Network::Signet),
            (Network::Regtest, bitcoin::Network::Regtest),
        ] {
            let key = keys.ecdsa();
            prop_assert_eq!(p2wpkh_address(&key, ours), bitcoin::Address::p2wpkh(&theirs, network).to_string());
            prop_assert_eq!(p2sh_p2wpkh_address(&key, ours), bitcoin::Address::p2shwpkh(&theirs, network).to_string());
            prop_assert_eq!(p2pkh_address(&key, ours), bitcoin::Address::p2pkh(theirs, network).to_string());
        }
    }

    #[test]
    fn writes_signatures_as_secp256k1_does(secret in secret(), digest: [u8; 32]) {
        let theirs = Secp256k1::new().sign_ecdsa(&Message::from_digest(digest), &Keys::new(secret).secret);
        let ours = Keys::new(secret).sign(digest);
        prop_assert_eq!(ours.to_der(), theirs.serialize_der().to_vec());
    }

    #[test]
    fn signs_mixed_inputs_of_version_0_as_bitcoin_and_miniscript_judge(draft in draft()) {
        let keys = Keys::new(draft.secret);
        let (theirs, utxos) = draft.psbt(&keys);
        let mut ours = Psbt::parse(&theirs.serialize()).unwrap();
        sign(&mut ours, &keys, &theirs.unsigned_tx, &utxos, &draft)?;
        let signed = TheirPsbt::deserialize(&ours.to_bytes()).unwrap();
        let finalised = ours.finalise().unwrap();
        // Miniscript runs each script on its signatures before it finishes an input.
        let judged = signed.finalize(&Secp256k1::new()).unwrap();
        prop_assert_eq!(&TheirPsbt::deserialize(&finalised.psbt).unwrap(), &judged);
        let transaction = judged.extract_tx_unchecked_fee_rate();
        prop_assert_eq!(consensus::serialize(&transaction), finalised.transaction);
        prop_assert_eq!(transaction.compute_txid().to_string(), finalised.txid.to_string());
        let unsigned = Psbt::parse(&theirs.serialize()).unwrap();
        let size = with_longest_signatures(transaction).vsize() as u64;
        prop_assert_eq!(unsigned.virtual_size(), size);
        prop_assert_eq!(unsigned.fee_rate().unwrap(), unsigned.fee().unwrap().satoshis().div_ceil(size));
    }

    #[test]
    fn what_comes_back_is_what_miniscript_derives(
        seed: [u8; 32],
        steps in vec(0..1u32 << 31, 4),
        named in vec(any::<bool>(), 4),
        kinds in vec(0..4usize, 4),
    ) {
        let wallet = Wallet::new(&seed);
        let (theirs, own) = wallet.psbt(&steps, &named, &kinds);
        let ours = Psbt::parse(&theirs.serialize()).unwrap();
        for ecdsa in [true, false] {
            let child = |path: &ChildPath| wallet.spender(path, ecdsa);
            let effects = ours.effects(&child(&ChildPath::default()).unwrap(), wallet.fingerprint(), child).unwrap();
            for (index, (effect, output)) in effects.iter().zip(ours.outputs()).enumerate() {
                let back = named[index] && own[index] == ecdsa;
                let to = if back { Party::Signer } else { Party::Bitcoin(output.script.clone()) };
                let amount = output.amount.satoshis().into();
                let expected = Effect::Transfer { asset: Asset::Satoshis, from: Party::Signer, to, amount };
                prop_assert_eq!(effect, &expected);
            }
            prop_assert_eq!(effects.len(), ours.outputs().len() + 1);
        }
    }

    #[test]
    fn signs_mixed_inputs_of_version_2_as_psbt_v2_judges(draft in draft()) {
        let keys = Keys::new(draft.secret);
        let (version_0, utxos) = draft.psbt(&keys);
        let theirs = draft.version_2(&version_0);
        let mut ours = match (Psbt::parse(&theirs.serialize()), theirs.determine_lock_time()) {
            (Ok(ours), Ok(_)) => ours,
            (Err(refused), Err(_)) => {
                prop_assert_eq!(refused.code(), "psbt_lock_times");
                return Ok(());
            }
            (ours, theirs) => panic!("{ours:?}, {theirs:?}"),
        };
        prop_assert_eq!(&v2::Psbt::deserialize(&ours.to_bytes()).unwrap(), &theirs);
        let unsigned = unsigned(&theirs);
        prop_assert_eq!(ours.txid().to_string(), unsigned.compute_txid().to_string());
        sign(&mut ours, &keys, &unsigned, &utxos, &draft)?;
        let finalised = ours.finalise().unwrap();
        let mut judged = v2::Psbt::deserialize(&finalised.psbt).unwrap();
        prop_assert_eq!(judged.global.tx_modifiable_flags, theirs.global.tx_modifiable_flags & !3);
        for input in &mut judged.inputs {
            // The crate wants both of every input, BIP-174 only what the input needs.
            input.final_script_sig.get_or_insert_default();
            input.final_script_witness.get_or_insert_default();
        }
        let transaction = v2::Extractor::new(judged).unwrap().extract_tx_unchecked_fee_rate().unwrap();
        prop_assert_eq!(consensus::serialize(&transaction), finalised.transaction);
        prop_assert_eq!(transaction.compute_txid().to_string(), finalised.txid.to_string());
    }
}

/// Has both keys sign what is theirs, once each digest is the one that the crate `bitcoin` computes.
fn sign(
    psbt: &mut Psbt,
    keys: &Keys,
    unsigned: &Transaction,
    utxos: &[TxOut],
    draft: &Draft,
) -> Result<(), TestCaseError> {
    let mut cache = SighashCache::new(unsigned);
    for spender in [Spender::Ecdsa(keys.ecdsa()), keys.taproot()] {
        let Ok(to_sign) = psbt.sighashes(&spender, Foreign::LeaveAlone) else {
            let taproot = matches!(spender, Spender::Taproot { .. });
            prop_assert!(draft.inputs.iter().all(|input| (input.kind == Kind::Taproot) != taproot));
            continue;
        };
        prop_assert_eq!(to_sign.sighashes.len() + to_sign.foreign.len(), utxos.len());
        for sighash in to_sign.sighashes {
            let (input, utxo) = (sighash.input, &utxos[sighash.input]);
            let all = EcdsaSighashType::All;
            let program = ScriptBuf::from_bytes(p2wpkh_script(&keys.ecdsa()).to_vec());
            let (kind, expected) = match sighash.spend {
                Spend::Taproot(SighashType::Default) => {
                    let prevouts = Prevouts::All(utxos);
                    let digest = cache.taproot_key_spend_signature_hash(input, &prevouts, TapSighashType::Default);
                    (Kind::Taproot, digest.unwrap().to_byte_array())
                }
                Spend::Taproot(SighashType::All) => {
                    let prevouts = Prevouts::All(utxos);
                    let digest = cache.taproot_key_spend_signature_hash(input, &prevouts, TapSighashType::All);
                    (Kind::Taproot, digest.unwrap().to_byte_array())
                }
                Spend::P2wpkh => {
                    let digest = cache.p2wpkh_signature_hash(input, &utxo.script_pubkey, utxo.value, all);
                    (Kind::P2wpkh, digest.unwrap().to_byte_array())
                }
                Spend::P2shP2wpkh => {
                    let digest = cache.p2wpkh_signature_hash(input, &program, utxo.value, all);
                    (Kind::P2shP2wpkh, digest.unwrap().to_byte_array())
                }
                Spend::P2pkh => {
                    let digest = cache.legacy_signature_hash(input, &utxo.script_pubkey, all.to_u32());
                    (Kind::P2pkh, digest.unwrap().to_byte_array())
                }
            };
            prop_assert_eq!(sighash.digest, expected);
            prop_assert_eq!(draft.inputs[input].kind, kind);
            match sighash.spend {
                Spend::Taproot(sighash_type) => {
                    psbt.insert_taproot_signature(input, keys.sign_schnorr(expected), sighash_type).unwrap();
                }
                Spend::P2wpkh | Spend::P2shP2wpkh | Spend::P2pkh => {
                    psbt.insert_ecdsa_signature(input, &keys.ecdsa(), &keys.sign(expected)).unwrap();
                }
            }
        }
    }
    prop_assert!(psbt.unfinished_inputs().is_empty());
    Ok(())
}

/// The same transaction with ECDSA signatures of 72 bytes.
fn with_longest_signatures(mut transaction: Transaction) -> Transaction {
    for input in &mut transaction.input {
        let items: Vec<_> = input.witness.iter().map(<[u8]>::to_vec).collect();
        match &items[..] {
            [_, key] => input.witness = bitcoin::Witness::from_slice(&[vec![0; 72], key.clone()]),
            [] => input.script_sig = ScriptBuf::from_bytes(vec![0; 1 + 72 + 1 + 33]),
            _ => {}
        }
    }
    transaction
}

/// A key with children, as the crates `bitcoin` and `miniscript` derive them.
struct Wallet {
    secp: Secp256k1<secp256k1::All>,
    master: Xpub,
}

impl Wallet {
    fn new(seed: &[u8; 32]) -> Self {
        let secp = Secp256k1::new();
        let master = Xpub::from_priv(&secp, &Xpriv::new_master(bitcoin::NetworkKind::Main, seed).unwrap());
        Self { secp, master }
    }

    fn fingerprint(&self) -> [u8; 4] {
        self.master.fingerprint().to_bytes()
    }

    /// What spends the outputs of a child, derived by `chains` and tweaked by the crate `bitcoin`.
    fn spender(&self, path: &ChildPath, ecdsa: bool) -> Option<Spender> {
        let root = ExtendedKey::root(&self.master.public_key.serialize(), self.master.chain_code.to_bytes()).ok()?;
        let key = root.derive(path).ok()?.0.public_key();
        if ecdsa {
            return Some(Spender::Ecdsa(key.into()));
        }
        let internal = bitcoin::PublicKey::from_slice(&key).unwrap().inner.x_only_public_key().0;
        let output = internal.tap_tweak(&self.secp, None).0.serialize();
        Some(Spender::Taproot { internal_key: internal.serialize().into(), output_key: output.into() })
    }

    /// A PSBT that pays to children of each kind, which it names or not; and which of them have ECDSA keys.
    fn psbt(&self, steps: &[u32], named: &[bool], kinds: &[usize]) -> (TheirPsbt, Vec<bool>) {
        let descriptor = |kind: usize, step: u32| {
            let key = format!("[{}]{}/1/{step}", self.master.fingerprint(), self.master);
            let text =
                [format!("wpkh({key})"), format!("sh(wpkh({key}))"), format!("pkh({key})"), format!("tr({key})")];
            miniscript::Descriptor::<DescriptorPublicKey>::from_str(&text[kind])
                .unwrap()
                .at_derivation_index(0)
                .unwrap()
        };
        let descriptors: Vec<_> = kinds.iter().zip(steps).map(|(kind, step)| descriptor(*kind, *step)).collect();
        let previous = TxOut { value: Amount::from_sat(10_000), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
        let outputs = (1..).zip(&descriptors).map(|(n, descriptor)| TxOut {
            value: Amount::from_sat(1_000 + n),
            script_pubkey: descriptor.script_pubkey(),
        });
        let mut psbt = TheirPsbt::from_unsigned_tx(Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn { previous_output: OutPoint::new(previous_txid(), 0), ..TxIn::default() }],
            output: outputs.collect(),
        })
        .unwrap();
        psbt.inputs[0].witness_utxo = Some(previous);
        for (index, descriptor) in descriptors.iter().enumerate().filter(|(index, _)| named[*index]) {
            psbt.update_output_with_descriptor(index, descriptor).unwrap();
        }
        (psbt, kinds.iter().map(|kind| *kind != 3).collect())
    }
}

fn previous_txid() -> bitcoin::Txid {
    bitcoin::Txid::from_byte_array([7; 32])
}

fn unsigned(psbt: &v2::Psbt) -> Transaction {
    Transaction {
        version: psbt.global.tx_version,
        lock_time: psbt.determine_lock_time().unwrap(),
        input: psbt
            .inputs
            .iter()
            .map(|input| TxIn {
                previous_output: OutPoint::new(input.previous_txid, input.spent_output_index),
                sequence: input.sequence.unwrap_or(Sequence::MAX),
                ..TxIn::default()
            })
            .collect(),
        output: psbt
            .outputs
            .iter()
            .map(|output| TxOut { value: output.amount, script_pubkey: output.script_pubkey.clone() })
            .collect(),
    }
}

/// One secret as an ECDSA key and as a BIP-86 key, as another library sees it.
struct Keys {
    secret: SecretKey,
    tweaked: Keypair,
}

impl Keys {
    fn new(secret: [u8; 32]) -> Self {
        let secp = Secp256k1::new();
        let secret = SecretKey::from_slice(&secret).expect("a random scalar");
        Self { secret, tweaked: Keypair::from_secret_key(&secp, &secret).tap_tweak(&secp, None).to_keypair() }
    }

    fn ecdsa(&self) -> CompressedKey {
        self.secret.public_key(&Secp256k1::new()).serialize().into()
    }

    fn taproot(&self) -> Spender {
        let internal_key = self.secret.x_only_public_key(&Secp256k1::new()).0.serialize().into();
        Spender::Taproot { internal_key, output_key: self.tweaked.x_only_public_key().0.serialize().into() }
    }

    fn sign(&self, digest: [u8; 32]) -> EcdsaSignature {
        let signature = Secp256k1::new().sign_ecdsa(&Message::from_digest(digest), &self.secret).serialize_compact();
        let (r, s) = signature.split_at(32);
        EcdsaSignature::new(r.try_into().unwrap(), s.try_into().unwrap()).unwrap()
    }

    fn sign_schnorr(&self, digest: [u8; 32]) -> [u8; 64] {
        *Secp256k1::new().sign_schnorr_no_aux_rand(&Message::from_digest(digest), &self.tweaked).as_ref()
    }
}

/// A PSBT to be.
#[derive(Debug, Clone)]
struct Draft {
    secret: [u8; 32],
    version: i32,
    lock_time: u32,
    modifiable: u8,
    inputs: Vec<DraftInput>,
    outputs: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct DraftInput {
    kind: Kind,
    amount: u64,
    sequence: u32,
    all: bool,
    both: bool,
    height: Option<u32>,
    time: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    P2wpkh,
    P2shP2wpkh,
    P2pkh,
    Taproot,
}

/// A scalar below the group's order that is not zero.
fn secret() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>().prop_map(|mut secret| {
        secret[0] = 1;
        secret
    })
}

fn draft() -> impl Strategy<Value = Draft> {
    let kind = prop_oneof![Just(Kind::P2wpkh), Just(Kind::P2shP2wpkh), Just(Kind::P2pkh), Just(Kind::Taproot)];
    let height = prop::option::weighted(0.3, 1..500_000_000_u32);
    let time = prop::option::weighted(0.3, 500_000_000..u32::MAX);
    // A final sequence number would switch the lock time off, and miniscript refuses the input.
    let input = (kind, 10_000..10_000_000_000u64, 0..u32::MAX, any::<bool>(), any::<bool>(), height, time);
    let input = input.prop_map(|(kind, amount, sequence, all, both, height, time)| DraftInput {
        kind,
        amount,
        sequence,
        all,
        both,
        height,
        time,
    });
    // `psbt-v2` takes an empty script for none at all.
    let outputs = vec(vec(any::<u8>(), 1..300), 1..5);
    (secret(), 1..3i32, any::<u32>(), any::<u8>(), vec(input, 1..6), outputs).prop_map(
        |(secret, version, lock_time, modifiable, inputs, outputs)| Draft {
            secret,
            version,
            lock_time,
            modifiable,
            inputs,
            outputs,
        },
    )
}

impl Draft {
    fn psbt(&self, keys: &Keys) -> (TheirPsbt, Vec<TxOut>) {
        let previous: Vec<Transaction> = (0..).zip(&self.inputs).map(|(n, input)| input.previous(n, keys)).collect();
        let utxos = previous.iter().map(|previous| previous.output[0].clone()).collect();
        let inputs = self.inputs.iter().zip(&previous).map(|(input, previous)| TxIn {
            previous_output: OutPoint::new(previous.compute_txid(), 0),
            sequence: Sequence(input.sequence),
            ..TxIn::default()
        });
        let outputs = self.outputs.iter().map(|script| TxOut {
            value: Amount::from_sat(1_000),
            script_pubkey: ScriptBuf::from_bytes(script.clone()),
        });
        let mut psbt = TheirPsbt::from_unsigned_tx(Transaction {
            version: Version(self.version),
            lock_time: LockTime::from_consensus(self.lock_time),
            input: inputs.collect(),
            output: outputs.collect(),
        })
        .unwrap();
        for ((map, input), previous) in psbt.inputs.iter_mut().zip(&self.inputs).zip(previous) {
            input.fill(map, previous, keys);
        }
        (psbt, utxos)
    }

    /// The same PSBT with the transaction in its parts, and with lock times that inputs require.
    fn version_2(&self, version_0: &TheirPsbt) -> v2::Psbt {
        let mut constructor = v2::Creator::new().constructor_modifiable();
        for output in &version_0.unsigned_tx.output {
            constructor = constructor.output(v2::Output::new(output.clone()));
        }
        for (map, txin) in version_0.inputs.iter().zip(&version_0.unsigned_tx.input) {
            let mut input = v2::Input::new(&txin.previous_output);
            input.sequence = Some(txin.sequence);
            input.non_witness_utxo = map.non_witness_utxo.clone();
            input.witness_utxo = map.witness_utxo.clone();
            input.redeem_script = map.redeem_script.clone();
            input.sighash_type = map.sighash_type.map(|_| EcdsaSighashType::All.into());
            constructor = constructor.input(input);
        }
        let mut psbt = constructor.psbt().unwrap();
        for (input, draft) in psbt.inputs.iter_mut().zip(&self.inputs) {
            input.min_height = draft.height.map(|height| absolute::Height::from_consensus(height).unwrap());
            input.min_time = draft.time.map(|time| absolute::Time::from_consensus(time).unwrap());
        }
        psbt.global.tx_version = Version(self.version);
        psbt.global.fallback_lock_time = Some(LockTime::from_consensus(self.lock_time));
        psbt.global.tx_modifiable_flags = self.modifiable & 7;
        psbt
    }
}

impl DraftInput {
    /// A transaction that pays to the key, another one for each `n`.
    fn previous(&self, n: u32, keys: &Keys) -> Transaction {
        let key = keys.ecdsa();
        let script = match (self.kind, keys.taproot()) {
            (Kind::P2wpkh, _) => p2wpkh_script(&key).to_vec(),
            (Kind::P2shP2wpkh, _) => p2sh_p2wpkh_script(&key).to_vec(),
            (Kind::P2pkh, _) => p2pkh_script(&key).to_vec(),
            (Kind::Taproot, Spender::Taproot { output_key, .. }) => p2tr_script(&output_key).to_vec(),
            (Kind::Taproot, Spender::Ecdsa(_)) => unreachable!("a Taproot key"),
        };
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::from_consensus(n),
            input: vec![TxIn::default()],
            output: vec![TxOut { value: Amount::from_sat(self.amount), script_pubkey: ScriptBuf::from_bytes(script) }],
        }
    }

    fn fill(&self, map: &mut bitcoin::psbt::Input, previous: Transaction, keys: &Keys) {
        // Miniscript takes no witness UTXO for an input without witness, and wants one with.
        map.witness_utxo =
            (self.kind != Kind::P2pkh && (self.both || self.kind == Kind::Taproot)).then(|| previous.output[0].clone());
        map.non_witness_utxo = Some(previous);
        if self.kind == Kind::P2shP2wpkh {
            map.redeem_script = Some(ScriptBuf::from_bytes(p2wpkh_script(&keys.ecdsa()).to_vec()));
        }
        if self.kind == Kind::Taproot {
            map.tap_internal_key = Some(keys.secret.x_only_public_key(&Secp256k1::new()).0);
        }
        map.sighash_type = self.all.then(|| PsbtSighashType::from(EcdsaSighashType::All));
    }
}
