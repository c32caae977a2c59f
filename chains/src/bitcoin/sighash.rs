//! The digests that signatures are over: BIP-341's, BIP-143's, and that of inputs older than both.

use sha2::{Digest, Sha256};

use super::{
    Amount, SighashType, TxIn, TxOut,
    encoding::write_string,
    transaction::{UnsignedTransaction, double_sha256},
};
use crate::tagged_hash;

/// What all digests of a transaction share (BIP-341, "Common signature message").
pub(super) struct Commitments {
    version: u32,
    lock_time: u32,
    prevouts: [u8; 32],
    amounts: [u8; 32],
    scripts: [u8; 32],
    sequences: [u8; 32],
    outputs: [u8; 32],
}

impl Commitments {
    pub(super) fn new(transaction: &UnsignedTransaction, utxos: &[&TxOut]) -> Self {
        let inputs = &transaction.inputs;
        Self {
            version: transaction.version,
            lock_time: transaction.lock_time,
            prevouts: sha256_of(inputs, |bytes, input| input.outpoint.write(bytes)),
            amounts: sha256_of(utxos, |bytes, utxo| bytes.extend(utxo.amount.satoshis().to_le_bytes())),
            scripts: sha256_of(utxos, |bytes, utxo| write_string(bytes, &utxo.script)),
            sequences: sha256_of(inputs, |bytes, input| bytes.extend(input.sequence.to_le_bytes())),
            outputs: sha256_of(&transaction.outputs, |bytes, output| output.write(bytes)),
        }
    }

    /// BIP-341's, for a key path spend.
    pub(super) fn taproot(&self, input: usize, sighash_type: SighashType) -> [u8; 32] {
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

    /// BIP-143's of type ALL. Of all amounts it covers that of its own input alone.
    pub(super) fn segwit_v0(&self, input: &TxIn, script_code: &[u8], amount: Amount) -> [u8; 32] {
        let again = |hash: &[u8; 32]| -> [u8; 32] { Sha256::digest(hash).into() };
        let mut own = Vec::new();
        input.outpoint.write(&mut own);
        write_string(&mut own, script_code);
        own.extend(amount.satoshis().to_le_bytes());
        own.extend(input.sequence.to_le_bytes());
        double_sha256(&[
            &self.version.to_le_bytes(),
            &again(&self.prevouts),
            &again(&self.sequences),
            &own,
            &again(&self.outputs),
            &self.lock_time.to_le_bytes(),
            &SIGHASH_ALL.to_le_bytes(),
        ])
    }
}

/// The digest of type ALL from before SegWit: the transaction with the spent output's script in the
/// place of the input's own. It covers no amount.
pub(super) fn legacy(transaction: &UnsignedTransaction, input: usize, script: &[u8]) -> [u8; 32] {
    let scripts = (0..transaction.inputs.len()).map(|other| if other == input { script } else { b"" });
    double_sha256(&[&transaction.with_script_sigs(scripts), &SIGHASH_ALL.to_le_bytes()])
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
/// As it stands in a digest.
const SIGHASH_ALL: u32 = 1;

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use serde_json::Value;

    use super::*;
    use crate::bitcoin::{Network, XOnlyKey, p2tr_address, p2tr_script};

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
            let sighash = commitments.taproot(position, sighash_type);
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

    /// A transaction of the examples of BIP-143.
    fn transaction(hex: &str) -> UnsignedTransaction {
        UnsignedTransaction::parse(&hex::decode(hex).unwrap()).unwrap()
    }

    /// The digest of input `input`, which spends `satoshis` of the key with HASH160 `key_hash`.
    fn digest(transaction: &UnsignedTransaction, input: usize, key_hash: &str, satoshis: u64) -> String {
        let script_code = hex::decode(format!("76a914{key_hash}88ac")).unwrap();
        let output = [&satoshis.to_le_bytes()[..], &[0]].concat();
        let amount = TxOut::parse_witness_utxo(&output, 0).unwrap().amount;
        let commitments = Commitments::new(transaction, &[]);
        hex::encode(commitments.segwit_v0(&transaction.inputs[input], &script_code, amount))
    }

    #[test]
    fn computes_the_digests_of_bip_143() {
        let native = transaction(
            "0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffff\
             ef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff\
             02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac\
             9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000",
        );
        let expected = "c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670";
        let key_hash = "1d0f172a0ecb48aee1be1f2687d2963ae33f71a1";
        assert_eq!(digest(&native, 1, key_hash, 600_000_000), expected);
        let nested = transaction(
            "0100000001db6b1b20aa0fd7b23880be2ecbd4a98130974cf4748fb66092ac4d3ceb1a54770100000000feffffff\
             02b8b4eb0b000000001976a914a457b684d7f0d539a46a45bbc043f35b59d0d96388ac\
             0008af2f000000001976a914fd270b1ee6abcaea97fea7ad0402e8bd8ad6d77c88ac92040000",
        );
        let expected = "64f3b0f4dd2bb3aa1ce8566d220cc74dda9df97d8490cc81d89d735c92e59fb6";
        let key_hash = "79091972186c449eb1ded22b78e40d009bdf0089";
        assert_eq!(digest(&nested, 0, key_hash, 1_000_000_000), expected);
    }
}
