//! Interference with key generation. Where the order of messages matters, the test is the host itself and carries each by hand.

use cloister_simulator::hostile::{Action, Frame};
use cloister_tests::{
    kms::Envelope,
    stage::{Mail, Stage, flipped, name, refused, sealed_in, signer},
};
use cloister_wire::{
    bounded::Bytes,
    certificate::Certificate,
    codec,
    ids::CeremonyId,
    message::{Body, Contribution, KeygenState, Outcome, Request},
    peer::PeerFrame,
    request::Scheme,
};

use crate::{CALM, honest_key, play};

/// A key generation that everybody has begun, with everybody's first messages.
fn begun(stage: &mut Stage, number: usize) -> (Vec<Contribution>, CeremonyId, Vec<Mail>) {
    let request = stage.key_request(name(number), Scheme::Ed25519);
    let nonces = stage.open_keygen(&request);
    let (ceremony, mail) = stage.start_keygens(&nonces);
    (nonces, ceremony, mail)
}

fn between(mail: &mut Vec<Mail>, from: u16, to: u16) -> Mail {
    let at = mail.iter().position(|letter| letter.from == signer(from) && letter.to == signer(to));
    mail.remove(at.expect("there is one"))
}

/// Gives up, then has the same key made honestly.
fn end(stage: &mut Stage, nonces: &[Contribution], number: usize) {
    stage.abandon(nonces);
    let key = stage.key(number, Scheme::Ed25519);
    stage.settle(&key);
}

#[test]
fn messages_that_overtake_each_other_count_all_the_same_and_each_once() {
    let mut stage = play(&CALM);
    let (nonces, ceremony, mut mail) = begun(&mut stage, 20);
    let late = between(&mut mail, 1, 2);
    let mut echoes = Vec::new();
    for letter in mail {
        echoes.extend(stage.deliver(&letter).1);
    }
    let later = between(&mut echoes, 1, 2);
    assert!(matches!(stage.deliver(&later).0.outcome, Outcome::Done(_)));
    assert_eq!(stage.keygen(signer(2), ceremony), KeygenState::Running);
    echoes.extend(stage.deliver(&late).1);
    for letter in [late, later] {
        assert_eq!(refused(stage.deliver(&letter).0), "channel_failed");
    }
    stage.deliver_all(echoes);
    assert!(matches!(stage.keygen(signer(2), ceremony), KeygenState::Sealed { .. }));
    end(&mut stage, &nonces, 20);
}

#[test]
fn a_message_counts_once_however_often_it_is_delivered() {
    let mut stage = play(&CALM);
    let (nonces, ceremony, mut mail) = begun(&mut stage, 21);
    let letter = between(&mut mail, 1, 2);
    mail.extend(stage.deliver(&letter).1);
    assert_eq!(refused(stage.deliver(&letter).0), "channel_failed");
    stage.deliver_all(mail);
    assert!(matches!(stage.keygen(signer(2), ceremony), KeygenState::Sealed { .. }));
    end(&mut stage, &nonces, 21);
}

#[test]
fn a_message_is_read_by_nobody_but_its_receiver_and_counts_for_nobody_but_its_sender() {
    let mut stage = play(&CALM);
    let (nonces, ceremony, mut mail) = begun(&mut stage, 22);
    let letter = between(&mut mail, 1, 2);
    for misdelivered in [
        Mail { to: signer(3), ..letter.clone() },
        Mail { from: signer(3), ..letter.clone() },
        Mail { from: signer(2), to: signer(1), ..letter.clone() },
        Mail { frame: flipped(&letter.frame), ..letter.clone() },
    ] {
        assert_eq!(refused(stage.deliver(&misdelivered).0), "channel_failed", "{misdelivered:?}");
    }
    mail.push(letter);
    stage.deliver_all(mail);
    assert!(matches!(stage.keygen(signer(3), ceremony), KeygenState::Sealed { .. }));
    end(&mut stage, &nonces, 22);
}

