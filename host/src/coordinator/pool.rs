//! Commitments fetched ahead, so that a signature takes one round. Each is given out once; those of a signer that lost its memory are
//! thrown away. A pool begins small and grows while requests have to wait for it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cloister_wire::{
    bounded::Bytes,
    ids::{KeyId, SignerId},
    limits,
    message::{Body, Request},
};

use crate::{
    config::PoolSizes,
    desk::unexpected,
    problem::Problem,
    signers::Signers,
};

/// A commitment as a signer gave it.
pub(super) type Commitment = Bytes<{ limits::COMMITMENT }>;

/// The pools of all signers and keys.
pub(super) struct Pools {
    signers: Arc<Signers>,
    sizes: PoolSizes,
    pools: Mutex<HashMap<(SignerId, KeyId), Arc<Pool>>>,
}

/// The unused commitments of one signer and key.
struct Pool {
    signers: Arc<Signers>,
    sizes: PoolSizes,
    signer: SignerId,
    key: KeyId,
    ready: Mutex<Ready>,
    /// Held while somebody who waits fetches.
    turn: tokio::sync::Mutex<()>,
}

struct Ready {
    commitments: VecDeque<(Instant, Commitment)>,
    target: usize,
    topping_up: bool,
}

impl Pools {
    pub(super) fn new(signers: Arc<Signers>, sizes: PoolSizes) -> Self {
        Self { signers, sizes, pools: Mutex::default() }
    }

    /// Fresh commitments of one signer, which nobody else gets.
    pub(super) async fn draw(&self, signer: SignerId, key: KeyId, count: usize) -> Result<Vec<Commitment>, Problem> {
        let pool = self.pool(signer, key);
        let ready = pool.ready().take(count);
        let drawn = match ready {
            Some(drawn) => drawn,
            None => pool.wait_for(count).await?,
        };
        pool.top_up();
        Ok(drawn)
    }

    /// A signer does not know its commitments any more.
    pub(super) fn forget(&self, signer: SignerId, key: KeyId) {
        self.all().remove(&(signer, key));
    }

    /// The group was started anew.
    pub(super) fn forget_all(&self) {
        self.all().clear();
    }

    fn pool(&self, signer: SignerId, key: KeyId) -> Arc<Pool> {
        let make = || Arc::new(Pool::new(self.signers.clone(), self.sizes, signer, key));
        self.all().entry((signer, key)).or_insert_with(make).clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(SignerId, KeyId), Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn new(signers: Arc<Signers>, sizes: PoolSizes, signer: SignerId, key: KeyId) -> Self {
        let ready = Ready { commitments: VecDeque::new(), target: sizes.low.max(1), topping_up: false };
        Self { signers, sizes, signer, key, ready: Mutex::new(ready), turn: tokio::sync::Mutex::default() }
    }

    /// One after the other fetches, for all who come after it.
    async fn wait_for(&self, count: usize) -> Result<Vec<Commitment>, Problem> {
        let _turn = self.turn.lock().await;
        loop {
            let missing = {
                let mut ready = self.ready();
                if let Some(drawn) = ready.take(count) {
                    return Ok(drawn);
                }
                let wanted = ready.target.max(count);
                ready.target = (ready.target * 2).min(self.sizes.high.max(1));
                wanted - ready.commitments.len()
            };
            self.fetch(missing).await?;
        }
    }

    /// In the background, at most one at a time.
    fn top_up(self: &Arc<Self>) {
        let missing = {
            let mut ready = self.ready();
            let missing = ready.target.saturating_sub(ready.commitments.len());
            if ready.topping_up || missing * 2 < ready.target {
                return;
            }
            ready.topping_up = true;
            missing
        };
        let pool = self.clone();
        tokio::spawn(async move {
            if let Err(problem) = pool.fetch(missing).await {
                tracing::debug!(signer = %pool.signer, %problem, "commitments were not topped up");
            }
            pool.ready().topping_up = false;
        });
    }

    async fn fetch(&self, missing: usize) -> Result<(), Problem> {
        let count = missing.clamp(1, AT_ONCE);
        let request = Request::Commit { key: self.key, count: count as u16 };
        match self.signers.ask(self.signer, &request).await?.body {
            Body::Commitments(fresh) if fresh.len() == count => {
                let now = Instant::now();
                self.ready().commitments.extend(fresh.into_vec().into_iter().map(|commitment| (now, commitment)));
                Ok(())
            }
            _ => Err(unexpected().at(self.signer)),
        }
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ready {
    fn take(&mut self, count: usize) -> Option<Vec<Commitment>> {
        while self.commitments.front().is_some_and(|(fetched, _)| fetched.elapsed() > LIFE) {
            self.commitments.pop_front();
        }
        let enough = self.commitments.len() >= count;
        enough.then(|| self.commitments.drain(..count).map(|(_, commitment)| commitment).collect())
    }
}

/// Signers keep a commitment for ten minutes.
const LIFE: Duration = Duration::from_secs(8 * 60);
/// Commitments fetched by one request: a signer makes them in a few milliseconds, and signs nothing meanwhile.
const AT_ONCE: usize = 64;
