//! The same request gets the same answer: while it is under way, and for as long as it lives.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cloister_wire::{
    codec,
    ids::{Hash, RequestId, UnixMillis},
    limits,
    refusal::Refusal,
    request::{Requestable, Requested},
};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::now;
use crate::{
    problem::{HostCode, Problem},
    store::{Store, StoreError, Write},
};

/// A finished answer, as it is stored and sent.
pub(crate) type Body = Arc<[u8]>;
type Outcome = Result<Body, Problem>;

/// Which request is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion {
    id: RequestId,
    posted: Hash,
    issued_at: UnixMillis,
}

impl Occasion {
    /// Of a request as it was posted, signature included: with another signature it is another one.
    pub(crate) fn of<T: Requestable>(requested: &Requested, id: RequestId, issued_at: UnixMillis) -> Self {
        Self { id, posted: T::TAG.hash(&codec::encode(requested)), issued_at }
    }
}

/// Answers that are there, and those that are on their way.
#[derive(Clone)]
pub(crate) struct Answers {
    store: Store,
    capacity: Arc<Semaphore>,
    airborne: Arc<Mutex<HashMap<Hash, watch::Receiver<Option<Outcome>>>>>,
    known: Arc<Mutex<Known>>,
}

/// Answered requests: who is not here was not answered, unless there were too many to remember.
struct Known {
    issued: HashMap<RequestId, UnixMillis>,
    complete: bool,
}

impl Answers {
    /// Remembers what the store holds.
    pub(crate) async fn load(store: Store, capacity: usize) -> Result<Self, StoreError> {
        let issued: HashMap<_, _> =
            store.answered(earlier(limits::REQUEST_LIFE_MS), REMEMBERED as u32).await?.into_iter().collect();
        let known = Known { complete: issued.len() < REMEMBERED, issued };
        Ok(Self {
            store,
            capacity: Arc::new(Semaphore::new(capacity)),
            airborne: Arc::default(),
            known: Arc::new(Mutex::new(known)),
        })
    }

    /// The stored answer, the one under way, or that of `work`. Work goes on when the caller goes away.
    pub(crate) async fn once<F>(&self, occasion: Occasion, deadline: Duration, work: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Result<Vec<u8>, Problem>> + Send + 'static,
    {
        let mut flight = match self.join(occasion.posted) {
            Joined::Others(flight) => flight,
            Joined::Ours(landing, flight) => {
                let permit = self.capacity.clone().try_acquire_owned().map_err(|_| {
                    Problem::host(HostCode::Overloaded, "as many requests are under way as this host takes on")
                })?;
                let (answers, work) = (self.clone(), work());
                tokio::spawn(async move {
                    let outcome = answers.find_or(occasion, deadline, work).await;
                    landing.land(outcome);
                    drop(permit);
                });
                flight
            }
        };
        match flight.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(abandoned())),
            Err(_) => Err(abandoned()),
        }
    }

    async fn find_or(
        &self,
        occasion: Occasion,
        deadline: Duration,
        work: impl Future<Output = Result<Vec<u8>, Problem>>,
    ) -> Outcome {
        if let Some(outcome) = self.stored(&occasion).await {
            return outcome;
        }
        let late = |_| Problem::host(HostCode::DeadlineExceeded, format!("not done within {deadline:?}"));
        let body: Body = timeout(deadline, work).await.map_err(late)??.into();
        let Occasion { id, posted, issued_at } = occasion;
        self.store.write(vec![Write::Answer { issued_at, id, posted, body: body.clone() }]).await?;
        self.known().remember(id, issued_at);
        Ok(body)
    }

    /// What an earlier request of this id was answered.
    async fn stored(&self, occasion: &Occasion) -> Option<Outcome> {
        let issued_at = self.known().find(occasion)?;
        match self.store.answer(issued_at, &occasion.id).await {
            Ok(None) => None,
            Ok(Some(found)) if found.posted == occasion.posted => Some(Ok(found.body.into())),
            Ok(Some(_)) => Some(Err(Problem::refused(Refusal::RequestIdReused))),
            Err(error) => Some(Err(error.into())),
        }
    }

    /// Forgets answers whose requests ended long ago. Signers refuse those requests by themselves.
    pub(crate) async fn prune(&self) {
        let before = earlier(KEPT_MS);
        if let Err(error) = self.store.write(vec![Write::Prune { before }]).await {
            tracing::warn!(%error, "old answers could not be removed");
        }
        self.known().forget(before);
    }

    fn join(&self, posted: Hash) -> Joined {
        let mut airborne = self.airborne.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = airborne.get(&posted) {
            return Joined::Others(flight.clone());
        }
        let (sender, flight) = watch::channel(None);
        airborne.insert(posted, flight.clone());
        Joined::Ours(Landing { airborne: self.airborne.clone(), posted, sender }, flight)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Joined {
    /// Somebody's work is under way.
    Others(watch::Receiver<Option<Outcome>>),
    /// It is ours to do.
    Ours(Landing, watch::Receiver<Option<Outcome>>),
}

/// Makes room for the next one of the same request, even if the work panics.
struct Landing {
    airborne: Arc<Mutex<HashMap<Hash, watch::Receiver<Option<Outcome>>>>>,
    posted: Hash,
    sender: watch::Sender<Option<Outcome>>,
}

impl Landing {
    fn land(self, outcome: Outcome) {
        self.sender.send_replace(Some(outcome));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.airborne.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.posted);
    }
}

