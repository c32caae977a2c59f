//! Which requests were answered: an id stands for one request, a retry is bounded, and the same answer can be given again.
//!
//! A request that failed elsewhere may be tried again with fresh nonces and other signers. Only for the *identical* packages is the
//! share that was made given again; it is the same share, so nothing is signed twice. An id is forgotten once its request has expired.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cloister_wire::{
    ids::{Hash, RequestId, UnixMillis},
    refusal::Refusal,
    request::SignRequest,
};

use crate::{gate::Authorized, share::SignatureShare};

/// How often one request may be signed under other packages.
const ATTEMPTS: u8 = 8;
/// Ids remembered: about 12 MiB when full, and over 1000 a second for requests that live two minutes.
const IDS: usize = 131_072;
/// Answers kept for repetition.
const ANSWERS: usize = 1024;
/// Shares in all of them: about 1 MiB. One answer has up to `limits::DIGESTS`.
const SHARES: usize = 16_384;

/// The requests that are remembered.
#[derive(Default)]
pub(crate) struct Ledger {
    ids: BTreeMap<RequestId, Known>,
    expiry: BTreeSet<(UnixMillis, RequestId)>,
    answers: BTreeMap<Hash, Vec<SignatureShare>>,
    order: VecDeque<Hash>,
    shares: usize,
}

struct Known {
    request: Hash,
    attempts: u8,
}

/// Whether shares have to be made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// They have.
    Fresh,
    /// The same ones were made before.
    Answered(Vec<SignatureShare>),
}

impl Ledger {
    /// Claims an attempt at `request` under the packages whose hash is `package`.
    pub(crate) fn claim(
        &mut self,
        now: UnixMillis,
        request: &Authorized<SignRequest>,
        package: Hash,
    ) -> Result<Claim, Refusal> {
        self.forget_expired(now);
        if let Some(shares) = self.answers.get(&package) {
            return Ok(Claim::Answered(shares.clone()));
        }
        let id = request.body().id;
        if self.ids.len() >= IDS && !self.ids.contains_key(&id) {
            return Err(Refusal::Busy);
        }
        let known = self.ids.entry(id).or_insert(Known { request: request.hash(), attempts: 0 });
        if known.request != request.hash() {
            return Err(Refusal::RequestIdReused);
        }
        known.attempts =
            known.attempts.checked_add(1).filter(|attempts| *attempts <= ATTEMPTS).ok_or(Refusal::RetriesExhausted)?;
        self.expiry.insert((request.body().not_after, id));
        Ok(Claim::Fresh)
    }

    /// Keeps the shares that were made under `package`, which binds request and signing packages.
    pub(crate) fn answered(&mut self, package: Hash, shares: &[SignatureShare]) {
        self.shares = self.shares.saturating_add(shares.len());
        while (self.order.len() >= ANSWERS || self.shares > SHARES)
            && let Some(oldest) = self.order.pop_front()
        {
            let forgotten = self.answers.remove(&oldest).unwrap_or_default();
            self.shares = self.shares.saturating_sub(forgotten.len());
        }
        self.order.push_back(package);
        self.answers.insert(package, shares.to_vec());
    }

    fn forget_expired(&mut self, now: UnixMillis) {
        while let Some((until, id)) = self.expiry.first().copied().filter(|(until, _)| *until <= now) {
            self.expiry.remove(&(until, id));
            self.ids.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_answers_within_the_bound_on_their_shares() {
        let mut ledger = Ledger::default();
        let package = |number: u8| Hash::from_bytes([number; 32]);
        let large = vec![SignatureShare::default(); 512];
        (0..100).for_each(|number| ledger.answered(package(number), &large));
        assert_eq!((ledger.shares, ledger.answers.len(), ledger.order.len()), (SHARES, SHARES / 512, SHARES / 512));
        assert!(ledger.answers.contains_key(&package(99)) && !ledger.answers.contains_key(&package(0)));
    }
}
