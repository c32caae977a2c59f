//! Which key of each request this signer has certified: one, for as long as the request counts. Each requester has its own room, so that
//! none can starve the others.

use std::collections::BTreeMap;

use cloister_wire::{
    ids::{KeyId, RequestId, Requester, UnixMillis},
    limits,
    refusal::Refusal,
    request::KeyRequest,
};

use super::LIFE_MS;

/// The keys, each with the time until which a ceremony of its request can go on.
#[derive(Default)]
pub(super) struct Certified(BTreeMap<Requester, BTreeMap<RequestId, (KeyId, UnixMillis)>>);

impl Certified {
    /// Whether a key of this request was chosen.
    pub(super) fn has(&self, request: &KeyRequest) -> bool {
        self.0.get(&request.requester).is_some_and(|own| own.contains_key(&request.id))
    }

    /// Chooses the one key of this request; the same one may be chosen again.
    pub(super) fn choose(&mut self, request: &KeyRequest, key: KeyId) -> Result<(), Refusal> {
        let remembered = self.0.values().map(BTreeMap::len).sum::<usize>();
        let own = self.0.entry(request.requester.clone()).or_default();
        match own.get(&request.id) {
            Some((chosen, _)) if *chosen == key => return Ok(()),
            Some(_) => return Err(Refusal::RequestCertified),
            None if own.len() >= limits::REQUESTER_CERTIFIED => return Err(Refusal::RequesterBusy),
            None if remembered >= limits::CERTIFIED => return Err(Refusal::Busy),
            None => {}
        }
        own.insert(request.id, (key, request.not_after.plus(LIFE_MS)));
        Ok(())
    }

    /// A ceremony that was opened before its request expired is over [`LIFE_MS`] later at the latest.
    pub(super) fn forget_expired(&mut self, now: UnixMillis) {
        self.0.values_mut().for_each(|own| own.retain(|_, (_, until)| *until > now));
        self.0.retain(|_, own| !own.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use cloister_wire::{ids::GroupId, request::Scheme};

    use super::*;

    const END: UnixMillis = UnixMillis(1000);
    const KEY: KeyId = KeyId::from_bytes([1; 32]);

    fn request(requester: &str, number: usize) -> KeyRequest {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        KeyRequest {
            group: GroupId::from_bytes([0; 16]),
            tenant: "tenant".parse().unwrap(),
            name: "name".parse().unwrap(),
            scheme: Scheme::Ed25519,
            requester: requester.parse().unwrap(),
            id: RequestId::from_bytes(id),
            issued_at: UnixMillis(0),
            not_after: END,
        }
    }

    impl Certified {
        fn asked(&mut self, requester: &str, number: usize) -> Result<(), Refusal> {
            self.choose(&request(requester, number), KEY)
        }

        fn fill(&mut self, requester: &str) {
            (0..limits::REQUESTER_CERTIFIED).for_each(|number| self.asked(requester, number).unwrap());
        }
    }

    #[test]
    fn one_requesters_keys_leave_room_for_those_of_the_others() {
        let mut certified = Certified::default();
        certified.fill("greedy");
        assert_eq!(certified.asked("greedy", limits::REQUESTER_CERTIFIED), Err(Refusal::RequesterBusy));
        assert_eq!(certified.asked("greedy", 0), Ok(()), "what was chosen stays so");
        assert_eq!(certified.asked("modest", 0), Ok(()));
        certified.forget_expired(END.plus(LIFE_MS - 1));
        assert!(certified.has(&request("greedy", 0)));
        certified.forget_expired(END.plus(LIFE_MS));
        assert!(!certified.has(&request("greedy", 0)));
        assert_eq!(certified.asked("greedy", limits::REQUESTER_CERTIFIED), Ok(()));
    }

    #[test]
    fn the_keys_of_all_requesters_together_have_a_bound() {
        let mut certified = Certified::default();
        ["one", "two", "three", "four"].into_iter().for_each(|requester| certified.fill(requester));
        assert_eq!(certified.asked("five", 0), Err(Refusal::Busy));
        assert_eq!(certified.choose(&request("four", 0), KeyId::from_bytes([2; 32])), Err(Refusal::RequestCertified));
    }
}
