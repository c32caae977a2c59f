//! Which requests were answered: an id stands for one request, and how often that may be tried is bounded.
//!
//! A request that failed elsewhere may be tried again with fresh nonces and other signers. An id is forgotten once its request has
//! expired. Each tenant has its part of the room for them, and each of its requesters its own ids and a quarter of that, so that none can
//! starve the others.

use std::collections::{BTreeMap, BTreeSet};

use cloister_wire::{
    ids::{Hash, RequestId, Requester, Tenant, UnixMillis},
    limits,
    refusal::Refusal,
};

/// How often one request may be signed under other packages.
const ATTEMPTS: u8 = 8;

/// The ids that are remembered.
#[derive(Default)]
pub(crate) struct RequestIds {
    tenants: BTreeMap<Tenant, BTreeMap<Requester, Ids>>,
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

/// A requester, with its tenant.
pub(crate) type By<'a> = (&'a Tenant, &'a Requester);

impl RequestIds {
    /// How often the request of this id and hash was answered. `part` is how many ids a tenant may have.
    pub(crate) fn attempts(
        &self,
        (tenant, requester): By<'_>,
        id: RequestId,
        request: &Hash,
        part: usize,
    ) -> Result<u8, Refusal> {
        let of_tenant = self.tenants.get(tenant);
        let ids = of_tenant.and_then(|requesters| requesters.get(requester));
        let quarter = part.div_ceil(4);
        match ids.and_then(|ids| ids.known.get(&id)) {
            Some(known) if known.request == *request => Ok(known.attempts),
            Some(_) => Err(Refusal::RequestIdReused),
            None if ids.is_some_and(|ids| ids.known.len() >= quarter) => Err(Refusal::RequesterBusy),
            None if of_tenant.is_some_and(|of_tenant| len(of_tenant) >= part) => Err(Refusal::Busy),
            None if self.tenants.values().map(len).sum::<usize>() >= limits::REQUEST_IDS => Err(Refusal::Busy),
            None => Ok(0),
        }
    }

    /// The number of the next attempt, from 1.
    pub(crate) fn next_attempt(&self, by: By<'_>, id: RequestId, request: &Hash, part: usize) -> Result<u8, Refusal> {
        let next = self.attempts(by, id, request, part)?.checked_add(1);
        next.filter(|next| *next <= ATTEMPTS).ok_or(Refusal::RetriesExhausted)
    }

    /// Remembers an attempt until the request expires.
    pub(super) fn attempted(
        &mut self,
        (tenant, requester): By<'_>,
        id: RequestId,
        request: Hash,
        attempt: u8,
        not_after: UnixMillis,
    ) {
        let ids = self.tenants.entry(tenant.clone()).or_default().entry(requester.clone()).or_default();
        let known = ids.known.entry(id).or_insert(Known { request, attempts: 0 });
        known.attempts = known.attempts.max(attempt);
        ids.expiry.insert((not_after, id));
    }

    pub(super) fn forget_expired(&mut self, now: UnixMillis) {
        for requesters in self.tenants.values_mut() {
            requesters.values_mut().for_each(|ids| ids.forget_expired(now));
            requesters.retain(|_, ids| !ids.known.is_empty());
        }
        self.tenants.retain(|_, requesters| !requesters.is_empty());
    }
}

fn len(requesters: &BTreeMap<Requester, Ids>) -> usize {
    requesters.values().map(|ids| ids.known.len()).sum()
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
    const PART: usize = limits::REQUEST_IDS / 2;

    fn id(number: usize) -> RequestId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        RequestId::from_bytes(id)
    }

    /// The requester `name` of the tenant in front of the slash.
    fn by(name: &str) -> (Tenant, Requester) {
        let (tenant, requester) = name.split_once('/').unwrap_or(("acme", name));
        (tenant.parse().unwrap(), requester.parse().unwrap())
    }

    impl RequestIds {
        fn next(&self, name: &str, number: usize, request: &Hash) -> Result<u8, Refusal> {
            let (tenant, requester) = by(name);
            self.next_attempt((&tenant, &requester), id(number), request, PART)
        }

        fn ask(&mut self, name: &str, number: usize) -> Result<(), Refusal> {
            let attempt = self.next(name, number, &REQUEST)?;
            let (tenant, requester) = by(name);
            self.attempted((&tenant, &requester), id(number), REQUEST, attempt, END);
            Ok(())
        }

        fn fill(&mut self, name: &str) {
            (0..PART / 4).for_each(|number| self.ask(name, number).unwrap());
        }
    }

    #[test]
    fn one_requester_cannot_use_up_the_ids_of_the_others() {
        let mut ids = RequestIds::default();
        ids.fill("greedy");
        assert_eq!(ids.ask("greedy", PART / 4), Err(Refusal::RequesterBusy));
        assert_eq!(ids.ask("greedy", 0), Ok(()), "what is known may be tried again");
        assert_eq!(ids.ask("modest", 0), Ok(()));
        ids.forget_expired(END);
        assert_eq!(ids.ask("greedy", PART / 4), Ok(()), "what has expired makes room");
    }

    #[test]
    fn all_requesters_of_a_tenant_together_have_its_part_and_no_other_tenants() {
        let mut ids = RequestIds::default();
        ["one", "two", "three", "four"].into_iter().for_each(|requester| ids.fill(requester));
        assert_eq!(ids.ask("five", 0), Err(Refusal::Busy));
        assert_eq!(ids.ask("four", 0), Ok(()), "what is known may be tried again");
        for requester in ["rivals/one", "rivals/two", "rivals/three", "rivals/four"] {
            ids.fill(requester);
        }
        assert_eq!(ids.ask("third/one", 0), Err(Refusal::Busy), "all tenants together have a bound");
        ids.forget_expired(END);
        assert_eq!(ids.ask("five", 0), Ok(()), "what has expired makes room");
        assert_eq!(ids.tenants.values().map(BTreeMap::len).sum::<usize>(), 1);
    }

    #[test]
    fn an_id_of_one_requester_is_free_for_another() {
        let mut ids = RequestIds::default();
        ids.ask("one", 7).unwrap();
        let other = Hash::from_bytes([2; 32]);
        assert_eq!(ids.next("one", 7, &other), Err(Refusal::RequestIdReused));
        assert_eq!(ids.next("two", 7, &other), Ok(1));
        assert_eq!(ids.next("rivals/one", 7, &other), Ok(1));
    }

    #[test]
    fn a_request_is_tried_eight_times_and_a_repeated_answer_is_no_attempt() {
        let mut ids = RequestIds::default();
        (0..8).for_each(|_| ids.ask("one", 1).unwrap());
        let (tenant, requester) = by("one");
        ids.attempted((&tenant, &requester), id(1), REQUEST, 3, END);
        assert_eq!(ids.attempts((&tenant, &requester), id(1), &REQUEST, PART), Ok(8));
        assert_eq!(ids.ask("one", 1), Err(Refusal::RetriesExhausted));
    }
}
