//! Shares that nobody asked for, and two with one commitment.

use cloister_client::{Account, scheme::Kind};
use cloister_tests::stage::signer;
use cloister_wire::{
    bounded::Bytes,
    codec,
    message::Request,
    request::{Requested, Scheme},
};

use crate::{CALM, commitment, honest_key, package, play, share, to_sign};

#[test]
fn two_requests_never_get_shares_with_one_commitment() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let (ours, theirs) = (commitment(&mut stage, signer(1), key.id()), commitment(&mut stage, signer(2), key.id()));
    let package = package(&[(signer(1), &ours), (signer(2), &theirs)]);
    let (one, other) = (stage.text_request(&key, "one"), stage.text_request(&key, "another"));
    assert!(share(stage.done(signer(1), &to_sign(&one, &package))).is_ok());
    assert_eq!(share(stage.done(signer(1), &to_sign(&other, &package))), Err("commitment_unknown"));
    stage.settle(&key);
}

#[test]
fn a_commitment_is_not_bound_again_to_other_signers_commitments() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let ours = commitment(&mut stage, signer(1), key.id());
    let request = stage.text_request(&key, "one");
    for (round, expected) in [(2, Ok(())), (2, Err("commitment_unknown")), (3, Err("commitment_unknown"))] {
        let theirs = commitment(&mut stage, signer(round), key.id());
        let package = package(&[(signer(1), &ours), (signer(round), &theirs)]);
        assert_eq!(share(stage.done(signer(1), &to_sign(&request, &package))).map(drop), expected);
    }
    stage.settle(&key);
}

#[test]
fn a_repeated_frame_gets_the_same_share_and_not_a_second_one() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let (ours, theirs) = (commitment(&mut stage, signer(1), key.id()), commitment(&mut stage, signer(2), key.id()));
    let request = to_sign(&stage.text_request(&key, "one"), &package(&[(signer(1), &ours), (signer(2), &theirs)]));
    let first = share(stage.done(signer(1), &request)).expect("a share");
    assert_eq!(share(stage.done(signer(1), &request)), Ok(first));
    stage.settle(&key);
}

#[test]
fn a_commitment_for_one_key_is_unknown_to_another_and_to_another_signer() {
    let mut stage = play(&CALM);
    let (key, other) = (honest_key(&mut stage), stage.key(1, Scheme::Ed25519));
    let foreign = commitment(&mut stage, signer(1), other.id());
    let theirs = commitment(&mut stage, signer(2), key.id());
    let request = stage.text_request(&key, "one");
    let with_foreign = package(&[(signer(1), &foreign), (signer(2), &theirs)]);
    assert_eq!(share(stage.done(signer(1), &to_sign(&request, &with_foreign))), Err("commitment_unknown"));
    let of_another_signer = package(&[(signer(1), &theirs), (signer(2), &foreign)]);
    assert_eq!(share(stage.done(signer(1), &to_sign(&request, &of_another_signer))), Err("commitment_unknown"));
    stage.settle(&key);
}

#[test]
fn packages_with_too_few_too_many_or_doubled_signers_are_refused() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let [one, two, three] = [1, 2, 3].map(|id| (signer(id), commitment(&mut stage, signer(id), key.id())));
    let entry = |entry: &(_, crate::Commitment)| (entry.0, entry.1.clone());
    let request = stage.text_request(&key, "one");
    for entries in [vec![&one], vec![&one, &two, &three], vec![&one, &one], vec![&two, &three], vec![&two, &one]] {
        let entries: Vec<_> = entries.into_iter().map(entry).collect();
        let entries: Vec<_> = entries.iter().map(|(id, commitment)| (*id, commitment)).collect();
        assert_eq!(
            share(stage.done(signer(1), &to_sign(&request, &package(&entries)))),
            Err("package_invalid"),
            "{entries:?}"
        );
    }
    stage.settle(&key);
}

#[test]
fn a_request_with_any_byte_flipped_gets_no_share() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let (ours, theirs) = (commitment(&mut stage, signer(1), key.id()), commitment(&mut stage, signer(2), key.id()));
    let package = package(&[(signer(1), &ours), (signer(2), &theirs)]);
    let request = stage.text_request(&key, "pay nobody");
    for at in 0..request.body.as_slice().len() {
        let mut body = request.body.as_slice().to_vec();
        body[at] ^= 1;
        let flipped = Requested { body: Bytes::try_from(body).expect("as long"), ..request.clone() };
        let refused =
            share(stage.done(signer(1), &to_sign(&flipped, &package))).expect_err("a flipped request was signed");
        assert!(["malformed", "request_signature", "requester_unknown"].contains(&refused), "byte {at}: {refused}");
    }
    stage.settle(&key);
}

#[test]
fn a_request_id_stands_for_one_request_at_the_signer_too() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let credential = stage.credential();
    let request = stage.text_request(&key, "one");
    let mut other: cloister_wire::request::SignRequest = codec::decode(request.body.as_slice()).expect("canonical");
    other.payload = b"another".as_slice().try_into().expect("short");
    let other = credential.secret.request(&other).expect("short enough");
    for (request, expected) in [(&request, Ok(())), (&other, Err("request_id_reused"))] {
        let (ours, theirs) = (commitment(&mut stage, signer(1), key.id()), commitment(&mut stage, signer(2), key.id()));
        let package = package(&[(signer(1), &ours), (signer(2), &theirs)]);
        assert_eq!(share(stage.done(signer(1), &to_sign(request, &package))).map(drop), expected);
    }
    stage.settle(&key);
}

#[test]
fn one_request_is_signed_under_eight_packages_at_most() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let request = stage.text_request(&key, "again and again");
    for attempt in 1..=9 {
        let (ours, theirs) = (commitment(&mut stage, signer(1), key.id()), commitment(&mut stage, signer(2), key.id()));
        let package = package(&[(signer(1), &ours), (signer(2), &theirs)]);
        let expected = if attempt <= 8 { Ok(()) } else { Err("retries_exhausted") };
        assert_eq!(share(stage.done(signer(1), &to_sign(&request, &package))).map(drop), expected, "attempt {attempt}");
    }
    stage.settle(&key);
}

#[test]
fn a_signer_does_not_take_the_hosts_word_for_what_a_payload_is() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let (ours, theirs) = (commitment(&mut stage, signer(1), key.id()), commitment(&mut stage, signer(2), key.id()));
    let package = package(&[(signer(1), &ours), (signer(2), &theirs)]);
    let credential = stage.credential();
    let request = credential
        .request_signature(stage.id(), &Account::from(&key), Kind::Solana, b"a text, no transaction")
        .expect("short enough");
    assert_eq!(share(stage.done(signer(1), &to_sign(&request, &package))), Err("payload_rejected"));
    let request = credential
        .request_signature(stage.id(), &Account::from(&key), Kind::Bitcoin, b"psbt\xff")
        .expect("short enough");
    assert_eq!(share(stage.done(signer(1), &to_sign(&request, &package))), Err("scheme_mismatch"));
    stage.settle(&key);
}

#[test]
fn a_pool_of_commitments_has_a_bound() {
    let mut stage = play(&CALM);
    let (key, other) = (honest_key(&mut stage), stage.key(2, Scheme::Ed25519));
    let commit = |count| Request::Commit { key: other.id(), count };
    assert_eq!(stage.refused(signer(1), &commit(257)), "pool_full");
    while let cloister_wire::message::Outcome::Done(_) = stage.ask(signer(1), &commit(256)).outcome {}
    assert_eq!(stage.refused(signer(1), &commit(256)), "pool_full");
    stage.settle(&key);
}