impl Known {
    /// When the stored request of this id was issued, if there may be one.
    fn find(&self, occasion: &Occasion) -> Option<UnixMillis> {
        let known = self.issued.get(&occasion.id).copied();
        known.or((!self.complete).then_some(occasion.issued_at))
    }

    fn remember(&mut self, id: RequestId, issued_at: UnixMillis) {
        if self.issued.len() < REMEMBERED {
            self.issued.insert(id, issued_at);
        } else {
            self.complete = false;
        }
    }

    fn forget(&mut self, before: UnixMillis) {
        self.issued.retain(|_, issued_at| *issued_at >= before);
    }
}

/// The moment so many milliseconds ago.
fn earlier(millis: u64) -> UnixMillis {
    UnixMillis(now().0.saturating_sub(millis))
}

fn abandoned() -> Problem {
    Problem::host(HostCode::Internal, "the work on this request was given up")
}

/// Ids remembered: about 4 MiB when full; beyond that the store is asked.
const REMEMBERED: usize = 100_000;
/// How long answers are kept: twice as long as the longest request lives.
const KEPT_MS: u64 = 2 * limits::REQUEST_LIFE_MS;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use cloister_wire::tag::Tag;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    async fn answers(dir: &tempfile::TempDir, capacity: usize) -> Answers {
        Answers::load(Store::open(&dir.path().join("host.db"), None).await.unwrap(), capacity).await.unwrap()
    }

    fn occasion(id: u8, bytes: &[u8]) -> Occasion {
        let id = RequestId::from_bytes([id; 16]);
        Occasion { id, posted: Tag::SIGN_REQUEST.hash(bytes), issued_at: now() }
    }

    #[tokio::test]
    async fn a_request_that_is_posted_again_gets_the_same_answer_even_from_a_restarted_host() {
        let dir = tempfile::tempdir().unwrap();
        let work = |text: &'static str| move || async move { Ok(text.as_bytes().to_vec()) };
        let first = answers(&dir, 1).await.once(occasion(1, b"r"), DEADLINE, work("one")).await.unwrap();
        let again = answers(&dir, 1).await.once(occasion(1, b"r"), DEADLINE, work("two")).await.unwrap();
        assert_eq!((&first[..], &again[..]), (&b"one"[..], &b"one"[..]));
    }

    #[tokio::test]
    async fn a_request_id_that_stands_for_other_bytes_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let answers = answers(&dir, 1).await;
        answers.once(occasion(1, b"r"), DEADLINE, || async { Ok(vec![1]) }).await.unwrap();
        let problem = answers.once(occasion(1, b"other"), DEADLINE, || async { Ok(vec![2]) }).await.unwrap_err();
        assert_eq!(problem.code, "request_id_reused");
    }

    #[tokio::test]
    async fn requests_that_come_together_are_worked_on_once() {
        let dir = tempfile::tempdir().unwrap();
        let answers = answers(&dir, 1).await;
        let worked = Arc::new(AtomicU32::new(0));
        let work = || {
            let worked = worked.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(worked.fetch_add(1, Ordering::SeqCst).to_be_bytes().to_vec())
            }
        };
        let (a, b) = tokio::join!(
            answers.once(occasion(1, b"r"), DEADLINE, work),
            answers.once(occasion(1, b"r"), DEADLINE, work)
        );
        assert_eq!(a.unwrap(), b.unwrap());
        assert_eq!(worked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let answers = answers(&dir, 1).await;
        let failing = || async { Err(Problem::refused(Refusal::Busy)) };
        assert_eq!(answers.once(occasion(1, b"r"), DEADLINE, failing).await.unwrap_err().code, "busy");
        assert!(answers.once(occasion(1, b"r"), DEADLINE, || async { Ok(vec![1]) }).await.is_ok());
    }

    #[tokio::test]
    async fn more_than_the_host_takes_on_are_told_to_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let answers = answers(&dir, 1).await;
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(vec![1])
        };
        let (first, second) = tokio::join!(
            answers.once(occasion(1, b"r"), DEADLINE, slow),
            answers.once(occasion(2, b"s"), DEADLINE, slow)
        );
        assert!(first.is_ok());
        assert_eq!(second.unwrap_err().code, "overloaded");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let answers = answers(&dir, 1).await;
        let problem =
            answers.once(occasion(1, b"r"), Duration::from_millis(5), std::future::pending).await.unwrap_err();
        assert_eq!(problem.code, "deadline_exceeded");
    }
}
