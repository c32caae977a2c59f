//! Skeleton.
use core::fmt;
/// An amount in satoshis, at most [`MAX_MONEY`] wherever it comes from this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);
impl Amount {
    /// In satoshis.
    pub fn satoshis(self) -> u64 { self.0 }
}
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{} sat", self.0) }
}
/// 21 million bitcoin.
pub const MAX_MONEY: Amount = Amount(2_100_000_000_000_000);
/// A transaction's id, shown reversed as everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Txid([u8; 32]);
impl Txid {
    /// In the order of the wire, which is not the order in which it is shown.
    pub fn as_bytes(&self) -> &[u8; 32] { &self.0 }
}
/// A coin: an output of an earlier transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outpoint {
    /// The transaction.
    pub txid: Txid,
    /// Which of its outputs.
    pub index: u32,
}
/// An input of the unsigned transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxIn {
    /// The coin.
    pub outpoint: Outpoint,
    /// nSequence.
    pub sequence: u32,
}
/// An output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxOut {
    /// How much.
    pub amount: Amount,
    /// scriptPubKey.
    pub script: Vec<u8>,
}
