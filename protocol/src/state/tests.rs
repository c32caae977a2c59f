use cloister_wire::{
    bounded::List,
    ids::{RequestId, Requester},
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;

use super::*;

const NOW: UnixMillis = UnixMillis(0);
const END: UnixMillis = UnixMillis(1000);

fn hash(number: usize) -> Hash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    Hash::from_bytes(hash)
}

fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}

fn withdrawn(number: usize, of: &str) -> Event {
    Event::Withdrawn { request: hash(number), by: "ann".parse().unwrap(), not_after: END, tenant: tenant(of) }
}

fn approved(number: usize, rule: &RuleName, signable_at: UnixMillis) -> Event {
    let (request, rule, requester) = (hash(number), rule.clone(), "bob".parse().unwrap());
    Event::Approved { request, rule, signable_at, not_after: END, tenant: tenant("acme"), requester }
}

/// Among what is remembered.
fn place<'a>(number: usize, tenant: &'a Tenant, by: Option<&'a Requester>) -> Place<'a> {
    Place { tenant, by, hash: hash(number), until: END }
}

fn closed(number: usize, scope: Scope) -> Event {
    Event::SwitchClosed { closing: hash(number), scope }
}

fn of(events: impl IntoIterator<Item = Event>) -> State {
    let mut state = State::default();
    events.into_iter().for_each(|event| state.apply(NOW, &event));
    state
}

#[test]
fn a_delay_is_over_for_the_rule_under_which_it_ran_and_for_no_other() {
    let rule: RuleName = "small".parse().unwrap();
    let (request, signable_at) = (hash(1), UnixMillis(10));
    let state = of([approved(1, &rule, signable_at)]);
    assert_eq!(state.signable_at(&request, &rule), Some(signable_at));
    assert_eq!(state.signable_at(&request, &"large".parse().unwrap()), None);
    assert_eq!(state.signable_at(&hash(2), &rule), None);
}

#[test]
fn what_was_approved_or_withdrawn_is_remembered_until_it_expires_and_makes_room_then() {
    let rule: RuleName = "small".parse().unwrap();
    let signable_at = UnixMillis(10);
    let mut state = of([approved(1, &rule, signable_at), withdrawn(2, "acme")]);
    let has_room = |state: &State, part| state.check_room(&place(3, &tenant("acme"), None), part).is_ok();
    assert!(!has_room(&state, 2) && has_room(&state, 3));
    state.forget_expired(UnixMillis(END.0 - 1));
    assert!(state.signable_at(&hash(1), &rule).is_some() && state.is_withdrawn(&hash(2)));
    state.forget_expired(END);
    assert!(state.signable_at(&hash(1), &rule).is_none() && !state.is_withdrawn(&hash(2)));
    assert!(has_room(&state, 1));
}

#[test]
fn a_recovery_takes_one_place_when_it_begins_and_none_when_it_ends() {
    let credential = PublicKey::of(&SigningKey::from_bytes(&[1; 32])).into();
    let recovery = hash(1);
    let begun = Event::RecoveryBegun {
        recovery,
        tenant: tenant("acme"),
        member: "ann".parse().unwrap(),
        base: hash(2),
        credential,
        effective_at: END,
        approved: List::new(),
        not_after: END,
    };
    let cancelled = |number| {
        let (by, tenant) = (Some("ann".parse().unwrap()), tenant("acme"));
        Event::RecoveryCancelled { recovery: hash(number), by, not_after: END, tenant }
    };
    assert_eq!(of([begun.clone()]).expiry.len(), 1);
    let state = of([begun, cancelled(1)]);
    assert_eq!((state.expiry.len(), state.is_withdrawn(&recovery)), (1, true));
    assert_eq!(of([cancelled(1), cancelled(3)]).expiry.len(), 2, "one that never began takes its own");
}

#[test]
fn the_id_of_a_request_is_free_again_once_it_has_expired() {
    let (id, requester) = (RequestId::from_bytes([1; 16]), "ann".parse().unwrap());
    let mut state = of([Event::Released {
        request: hash(1),
        id,
        key: KeyId::from_bytes([1; 32]),
        package: hash(2),
        tenant: tenant("acme"),
        rule: "all".parse().unwrap(),
        approved: List::new(),
        effects: hash(3),
        charges: List::new(),
        session: None,
        requester: "ann".parse().unwrap(),
        attempt: 1,
        not_after: END,
    }]);
    let attempts = |state: &State| state.requests().attempts((&tenant("acme"), &requester), id, &hash(9), 4);
    state.forget_expired(UnixMillis(END.0 - 1));
    assert_eq!(attempts(&state), Err(Refusal::RequestIdReused));
    state.forget_expired(END);
    assert_eq!(attempts(&state), Ok(0));
}

#[test]
fn all_tenants_together_have_a_bound_for_what_is_remembered() {
    let state = |count| of((0..count).map(|number| withdrawn(number, "acme")));
    let room = |state: State| state.check_room(&place(limits::REMEMBERED, &tenant("other"), None), 1);
    assert_eq!(room(state(limits::REMEMBERED - 1)), Ok(()));
    assert_eq!(room(state(limits::REMEMBERED)), Err(Refusal::Busy));
}

#[test]
fn when_there_is_no_room_for_closings_one_of_the_whole_group_is_taken() {
    let lifted = |number| {
        let (closing, scope) = (hash(number), Scope::Tenant(tenant("acme")));
        [closed(number, scope.clone()), Event::SwitchOpened { closing, scope }]
    };
    let one = Scope::Tenant(tenant("acme"));
    let state = of((1..limits::LIFTED).flat_map(lifted));
    assert!(state.has_room_for_closing(&one), "one more can be lifted");
    let full = || of((0..limits::LIFTED).flat_map(lifted));
    assert!(!full().has_room_for_closing(&one) && full().has_room_for_closing(&Scope::Group));
    let mut full = full();
    full.apply(NOW, &closed(limits::LIFTED, Scope::Group));
    assert!(!full.has_room_for_closing(&Scope::Group) && !full.has_room_for_closing(&one), "everything is closed");
}
