//! Makes presignatures: one ceremony of exactly the signers that are to use them. Whatever fails, all of them give it up.
//!
//! ```text
//!   OpenPresigning ─▶ StartPresigning ─▶ deliver until quiet ─▶ Presigning: made, or Abandon
//! ```
//! Signers that have not been set up for each other refuse the first step; then they are, and it is tried again.

use std::{sync::Arc, time::Duration};

use cloister_wire::{
    ids::{CeremonyId, Hash, KeyId, SignerId},
    limits,
    message::{Body, PresigningState, Request},
    refusal::Refusal,
};
use futures_util::future::join_all;
use tokio::{sync::Semaphore, time::timeout};

use super::{
    contributions::{self, Contributions},
    pairs::{Pairs, is_barred},
};
use crate::{
    desk::unexpected,
    problem::{HostCode, Problem},
    signers::Signers,
};

/// What presignatures are for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) key: KeyId,
    pub(super) path: Vec<u32>,
    /// Rising, as many as the threshold.
    pub(super) signers: Vec<SignerId>,
}

/// Drives presignings.
pub(super) struct Presigner {
    signers: Arc<Signers>,
    pub(super) pairs: Pairs,
    patience: Duration,
    places: Semaphore,
}

impl Presigner {
    pub(super) fn new(signers: Arc<Signers>, patience: Duration) -> Self {
        let pairs = Pairs::new(signers.ids());
        Self { signers, pairs, patience, places: Semaphore::new(PLACES) }
    }

    /// The ids of fresh presignatures, at most `count`.
    pub(super) async fn make(&self, subject: &Subject, count: usize) -> Result<Vec<Hash>, Problem> {
        let count = u16::try_from(count.min(most(subject.signers.len()))).unwrap_or(1);
        let _place = self.places.acquire().await.map_err(|_| unexpected())?;
        let made = self.run(subject, count).await;
        if made.as_ref().is_err_and(is_barred) && !self.pairs.bars(&subject.signers) {
            self.pairs.bar(subject.signers.clone());
        }
        let ceremony = made?;
        Ok((0..count).map(|number| ceremony.presignature(number)).collect())
    }

    async fn run(&self, subject: &Subject, count: u16) -> Result<CeremonyId, Problem> {
        let nonces = self.open(subject, count).await?;
        let late = |_| Problem::host(HostCode::DeadlineExceeded, "a presigning took too long and was given up");
        let made = timeout(self.patience, self.exchange(&nonces)).await.map_err(late).flatten();
        if made.is_err() {
            contributions::abandon(&self.signers, &nonces).await;
        }
        made
    }

    async fn open(&self, Subject { key, path, signers }: &Subject, count: u16) -> Result<Contributions, Problem> {
        let too_long = |_| Problem::refused(Refusal::PathInvalid);
        let open = Request::OpenPresigning {
            key: *key,
            path: path.clone().try_into().map_err(too_long)?,
            signers: signers.clone().try_into().map_err(too_long)?,
            count,
        };
        let ids = || signers.iter().copied();
        for _ in 0..SET_UPS {
            match contributions::open(&self.signers, ids(), &open).await {
                Err(problem) if problem.code == Refusal::PairMissing.code() => {
                    match self.pairs.set_up(&self.signers, signers).await {
                        // Another host has them set up at this moment, or it has just failed.
                        Err(problem) if is_under_way(&problem) => tokio::time::sleep(PAUSE).await,
                        set_up => set_up?,
                    }
                }
                opened => return opened,
            }
        }
        contributions::open(&self.signers, ids(), &open).await
    }

    async fn exchange(&self, nonces: &Contributions) -> Result<CeremonyId, Problem> {
        let start = Request::StartPresigning { nonces: nonces.clone() };
        let (ceremony, mail) = contributions::start(&self.signers, nonces, &start).await?;
        let delivered = mail.deliver(&self.signers).await;
        self.check(nonces, ceremony, delivered).await?;
        Ok(ceremony)
    }

