//! What is made ahead, so that a signature takes one round: each thing is given out once. A pool begins small and grows while requests
//! have to wait for it.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::problem::{HostCode, Problem};

/// How much is kept, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// To begin with.
    pub(super) low: usize,
    /// Under load.
    pub(super) high: usize,
    /// More is made when no more than this part of it is left, percent.
    pub(super) refill: u8,
    /// What is older is thrown away.
    pub(super) life: Duration,
}

/// Makes what a pool keeps.
pub(super) trait Source: Send + Sync + 'static {
    /// One thing.
    type Item: Send + 'static;

    /// Makes at least one and at most `count`.
    fn make(&self, count: usize) -> impl Future<Output = Result<Vec<Self::Item>, Problem>> + Send;
}

/// What happened to pools of one kind, since the host was started.
#[derive(Debug, Default)]
pub(super) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    refills: AtomicU64,
    expiries: AtomicU64,
}

/// The same as the API shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    hits: u64,
    misses: u64,
    refills: u64,
    expiries: u64,
}

/// Unused things of one source.
pub(super) struct Pool<S: Source> {
    source: S,
    sizes: Sizes,
    counters: Arc<Counters>,
    ready: Mutex<Ready<S::Item>>,
    /// Held while somebody who waits fetches.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Ready<T> {
    items: VecDeque<(Instant, T)>,
    target: usize,
    topping_up: bool,
    failed: Option<(Instant, Problem)>,
}

impl Counters {
    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Self { hits, misses, refills, expiries } = self;
        Counts { hits: read(hits), misses: read(misses), refills: read(refills), expiries: read(expiries) }
    }
}

fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

impl<S: Source> Pool<S> {
    pub(super) fn new(source: S, sizes: Sizes, counters: Arc<Counters>) -> Self {
        let ready = Ready { items: VecDeque::new(), target: sizes.low.max(1), topping_up: false, failed: None };
        Self { source, sizes, counters, ready: Mutex::new(ready), turn: Arc::default() }
    }

    /// As many as that, which nobody else gets.
    pub(super) async fn draw(self: &Arc<Self>, wanted: usize) -> Result<Vec<S::Item>, Problem> {
        let ready = self.take(wanted);
        let drawn = match ready {
            Some(drawn) => {
                count(&self.counters.hits, 1);
                drawn
            }
            None => {
                count(&self.counters.misses, 1);
                self.wait_for(wanted).await?
            }
        };
        self.top_up();
        Ok(drawn)
    }

    /// How many are ready, and how many are meant to be.
    pub(super) fn level(&self) -> (usize, usize) {
        self.expire();
        let ready = self.ready();
        (ready.items.len(), ready.target)
    }

    /// In the background, at most one at a time.
    pub(super) fn top_up(self: &Arc<Self>) {
        {
            let mut ready = self.ready();
            if ready.topping_up || ready.items.len() * 100 > ready.target * usize::from(self.sizes.refill) {
                return;
            }
            ready.topping_up = true;
        }
        let pool = self.clone();
        tokio::spawn(async move {
            if let Err(problem) = pool.fill().await {
                tracing::debug!(%problem, "a pool was not topped up");
            }
            pool.ready().topping_up = false;
        });
    }

    async fn fill(&self) -> Result<(), Problem> {
        loop {
            let missing = {
                let ready = self.ready();
                ready.target.saturating_sub(ready.items.len())
            };
            if missing == 0 {
                return Ok(());
            }
            self.fetch(missing).await?;
        }
    }

    /// One after the other fetches, for all who come after it; what one of them fails at, those who waited for it fail at.
    async fn wait_for(self: &Arc<Self>, wanted: usize) -> Result<Vec<S::Item>, Problem> {
        let since = Instant::now();
        let mut turn = self.turn.clone().lock_owned().await;
        loop {
            if let Some((_, problem)) = self.ready().failed.as_ref().filter(|(at, _)| *at > since) {
                return Err(problem.clone());
            }
            if let Some(drawn) = self.take(wanted) {
                return Ok(drawn);
            }
            let missing = self.grow(wanted);
            let pool = self.clone();
            // Goes on when the caller goes away: what is half made helps nobody.
            let fetching = tokio::spawn(async move { (pool.fetch(missing).await, turn) });
            let gone = |_| Problem::host(HostCode::Internal, "what was being made was given up");
            let fetched;
            (fetched, turn) = fetching.await.map_err(gone)?;
            fetched?;
        }
    }

