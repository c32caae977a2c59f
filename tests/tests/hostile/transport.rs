//! What can be done to frames on their way.

use std::time::Duration;

use cloister_client::{Key, SigningJob, scheme::Kind};
use cloister_simulator::hostile::{Action, Direction, Frame};
use cloister_tests::stage::{Stage, signer};
use cloister_wire::{
    frame::Header,
    message::{Body, Outcome, Request, SignOutcome},
    request::Scheme,
};

use crate::{CALM, ecdsa_key, honest_key, play};

fn is_sign(frame: &Frame) -> bool {
    matches!(frame.to_request(), Some(Request::Sign { .. }))
}

fn is_delivery(frame: &Frame) -> bool {
    matches!(frame.to_request(), Some(Request::Deliver { .. }))
}

fn is_share(frame: &Frame) -> bool {
    matches!(frame.to_reply().map(|reply| reply.outcome), Some(Outcome::Done(Body::Signed(_))))
}

/// Every proxy does this with the frames that `which` recognises.
fn everywhere(stage: &Stage, which: fn(&Frame) -> bool, act: fn(&Frame) -> Action) {
    for id in stage.signers() {
        stage.rule(id, move |frame: &Frame| if which(frame) { act(frame) } else { Action::Pass });
    }
}

/// A FROST key and an ECDSA key.
fn keys(stage: &mut Stage) -> [Key; 2] {
    [honest_key(stage), ecdsa_key(stage)]
}

/// The code with which a signature fails while frames are treated like this, whatever the key.
fn sign_code(stage: &mut Stage, which: fn(&Frame) -> bool, act: fn(&Frame) -> Action) -> String {
    let [frost, ecdsa] = keys(stage).map(|key| {
        everywhere(stage, which, act);
        let error = stage.sign_text(&key, "under attack").expect_err("no signature can be made of this");
        stage.settle(&key);
        error.code().to_owned()
    });
    assert_eq!(frost, ecdsa);
    frost
}

#[test]
fn dropped_requests_for_shares_are_missing_signers() {
    let mut stage = play(&CALM);
    assert_eq!(sign_code(&mut stage, is_sign, |_| Action::Instead(Vec::new())), "not_enough_signers");
}

#[test]
fn requests_for_shares_that_one_signers_host_drops_are_answered_by_the_others() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        stage.rule(signer(2), |frame: &Frame| if is_sign(frame) { Action::Instead(Vec::new()) } else { Action::Pass });
        for _ in 0..2 {
            assert_eq!(
                stage.sign_text(&key, "without signer 2").expect("two are enough").signers,
                [signer(1), signer(3)]
            );
        }
        stage.settle(&key);
    }
}

#[test]
fn truncated_requests_for_shares_are_missing_signers() {
    let mut stage = play(&CALM);
    let cut_short = |frame: &Frame| Action::Last(frame.bytes()[..frame.bytes().len() - 7].to_vec());
    assert_eq!(sign_code(&mut stage, is_sign, cut_short), "not_enough_signers");
}

#[test]
fn truncated_shares_are_missing_signers() {
    let mut stage = play(&CALM);
    let cut_short = |frame: &Frame| Action::Last(frame.bytes()[..frame.bytes().len() - 7].to_vec());
    assert_eq!(sign_code(&mut stage, is_share, cut_short), "not_enough_signers");
}

#[test]
fn a_connection_that_is_cut_at_every_request_is_a_missing_signer() {
    let mut stage = play(&CALM);
    assert_eq!(sign_code(&mut stage, is_sign, |_| Action::Cut), "not_enough_signers");
}

#[test]
fn a_request_flipped_in_its_frame_is_malformed() {
    let mut stage = play(&CALM);
    assert_eq!(sign_code(&mut stage, is_sign, |frame| Action::Instead(frame.flipped(Header::LEN))), "malformed");
}

/// The frame with one bit of its first share the other way round.
pub(crate) fn with_flipped_share(frame: &Frame, byte: usize) -> Option<Vec<u8>> {
    let Outcome::Done(Body::Signed(outcomes)) = frame.to_reply()?.outcome else { return None };
    let Some(SignOutcome::Released(shares)) = outcomes.as_slice().first() else { return None };
    let share = shares.as_slice()[0].as_slice();
    let at = frame.bytes().windows(share.len()).position(|window| window == share)?;
    Some(frame.flipped(at + byte))
}

#[test]
fn a_share_with_a_flipped_bit_is_blamed_on_its_signer() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        for id in stage.signers() {
            // Another byte for each signer: flipped likewise, two shares may add up to what they should.
            stage.rule(id, move |frame: &Frame| {
                with_flipped_share(frame, id.get().into()).map_or(Action::Pass, Action::Instead)
            });
        }
        let error = stage.sign_text(&key, "under attack").expect_err("no signature can be made of this");
        assert_eq!(error.code(), "bad_share");
        stage.settle(&key);
    }
}

