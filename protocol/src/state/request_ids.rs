//! Which requests were answered: an id stands for one request, and how often that may be tried is bounded.
//!
//! A request that failed elsewhere may be tried again with fresh nonces and other signers. An id is forgotten once its request has
//! expired. Each requester has its own ids and a quarter of the room for them, so that none can starve the others.

use std::collections::{BTreeMap, BTreeSet};

use cloister_wire::{
    ids::{Hash, RequestId, Requester, UnixMillis},
    limits,
    refusal::Refusal,
};

/// How often one request may be signed under other packages.
const ATTEMPTS: u8 = 8;

/// The ids that are remembered.
#[derive(Default)]
pub(crate) struct RequestIds {
    requesters: BTreeMap<Requester, Ids>,
}

/// What is remembered of one requester: its ids are its own.
#[derive(Default)]
struct Ids {
    known: BTreeMap<RequestId, Known>,
    expiry: BTreeSet<(UnixMillis, RequestId)>,
}

struct Known {
    request: Hash,
    attempts: u8,
}

impl RequestIds {
    /// How often the request of this id and hash was answered.
    pub(crate) fn attempts(&self, requester: &Requester, id: RequestId, request: &Hash) -> Result<u8, Refusal> {
        let ids = self.requesters.get(requester);
        match ids.and_then(|ids| ids.known.get(&id)) {
            Some(known) if known.request == *request => Ok(known.attempts),
            Some(_) => Err(Refusal::RequestIdReused),
            None if ids.is_some_and(|ids| ids.known.len() >= limits::REQUESTER_IDS) => Err(Refusal::RequesterBusy),
            None if self.len() >= limits::REQUEST_IDS => Err(Refusal::Busy),
            None => Ok(0),
        }
    }

    /// The number of the next attempt, from 1.
    pub(crate) fn next_attempt(&self, requester: &Requester, id: RequestId, request: &Hash) -> Result<u8, Refusal> {
        let next = self.attempts(requester, id, request)?.checked_add(1);
        next.filter(|next| *next <= ATTEMPTS).ok_or(Refusal::RetriesExhausted)
    }

    /// Remembers an attempt until the request expires.
    pub(super) fn attempted(
        &mut self,
        requester: &Requester,
        id: RequestId,
        request: Hash,
        attempt: u8,
        not_after: UnixMillis,
    ) {
        let ids = self.requesters.entry(requester.clone()).or_default();
        let known = ids.known.entry(id).or_insert(Known { request, attempts: 0 });
        known.attempts = known.attempts.max(attempt);
        ids.expiry.insert((not_after, id));
    }

    pub(super) fn forget_expired(&mut self, now: UnixMillis) {
        self.requesters.values_mut().for_each(|ids| ids.forget_expired(now));
        self.requesters.retain(|_, ids| !ids.known.is_empty());
    }

    fn len(&self) -> usize {
        self.requesters.values().map(|ids| ids.known.len()).sum()
    }
}

impl Ids {
    fn forget_expired(&mut self, now: UnixMillis) {
        while let Some((until, id)) = self.expiry.first().copied().filter(|(until, _)| *until <= now) {
            self.expiry.remove(&(until, id));
            self.known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: UnixMillis = UnixMillis(1000);
    const REQUEST: Hash = Hash::from_bytes([1; 32]);

    fn name(requester: &str) -> Requester {
        requester.parse().unwrap()
    }

    fn id(number: usize) -> RequestId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        RequestId::from_bytes(id)
    }

    impl RequestIds {
        fn ask(&mut self, requester: &str, number: usize) -> Result<(), Refusal> {
            let attempt = self.next_attempt(&name(requester), id(number), &REQUEST)?;
            self.attempted(&name(requester), id(number), REQUEST, attempt, END);
            Ok(())
        }

        fn fill(&mut self, requester: &str) {
            (0..limits::REQUESTER_IDS).for_each(|number| self.ask(requester, number).unwrap());
        }
    }

    #[test]
    fn one_requester_cannot_use_up_the_ids_of_the_others() {
        let mut ids = RequestIds::default();
        ids.fill("greedy");
        assert_eq!(ids.ask("greedy", limits::REQUESTER_IDS), Err(Refusal::RequesterBusy));
        assert_eq!(ids.ask("greedy", 0), Ok(()), "what is known may be tried again");
        assert_eq!(ids.ask("modest", 0), Ok(()));
        ids.forget_expired(END);
        assert_eq!(ids.ask("greedy", limits::REQUESTER_IDS), Ok(()), "what has expired makes room");
    }

    #[test]
    fn all_requesters_together_have_a_bound() {
        let mut ids = RequestIds::default();
        ["one", "two", "three", "four"].into_iter().for_each(|requester| ids.fill(requester));
        assert_eq!(ids.ask("five", 0), Err(Refusal::Busy));
        assert_eq!(ids.ask("four", 0), Ok(()), "what is known may be tried again");
        ids.forget_expired(END);
        assert_eq!(ids.ask("five", 0), Ok(()), "what has expired makes room");
        assert_eq!(ids.requesters.len(), 1);
    }

    #[test]
    fn an_id_of_one_requester_is_free_for_another() {
        let mut ids = RequestIds::default();
        ids.ask("one", 7).unwrap();
        let other = Hash::from_bytes([2; 32]);
        assert_eq!(ids.next_attempt(&name("one"), id(7), &other), Err(Refusal::RequestIdReused));
        assert_eq!(ids.next_attempt(&name("two"), id(7), &other), Ok(1));
    }

    #[test]
    fn a_request_is_tried_eight_times_and_a_repeated_answer_is_no_attempt() {
        let mut ids = RequestIds::default();
        (0..8).for_each(|_| ids.ask("one", 1).unwrap());
        ids.attempted(&name("one"), id(1), REQUEST, 3, END);
        assert_eq!(ids.attempts(&name("one"), id(1), &REQUEST), Ok(8));
        assert_eq!(ids.ask("one", 1), Err(Refusal::RetriesExhausted));
    }
}
