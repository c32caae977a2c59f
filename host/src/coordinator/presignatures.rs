//! Presignatures made ahead, by key, child path and exact signers: only all of these signers together can use one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cloister_wire::ids::{Hash, SignerId};
use serde::Serialize;

use super::{
    pool::{Counters, Counts, Pool, Sizes, Source},
    presigning::{Presigner, Subject},
};
use crate::{config::PresignatureSizes, problem::Problem, signers::Signers};

/// All pools.
pub(super) struct Presignatures {
    presigner: Arc<Presigner>,
    sizes: Sizes,
    counters: Arc<Counters>,
    pools: Mutex<HashMap<Subject, Kept>>,
}

/// Makes what one pool keeps.
struct Batches {
    presigner: Arc<Presigner>,
    subject: Subject,
}

struct Kept {
    pool: Arc<Pool<Batches>>,
    used: Instant,
}

/// The pools as the API shows them.
#[derive(Debug, Serialize)]
pub(crate) struct PresignaturesStatus {
    #[serde(flatten)]
    counts: Counts,
    pools: Vec<PoolStatus>,
}

#[derive(Debug, Serialize)]
struct PoolStatus {
    key: String,
    path: Vec<u32>,
    signers: Vec<u16>,
    ready: usize,
    target: usize,
}

impl Presignatures {
    pub(super) fn new(signers: Arc<Signers>, sizes: PresignatureSizes, patience: Duration) -> Self {
        let PresignatureSizes { low, high, refill, life } = sizes;
        Self {
            presigner: Arc::new(Presigner::new(signers, patience)),
            sizes: Sizes { low, high, refill, life: life.min(LIFE) },
            counters: Arc::default(),
            pools: Mutex::default(),
        }
    }

    /// Fresh presignatures, which nobody else gets.
    pub(super) async fn draw(&self, subject: &Subject, count: usize) -> Result<Vec<Hash>, Problem> {
        self.pool(subject).draw(count).await
    }

    /// Whether nobody would have to wait for so many.
    pub(super) fn has(&self, subject: &Subject, count: usize) -> bool {
        let pool = self.all().get(subject).map(|kept| kept.pool.clone());
        pool.is_some_and(|pool| pool.level().0 >= count)
    }

    /// Makes some in the background, unless there are enough.
    pub(super) fn warm(&self, subject: &Subject) {
        self.pool(subject).top_up();
    }

    /// Whether two of these signers may not sign together.
    pub(super) fn bars(&self, set: &[SignerId]) -> bool {
        self.presigner.pairs.bars(set)
    }

    /// Signers do not have those of this one any more.
    pub(super) fn forget(&self, signer: SignerId) {
        self.all().retain(|subject, _| !subject.signers.contains(&signer));
    }

    /// Two of these signers may not sign together: they have erased what they made.
    pub(super) fn forget_barred(&self) {
        self.all().retain(|subject, _| !self.bars(&subject.signers));
    }

    /// The group was started anew.
    pub(super) fn forget_all(&self) {
        self.all().clear();
        self.presigner.pairs.forget_all();
    }

    pub(super) fn status(&self) -> PresignaturesStatus {
        let pools: Vec<_> = self.all().iter().map(|(subject, kept)| (subject.clone(), kept.pool.clone())).collect();
        let mut pools: Vec<_> = pools.into_iter().map(|(subject, pool)| PoolStatus::of(&subject, &pool)).collect();
        pools.sort_by(|a, b| (&a.key, &a.path, &a.signers).cmp(&(&b.key, &b.path, &b.signers)));
        PresignaturesStatus { counts: self.counters.counts(), pools }
    }

    fn pool(&self, subject: &Subject) -> Arc<Pool<Batches>> {
        let mut pools = self.all();
        if let Some(kept) = pools.get_mut(subject) {
            kept.used = Instant::now();
            return kept.pool.clone();
        }
        if pools.len() >= POOLS {
            let oldest = pools.iter().min_by_key(|(_, kept)| kept.used).map(|(subject, _)| subject.clone());
            oldest.and_then(|oldest| pools.remove(&oldest));
        }
        let batches = Batches { presigner: self.presigner.clone(), subject: subject.clone() };
        let pool = Arc::new(Pool::new(batches, self.sizes, self.counters.clone()));
        pools.insert(subject.clone(), Kept { pool: pool.clone(), used: Instant::now() });
        pool
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Subject, Kept>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Batches {
    type Item = Hash;

    async fn make(&self, count: usize) -> Result<Vec<Hash>, Problem> {
        self.presigner.make(&self.subject, count).await
    }
}

impl PoolStatus {
    fn of(subject: &Subject, pool: &Pool<Batches>) -> Self {
        let (ready, target) = pool.level();
        Self {
            key: subject.key.to_string(),
            path: subject.path.clone(),
            signers: subject.signers.iter().map(|signer| signer.get()).collect(),
            ready,
            target,
        }
    }
}

/// Pools that are kept; the one that was not used for longest makes room for a new one.
const POOLS: usize = 256;
/// Signers keep a presignature for an hour.
const LIFE: Duration = Duration::from_secs(55 * 60);