#[test]
fn one_signer_whose_shares_are_altered_is_replaced() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        stage.rule(signer(2), |frame: &Frame| with_flipped_share(frame, 0).map_or(Action::Pass, Action::Instead));
        for _ in 0..3 {
            assert_eq!(
                stage.sign_text(&key, "without signer 2").expect("two are enough").signers,
                [signer(1), signer(3)]
            );
        }
        stage.settle(&key);
    }
}

#[test]
fn duplicated_requests_are_answered_twice_with_the_same_share() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        let before = stage.record(signer(1)).len();
        everywhere(&stage, is_sign, |frame| Action::Instead(frame.bytes().repeat(2)));
        for text in ["one", "two"] {
            stage.sign_text(&key, text).expect("a signature");
        }
        let signed = |frame: &Frame| match frame.to_reply()?.outcome {
            Outcome::Done(body @ Body::Signed(_)) => Some((frame.correlation(), body)),
            _ => None,
        };
        let answers: Vec<_> = stage.record(signer(1))[before..].iter().filter_map(signed).collect();
        assert!(
            !answers.is_empty() && answers.chunks(2).all(|pair| pair.len() == 2 && pair[0] == pair[1]),
            "{answers:?}"
        );
        stage.settle(&key);
    }
}

#[test]
fn delayed_requests_are_answered_late() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        everywhere(&stage, is_sign, |_| Action::Delay(Duration::from_millis(300)));
        assert!(stage.sign_text(&key, "late").is_ok());
        stage.settle(&key);
    }
}

#[test]
fn reordered_requests_each_get_their_own_answer() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        // What waits for another frame that does not come is a missing signer, which the two others replace.
        let mut held = false;
        stage.rule(signer(2), move |frame: &Frame| {
            if is_sign(frame) && !held {
                held = true;
                return Action::Hold;
            }
            Action::Pass
        });
        let signed = stage.wait(async |group| {
            let client = cloister_client::Client::connect(group.url(signer(1)), group.pin()).await.expect("verified");
            let credential = group.credential().expect("a key file");
            let job = |text: &str| SigningJob::new(&key, Kind::Message, text.as_bytes()).expect("a text");
            let (one, two, three) = (job("one"), job("two"), job("three"));
            // The client verifies each signature against its own text.
            tokio::join!(
                client.sign(&credential, &one),
                client.sign(&credential, &two),
                client.sign(&credential, &three)
            )
        });
        assert!(signed.0.is_ok() && signed.1.is_ok() && signed.2.is_ok(), "{signed:?}");
        stage.settle(&key);
    }
}

#[test]
fn every_answer_in_the_place_of_the_one_before_leads_to_no_signature_and_to_no_crash() {
    let mut stage = play(&CALM);
    for key in keys(&mut stage) {
        for id in stage.signers() {
            let mut last: Option<Frame> = None;
            stage.rule(id, move |frame: &Frame| match (frame.direction(), &last) {
                (Direction::ToHost, Some(old)) if is_share(frame) => {
                    Action::Instead(frame.with_payload(old.payload()).bytes().to_vec())
                }
                (Direction::ToHost, _) => {
                    last = Some(frame.clone());
                    Action::Pass
                }
                (Direction::ToSigner, _) => Action::Pass,
            });
        }
        let error = stage.sign_text(&key, "answered with something else").expect_err("no shares came");
        assert_eq!(error.code(), "signer_reply_invalid");
        stage.settle(&key);
    }
}

/// What becomes of a key generation while deliveries are treated like this.
fn keygen_code(number: usize, act: fn(&Frame) -> Action) -> Result<(), String> {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    everywhere(&stage, is_delivery, act);
    let made = stage.make_key(number, Scheme::Secp256k1Taproot).map(drop).map_err(|error| error.code().to_owned());
    stage.behave();
    stage.await_links();
    // The same name again: nothing of a failed one was kept.
    let new = stage.key(number, Scheme::Secp256k1Taproot);
    stage.settle(&new);
    stage.settle(&key);
    made
}

#[test]
fn dropped_messages_between_signers_make_no_key() {
    assert_eq!(keygen_code(10, |_| Action::Instead(Vec::new())), Err("signer_unreachable".into()));
}

#[test]
fn messages_between_signers_that_break_off_make_no_key() {
    let cut_short = |frame: &Frame| Action::Last(frame.bytes()[..frame.bytes().len() - 1].to_vec());
    assert_eq!(keygen_code(11, cut_short), Err("signer_unreachable".into()));
}

#[test]
fn flipped_messages_between_signers_make_no_key() {
    assert_eq!(
        keygen_code(12, |frame| Action::Instead(frame.flipped(frame.bytes().len() - 1))),
        Err("channel_failed".into())
    );
}

#[test]
fn duplicated_messages_between_signers_count_once() {
    assert_eq!(keygen_code(13, |frame| Action::Instead(frame.bytes().repeat(2))), Ok(()));
}

#[test]
fn delayed_messages_between_signers_arrive_late() {
    assert_eq!(keygen_code(14, |_| Action::Delay(Duration::from_millis(50))), Ok(()));
}
