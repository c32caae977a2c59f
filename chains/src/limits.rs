//! Every bound of this crate. Each is checked before anything is allocated for what it bounds.

/// Bytes of a Solana transaction, signatures included: what fits one packet (IPv6 minimum MTU
/// 1280 less headers, `PACKET_DATA_SIZE`).
pub const SOLANA_TRANSACTION: usize = 1232;

/// Bytes of a PSBT.
pub const PSBT: usize = 256 * 1024;

/// Inputs of a transaction to sign.
pub const PSBT_INPUTS: usize = 512;

/// Outputs of a transaction to sign.
pub const PSBT_OUTPUTS: usize = 2048;

/// Key-value pairs in all the maps of a PSBT together.
pub const PSBT_PAIRS: usize = 16 * 1024;

/// Bytes of a text to sign.
pub const MESSAGE_TEXT: usize = 16 * 1024;
