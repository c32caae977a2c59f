//! Interference with presigning, and with the set-ups of pairs that come before it: by a proxy, and by hand where the order of messages
//! matters. A message that a host has touched is a lost message and bars nobody.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use cloister_client::Key;
use cloister_simulator::hostile::{Action, Direction, Frame};
use cloister_tests::{
    presigning::package,
    stage::{Mail, Stage, refused, signer},
};
use cloister_wire::{
    ids::{CeremonyId, SignerId},
    message::{Contribution, PresigningState, Request},
};

use crate::{ECDSA, ecdsa_key, fresh_child, pairs::interfere, play, settle_unbarred, share, to_sign};

fn is_delivery(frame: &Frame) -> bool {
    matches!(frame.to_request(), Some(Request::Deliver { .. }))
}

fn flip(frame: &Frame) -> Action {
    Action::Instead(frame.flipped(frame.bytes().len() - 1))
}

fn cut_short(frame: &Frame) -> Action {
    Action::Last(frame.bytes()[..frame.bytes().len() - 7].to_vec())
}

fn double(frame: &Frame) -> Action {
    Action::Instead(frame.bytes().repeat(2))
}

/// What becomes of a signature for which the first so many deliveries are treated like this.
fn tampered(stage: &mut Stage, key: &Key, times: usize, act: fn(&Frame) -> Action) -> Result<(), String> {
    let left = Arc::new(AtomicUsize::new(times));
    for id in stage.signers() {
        let left = left.clone();
        stage.rule(id, move |frame: &Frame| {
            let mine = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if is_delivery(frame) && mine() { act(frame) } else { Action::Pass }
        });
    }
    stage.sign_text(fresh_child(key), "under attack").map(drop).map_err(|error| error.code().to_owned())
}

/// The same while pairs have to be set up, and when they are.
fn tampered_twice(times: usize, act: fn(&Frame) -> Action) -> [Result<(), String>; 2] {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    stage.start();
    [(); 2].map(|()| {
        let outcome = tampered(&mut stage, &key, times, act);
        settle_unbarred(&mut stage, &key);
        outcome
    })
}

const ALL: usize = usize::MAX;

#[test]
fn flipped_messages_make_no_presignature_and_bar_nobody() {
    let failed = || Err("channel_failed".to_owned());
    assert_eq!(tampered_twice(ALL, flip), [failed(), failed()]);
}

#[test]
fn after_a_flipped_message_other_signers_presign() {
    assert_eq!(tampered_twice(1, flip), [Ok(()), Ok(())]);
}

#[test]
fn messages_that_break_off_are_missing_signers() {
    let failed = || Err("not_enough_signers".to_owned());
    assert_eq!(tampered_twice(ALL, cut_short), [failed(), failed()]);
    assert_eq!(tampered_twice(1, cut_short), [Ok(()), Ok(())]);
}

#[test]
fn a_lost_message_costs_time_and_no_signature() {
    assert_eq!(tampered_twice(1, |_| Action::Instead(Vec::new())), [Ok(()), Ok(())]);
}

#[test]
fn messages_that_all_get_lost_are_missing_signers() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let lost = tampered(&mut stage, &key, ALL, |_| Action::Instead(Vec::new()));
    assert_eq!(lost, Err("not_enough_signers".to_owned()));
    settle_unbarred(&mut stage, &key);
}

#[test]
fn duplicated_messages_of_a_presigning_count_once() {
    assert_eq!(tampered_twice(ALL, double), [Ok(()), Ok(())]);
}

#[test]
fn a_message_that_the_next_one_overtakes_counts_all_the_same() {
    assert_eq!(tampered_twice(1, |_| Action::Hold), [Ok(()), Ok(())]);
}

#[test]
fn a_message_in_the_place_of_the_next_one_is_a_lost_message() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let (last, left) = (Arc::new(Mutex::new(None::<Frame>)), Arc::new(AtomicUsize::new(1)));
    for id in stage.signers() {
        let (last, left) = (last.clone(), left.clone());
        stage.rule(id, move |frame: &Frame| {
            if frame.direction() == Direction::ToHost || !is_delivery(frame) {
                return Action::Pass;
            }
            let before = last.lock().expect("nobody panics").replace(frame.clone());
            let mine = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            match before.filter(|_| mine()) {
                Some(before) => Action::Instead(frame.with_payload(before.payload()).bytes().to_vec()),
                None => Action::Pass,
            }
        });
    }
    stage.sign_text(fresh_child(&key), "under attack").expect("a signature");
    settle_unbarred(&mut stage, &key);
}

/// Signers 1 and 2.
fn set() -> [SignerId; 2] {
    [signer(1), signer(2)]
}

