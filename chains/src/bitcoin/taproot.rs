//! Taproot key path spends: which inputs may be signed, and the digests that BIP-341 has signed.

use sha2::{Digest, Sha256};

use super::{
    Psbt, TxOut, XOnlyKey,
    encoding::write_string,
    fields::{
        FINAL_SCRIPT_SIG, FINAL_SCRIPT_WITNESS, PARTIAL_SIG, SIGHASH_TYPE, TAP_INTERNAL_KEY, TAP_KEY_SIG,
        TAP_LEAF_SCRIPT, TAP_MERKLE_ROOT, TAP_SCRIPT_SIG,
    },
    p2tr_script,
    psbt::{Input, Pairs},
    transaction::UnsignedTransaction,
    unsignable::Unsignable,
};
use crate::{Rejected, tagged_hash};

/// What a signature covers besides its own input: both types cover the whole transaction, and
/// differ in how the signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SighashType {
    /// `SIGHASH_DEFAULT`, 0x00: the signature is 64 bytes.
    Default,
    /// `SIGHASH_ALL`, 0x01: the type follows the signature as its 65th byte.
    All,
}

/// The digest that a BIP-340 signature of one input signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaprootSighash {
    /// The input.
    pub input: usize,
    /// The digest.
    pub sighash: [u8; 32],
    /// The type that the digest and the signature have.
    pub sighash_type: SighashType,
}

impl Psbt {
    /// The digests of BIP-341, one per input in order, for a PSBT of which *every* input spends an
    /// output of `output_key`.
    ///
    /// Refused: an input without UTXO, of another output key or of another internal key, with a
    /// script tree, with a sighash type other than DEFAULT and ALL, or signed already; amounts
    /// that do not add up. That `output_key` is `internal_key` with the empty tweak (BIP-86) is
    /// for the caller to know.
    ///
    /// # Security
    /// The digest covers the amounts and scripts of all spent outputs: if the PSBT lies about
    /// them, the signature is worthless.
    pub fn taproot_key_path_sighashes(
        &self,
        internal_key: &XOnlyKey,
        output_key: &XOnlyKey,
    ) -> Result<Vec<TaprootSighash>, Rejected> {
        self.fee()?;
        let utxos = self.utxos()?;
        let script = p2tr_script(output_key);
        let commitments = Commitments::new(&self.transaction, &utxos);
        let inputs = self.inputs.iter().zip(&utxos).enumerate();
        let sighashes = inputs.map(|(position, (input, utxo))| {
            if utxo.script != script {
                return Err(Unsignable::NotOurs { input: position });
            }
            let sighash_type = input.key_path_sighash_type(position, internal_key)?;
            let sighash = commitments.sighash(position, sighash_type);
            Ok(TaprootSighash { input: position, sighash, sighash_type })
        });
        Ok(sighashes.collect::<Result<_, _>>()?)
    }

    /// Puts a BIP-340 signature into an input. It is not verified here: callers have done that.
    /// Refused unless the input asks for `sighash_type` and has no signature.
    pub fn insert_taproot_signature(
        &mut self,
        input: usize,
        signature: [u8; 64],
        sighash_type: SighashType,
    ) -> Result<(), Rejected> {
        let slot = self.inputs.get_mut(input).ok_or(Unsignable::NoSuchInput { input })?;
        slot.refuse_if_signed(input)?;
        if slot.sighash_type(input)? != sighash_type {
            return Err(Unsignable::OtherSighashType { input }.into());
        }
        slot.pairs.insert(TAP_KEY_SIG.to_vec(), sighash_type.append_to(signature));
        Ok(())
    }
}

impl Input {
    /// The sighash type of an input that `internal_key` may sign by the key path.
    fn key_path_sighash_type(&self, input: usize, internal_key: &XOnlyKey) -> Result<SighashType, Unsignable> {
        self.refuse_if_signed(input)?;
        let named = self.pairs.get(TAP_INTERNAL_KEY);
        if named.is_some_and(|named| named != internal_key.as_bytes()) {
            return Err(Unsignable::WrongInternalKey { input });
        }
        if self.pairs.contains_key(TAP_MERKLE_ROOT) || has_type(&self.pairs, TAP_LEAF_SCRIPT) {
            return Err(Unsignable::ScriptTree { input });
        }
        self.sighash_type(input)
    }

