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
use tokio::time::timeout;

use crate::{
    config::PoolSizes,
    desk::unexpected,
    problem::{HostCode, Problem},
    signers::Signers,
};

/// A commitment as a signer gave it.
pub(super) type Commitment = Bytes<{ limits::COMMITMENT }>;

/// The pools of all signers and keys.
pub(super) struct Pools {
    signers: Arc<Signers>,
    sizes: PoolSizes,
    patience: Duration,
    pools: Mutex<HashMap<(SignerId, KeyId), Arc<Pool>>>,
}

/// The unused commitments of one signer and key.
struct Pool {
    signers: Arc<Signers>,
    sizes: PoolSizes,
    patience: Duration,
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
    failed: Option<(Instant, Problem)>,
}

impl Pools {
    pub(super) fn new(signers: Arc<Signers>, sizes: PoolSizes, patience: Duration) -> Self {
        Self { signers, sizes, patience, pools: Mutex::default() }
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
        let make = || Arc::new(Pool::new(self, signer, key));
        self.all().entry((signer, key)).or_insert_with(make).clone()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(SignerId, KeyId), Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    fn new(pools: &Pools, signer: SignerId, key: KeyId) -> Self {
        let Pools { signers, sizes, patience, .. } = pools;
        let target = sizes.low.max(1);
        let ready = Ready { commitments: VecDeque::new(), target, topping_up: false, failed: None };
        Self {
            signers: signers.clone(),
            sizes: *sizes,
            patience: *patience,
            signer,
            key,
            ready: Mutex::new(ready),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// One after the other fetches, for all who come after it; what one of them fails at, those who waited for it fail at.
    async fn wait_for(&self, count: usize) -> Result<Vec<Commitment>, Problem> {
        let since = Instant::now();
        let _turn = self.turn.lock().await;
        loop {
            let missing = {
                let mut ready = self.ready();
                if let Some((_, problem)) = ready.failed.as_ref().filter(|(at, _)| *at > since) {
                    return Err(problem.clone());
                }
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
        let fetched = self.ask(missing.clamp(1, AT_ONCE)).await;
        let (now, mut ready) = (Instant::now(), self.ready());
        match fetched {
            Ok(fresh) => {
                ready.commitments.extend(fresh.into_iter().map(|commitment| (now, commitment)));
                Ok(())
            }
            Err(problem) => {
                ready.failed = Some((now, problem.clone()));
                Err(problem)
            }
        }
    }

    async fn ask(&self, count: usize) -> Result<Vec<Commitment>, Problem> {
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
