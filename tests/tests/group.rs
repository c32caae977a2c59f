//! Whole simulated groups, every part a process: founded, killed, started again, and judged by libraries that had no part in it.

use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cloister_client::{Finished, Key, scheme::Kind};
use cloister_simulator::hostile::{Action, Direction, Frame};
use cloister_tests::{
    payload,
    stage::{Stage, name, signer},
};
use cloister_wire::{
    message::{Body, Outcome, Phase, Request},
    request::Scheme,
};

const SCHEMES: [Scheme; 3] = [Scheme::Ed25519, Scheme::Secp256k1Taproot, Scheme::Secp256k1Schnorr];

/// Signs a Solana transfer, a PSBT with three inputs and a text with every key. [`Stage::sign`] has each signature judged.
fn sign_everything(stage: &mut Stage, keys: &[Key]) {
    for key in keys {
        stage.sign_text(key, "a text").expect("a signature");
    }
    let [solana, taproot, _] = keys else { panic!("three keys") };
    let transfer = payload::solana_transfer(solana.public_key(), 7);
    let signed = stage.sign(solana, Kind::Solana, &transfer).expect("a signed transfer");
    assert!(matches!(signed.finished, Finished::Solana { missing: 0, .. }));

    let output = taproot.output_key().expect("a Taproot key");
    let psbt = payload::taproot_psbt(&[&output, &output, &output]);
    let signed = stage.sign(taproot, Kind::Bitcoin, &psbt).expect("a signed PSBT");
    assert_eq!(signed.signatures.len(), 3);
    let Finished::Bitcoin { transaction, .. } = signed.finished else { panic!("a Bitcoin transaction") };
    let transaction: bitcoin::Transaction =
        bitcoin::consensus::deserialize(&transaction).expect("as the network takes it");
    assert!(transaction.input.iter().all(|input| input.witness.len() == 1), "every input has its signature");
}

fn make_three_keys(stage: &mut Stage) -> Vec<Key> {
    SCHEMES.iter().enumerate().map(|(number, scheme)| stage.make_key(number, *scheme).expect("a key")).collect()
}

#[test]
fn three_keys_survive_the_death_of_all_signers_and_sign_real_transactions_before_and_after() {
    let mut stage = Stage::open(2, 3);
    let keys = make_three_keys(&mut stage);
    sign_everything(&mut stage, &keys);
    stage.restart_all();
    let listed = stage.wait(async |group| {
        let client = cloister_client::Client::connect(group.url(signer(2)), group.pin()).await.expect("verified");
        client.keys().await.expect("certificates that hold")
    });
    assert!(keys.iter().all(|key| listed.contains(key)), "the keys are the same after the restart");
    sign_everything(&mut stage, &keys);
    stage.assert_nothing_leaked();
}

#[test]
fn two_of_three_sign_while_one_is_dead_and_it_joins_again_under_a_new_order() {
    let mut stage = Stage::open(2, 3);
    let keys = make_three_keys(&mut stage);
    stage.kill([signer(2)]);
    for text in ["one", "two", "three"] {
        let signed = stage.sign_text(&keys[0], text).expect("two are enough");
        assert_eq!(signed.signers, [signer(1), signer(3)]);
    }
    let refused = stage.make_key(5, Scheme::Ed25519).expect_err("a key needs everybody");
    assert_eq!(refused.code(), "signer_unreachable");

    stage.revive([signer(2)]);
    stage.start();
    // Signer 2 signs again: with it alone beside signer 1.
    stage.kill([signer(3)]);
    for key in &keys {
        assert_eq!(stage.sign_text(key, "again").expect("a signature").signers, [signer(1), signer(2)]);
    }
    stage.kill([signer(1)]);
    let refused = stage.sign_text(&keys[0], "alone").expect_err("one of three is too few");
    assert!(["not_enough_signers", "not_enough_signers_attested"].contains(&refused.code()), "{refused:?}");
    stage.assert_nothing_leaked();
}

#[test]
fn three_of_five_sign_with_any_two_dead() {
    let mut stage = Stage::open(3, 5);
    let key = stage.make_key(0, Scheme::Ed25519).expect("a key");
    stage.kill([signer(2), signer(4)]);
    let signed = stage.sign_text(&key, "three are left").expect("a signature");
    assert_eq!(signed.signers, [signer(1), signer(3), signer(5)]);
    stage.revive([signer(2), signer(4)]);
    stage.start();
    stage.kill([signer(1), signer(3)]);
    let signed = stage.wait(async |group| {
        let client = cloister_client::Client::connect(group.url(signer(5)), group.pin()).await?;
        let job = cloister_client::SigningJob::new(&key, Kind::Message, b"another three")?;
        client.sign(&group.credential().expect("a key file"), &job).await
    });
    assert_eq!(signed.expect("a signature").signers, [signer(2), signer(4), signer(5)]);
    stage.assert_nothing_leaked();
}

