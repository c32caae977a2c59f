//! Kill switches: any operator closes, the quorum opens, and nothing that was lifted comes back.

use cloister_tests::{
    charter::{ANY_CHAIN, SOLANA_ONLY, TENANT, TREASURER, list, requested, signer, tenant_named},
    group::Group,
    machine::refusal,
    payload::solana_transfer,
};
use cloister_wire::{
    endorsement::Endorsed,
    ids::{GroupId, Hash, KeyId, Nonce},
    limits,
    message::{Outcome, Request, SignOutcome},
    receipt::{Event, Receipt},
    refusal::Refusal,
    request::{Chain, Requested, Scheme},
    switch::{Closing, Opening, Scope},
};

struct Stage {
    group: Group,
    keys: [KeyId; 2],
    next: u8,
}

fn stage() -> Stage {
    let mut group = Group::founded(2, 2, 1);
    let keys = [ANY_CHAIN[0].0, SOLANA_ONLY].map(|name| group.make_key(name, Scheme::Ed25519));
    Stage { group, keys, next: 0 }
}

impl Stage {
    fn closing(&self, scope: Scope, nonce: u8) -> Closing {
        let charter = &self.group.charter;
        let nonce = Nonce::from_bytes([nonce; 32]);
        Closing { group: charter.manifest.group, manifest: charter.hash(), scope, nonce }
    }

    fn close(&mut self, closing: &Endorsed<Closing>) -> Result<(), Refusal> {
        self.ask(Request::Close { closing: closing.clone() })
    }

    fn open(&mut self, closings: &[Hash], operators: &[u16]) -> Result<(), Refusal> {
        let charter = &self.group.charter;
        let (group, closings) = (charter.manifest.group, list(closings.iter().copied()));
        let opening = charter.endorse_by(&Opening { group, manifest: charter.hash(), closings }, operators);
        self.ask(Request::Open { opening })
    }

    fn ask(&mut self, request: Request) -> Result<(), Refusal> {
        match self.group.ask(signer(1), request).outcome {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => Err(refusal),
        }
    }

    /// What comes of it while everything is closed at the first signer.
    fn while_closed<T>(&mut self, nonce: u8, ask: impl FnOnce(&mut Self) -> T) -> T {
        let closing = self.group.charter.endorse_by(&self.closing(Scope::Group, nonce), &[0]);
        self.close(&closing).unwrap();
        let answer = ask(self);
        self.open(&[closing.hash()], &[0, 1]).unwrap();
        answer
    }

    fn transfer(&mut self, key: KeyId) -> Requested {
        self.next += 1;
        let payload = solana_transfer(&self.group.keys[&key].verifying_key(), 5);
        requested(&self.group.charter.sign_request(key, Chain::Solana, &payload, self.next, self.group.now), TREASURER)
    }

    fn sign(&mut self, key: KeyId) -> Result<(), Refusal> {
        let (request, packages) = (self.transfer(key), self.group.commit(key, &[signer(1), signer(2)], 1));
        match self.group.sign(signer(1), &request, &packages) {
            SignOutcome::Released(_) => Ok(()),
            SignOutcome::Refused(refusal) => Err(refusal),
        }
    }

    fn make_key(&mut self) -> Result<(), Refusal> {
        let request = self.group.charter.key_request("another", Scheme::Ed25519, self.group.now);
        self.ask(Request::OpenKeygen { request: requested(&request, TREASURER) })
    }
}

#[test]
fn one_operator_stops_the_group_a_tenant_or_a_key_until_the_quorum_lifts_it() {
    let mut stage = stage();
    let [first, second] = stage.keys;
    let closed = Err(Refusal::SwitchClosed);
    let scopes = [
        (Scope::Group, closed, closed),
        (Scope::Tenant(tenant_named(TENANT)), closed, closed),
        (Scope::Tenant(tenant_named("rivals")), Ok(()), Ok(())),
        (Scope::Key(first), Ok(()), closed),
    ];
    for (number, (scope, other_key, this_key)) in (0..).zip(scopes) {
        let closing = stage.group.charter.endorse_by(&stage.closing(scope.clone(), number), &[2]);
        assert_eq!(stage.close(&closing), Ok(()));
        assert_eq!((stage.sign(second), stage.sign(first)), (other_key, this_key), "{scope:?}");
        assert_eq!(stage.open(&[closing.hash()], &[0]), Err(Refusal::NotEndorsed), "one operator opens nothing");
        assert_eq!((stage.sign(second), stage.sign(first)), (other_key, this_key), "{scope:?}");
        assert_eq!(stage.open(&[closing.hash()], &[0, 1]), Ok(()));
        assert_eq!((stage.sign(second), stage.sign(first)), (Ok(()), Ok(())), "{scope:?}");
    }
}