    /// How many are missing; next time it will be twice as many.
    fn grow(&self, wanted: usize) -> usize {
        let mut ready = self.ready();
        let missing = ready.target.max(wanted).saturating_sub(ready.items.len());
        ready.target = (ready.target * 2).min(self.sizes.high.max(1));
        missing
    }

    async fn fetch(&self, missing: usize) -> Result<(), Problem> {
        let made = self.source.make(missing.max(1)).await;
        let (now, mut ready) = (Instant::now(), self.ready());
        match made {
            Ok(fresh) => {
                count(&self.counters.refills, 1);
                ready.items.extend(fresh.into_iter().map(|item| (now, item)));
                Ok(())
            }
            Err(problem) => {
                ready.failed = Some((now, problem.clone()));
                Err(problem)
            }
        }
    }

    fn take(&self, wanted: usize) -> Option<Vec<S::Item>> {
        self.expire();
        let items = &mut self.ready().items;
        let enough = items.len() >= wanted;
        enough.then(|| items.drain(..wanted).map(|(_, item)| item).collect())
    }

    fn expire(&self) {
        let items = &mut self.ready().items;
        let expired = items.iter().take_while(|(made, _)| made.elapsed() > self.sizes.life).count();
        items.drain(..expired);
        count(&self.counters.expiries, expired);
    }

    fn ready(&self) -> MutexGuard<'_, Ready<S::Item>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Makes numbers, two at a time, until it has made `most`.
    struct Numbers {
        made: AtomicUsize,
        most: usize,
    }

    impl Source for Numbers {
        type Item = usize;

        async fn make(&self, count: usize) -> Result<Vec<usize>, Problem> {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let first = self.made.fetch_add(count.min(2), Ordering::SeqCst);
            if first >= self.most {
                return Err(Problem::host(HostCode::Overloaded, "no more numbers"));
            }
            Ok((first..first + count.min(2)).collect())
        }
    }

    fn pool(low: usize, life: Duration, most: usize) -> Arc<Pool<Numbers>> {
        let sizes = Sizes { low, high: 8, refill: 50, life };
        Arc::new(Pool::new(Numbers { made: AtomicUsize::new(0), most }, sizes, Arc::default()))
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn an_empty_pool_makes_those_who_come_wait_and_gives_each_its_own() {
        let pool = pool(1, HOUR, 100);
        let (a, b) = tokio::join!(pool.draw(1), pool.draw(3));
        let all: std::collections::BTreeSet<_> = a.unwrap().into_iter().chain(b.unwrap()).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(pool.counters.counts().misses, 2);
    }

    #[tokio::test]
    async fn a_pool_that_was_drawn_from_is_filled_in_the_background_and_then_nobody_waits() {
        let pool = pool(4, HOUR, 100);
        pool.draw(1).await.unwrap();
        while pool.level().0 < pool.level().1 {
            tokio::task::yield_now().await;
        }
        pool.draw(2).await.unwrap();
        let counts = pool.counters.counts();
        assert_eq!((counts.hits, counts.misses), (1, 1));
        assert_eq!(pool.level().1, 8, "it grew while somebody waited");
    }

    #[tokio::test]
    async fn what_is_too_old_is_not_given_out() {
        let pool = pool(2, Duration::ZERO, 2);
        pool.fetch(2).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(pool.draw(1).await.unwrap_err().code, "overloaded");
        assert_eq!(pool.counters.counts().expiries, 2);
    }

    #[tokio::test]
    async fn making_goes_on_when_the_one_who_waits_goes_away() {
        let pool = pool(1, HOUR, 100);
        let gone = tokio::time::timeout(Duration::ZERO, pool.draw(1)).await;
        assert!(gone.is_err());
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(pool.level().0 > 0);
    }
}
