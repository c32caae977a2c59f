//! Sets pairs of signers up for ECDSA. It takes each of the two about half a second, and happens once for each pair of boots: hosts
//! learn that it is missing when a presigning is refused.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use cloister_wire::{ids::SignerId, message::Request, refusal::Refusal};
use futures_util::future::try_join_all;
use tokio::time::timeout;

use super::delivery::Mail;
use crate::{
    problem::{HostCode, Problem},
    signers::Signers,
};

/// Two signers, the lower one first.
pub(super) type Pair = (SignerId, SignerId);

/// What this host knows of pairs.
pub(super) struct Pairs {
    /// When it has set up which.
    known: Mutex<HashMap<Pair, Instant>>,
    /// Held for both of a pair, the lower one first: a signer that sets up does nothing else meanwhile, and should sign in between.
    busy: BTreeMap<SignerId, tokio::sync::Mutex<()>>,
    barred: Mutex<Vec<Barred>>,
}

/// Signers among whom are two that may not sign together.
struct Barred {
    signers: Vec<SignerId>,
    since: Instant,
}

impl Pairs {
    pub(super) fn new(signers: impl Iterator<Item = SignerId>) -> Self {
        let busy = signers.map(|signer| (signer, tokio::sync::Mutex::default())).collect();
        Self { known: Mutex::default(), busy, barred: Mutex::default() }
    }

    /// Sets up the pairs of these signers that this host has not set up, or all if that cannot be it: another boot has forgotten.
    pub(super) async fn set_up(&self, signers: &Signers, set: &[SignerId]) -> Result<(), Problem> {
        let since = Instant::now();
        let all = pairs(set);
        let unknown: Vec<_> = all.iter().filter(|pair| !self.known().contains_key(pair)).copied().collect();
        let missing = if unknown.is_empty() { all } else { unknown };
        try_join_all(missing.into_iter().map(|pair| self.set_up_pair(signers, pair, since))).await.map(drop)
    }

    async fn set_up_pair(&self, signers: &Signers, pair: Pair, since: Instant) -> Result<(), Problem> {
        let (lower, higher) = pair;
        let _lower = self.turn(lower).await;
        let _higher = self.turn(higher).await;
        if self.known().get(&pair).is_some_and(|at| *at > since) {
            return Ok(());
        }
        let set_up = async {
            // Who has the set-up sends nothing: both are asked, since one of them alone may have lost it.
            for (signer, peer) in [(lower, higher), (higher, lower)] {
                let mut mail = Mail::default();
                mail.add(signer, signers.ask(signer, &Request::Pair { peer }).await?.outbox);
                mail.deliver(signers).await?;
            }
            Ok(())
        };
        let late = |_| Problem::host(HostCode::DeadlineExceeded, "setting two signers up took too long").at(higher);
        let result = timeout(PATIENCE, set_up).await.map_err(late).flatten();
        match &result {
            Ok(()) => {
                tracing::info!(%lower, %higher, "two signers were set up for ECDSA");
                self.known().insert(pair, Instant::now());
            }
            Err(problem) if is_barred(problem) => self.bar(vec![lower, higher]),
            Err(_) => {}
        }
        result
    }

    async fn turn(&self, signer: SignerId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.busy.get(&signer) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }

    /// Sets with these signers are of no use for a while: the bar goes when one of them restarts.
    pub(super) fn bar(&self, signers: Vec<SignerId>) {
        let mut barred = self.barred();
        barred.retain(|other| other.since.elapsed() < BARRED && other.signers != signers);
        barred.push(Barred { signers, since: Instant::now() });
    }

    /// Whether two of these may not sign together.
    pub(super) fn bars(&self, set: &[SignerId]) -> bool {
        let within = |barred: &Barred| barred.signers.iter().all(|signer| set.contains(signer));
        self.barred().iter().any(|barred| barred.since.elapsed() < BARRED && within(barred))
    }

    /// The group was started anew.
    pub(super) fn forget_all(&self) {
        self.known().clear();
        self.barred().clear();
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Pair, Instant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn barred(&self) -> MutexGuard<'_, Vec<Barred>> {
        self.barred.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a signer will not sign with another one.
pub(super) fn is_barred(problem: &Problem) -> bool {
    problem.code == Refusal::PairBarred.code()
}

fn pairs(set: &[SignerId]) -> Vec<Pair> {
    let all = set.iter().flat_map(|lower| set.iter().map(move |higher| (*lower, *higher)));
    all.filter(|(lower, higher)| lower < higher).collect()
}

/// How long the set-up of one pair may take, its delivery included.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a bar is believed: the signers know whether it still holds.
const BARRED: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[u16]) -> Vec<SignerId> {
        ids.iter().map(|id| SignerId::try_from(*id).unwrap()).collect()
    }

    #[test]
    fn three_signers_are_three_pairs_with_the_lower_one_first() {
        let ids: Vec<_> = pairs(&set(&[1, 3, 7])).iter().map(|(a, b)| (a.get(), b.get())).collect();
        assert_eq!(ids, [(1, 3), (1, 7), (3, 7)]);
    }

    #[test]
    fn a_bar_concerns_every_set_with_both_signers_until_the_group_starts_anew() {
        let known = Pairs::new(set(&[1, 2, 3]).into_iter());
        known.bar(set(&[1, 3]));
        assert!(known.bars(&set(&[1, 3])) && known.bars(&set(&[1, 2, 3])));
        assert!(!known.bars(&set(&[1, 2])) && !known.bars(&set(&[2, 3])));
        known.forget_all();
        assert!(!known.bars(&set(&[1, 3])));
    }
}
