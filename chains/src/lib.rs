//! A transaction's bytes -> what it is, and the digest a key signs for it.
//!
//! Bytes come from hosts and requesters, all hostile. What parses here is exactly what will be
//! signed: one canonical encoding each, everything else refused with a code, a place and a
//! sentence. Nothing here holds a secret, does I/O or verifies a signature.
//!
//! ```text
//! solana::Message::parse ──> signing_bytes_for(key)          Ed25519 signs the message itself
//! bitcoin::Psbt::parse ────> sighashes(key, foreign)         BIP-340 or ECDSA signs each digest
//! cosmos::SignDoc::parse ──> digest_for(key)                 ECDSA signs its SHA-256
//! derivation::ExtendedKey ─> derive(path)                    children of a secp256k1 key (BIP-32)
//! ethereum::Transaction, TypedData ─> signing_hash()         ECDSA signs this Keccak-256
//! message::signing_bytes / message::digest                   texts, under a domain prefix
//! ```
//!
//! Callers' duties: pass the key that is about to sign, so that a transaction that does not need
//! it is refused; derive a Taproot output key from its internal key (BIP-86) themselves; verify a
//! finished signature before they insert it.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)
)]

pub mod bitcoin;
pub mod cosmos;
mod cursor;
pub mod derivation;
pub mod effect;
pub mod ethereum;
pub mod limits;
pub mod message;
mod rejected;
pub mod solana;
mod u256;

pub use rejected::{Encoding, Fault, Malformed, Rejected};
pub use u256::{NotANumber, U256};

/// What addresses and fingerprints say of a key: `RIPEMD160(SHA256(bytes))`.
fn hash160(bytes: &[u8]) -> [u8; 20] {
    use sha2::Digest;
    ripemd::Ripemd160::digest(sha2::Sha256::digest(bytes)).into()
}

/// SHA-256 with BIP-340's domain separation, ready for the data:
/// `SHA256(SHA256(tag) || SHA256(tag) || data)`.
fn tagged_hash(tag: &[u8]) -> sha2::Sha256 {
    use sha2::Digest;
    let tag = sha2::Sha256::digest(tag);
    sha2::Sha256::new().chain_update(tag).chain_update(tag)
}
