//! Which requests were answered: an id stands for one request, a retry is bounded, and the same answer can be given again.
//!
//! A request that failed elsewhere may be tried again with fresh nonces and other signers. Only for the *identical* packages is the
//! share that was made given again; it is the same share, so nothing is signed twice. An id is forgotten once its request has expired.
//! Each requester has its own ids and a quarter of the room for them, so that none can starve the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cloister_wire::{
    ids::{Hash, RequestId, Requester, UnixMillis},
    limits,
    refusal::Refusal,
    request::SignRequest,
};

use crate::{gate::Authorized, share::SignatureShare};

/// How often one request may be signed under other packages.
const ATTEMPTS: u8 = 8;
/// Answers kept for repetition.
const ANSWERS: usize = 1024;
/// Shares in all of them: about 1 MiB. One answer has up to `limits::DIGESTS`.
const SHARES: usize = 16_384;

/// The requests that are remembered.
#[derive(Default)]
pub(crate) struct Ledger {
    requesters: BTreeMap<Requester, Requests>,
    answers: BTreeMap<Hash, Vec<SignatureShare>>,
    order: VecDeque<Hash>,
    shares: usize,
}

/// What is remembered of one requester: its ids are its own.
#[derive(Default)]
struct Requests {
    ids: BTreeMap<RequestId, Known>,
    expiry: BTreeSet<(UnixMillis, RequestId)>,
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
        if let Some(shares) = self.answers.get(&package) {
            return Ok(Claim::Answered(shares.clone()));
        }
        self.attempt(now, request.body(), request.hash()).map(|()| Claim::Fresh)
    }

    fn attempt(&mut self, now: UnixMillis, request: &SignRequest, hash: Hash) -> Result<(), Refusal> {
        self.forget_expired(now);
        let remembered = self.requesters.values().map(|requests| requests.ids.len()).sum::<usize>();
        let requests = self.requesters.entry(request.requester.clone()).or_default();
        if !requests.ids.contains_key(&request.id) {
            if requests.ids.len() >= limits::REQUESTER_IDS {
                return Err(Refusal::RequesterBusy);
            }
            if remembered >= limits::REQUEST_IDS {
                return Err(Refusal::Busy);
            }
        }
        requests.attempt(request, hash)
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
        self.requesters.values_mut().for_each(|requests| requests.forget_expired(now));
        self.requesters.retain(|_, requests| !requests.ids.is_empty());
    }
}

impl Requests {
    fn attempt(&mut self, request: &SignRequest, hash: Hash) -> Result<(), Refusal> {
        let known = self.ids.entry(request.id).or_insert(Known { request: hash, attempts: 0 });
        if known.request != hash {
            return Err(Refusal::RequestIdReused);
        }
        known.attempts =
            known.attempts.checked_add(1).filter(|attempts| *attempts <= ATTEMPTS).ok_or(Refusal::RetriesExhausted)?;
        self.expiry.insert((request.not_after, request.id));
        Ok(())
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
    use cloister_wire::{
        bounded::{Bytes, List},
        ids::{GroupId, KeyId},
        request::{Chain, Purpose},
    };

    use super::*;

    const END: UnixMillis = UnixMillis(1000);

    fn request(requester: &str, number: usize) -> SignRequest {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        SignRequest {
            group: GroupId::from_bytes([0; 16]),
            tenant: "tenant".parse().unwrap(),
            key: KeyId::from_bytes([0; 32]),
            path: List::new(),
            chain: Chain::Message,
            purpose: Purpose::Message,
            payload: Bytes::default(),
            requester: requester.parse().unwrap(),
            id: RequestId::from_bytes(id),
            issued_at: UnixMillis(0),
            not_after: END,
            session: None,
        }
    }

    impl Ledger {
        fn asked(&mut self, now: u64, requester: &str, number: usize) -> Result<(), Refusal> {
            self.attempt(UnixMillis(now), &request(requester, number), Hash::from_bytes([1; 32]))
        }

        fn fill(&mut self, requester: &str) {
            (0..limits::REQUESTER_IDS).for_each(|number| self.asked(0, requester, number).unwrap());
        }
    }

    #[test]
    fn one_requester_cannot_use_up_the_ids_of_the_others() {
        let mut ledger = Ledger::default();
        ledger.fill("greedy");
        assert_eq!(ledger.asked(0, "greedy", limits::REQUESTER_IDS), Err(Refusal::RequesterBusy));
        assert_eq!(ledger.asked(0, "greedy", 0), Ok(()), "what is known may be tried again");
        assert_eq!(ledger.asked(0, "modest", 0), Ok(()));
        assert_eq!(ledger.asked(END.0, "greedy", limits::REQUESTER_IDS), Ok(()), "what has expired makes room");
    }

    #[test]
    fn all_requesters_together_have_a_bound() {
        let mut ledger = Ledger::default();
        ["one", "two", "three", "four"].into_iter().for_each(|requester| ledger.fill(requester));
        assert_eq!(ledger.asked(0, "five", 0), Err(Refusal::Busy));
        assert_eq!(ledger.asked(0, "four", 0), Ok(()), "what is known may be tried again");
        assert_eq!(ledger.asked(END.0, "five", 0), Ok(()), "what has expired makes room");
        assert_eq!(ledger.requesters.len(), 1);
    }

    #[test]
    fn an_id_of_one_requester_is_free_for_another() {
        let mut ledger = Ledger::default();
        ledger.asked(0, "one", 7).unwrap();
        let other = Hash::from_bytes([2; 32]);
        assert_eq!(ledger.attempt(UnixMillis(0), &request("one", 7), other), Err(Refusal::RequestIdReused));
        assert_eq!(ledger.attempt(UnixMillis(0), &request("two", 7), other), Ok(()));
    }

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
