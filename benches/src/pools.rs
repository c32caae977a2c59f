//! What the coordinating host keeps of presignatures, as `GET /v1/pools` tells.

use std::time::Duration;

use cloister_client::Key;
use serde::Deserialize;

use crate::appliance::Appliance;

/// All of its pools.
#[derive(Clone, Debug, Deserialize)]
pub struct Pools {
    hits: u64,
    misses: u64,
    refills: u64,
    expiries: u64,
    pools: Vec<Pool>,
}

/// The presignatures of one set of signers.
#[derive(Clone, Debug, Deserialize)]
struct Pool {
    key: String,
    path: Vec<u32>,
    ready: usize,
    target: usize,
}

#[derive(Deserialize)]
struct Answer {
    presignatures: Pools,
}

impl Pools {
    /// As they are now.
    ///
    /// # Errors
    /// If the host does not answer.
    pub async fn of(appliance: &Appliance) -> anyhow::Result<Self> {
        let url = format!("{}/v1/pools", appliance.coordinator());
        let answer = appliance.http.get(url).send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice::<Answer>(&answer)?.presignatures)
    }

    /// As they are once nothing is made any more.
    ///
    /// # Errors
    /// If the host does not answer.
    pub async fn quiet(appliance: &Appliance) -> anyhow::Result<Self> {
        let mut pools = Self::of(appliance).await?;
        loop {
            tokio::time::sleep(PAUSE).await;
            let later = Self::of(appliance).await?;
            if later.refills == pools.refills {
                return Ok(later);
            }
            pools = later;
        }
    }

    /// How many were made since, where each signature draws one.
    #[must_use]
    pub fn made_since(&self, before: &Self) -> u64 {
        let all = |pools: &Self| pools.hits + pools.misses + pools.expiries + pools.ready() as u64;
        all(self).saturating_sub(all(before))
    }

    /// How many signatures with `key` itself in turn leave every set of signers with more than half, so that none is made meanwhile.
    #[must_use]
    pub fn room(&self, key: &Key) -> usize {
        let id = key.id().to_string();
        let pools: Vec<_> = self.pools.iter().filter(|pool| pool.key == id && pool.path.is_empty()).collect();
        let least = pools.iter().map(|pool| pool.ready.saturating_sub(pool.target / 2 + 1)).min();
        if pools.len() < SETS { 0 } else { SETS * least.unwrap_or_default() }
    }

    /// How many are ready, of all keys.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.pools.iter().map(|pool| pool.ready).sum()
    }
}

/// Sets of two signers out of three.
pub const SETS: usize = 3;
/// Longer than a batch of presignatures takes.
const PAUSE: Duration = Duration::from_millis(300);