    fn refuse_if_signed(&self, input: usize) -> Result<(), Unsignable> {
        let single = [TAP_KEY_SIG, FINAL_SCRIPT_SIG, FINAL_SCRIPT_WITNESS];
        let several = [PARTIAL_SIG, TAP_SCRIPT_SIG];
        let signed = single.iter().any(|&key| self.pairs.contains_key(key))
            || several.iter().any(|&kind| has_type(&self.pairs, kind));
        if signed { Err(Unsignable::AlreadySigned { input }) } else { Ok(()) }
    }

    /// What the input asks for: `SIGHASH_DEFAULT` if it is silent (BIP-371).
    fn sighash_type(&self, input: usize) -> Result<SighashType, Unsignable> {
        let Some(value) = self.pairs.get(SIGHASH_TYPE) else {
            return Ok(SighashType::Default);
        };
        let bytes = <[u8; 4]>::try_from(value.as_slice()).expect("fields::check demands four bytes");
        match u32::from_le_bytes(bytes) {
            0 => Ok(SighashType::Default),
            1 => Ok(SighashType::All),
            sighash_type => Err(Unsignable::SighashType { input, sighash_type }),
        }
    }
}

impl SighashType {
    /// The byte that stands for it in the digest.
    pub fn byte(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::All => 1,
        }
    }

    /// The signature as it stands in a witness.
    fn append_to(self, signature: [u8; 64]) -> Vec<u8> {
        let mut bytes = signature.to_vec();
        match self {
            Self::Default => {}
            Self::All => bytes.push(self.byte()),
        }
        bytes
    }
}

/// Whether a map holds a pair of a type whose keys have data.
fn has_type(pairs: &Pairs, kind: u8) -> bool {
    pairs.keys().any(|key| key.first() == Some(&kind))
}

/// What all digests of a transaction share (BIP-341, "Common signature message").
struct Commitments {
    version: u32,
    lock_time: u32,
    prevouts: [u8; 32],
    amounts: [u8; 32],
    scripts: [u8; 32],
    sequences: [u8; 32],
    outputs: [u8; 32],
}

impl Commitments {
    fn new(transaction: &UnsignedTransaction, utxos: &[&TxOut]) -> Self {
        let inputs = &transaction.inputs;
        Self {
            version: transaction.version,
            lock_time: transaction.lock_time,
            prevouts: sha256_of(inputs, |bytes, input| {
                bytes.extend(input.outpoint.txid.as_bytes());
                bytes.extend(input.outpoint.index.to_le_bytes());
            }),
            amounts: sha256_of(utxos, |bytes, utxo| bytes.extend(utxo.amount.satoshis().to_le_bytes())),
            scripts: sha256_of(utxos, |bytes, utxo| write_string(bytes, &utxo.script)),
            sequences: sha256_of(inputs, |bytes, input| bytes.extend(input.sequence.to_le_bytes())),
            outputs: sha256_of(&transaction.outputs, |bytes, output| output.write(bytes)),
        }
    }

    fn sighash(&self, input: usize, sighash_type: SighashType) -> [u8; 32] {
        // limits::PSBT_INPUTS is far below u32::MAX.
        let index = u32::try_from(input).unwrap_or(u32::MAX);
        tagged_hash(b"TapSighash")
            .chain_update([EPOCH, sighash_type.byte()])
            .chain_update(self.version.to_le_bytes())
            .chain_update(self.lock_time.to_le_bytes())
            .chain_update(self.prevouts)
            .chain_update(self.amounts)
            .chain_update(self.scripts)
            .chain_update(self.sequences)
            .chain_update(self.outputs)
            .chain_update([KEY_PATH_WITHOUT_ANNEX])
            .chain_update(index.to_le_bytes())
            .finalize()
            .into()
    }
}