    /// Whether all have made it. The signer at which a message failed says whose message it was.
    async fn check(
        &self,
        nonces: &Contributions,
        ceremony: CeremonyId,
        delivered: Result<(), Problem>,
    ) -> Result<(), Problem> {
        let how_far = Request::Presigning { ceremony };
        let states = join_all(nonces.iter().map(|entry| self.signers.ask(entry.signer, &how_far))).await;
        let (mut unsettled, mut others) = (None, Vec::new());
        for (entry, state) in nonces.iter().zip(states) {
            match state.map(|answer| answer.body) {
                Ok(Body::Presigning(PresigningState::Made)) => {}
                Ok(Body::Presigning(PresigningState::Failed { refusal, culprit, barred, suspects })) => {
                    let problem = failed(entry.signer, refusal, culprit.or(barred), suspects.as_slice());
                    if let Some(peer) = barred {
                        self.pairs.bar(vec![entry.signer.min(peer), entry.signer.max(peer)]);
                    }
                    // Who is certain says more than who is not.
                    match problem.signer {
                        Some(_) => return Err(problem),
                        None => unsettled = unsettled.or(Some(problem)),
                    }
                }
                Ok(Body::Presigning(PresigningState::Running)) => {
                    let why = "the signer still waits for messages after all were delivered";
                    others.push(Problem::refused(Refusal::CeremonyFailed).because(why).at(entry.signer));
                }
                Ok(_) => others.push(unexpected().at(entry.signer)),
                Err(problem) => others.push(problem),
            }
        }
        unsettled.map_or(delivered, Err)?;
        others.into_iter().next().map_or(Ok(()), Err)
    }
}

/// What a signer says of a presigning that failed at it.
fn failed(at: SignerId, refusal: Refusal, culprit: Option<SignerId>, suspects: &[SignerId]) -> Problem {
    let problem = Problem::refused(refusal);
    let problem = match (culprit, suspects) {
        (Some(culprit), _) => problem.because(format!("signer {at} found fault with its message")).at(culprit),
        (None, []) => problem.because(format!("signer {at} could not go on with a presigning")),
        (None, suspects) => problem.because(unsettled(at, suspects)),
    };
    tracing::warn!(%at, %problem, culprit = problem.signer, "a presigning failed");
    problem
}

/// What a signer says that cannot name one culprit. Another set is chosen when it is its turn.
fn unsettled(at: SignerId, suspects: &[SignerId]) -> String {
    let suspects: Vec<_> = suspects.iter().map(ToString::to_string).collect();
    format!("one of the signers {} sent signer {at} a wrong message, unless it is wrong itself", suspects.join(", "))
}

/// Presignatures of one ceremony: what signers send each other has to fit a frame.
fn most(signers: usize) -> usize {
    (limits::PRESIGNING_BATCH / signers.saturating_sub(1).max(1)).max(1)
}

/// Presignings that this host drives at once: signers take on 16, from all hosts together.
const PLACES: usize = 4;
/// Pairs are set up that this host does not know of; if that was not it, all of the set are. Signers take five seconds between two
/// set-ups of one pair.
const SET_UPS: usize = 8;
const PAUSE: Duration = Duration::from_secs(1);

/// Whether a signer is busy with a set-up, or has begun another one.
fn is_under_way(problem: &Problem) -> bool {
    [Refusal::Busy, Refusal::CeremonyUnknown].iter().any(|refusal| problem.code == refusal.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceremony_makes_as_many_as_fit_a_frame_and_one_at_least() {
        assert_eq!([2, 3, 4, 5, 6, 9].map(most), [8, 4, 2, 2, 1, 1]);
    }

    #[test]
    fn a_failure_that_names_nobody_says_who_may_have_caused_it() {
        let [one, two, three] = [1, 2, 3].map(|id| SignerId::try_from(id).unwrap());
        let said = "one of the signers 2, 3 sent signer 1 a wrong message, unless it is wrong itself";
        assert_eq!(unsettled(one, &[two, three]), said);
    }
}
