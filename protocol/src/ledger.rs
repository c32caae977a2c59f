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
/// Ids remembered: about 6 MiB when full.
const IDS: usize = 65_536;
/// Answers kept for repetition.
const ANSWERS: usize = 1024;

/// The requests that are remembered.
#[derive(Default)]
pub(crate) struct Ledger {
    ids: BTreeMap<RequestId, Known>,
    expiry: BTreeSet<(UnixMillis, RequestId)>,
    answers: BTreeMap<Hash, Vec<SignatureShare>>,
    order: VecDeque<Hash>,
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
    pub(crate) fn claim(&mut self, now: UnixMillis, request: &Authorized<SignRequest>, package: Hash) -> Result<Claim, Refusal> {
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
        known.attempts = known.attempts.checked_add(1).filter(|attempts| *attempts <= ATTEMPTS).ok_or(Refusal::RetriesExhausted)?;
        self.expiry.insert((request.body().not_after, id));
        Ok(Claim::Fresh)
    }

    /// Keeps the shares that were made under `package`, which binds request and signing packages.
    pub(crate) fn answered(&mut self, package: Hash, shares: &[SignatureShare]) {
        if self.order.len() >= ANSWERS
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
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
