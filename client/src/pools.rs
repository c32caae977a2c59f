//! What a host keeps ready for signatures: its own word, which nobody signs.

use serde::{Deserialize, Serialize};

/// A host's pools.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Pools {
    /// Commitments of FROST keys.
    pub commitments: Counts,
    /// Presignatures of ECDSA keys.
    pub presignatures: Presignatures,
}

/// What happened to pools of one kind, since the host was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts {
    /// Draws that found enough.
    pub hits: u64,
    /// Draws that had to wait.
    pub misses: u64,
    /// Batches that were made.
    pub refills: u64,
    /// What was thrown away unused.
    pub expiries: u64,
}

/// Presignatures, by what they are for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Presignatures {
    /// Of all pools together.
    #[serde(flatten)]
    pub counts: Counts,
    /// Each pool.
    pub pools: Vec<Pool>,
}

/// Presignatures for one key or child key and exactly these signers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Pool {
    /// The key's id.
    pub key: String,
    /// The steps to the child, none for the key itself.
    pub path: Vec<u32>,
    /// Who has made them.
    pub signers: Vec<u16>,
    /// How many there are.
    pub ready: u64,
    /// How many there are to be.
    pub target: u64,
}
