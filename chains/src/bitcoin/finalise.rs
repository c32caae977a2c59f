//! Finishing a signed PSBT (BIP-174, "Input Finalizer" and "Transaction Extractor").

use super::{
    CompressedKey, EcdsaSignature, Psbt, Txid,
    address::p2wpkh_script,
    encoding::{write_compact_size, write_string},
    fields::{FINAL_SCRIPT_SIG, FINAL_SCRIPT_WITNESS, PARTIAL_SIG, TAP_KEY_SIG, outlives_signing},
    psbt::Input,
    spend::Spend,
    unsignable::Unsignable,
};
use crate::{Rejected, cursor::Cursor, rejected::Encoding};

/// A finished PSBT and the transaction in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalised {
    /// The PSBT: every input with its UTXO, unknown fields, `PSBT_IN_FINAL_SCRIPTSIG` and
    /// `PSBT_IN_FINAL_SCRIPTWITNESS`, where it has them.
    pub psbt: Vec<u8>,
    /// The transaction as the network takes it.
    pub transaction: Vec<u8>,
    /// The transaction's id.
    pub txid: Txid,
}

impl Psbt {
    /// Finishes a PSBT of which every input is finished already, or has a Taproot key path signature
    /// or the partial signature of a P2WPKH, P2SH-P2WPKH or P2PKH output's key.
    pub fn finalise(&self) -> Result<Finalised, Rejected> {
        let inputs = self.inputs.iter().enumerate();
        let finished = inputs.map(|(input, map)| map.scripts(input)).collect::<Result<Vec<_>, _>>()?;
        let transaction = self.with_scripts(&finished);
        let txid = self.transaction.txid_with(finished.iter().map(Scripts::script_sig));
        let mut psbt = self.clone();
        psbt.inputs.iter_mut().zip(&finished).for_each(|(input, scripts)| input.finish(scripts));
        Ok(Finalised { psbt: psbt.to_bytes(), transaction, txid })
    }

    /// The transaction with what each input has in it, in the witness format if any has a witness.
    pub(super) fn with_scripts(&self, inputs: &[Scripts]) -> Vec<u8> {
        let script_sigs = inputs.iter().map(Scripts::script_sig);
        if inputs.iter().all(|scripts| scripts.witness == EMPTY) {
            return self.transaction.with_script_sigs(script_sigs);
        }
        self.transaction.with_witnesses(script_sigs, inputs.iter().map(|scripts| scripts.witness.as_slice()))
    }

    /// The inputs that [`Self::finalise`] cannot finish, in order. If there are any, the PSBT as it is
    /// goes to whoever signs them.
    pub fn unfinished_inputs(&self) -> Vec<usize> {
        let inputs = self.inputs.iter().enumerate();
        inputs.filter(|(input, map)| map.scripts(*input).is_err()).map(|(input, _)| input).collect()
    }
}

/// What a finished input has in a transaction.
pub(super) struct Scripts {
    script_sig: Vec<u8>,
    /// The number of items and the items, as they stand there.
    witness: Vec<u8>,
}

impl Scripts {
    pub(super) fn new(script_sig: &[u8], items: &[&[u8]]) -> Self {
        let mut witness = Vec::new();
        write_compact_size(&mut witness, items.len());
        items.iter().for_each(|item| write_string(&mut witness, item));
        Self { script_sig: script_sig.to_vec(), witness }
    }

    pub(super) fn script_sig(&self) -> &[u8] {
        &self.script_sig
    }
}

impl Input {
    fn scripts(&self, input: usize) -> Result<Scripts, Rejected> {
        if let Some(finished) = self.finished_scripts(input)? {
            return Ok(finished);
        }
        match self.pairs.get(TAP_KEY_SIG) {
            Some(signature) => Ok(Scripts::new(b"", &[signature])),
            None => self.ecdsa_scripts(input),
        }
    }

    /// Those of an input that somebody has finished.
    fn finished_scripts(&self, input: usize) -> Result<Option<Scripts>, Rejected> {
        let (script_sig, witness) = (self.pairs.get(FINAL_SCRIPT_SIG), self.pairs.get(FINAL_SCRIPT_WITNESS));
        if let Some(witness) = witness {
            read_witness(witness, input)?;
        }
        if script_sig.is_none() && witness.is_none() {
            return Ok(None);
        }
        let witness = witness.map_or(EMPTY, Vec::as_slice).to_vec();
        Ok(Some(Scripts { script_sig: script_sig.cloned().unwrap_or_default(), witness }))
    }

    /// Those of an output that is the key's of a partial signature.
    fn ecdsa_scripts(&self, input: usize) -> Result<Scripts, Rejected> {
        let missing = Unsignable::NotSigned { input };
        let script = &self.utxo.as_ref().ok_or(missing)?.script;
        let (key, signature, spend) = self.partial_signature(script).ok_or(missing)?;
        self.check_scripts(input, spend, &key)?;
        self.check_signature(input, signature)?;
        let key_bytes = key.as_bytes().as_slice();
        let program = p2wpkh_script(&key);
        // Pushes of at most 75 bytes are written as strings are: the length, and the bytes.
        let pushed = |items: &[&[u8]]| {
            let mut script = Vec::new();
            items.iter().for_each(|item| write_string(&mut script, item));
            script
        };
        Ok(match spend {
            Spend::P2wpkh => Scripts::new(b"", &[signature, key_bytes]),
            Spend::P2shP2wpkh => Scripts::new(&pushed(&[&program]), &[signature, key_bytes]),
            Spend::P2pkh => Scripts::new(&pushed(&[signature, key_bytes]), &[]),
            Spend::Taproot(_) => return Err(missing.into()),
        })
    }

    fn partial_signature(&self, script: &[u8]) -> Option<(CompressedKey, &[u8], Spend)> {
        self.pairs.iter().find_map(|(key, value)| {
            let (&PARTIAL_SIG, key) = key.split_first()? else { return None };
            let key = CompressedKey::from(<[u8; 33]>::try_from(key).ok()?);
            Some((key, value.as_slice(), Spend::by_ecdsa(script, &key)?))
        })
    }

    /// DER, and the sighash type that the input asks for: ALL if it is silent.
    fn check_signature(&self, input: usize, signature: &[u8]) -> Result<(), Rejected> {
        let (&sighash_type, der) = signature.split_last().ok_or(Unsignable::BadSignature)?;
        EcdsaSignature::from_der(der)?;
        if u32::from(sighash_type) != self.stated_sighash_type().unwrap_or(SIGHASH_ALL) {
            return Err(Unsignable::WrongPartialSignature { input }.into());
        }
        Ok(())
    }

    fn finish(&mut self, scripts: &Scripts) {
        self.pairs.retain(|key, _| outlives_signing(key));
        if !scripts.script_sig.is_empty() {
            self.pairs.insert(FINAL_SCRIPT_SIG.to_vec(), scripts.script_sig.clone());
        }
        if scripts.witness != EMPTY {
            self.pairs.insert(FINAL_SCRIPT_WITNESS.to_vec(), scripts.witness.clone());
        }
    }
}

/// Refuses what is not a witness: it goes into the transaction as it is.
fn read_witness(bytes: &[u8], input: usize) -> Result<(), Rejected> {
    let mut cursor = Cursor::new(Encoding::FinalWitness { input }, bytes);
    for _ in 0..cursor.compact_size("witness items")? {
        cursor.string("witness item")?;
    }
    Ok(cursor.finish()?)
}

/// A witness without items.
const EMPTY: &[u8] = &[0];
/// As PSBTs ask for it.
const SIGHASH_ALL: u32 = 1;
