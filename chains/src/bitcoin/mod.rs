//! Bitcoin: PSBTs (BIP-174, and BIP-370's version 2) with Taproot fields (BIP-371): key path spends
//! (BIP-341), and ECDSA spends of P2WPKH, P2SH-P2WPKH (BIP-143) and P2PKH outputs; addresses and
//! output descriptors.

mod address;
mod descriptor;
mod ecdsa;
#[cfg(test)]
mod ecdsa_tests;
mod effects;
mod encoding;
mod fee_rate;
mod fields;
mod finalise;
mod psbt;
mod sighash;
mod spend;
mod taproot;
#[cfg(test)]
mod tests;
mod transaction;
mod unsignable;
mod version_2;

use core::fmt;

pub use address::{
    p2pkh_address, p2pkh_script, p2sh_p2wpkh_address, p2sh_p2wpkh_script, p2tr_address, p2tr_script, p2wpkh_address,
    p2wpkh_script,
};
pub use descriptor::{Branch, ScriptKind, descriptor};
pub use ecdsa::{CompressedKey, EcdsaSignature};
pub use finalise::Finalised;
pub use psbt::Psbt;
pub use spend::{Foreign, Sighash, Spend, Spender, ToSign};
pub use taproot::{SighashType, TaprootSighash};
pub use transaction::{Amount, Outpoint, TxIn, TxOut, Txid};
pub use unsignable::{Map, Place, Unsignable};

/// A BIP-340 public key, shown in hex. Whether it is a point of the curve is for the caller to know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct XOnlyKey([u8; 32]);

impl XOnlyKey {
    /// The 32 bytes: the x coordinate, big-endian.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for XOnlyKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for XOnlyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for XOnlyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "XOnlyKey({self})")
    }
}

/// Which chain an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The main network: `bc1…`.
    Bitcoin,
    /// Any public test network: `tb1…`.
    Testnet,
    /// Signet, whose addresses are the test networks'.
    Signet,
    /// A private regression test network: `bcrt1…`.
    Regtest,
}
