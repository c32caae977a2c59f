//! Skeleton.
/// Which parts of the transaction a signature covers; both cover all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SighashType {
    /// 0x00: a 64-byte signature.
    Default,
    /// 0x01: the type follows the signature.
    All,
}
/// The BIP-341 digest of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaprootSighash {
    /// Which input.
    pub input: usize,
    /// What BIP-340 signs.
    pub sighash: [u8; 32],
    /// What the signature covers.
    pub sighash_type: SighashType,
}