#[test]
fn a_forged_handshake_opens_no_channel_and_leaves_the_one_there_is() {
    let mut stage = play(&CALM);
    let (nonces, ceremony, mail) = begun(&mut stage, 23);
    let noise = || Bytes::try_from(vec![7; 48]).expect("short");
    for frame in [PeerFrame::Initiate(noise()), PeerFrame::Respond(noise())] {
        let forged = Mail { from: signer(1), to: signer(2), frame };
        assert_eq!(refused(stage.deliver(&forged).0), "channel_failed");
    }
    stage.deliver_all(mail);
    assert!(matches!(stage.keygen(signer(2), ceremony), KeygenState::Sealed { .. }));
    end(&mut stage, &nonces, 23);
}

#[test]
fn nonces_of_two_key_generations_spliced_together_make_no_key() {
    let mut stage = play(&CALM);
    let requests = [24, 25].map(|number| stage.key_request(name(number), Scheme::Ed25519));
    let [one, other] = requests.map(|request| stage.open_keygen(&request));
    // Signer 1 hears that signer 2 takes part in it with its nonce of the other one.
    let spliced = [one[0], other[1], one[2]];
    let (_, mail) = stage.start_keygen(signer(1), &spliced);
    for id in [2, 3] {
        let _theirs = stage.start_keygen(signer(id), &one);
    }
    for letter in &mail {
        assert_eq!(refused(stage.deliver(letter).0), "ceremony_unknown");
    }
    // Nor do a doubled signer, a missing one or another order.
    let (_, nonces) = (stage.abandon(&one), stage.key_request(name(24), Scheme::Ed25519));
    let again = stage.open_keygen(&nonces);
    for wrong in [vec![again[0], again[0], again[2]], vec![again[0], again[1]], vec![again[1], again[0], again[2]]] {
        let request = Request::StartKeygen { nonces: wrong.try_into().expect("few") };
        assert_eq!(stage.refused(signer(1), &request), "unknown_signer");
    }
    stage.abandon(&again);
    end(&mut stage, &other, 25);
}

#[test]
fn messages_of_one_key_generation_do_nothing_in_another() {
    let mut stage = play(&CALM);
    let (nonces_one, one, mail_one) = begun(&mut stage, 26);
    let (nonces_other, other, mail_other) = begun(&mut stage, 27);
    stage.deliver_all(mail_one);
    assert!(matches!(stage.keygen(signer(1), one), KeygenState::Sealed { .. }));
    assert_eq!(stage.keygen(signer(1), other), KeygenState::Running);
    stage.deliver_all(mail_other);
    let (blob_one, certificate_one) = stage.sealed(signer(1), one);
    let (blob_other, certificate_other) = stage.sealed(signer(1), other);
    assert!(blob_one != blob_other && certificate_one.key != certificate_other.key);
    stage.abandon(&nonces_one);
    end(&mut stage, &nonces_other, 26);
}

#[test]
fn a_certificate_with_signatures_of_another_is_refused() {
    let mut stage = play(&CALM);
    let (one, other) = (stage.key(28, Scheme::Ed25519), stage.key(29, Scheme::Ed25519));
    let [one_certificate, other_certificate] = [&one, &other].map(|key| key.certificate().clone());
    let spliced = Certificate { body: one_certificate.body.clone(), signatures: other_certificate.signatures.clone() };
    let mut mixed = one_certificate.signatures.clone().into_vec();
    mixed[1] = other_certificate.signatures.as_slice()[1].clone();
    let one_of_three = Certificate { signatures: mixed.try_into().expect("few"), ..one_certificate.clone() };
    let mut missing = one_certificate.signatures.clone().into_vec();
    missing.pop();
    let without_one = Certificate { signatures: missing.try_into().expect("few"), ..one_certificate };
    for certificate in [spliced, one_of_three, without_one] {
        assert_eq!(stage.refused(signer(1), &Request::Certify { certificate }), "certificate_invalid");
    }
    stage.settle(&one);
}

