//! Finishing a signed PSBT (BIP-174, "Input Finalizer" and "Transaction Extractor").

use super::{
    Psbt, Txid,
    encoding::{write_compact_size, write_string},
    fields::{FINAL_SCRIPT_WITNESS, TAP_KEY_SIG, outlives_signing},
    psbt::Input,
    unsignable::Unsignable,
};
use crate::Rejected;

/// A finished PSBT and the transaction in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalised {
    /// The PSBT: every input with its UTXO, unknown fields and `PSBT_IN_FINAL_SCRIPTWITNESS`.
    pub psbt: Vec<u8>,
    /// The transaction as the network takes it.
    pub transaction: Vec<u8>,
    /// The transaction's id.
    pub txid: Txid,
}

impl Psbt {
    /// Finishes a PSBT of which every input has a Taproot key path signature.
    pub fn finalise(&self) -> Result<Finalised, Rejected> {
        let witnesses = self.witnesses()?;
        let witness_bytes = witnesses.iter().map(Vec::as_slice);
        let transaction = self.transaction.with_witnesses(witness_bytes);
        let mut psbt = self.clone();
        for (input, witness) in psbt.inputs.iter_mut().zip(witnesses) {
            input.finish(witness);
        }
        Ok(Finalised { psbt: psbt.to_bytes(), transaction, txid: self.txid() })
    }

    /// The witness of each input, as it stands in a transaction: one item, the signature.
    fn witnesses(&self) -> Result<Vec<Vec<u8>>, Unsignable> {
        let inputs = self.inputs.iter().enumerate();
        let witnesses = inputs.map(|(input, Input { pairs, .. })| {
            let signature = pairs.get(TAP_KEY_SIG).ok_or(Unsignable::NotSigned { input })?;
            let mut witness = Vec::new();
            write_compact_size(&mut witness, 1);
            write_string(&mut witness, signature);
            Ok(witness)
        });
        witnesses.collect()
    }
}

impl Input {
    fn finish(&mut self, witness: Vec<u8>) {
        self.pairs.retain(|key, _| outlives_signing(key));
        self.pairs.insert(FINAL_SCRIPT_WITNESS.to_vec(), witness);
    }
}