/// The SHA-256 of what `write` appends for each item.
fn sha256_of<T>(items: &[T], write: impl Fn(&mut Vec<u8>, &T)) -> [u8; 32] {
    let mut bytes = Vec::new();
    items.iter().for_each(|item| write(&mut bytes, item));
    Sha256::digest(bytes).into()
}

const EPOCH: u8 = 0;
/// `spend_type`: 2 · extension flag + annex present.
const KEY_PATH_WITHOUT_ANNEX: u8 = 0;

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use serde_json::Value;

    use super::*;
    use crate::bitcoin::{Network, p2tr_address};

    /// BIP-341's wallet vectors; `None`, said aloud, where they are not. Under CI they have to be.
    fn vectors() -> Option<Value> {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors");
        let folder = env::var_os("CLOISTER_VECTORS").map_or(PathBuf::from(beside), PathBuf::from);
        let path = folder.join("bips/bip-0341.json");
        match fs::read(&path) {
            Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
            Err(error) if env::var_os("CI").is_some() => panic!("{}: {error}", path.display()),
            Err(error) => {
                eprintln!("SKIPPED: {}: {error}; set CLOISTER_VECTORS", path.display());
                None
            }
        }
    }

    fn bytes(value: &Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }

    fn utxo(spent: &Value) -> TxOut {
        let amount = spent["amountSats"].as_u64().unwrap().to_le_bytes();
        let mut output = amount.to_vec();
        write_string(&mut output, &bytes(&spent["scriptPubKey"]));
        TxOut::parse_witness_utxo(&output, 0).unwrap()
    }

    #[test]
    fn computes_the_digests_of_bip_341() {
        let Some(vectors) = vectors() else { return };
        let spending = &vectors["keyPathSpending"][0];
        let transaction = UnsignedTransaction::parse(&bytes(&spending["given"]["rawUnsignedTx"])).unwrap();
        let utxos: Vec<TxOut> = spending["given"]["utxosSpent"].as_array().unwrap().iter().map(utxo).collect();
        let commitments = Commitments::new(&transaction, &utxos.iter().collect::<Vec<_>>());
        let hashes = &spending["intermediary"];
        assert_eq!(commitments.prevouts[..], bytes(&hashes["hashPrevouts"]));
        assert_eq!(commitments.amounts[..], bytes(&hashes["hashAmounts"]));
        assert_eq!(commitments.scripts[..], bytes(&hashes["hashScriptPubkeys"]));
        assert_eq!(commitments.sequences[..], bytes(&hashes["hashSequences"]));
        assert_eq!(commitments.outputs[..], bytes(&hashes["hashOutputs"]));
        let mut compared = 0;
        for input in spending["inputSpending"].as_array().unwrap() {
            let position = input["given"]["txinIndex"].as_u64().unwrap() as usize;
            let sighash_type = match input["given"]["hashType"].as_u64().unwrap() {
                0 => SighashType::Default,
                1 => SighashType::All,
                _ => continue,
            };
            let sighash = commitments.sighash(position, sighash_type);
            assert_eq!(sighash[..], bytes(&input["intermediary"]["sigHash"]), "input {position}");
            compared += 1;
        }
        assert_eq!(compared, 2);
    }

    #[test]
    fn makes_the_scripts_and_addresses_of_bip_341() {
        let Some(vectors) = vectors() else { return };
        for vector in vectors["scriptPubKey"].as_array().unwrap() {
            let key = bytes(&vector["intermediary"]["tweakedPubkey"]);
            let key = XOnlyKey::from(<[u8; 32]>::try_from(key).unwrap());
            assert_eq!(p2tr_script(&key)[..], bytes(&vector["expected"]["scriptPubKey"]));
            let address = p2tr_address(&key, Network::Bitcoin);
            assert_eq!(address, vector["expected"]["bip350Address"]);
        }
    }
}
