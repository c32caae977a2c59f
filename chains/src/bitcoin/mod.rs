//! Bitcoin: PSBTs (BIP-174, version 0) with Taproot fields (BIP-371), key path spends (BIP-341).

mod encoding;
mod fields;
mod finalise;
mod psbt;
mod taproot;
#[cfg(test)]
mod tests;
mod transaction;
mod unsignable;

use core::fmt;

pub use finalise::Finalised;
pub use psbt::Psbt;
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

/// The BIP-350 address of the Taproot output key `output_key` (after the tweak).
pub fn p2tr_address(output_key: &XOnlyKey, network: Network) -> String {
    let prefix = match network {
        Network::Bitcoin => bech32::hrp::BC,
        Network::Testnet | Network::Signet => bech32::hrp::TB,
        Network::Regtest => bech32::hrp::BCRT,
    };
    bech32::segwit::encode_v1(prefix, &output_key.0).expect("a known prefix and a 32-byte program")
}

/// The script that pays to `output_key`: `OP_1 <32 bytes>`.
pub fn p2tr_script(output_key: &XOnlyKey) -> [u8; 34] {
    let mut script = [0; 34];
    let (opcodes, key) = script.split_at_mut(2);
    opcodes.copy_from_slice(&[0x51, 0x20]);
    key.copy_from_slice(&output_key.0);
    script
}