/// A presigning by signers 1 and 2, who are set up, with their first messages.
fn begun(stage: &mut Stage, key: &Key) -> (Vec<Contribution>, CeremonyId, Vec<Mail>) {
    stage.pair(key.id(), set());
    let nonces = stage.open_presigning(key.id(), &[], &set(), 1);
    let (ceremony, mail) = stage.start_presigning(&nonces);
    (nonces, ceremony, mail)
}

/// Both signers' states.
fn states(stage: &mut Stage, ceremony: CeremonyId) -> [PresigningState; 2] {
    set().map(|id| stage.presigning(id, ceremony))
}

const MADE: [PresigningState; 2] = [PresigningState::Made, PresigningState::Made];

/// What a signer says to a text under this ceremony's presignature.
fn claim(stage: &mut Stage, key: &Key, id: SignerId, ceremony: CeremonyId) -> Result<Vec<u8>, &'static str> {
    let request = stage.text_request(key, "with that presignature");
    share(stage.done(id, &to_sign(&request, &package(ceremony, 0, &set()))))
}

#[test]
fn messages_of_a_presigning_count_once_in_any_order_and_for_their_receiver_alone() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let (nonces, ceremony, mut mail) = begun(&mut stage, &key);
    while !mail.is_empty() {
        mail = interfere(&mut stage, &mail);
    }
    assert_eq!(states(&mut stage, ceremony), MADE);
    stage.abandon(&nonces);
    for id in set() {
        assert!(claim(&mut stage, &key, id, ceremony).is_ok());
    }
    settle_unbarred(&mut stage, &key);
}

#[test]
fn a_presigning_of_which_a_message_is_lost_makes_nothing_and_can_be_given_up() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let (nonces, ceremony, mut mail) = begun(&mut stage, &key);
    let _lost = mail.pop();
    stage.deliver_all(mail);
    assert!(states(&mut stage, ceremony).contains(&PresigningState::Running));
    stage.abandon(&nonces);
    for id in set() {
        assert_eq!(stage.refused(id, &Request::Presigning { ceremony }), "ceremony_unknown");
        assert_eq!(claim(&mut stage, &key, id, ceremony), Err("commitment_unknown"));
    }
    settle_unbarred(&mut stage, &key);
}

#[test]
fn two_presignings_spliced_together_make_nothing() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    stage.pair(key.id(), set());
    let [one, other] = [(); 2].map(|()| stage.open_presigning(key.id(), &[], &set(), 1));
    // Signer 1 hears that signer 2 takes part with its nonce of the other one.
    let spliced = Request::StartPresigning { nonces: vec![one[0], other[1]].try_into().expect("two") };
    let reply = stage.ask(signer(1), &spliced);
    let start = Request::StartPresigning { nonces: one.clone().try_into().expect("two") };
    let _started = stage.done(signer(2), &start);
    for sent in &reply.outbox {
        let letter = Mail { from: signer(1), to: sent.to, frame: sent.frame.clone() };
        assert_eq!(refused(stage.deliver(&letter).0), "ceremony_unknown");
    }
    stage.abandon(&one);
    stage.abandon(&other);
    settle_unbarred(&mut stage, &key);
}

#[test]
fn messages_of_one_presigning_do_nothing_in_another() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let (nonces_one, one, mail_one) = begun(&mut stage, &key);
    let (nonces_other, other, mail_other) = begun(&mut stage, &key);
    stage.deliver_all(mail_one);
    assert_eq!(states(&mut stage, one), MADE);
    assert_eq!(states(&mut stage, other), [PresigningState::Running, PresigningState::Running]);
    stage.deliver_all(mail_other);
    assert_eq!(states(&mut stage, other), MADE);
    stage.abandon(&nonces_one);
    stage.abandon(&nonces_other);
    settle_unbarred(&mut stage, &key);
}

#[test]
fn nothing_of_a_presigning_outlives_a_boot() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    stage.pair(key.id(), set());
    let made = stage.presign(key.id(), &[], &set(), 1);
    let (_, running, mail) = begun(&mut stage, &key);
    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    stage.start();
    for letter in &mail {
        assert_eq!(refused(stage.deliver(letter).0), "channel_failed");
    }
    for (id, ceremony) in set().into_iter().flat_map(|id| [(id, made), (id, running)]) {
        assert_eq!(claim(&mut stage, &key, id, ceremony), Err("commitment_unknown"));
        assert_eq!(stage.refused(id, &Request::Presigning { ceremony }), "ceremony_unknown");
    }
    stage.assert_no_presignature_is_kept();
    settle_unbarred(&mut stage, &key);
}
