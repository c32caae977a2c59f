//! FROST commitments fetched ahead. Those of a signer that lost its memory are thrown away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cloister_wire::{
    bounded::Bytes,
    ids::{KeyId, SignerId},
    limits,
    message::{Body, Request},
};
use tokio::time::timeout;

use super::pool::{Counters, Counts, Pool, Sizes, Source};
use crate::{
    config::PoolSizes,
    desk::unexpected,
    problem::{HostCode, Problem},
    signers::Signers,
};

/// A commitment as a signer gave it.
pub(super) type Commitment = Bytes<{ limits::COMMITMENT }>;

/// A pool for each signer and key.
type All = HashMap<(SignerId, KeyId), Arc<Pool<Committer>>>;

/// The pools of all signers and keys.
pub(super) struct Commitments {
    signers: Arc<Signers>,
    sizes: Sizes,
    patience: Duration,
    counters: Arc<Counters>,
    pools: Mutex<All>,
}

/// One signer, for one key.
struct Committer {
    signers: Arc<Signers>,
    patience: Duration,
    signer: SignerId,
    key: KeyId,
}

impl Commitments {
    pub(super) fn new(signers: Arc<Signers>, sizes: PoolSizes, patience: Duration) -> Self {
        let sizes = Sizes { low: sizes.low, high: sizes.high, refill: 50, life: LIFE };
        Self { signers, sizes, patience, counters: Arc::default(), pools: Mutex::default() }
    }

    /// Fresh commitments of one signer, which nobody else gets.
    pub(super) async fn draw(&self, signer: SignerId, key: KeyId, count: usize) -> Result<Vec<Commitment>, Problem> {
        self.pool(signer, key).draw(count).await
    }

    /// A signer does not know its commitments any more.
    pub(super) fn forget(&self, signer: SignerId, key: KeyId) {
        self.all().remove(&(signer, key));
    }

    /// The group was started anew.
    pub(super) fn forget_all(&self) {
        self.all().clear();
    }

    /// How it went so far.
    pub(super) fn counts(&self) -> Counts {
        self.counters.counts()
    }

    fn pool(&self, signer: SignerId, key: KeyId) -> Arc<Pool<Committer>> {
        let committer = || Committer { signers: self.signers.clone(), patience: self.patience, signer, key };
        let make = || Arc::new(Pool::new(committer(), self.sizes, self.counters.clone()));
        self.all().entry((signer, key)).or_insert_with(make).clone()
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Committer {
    type Item = Commitment;

    async fn make(&self, count: usize) -> Result<Vec<Commitment>, Problem> {
        let count = count.min(AT_ONCE);
        let request = Request::Commit { key: self.key, count: u16::try_from(count).unwrap_or(u16::MAX) };
        let Ok(answer) = timeout(self.patience, self.signers.ask(self.signer, &request)).await else {
            self.signers.mark_down(self.signer);
            return Err(Problem::host(HostCode::SignerUnreachable, "no commitments in time").at(self.signer));
        };
        match answer?.body {
            Body::Commitments(fresh) if fresh.len() == count => Ok(fresh.into_vec()),
            _ => Err(unexpected().at(self.signer)),
        }
    }
}

/// Signers keep a commitment for ten minutes.
const LIFE: Duration = Duration::from_secs(8 * 60);
/// Commitments fetched by one request: a signer makes them in a few milliseconds, and signs nothing meanwhile.
const AT_ONCE: usize = 64;