#[test]
fn no_key_is_made_while_a_switch_is_closed() {
    let mut stage = stage();
    assert_eq!(stage.while_closed(1, Stage::make_key), Err(Refusal::SwitchClosed));
    assert_eq!(stage.make_key(), Ok(()));

    let request = stage.group.charter.key_request("another", Scheme::Ed25519, stage.group.now);
    let nonces = stage.group.open_keygen(&requested(&request, TREASURER));
    let start = Request::StartKeygen { nonces: list(nonces.iter().copied()) };
    assert_eq!(stage.while_closed(2, |stage| stage.ask(start)), Err(Refusal::SwitchClosed), "which was opened before");
    let ceremony = stage.group.start_opened(&nonces);
    stage.group.deliver_all();
    let (blob, _) = stage.group.sealed(signer(1), ceremony);
    let read_back = stage.while_closed(3, |stage| stage.group.present(signer(1), blob, None));
    assert_eq!(refusal(&read_back), Some(Refusal::SwitchClosed), "which was made before and that nobody has certified");

    let stored = stage.group.collect(ceremony);
    let key = stored.body().key;
    stage.group.keys.insert(key, stored.clone());
    let signed = stage.while_closed(4, |stage| {
        for at in [1, 2].map(signer) {
            stage.group.done(at, Request::Certify { certificate: stored.certificate.clone() });
        }
        stage.sign(key)
    });
    assert_eq!(signed, Err(Refusal::SwitchClosed), "what everybody has certified is made and signs nothing");
}

#[test]
fn a_closing_that_was_lifted_closes_nothing_again_and_the_next_one_does() {
    let mut stage = stage();
    let key = stage.keys[0];
    let [first, second] = [1, 2].map(|nonce| stage.group.charter.endorse_by(&stage.closing(Scope::Group, nonce), &[0]));
    stage.close(&first).unwrap();
    stage.open(&[first.hash()], &[0, 1]).unwrap();
    assert_eq!(stage.close(&first), Ok(()), "a host that plays it again");
    assert_eq!(stage.sign(key), Ok(()));
    stage.close(&second).unwrap();
    assert_eq!(stage.open(&[first.hash()], &[0, 1]), Ok(()));
    assert_eq!(stage.sign(key), Err(Refusal::SwitchClosed), "only what an opening names is lifted");
}

#[test]
fn an_operator_who_fills_the_room_for_closings_keeps_nobody_from_closing_everything() {
    let mut stage = stage();
    for number in 0..limits::CLOSINGS {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let closing = stage.closing(Scope::Key(KeyId::from_bytes(key)), 1);
        let closing = stage.group.charter.endorse_by(&closing, &[0]);
        stage.close(&closing).unwrap();
    }
    let tenant = stage.group.charter.endorse_by(&stage.closing(Scope::Tenant(tenant_named(TENANT)), 1), &[1]);
    assert_eq!(stage.close(&tenant), Err(Refusal::Busy));
    let everything = stage.group.charter.endorse_by(&stage.closing(Scope::Group, 1), &[1]);
    assert_eq!(stage.close(&everything), Ok(()));
    let key = stage.keys[0];
    assert_eq!(stage.sign(key), Err(Refusal::SwitchClosed));
}

#[test]
fn closings_by_strangers_or_for_others_count_for_nothing() {
    let mut stage = stage();
    let nobody = Endorsed::new(&stage.closing(Scope::Group, 1)).unwrap();
    assert_eq!(stage.close(&nobody), Err(Refusal::NotEndorsed));
    let group = GroupId::from_bytes([9; 16]);
    let elsewhere = stage.group.charter.endorse_by(&Closing { group, ..stage.closing(Scope::Group, 1) }, &[0]);
    assert_eq!(stage.close(&elsewhere), Err(Refusal::WrongGroup));
    let manifest = Hash::from_bytes([9; 32]);
    let another = stage.group.charter.endorse_by(&Closing { manifest, ..stage.closing(Scope::Group, 1) }, &[0]);
    assert_eq!(stage.close(&another), Err(Refusal::WrongGroup));
    let key = stage.keys[0];
    assert_eq!(stage.sign(key), Ok(()));
}

#[test]
fn receipts_say_what_was_closed_and_lifted_once() {
    let mut stage = stage();
    let closing = stage.group.charter.endorse_by(&stage.closing(Scope::Group, 1), &[0]);
    let hash = closing.hash();
    for _ in 0..2 {
        stage.close(&closing).unwrap();
    }
    for _ in 0..2 {
        stage.open(&[hash], &[0, 1]).unwrap();
    }
    let receipts = stage.group.receipts.values().flatten();
    let events = receipts.flat_map(Receipt::events).cloned();
    let switched = events.filter(|event| matches!(event, Event::SwitchClosed { .. } | Event::SwitchOpened { .. }));
    let (closing, scope) = (hash, Scope::Group);
    let expected = [Event::SwitchClosed { closing, scope: scope.clone() }, Event::SwitchOpened { closing, scope }];
    assert_eq!(switched.collect::<Vec<_>>(), expected);
}
