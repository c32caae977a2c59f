//! Presignatures asked for more than one signature. The test is the host itself.

use cloister_client::{Key, SigningJob, scheme::Kind};
use cloister_tests::{
    presigning::{combine, package},
    signature::verifies,
    stage::{Stage, signer},
};
use cloister_wire::{
    ids::{CeremonyId, SignerId},
    message::{Package, SignerCommitment},
    request::{Requested, Scheme},
};

use crate::{ECDSA, ecdsa_key, play, settle_unbarred, share, to_sign};

fn set() -> [SignerId; 2] {
    [signer(1), signer(2)]
}

/// Packages of fresh presignatures of signers 1 and 2.
fn presigned(stage: &mut Stage, key: &Key, count: u16) -> Vec<Package> {
    stage.pair(key.id(), set());
    let ceremony = stage.presign(key.id(), &[], &set(), count);
    (0..count).map(|number| package(ceremony, number, &set())).collect()
}

fn asked(stage: &mut Stage, id: SignerId, request: &Requested, package: &Package) -> Result<Vec<u8>, &'static str> {
    share(stage.done(id, &to_sign(request, package)))
}

/// Whether these shares are a signature of a text.
fn sign(key: &Key, text: &str, shares: &[&[u8]]) -> bool {
    let job = SigningJob::new(key, Kind::Message, text.as_bytes()).expect("a text");
    verifies(Scheme::Secp256k1Ecdsa, key.public_key(), &job.messages()[0], &combine(shares))
}

const UNKNOWN: Result<Vec<u8>, &str> = Err("commitment_unknown");

#[test]
fn a_presignature_gives_one_signature_and_the_identical_request_the_identical_share() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let package = presigned(&mut stage, &key, 1).remove(0);
    let [one, other] = ["one", "another"].map(|text| stage.text_request(&key, text));
    let shares = set().map(|id| asked(&mut stage, id, &one, &package).expect("a share"));
    assert!(sign(&key, "one", &[&shares[0], &shares[1]]));
    for (id, share) in set().into_iter().zip(shares) {
        assert_eq!(asked(&mut stage, id, &other, &package), UNKNOWN);
        assert_eq!(asked(&mut stage, id, &one, &package), Ok(share));
        let same_text = stage.text_request(&key, "one");
        assert_eq!(asked(&mut stage, id, &same_text, &package), UNKNOWN, "another request");
    }
    settle_unbarred(&mut stage, &key);
}

#[test]
fn a_presignature_that_signers_are_asked_to_use_for_different_texts_gives_no_signature() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let package = presigned(&mut stage, &key, 1).remove(0);
    let [one, other] = ["one", "another"].map(|text| stage.text_request(&key, text));
    let ours = asked(&mut stage, signer(1), &one, &package).expect("a share");
    let theirs = asked(&mut stage, signer(2), &other, &package).expect("a share");
    assert_eq!(asked(&mut stage, signer(1), &other, &package), UNKNOWN);
    assert_eq!(asked(&mut stage, signer(2), &one, &package), UNKNOWN);
    assert!(!sign(&key, "one", &[&ours, &theirs]) && !sign(&key, "another", &[&ours, &theirs]));
    settle_unbarred(&mut stage, &key);
}

#[test]
fn two_presignatures_spliced_together_give_no_signature() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let made = presigned(&mut stage, &key, 2);
    let [first, second] = &made[..] else { panic!("two presignatures") };
    let entry = |package: &Package, at: usize| -> SignerCommitment { package.as_slice()[at].clone() };
    let spliced: Package = vec![entry(first, 0), entry(second, 1)].try_into().expect("two");
    let request = stage.text_request(&key, "spliced");
    assert_eq!(asked(&mut stage, signer(1), &request, &spliced), Err("package_invalid"));
    for package in &made {
        assert_eq!(asked(&mut stage, signer(1), &request, package), UNKNOWN, "a refusal burns what it names");
    }

    // Each signer is told of another one.
    let made = presigned(&mut stage, &key, 2);
    let ours = asked(&mut stage, signer(1), &request, &made[0]).expect("a share");
    let theirs = asked(&mut stage, signer(2), &request, &made[1]).expect("a share");
    assert_ne!(ours[..33], theirs[..33], "they belong to two nonces");
    let forged = [&ours[..33], &theirs[33..]].concat();
    assert!(!sign(&key, "spliced", &[&ours, &forged]));
    settle_unbarred(&mut stage, &key);
}

#[test]
fn a_presignature_for_other_signers_another_child_or_nobody_is_refused() {
    let mut stage = play(&ECDSA);
    let key = ecdsa_key(&mut stage);
    let request = stage.text_request(&key, "not with that one");
    let made = presigned(&mut stage, &key, 1).remove(0);
    let mut others = made.as_slice().to_vec();
    others[1].signer = signer(3);
    let others: Package = others.try_into().expect("two");
    assert_eq!(asked(&mut stage, signer(1), &request, &others), Err("package_invalid"));
    assert_eq!(asked(&mut stage, signer(1), &request, &made), UNKNOWN, "gone all the same");

    let of_a_child = stage.presign(key.id(), &[7, 7], &set(), 1);
    assert_eq!(asked(&mut stage, signer(1), &request, &package(of_a_child, 0, &set())), Err("package_invalid"));
    let of_nobody = package(CeremonyId::from_bytes([9; 32]), 0, &set());
    assert_eq!(asked(&mut stage, signer(1), &request, &of_nobody), UNKNOWN);
    settle_unbarred(&mut stage, &key);
}