#[test]
fn a_blob_that_the_host_drops_right_after_the_ceremony_gets_no_certificate_and_the_key_is_made_anew() {
    let mut stage = play(&CALM);
    stage.rule(signer(2), |frame: &Frame| match sealed_in(frame) {
        Some(_) => {
            let mut reply = frame.to_reply().expect("a reply");
            reply.outcome = Outcome::Done(Body::Keygen(KeygenState::Running));
            Action::Instead(frame.with_payload(&codec::encode(&reply)).bytes().to_vec())
        }
        None => Action::Pass,
    });
    let error = stage.make_key(30, Scheme::Ed25519).expect_err("a share that nobody stored");
    assert_eq!(error.code(), "ceremony_failed");
    stage.behave();
    let key = stage.key(30, Scheme::Ed25519);
    stage.settle(&key);
}

#[test]
fn no_signer_certifies_a_share_that_it_has_not_read_back() {
    let mut stage = play(&CALM);
    let old = stage.blobs(signer(2)).pop().expect("of another key");
    stage.rule(signer(2), move |frame: &Frame| match frame.to_request() {
        Some(Request::Present { certificate: None, .. }) => {
            let request = Request::Present { blob: old.clone(), certificate: None };
            Action::Instead(frame.with_payload(&codec::encode(&request)).bytes().to_vec())
        }
        _ => Action::Pass,
    });
    let error = stage.make_key(31, Scheme::Ed25519).expect_err("another blob was read back");
    assert_eq!(error.code(), "blob_foreign");
    stage.behave();
    let key = stage.key(31, Scheme::Ed25519);
    stage.settle(&key);
}

/// What a share comes to while the host of signer 3 changes KMS's answers like this.
fn answers_changed(number: usize, change: fn(&mut [Option<Envelope>])) -> String {
    let mut stage = play(&CALM);
    stage.rule(signer(3), move |frame: &Frame| match frame.to_request() {
        Some(Request::Unwrapped { ticket, envelopes }) => {
            let mut envelopes = envelopes.into_vec();
            change(&mut envelopes);
            let request = Request::Unwrapped { ticket, envelopes: envelopes.try_into().expect("few") };
            Action::Instead(frame.with_payload(&codec::encode(&request)).bytes().to_vec())
        }
        _ => Action::Pass,
    });
    let error = stage.make_key(number, Scheme::Ed25519).expect_err("not every KMS key has answered for itself");
    stage.behave();
    let key = stage.key(number, Scheme::Ed25519);
    stage.settle(&key);
    error.code().to_owned()
}

#[test]
fn no_signer_certifies_a_share_that_one_of_its_kms_keys_does_not_open() {
    assert_eq!(answers_changed(32, |envelopes| envelopes[1] = None), "unwrap_failed");
}

#[test]
fn no_signer_takes_one_kms_keys_answer_for_anothers() {
    assert_eq!(answers_changed(34, |envelopes| envelopes[1] = envelopes[0].clone()), "unwrap_failed");
    assert_eq!(answers_changed(35, |envelopes| envelopes.swap(0, 1)), "unwrap_failed");
}

#[test]
fn a_stranger_begins_no_key_generation_and_a_signer_takes_part_in_sixteen_at_most() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let mut stranger = stage.credential();
    stranger.secret = cloister_client::Secret::generate().expect("randomness").into();
    let forged = stranger.request_key(stage.id(), name(33), Scheme::Ed25519).expect("short enough");
    assert_eq!(stage.refused(signer(1), &Request::OpenKeygen { request: forged }), "request_signature");

    let request = stage.key_request(name(33), Scheme::Ed25519);
    let open = Request::OpenKeygen { request };
    let mut nonces = Vec::new();
    let refusal = loop {
        match stage.ask(signer(1), &open).outcome {
            Outcome::Done(Body::CeremonyNonce(nonce)) => nonces.push(Contribution { signer: signer(1), nonce }),
            Outcome::Done(other) => panic!("no nonce: {other:?}"),
            Outcome::Refused(refusal) => break refusal.code(),
        }
    };
    assert_eq!((refusal, nonces.len()), ("busy", 16));
    stage.abandon(&nonces);
    stage.settle(&key);
}
