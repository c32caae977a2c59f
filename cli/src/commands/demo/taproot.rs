//! A PSBT made, and the signed transaction judged, by the `bitcoin` crate, which had no part in signing.

use anyhow::{Context, ensure};
use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut, Txid, Witness,
    XOnlyPublicKey,
    absolute::LockTime,
    consensus::deserialize,
    hashes::Hash as _,
    key::TweakedPublicKey,
    secp256k1::{Message, Secp256k1},
    sighash::{Prevouts, SighashCache},
    taproot::Signature,
    transaction::Version,
};

/// Coins of one Taproot key, and a transaction that spends them all.
pub(super) struct Spend {
    psbt: Psbt,
    coins: Vec<TxOut>,
    output_key: XOnlyPublicKey,
}

impl Spend {
    /// A transaction that gathers `amounts` (satoshis), coins of `output_key`, into one new coin less a fee.
    pub(super) fn gather(internal_key: &[u8; 32], output_key: &[u8; 32], amounts: &[u64]) -> anyhow::Result<Self> {
        let internal = XOnlyPublicKey::from_slice(internal_key)?;
        let output = XOnlyPublicKey::from_slice(output_key)?;
        let script = ScriptBuf::new_p2tr_tweaked(TweakedPublicKey::dangerous_assume_tweaked(output));
        let coins: Vec<_> = amounts
            .iter()
            .map(|amount| TxOut { value: Amount::from_sat(*amount), script_pubkey: script.clone() })
            .collect();
        let total: Amount = coins.iter().map(|coin| coin.value).sum();
        let paid = TxOut { value: total - Amount::from_sat(FEE), script_pubkey: script };
        let transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: (0..coins.len()).map(input).collect(),
            output: vec![paid],
        };
        let mut psbt = Psbt::from_unsigned_tx(transaction)?;
        for (input, coin) in psbt.inputs.iter_mut().zip(&coins) {
            input.witness_utxo = Some(coin.clone());
            input.tap_internal_key = Some(internal);
        }
        Ok(Self { psbt, coins, output_key: output })
    }

    /// The PSBT, to be signed.
    pub(super) fn psbt(&self) -> Vec<u8> {
        self.psbt.serialize()
    }

    /// Whether `signed` is this transaction with a valid key path signature for every input: digests by `bitcoin`, signatures by
    /// libsecp256k1.
    pub(super) fn judge(&self, signed: &[u8]) -> anyhow::Result<()> {
        let transaction: Transaction = deserialize(signed).context("the signed transaction cannot be read")?;
        ensure!(transaction.compute_txid() == self.psbt.unsigned_tx.compute_txid(), "another transaction was signed");
        let mut cache = SighashCache::new(&transaction);
        for (position, input) in transaction.input.iter().enumerate() {
            let signature = Signature::from_slice(input.witness.nth(0).context("an input without witness")?)?;
            ensure!(signature.sighash_type == TapSighashType::Default, "another sighash type");
            let sighash = cache.taproot_key_spend_signature_hash(
                position,
                &Prevouts::All(&self.coins),
                signature.sighash_type,
            )?;
            let message = Message::from_digest(sighash.to_byte_array());
            Secp256k1::verification_only().verify_schnorr(&signature.signature, &message, &self.output_key)?;
        }
        Ok(())
    }
}

fn input(position: usize) -> TxIn {
    let txid = Txid::hash(&position.to_le_bytes());
    TxIn {
        previous_output: OutPoint { txid, vout: 0 },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    }
}

/// Satoshis.
const FEE: u64 = 600;

#[cfg(test)]
mod tests {
    use bitcoin::{
        consensus::serialize,
        key::TapTweak as _,
        secp256k1::{Keypair, SecretKey},
    };

    use super::*;

    #[test]
    fn the_judge_takes_a_valid_transaction_and_no_other() {
        let secp = Secp256k1::new();
        let keypair = Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[7; 32]).unwrap());
        let tweaked = keypair.tap_tweak(&secp, None).to_keypair();
        let internal = keypair.x_only_public_key().0;
        let spend = Spend::gather(&internal.serialize(), &tweaked.x_only_public_key().0.serialize(), &[10_000, 20_000])
            .unwrap();

        let mut signed = spend.psbt.unsigned_tx.clone();
        for position in 0..2 {
            let sighash = SighashCache::new(&spend.psbt.unsigned_tx)
                .taproot_key_spend_signature_hash(position, &Prevouts::All(&spend.coins), TapSighashType::Default)
                .unwrap();
            let signature = secp.sign_schnorr_no_aux_rand(&Message::from_digest(sighash.to_byte_array()), &tweaked);
            signed.input[position].witness.push(signature.serialize());
        }
        spend.judge(&serialize(&signed)).unwrap();
        let (first, second) = signed.input.split_at_mut(1);
        std::mem::swap(&mut first[0].witness, &mut second[0].witness);
        assert!(spend.judge(&serialize(&signed)).is_err());
    }
}
