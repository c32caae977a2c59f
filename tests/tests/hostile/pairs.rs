//! Interference with the set-up of pairs. The test carries every message by hand, on a group whose hosts have set nobody up.

use cloister_tests::stage::{Mail, Stage, flipped, refused, signer};
use cloister_wire::{
    ids::KeyId,
    message::{Body, Outcome, Request},
};

use crate::{ecdsa_key, settle_unbarred};

/// What signer 1 says to a presigning with signer 2.
fn paired(stage: &mut Stage, key: KeyId) -> Result<(), &'static str> {
    let signers = vec![signer(1), signer(2)].try_into().expect("few");
    let open = Request::OpenPresigning { key, path: Default::default(), signers, count: 1 };
    match stage.ask(signer(1), &open).outcome {
        Outcome::Done(Body::CeremonyNonce(nonce)) => {
            let _gone = stage.done(signer(1), &Request::Abandon { nonce });
            Ok(())
        }
        Outcome::Done(other) => panic!("no nonce: {other:?}"),
        Outcome::Refused(refusal) => Err(refusal.code()),
    }
}

/// Interferes with each of these messages, and delivers it in the end: the last one first, since messages may come in any order.
pub(crate) fn interfere(stage: &mut Stage, letters: &[Mail]) -> Vec<Mail> {
    let mut answers = Vec::new();
    for letter in letters.iter().rev() {
        for tampered in [
            Mail { frame: flipped(&letter.frame), ..letter.clone() },
            Mail { to: signer(3), ..letter.clone() },
            Mail { from: signer(3), ..letter.clone() },
        ] {
            assert_eq!(refused(stage.deliver(&tampered).0), "channel_failed");
        }
        answers.extend(stage.deliver(letter).1);
        assert_eq!(refused(stage.deliver(letter).0), "channel_failed", "a second time");
    }
    answers
}

#[test]
fn messages_of_a_set_up_count_once_for_their_receiver_alone_and_what_a_host_does_to_them_bars_nobody() {
    let mut stage = Stage::open(2, 3);
    let key = ecdsa_key(&mut stage);
    assert_eq!(paired(&mut stage, key.id()), Err("pair_missing"));
    let begun = stage.ask_to_pair(signer(1), signer(2));
    let mut opening = interfere(&mut stage, &begun);
    let commitment = opening.remove(0);
    let answer = interfere(&mut stage, &[commitment]);
    assert!(interfere(&mut stage, &opening).is_empty() && interfere(&mut stage, &answer).is_empty());
    assert_eq!(paired(&mut stage, key.id()), Ok(()));

    // Under another start order there is another channel, and no pair.
    stage.start();
    assert_eq!(paired(&mut stage, key.id()), Err("pair_missing"));
    for letter in begun.iter().chain(&opening).chain(&answer) {
        assert_eq!(refused(stage.deliver(letter).0), "channel_failed");
    }
    // A set-up of which a message is lost: the next request has the pair set up anew.
    let _lost = stage.ask_to_pair(signer(1), signer(2));
    assert_eq!(paired(&mut stage, key.id()), Err("pair_missing"));
    settle_unbarred(&mut stage, &key);

    // A message of an earlier boot.
    stage.start();
    let of_old_boot = stage.ask_to_pair(signer(1), signer(3));
    stage.kill([signer(3)]);
    stage.revive([signer(3)]);
    stage.start();
    for letter in &of_old_boot {
        assert_eq!(refused(stage.deliver(letter).0), "channel_failed");
    }
    settle_unbarred(&mut stage, &key);
}