/// Runs `work` and kills the host of signer 1, which coordinates it, at the first frame that `moment` recognises.
fn kill_coordinator_at(
    stage: &mut Stage,
    moment: impl Fn(&Frame) -> bool + Send + 'static,
    path: &str,
    request: &cloister_wire::request::Requested,
) {
    let seen = Arc::new(AtomicBool::new(false));
    let flag = seen.clone();
    stage.rule(signer(1), move |frame: &Frame| {
        if moment(frame) {
            flag.store(true, Ordering::SeqCst);
        }
        if flag.load(Ordering::SeqCst) { Action::Instead(Vec::new()) } else { Action::Pass }
    });
    let posting = stage.post_in_background(path, request);
    while !seen.load(Ordering::SeqCst) {
        assert!(!posting.is_finished(), "the moment never came");
        std::thread::sleep(Duration::from_millis(2));
    }
    stage.wait(async |group| group.kill_host(signer(1)).await.expect("killed"));
    drop(posting);
    stage.behave();
    stage.wait(async |group| group.restart_host(signer(1)).await.expect("started again"));
    stage.await_ready(signer(1));
}

#[test]
fn a_host_killed_in_the_middle_of_a_signature_answers_when_it_is_asked_again() {
    let mut stage = Stage::open(2, 3);
    let key = stage.make_key(0, Scheme::Ed25519).expect("a key");
    let signs =
        |frame: &Frame| matches!(frame.to_reply().map(|reply| reply.outcome), Some(Outcome::Done(Body::Signed(_))));
    for text in ["one", "two"] {
        let request = stage.text_request(&key, text);
        // Signer 1 takes part in two of three signatures: another request brings its turn.
        kill_coordinator_when_it_is_its_turn(&mut stage, &key, signs, &request);
        let first = stage.post("/v1/sign", &request);
        assert_eq!(first.status, 200, "{first:?}");
        let again = stage.post("/v1/sign", &request);
        assert_eq!(first.body, again.body, "the same request gets the same answer");
    }
    stage.settle(&key);
}

/// A signature in which signer 1 takes part.
fn kill_coordinator_when_it_is_its_turn(
    stage: &mut Stage,
    key: &Key,
    moment: impl Fn(&Frame) -> bool + Send + 'static,
    request: &cloister_wire::request::Requested,
) {
    // The turn goes round; the signature after one by 2 and 3 is by 1.
    while stage.sign_text(key, "whose turn is it").expect("a signature").signers != [signer(2), signer(3)] {}
    kill_coordinator_at(stage, moment, "/v1/sign", request);
}

#[test]
fn a_host_killed_in_the_middle_of_a_key_generation_makes_the_key_when_it_is_asked_again() {
    let mut stage = Stage::open(2, 3);
    type Recognise = fn(&Frame) -> bool;
    let moments: [(&str, Recognise); 4] = [
        ("the nonce", |frame| matches!(done(frame), Some(Body::CeremonyNonce(_)))),
        ("the first delivery", |frame| matches!(frame.to_request(), Some(Request::Deliver { .. }))),
        ("the sealed share", |frame| matches!(done(frame), Some(Body::Keygen(_)))),
        ("the complete certificate", |frame| matches!(frame.to_request(), Some(Request::Certify { .. }))),
    ];
    for (number, (moment, recognise)) in moments.into_iter().enumerate() {
        let request = stage.key_request(name(number), Scheme::Ed25519);
        kill_coordinator_at(&mut stage, recognise, "/v1/keys", &request);
        let made = stage.post("/v1/keys", &request);
        assert_eq!(made.status, 200, "after {moment}: {made:?}");
        let again = stage.post("/v1/keys", &request);
        assert_eq!(made.body, again.body, "after {moment}");
        let key = stage.key(number, Scheme::Ed25519);
        stage.settle(&key);
    }
}

fn done(frame: &Frame) -> Option<Body> {
    match frame.to_reply().filter(|_| frame.direction() == Direction::ToHost)?.outcome {
        Outcome::Done(body) => Some(body),
        Outcome::Refused(_) => None,
    }
}

#[test]
fn keys_that_are_asked_for_at_once_from_two_hosts_are_all_made() {
    let mut stage = Stage::open(2, 3);
    let made = stage.wait(async |group| {
        let credential = group.credential().expect("a key file");
        let connect =
            async |id| cloister_client::Client::connect(group.url(signer(id)), group.pin()).await.expect("verified");
        let (one, two) = (connect(1).await, connect(2).await);
        let make = |client, number| {
            let client: &cloister_client::Client = client;
            client.create_key(&credential, name(number), Scheme::Ed25519)
        };
        let (a, b, c, d, e, f) =
            tokio::join!(make(&one, 0), make(&one, 1), make(&one, 2), make(&two, 3), make(&two, 4), make(&two, 5));
        [a, b, c, d, e, f]
    });
    for (number, key) in made.into_iter().enumerate() {
        let key = key.unwrap_or_else(|error| panic!("key {number}: {error}"));
        stage.sign_text(&key, "a text").expect("a signature");
    }
    stage.assert_nothing_leaked();
}

#[test]
fn a_signer_that_was_restarted_and_is_named_by_no_order_takes_no_part() {
    let mut stage = Stage::open(2, 3);
    let key = stage.make_key(0, Scheme::Ed25519).expect("a key");
    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    for _ in 0..3 {
        assert_eq!(stage.sign_text(&key, "without it").expect("two are enough").signers, [signer(1), signer(3)]);
    }
    let commit = Request::Commit { key: key.id(), count: 1 };
    assert_eq!(stage.refused(signer(2), &commit), "wrong_phase");
    let phases = stage.phases();
    assert_eq!(phases[&signer(1)], Some(Phase::Active));
    assert_eq!(phases[&signer(2)], Some(Phase::Measured));
    stage.assert_nothing_leaked();
}
