//! Skeleton.
use crate::Rejected;
use super::*;
/// A PSBT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Psbt {}
/// A finished PSBT and the transaction in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalised {
    /// The PSBT with `PSBT_IN_FINAL_SCRIPTWITNESS` in every input.
    pub psbt: Vec<u8>,
    /// The transaction as the network takes it.
    pub transaction: Vec<u8>,
    /// Its id.
    pub txid: Txid,
}
impl Psbt {
    /// Reads a whole PSBT.
    pub fn parse(_bytes: &[u8]) -> Result<Self, Rejected> { todo!() }
    /// One digest per input, in order.
    pub fn taproot_key_path_sighashes(&self, _internal_key: &XOnlyKey, _output_key: &XOnlyKey) -> Result<Vec<TaprootSighash>, Rejected> { todo!() }
    /// Puts a BIP-340 signature (verified by the caller) into an input.
    pub fn insert_taproot_signature(&mut self, _input: usize, _signature: [u8; 64], _sighash_type: SighashType) -> Result<(), Rejected> { todo!() }
    /// The PSBT.
    pub fn to_bytes(&self) -> Vec<u8> { todo!() }
    /// The finished PSBT and network transaction, once every input has its signature.
    pub fn finalise(&self) -> Result<Finalised, Rejected> { todo!() }
    /// What is spent.
    pub fn inputs(&self) -> &[TxIn] { todo!() }
    /// Who is paid what.
    pub fn outputs(&self) -> &[TxOut] { todo!() }
    /// What the inputs bring and the outputs do not pay.
    pub fn fee(&self) -> Result<Amount, Rejected> { todo!() }
}
