//! The nonce rules (P4): a commitment gives one share at most, and what is retried is the same or bounded.

use cloister_tests::{
    charter::{HOUR, TREASURER, bytes, list, requested, signer},
    group::{Group, released},
    payload::{solana_transfer, taproot_psbt},
};
use cloister_wire::{
    ids::{KeyId, RequestId},
    limits::{COMMITMENTS, POOL},
    message::{Body, Package, Request, SignItem, SignOutcome, SignerCommitment},
    receipt::Event,
    refusal::Refusal,
    request::{Chain, Scheme, SignRequest},
};

const MINUTE: u64 = 60 * 1000;

/// A 2-of-3 group with an Ed25519 key, and a request for one signature.
fn ready() -> (Group, SignRequest) {
    let mut group = Group::founded(2, 3, 1);
    let key = group.make_any_chain_key(Scheme::Ed25519);
    let request = transfer(&group, key, 1);
    (group, request)
}

fn transfer(group: &Group, key: KeyId, id: u8) -> SignRequest {
    let payload = solana_transfer(&group.keys[&key].verifying_key(), u64::from(id));
    group.charter.sign_request(key, Chain::Solana, &payload, id, group.now)
}

fn package(group: &mut Group, key: KeyId) -> Package {
    group.commit(key, &[signer(1), signer(2)], 1).remove(0)
}

/// The first signer's shares for a request of one digest.
fn shares(group: &mut Group, request: &SignRequest, package: &Package) -> Result<Vec<u8>, Refusal> {
    match group.sign(signer(1), &requested(request, TREASURER), std::slice::from_ref(package)) {
        SignOutcome::Released(shares) => Ok(shares.into_vec().remove(0).into_vec()),
        SignOutcome::Refused(refusal) => Err(refusal),
    }
}

#[test]
fn one_commitment_never_gives_a_share_for_a_second_message() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    assert!(shares(&mut group, &request, &package).is_ok());
    let other = transfer(&group, request.key, 2);
    assert_eq!(shares(&mut group, &other, &package), Err(Refusal::CommitmentUnknown));
}

#[test]
fn one_commitment_never_gives_a_share_for_a_second_signer_set() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    assert!(shares(&mut group, &request, &package).is_ok());
    let own = package.as_slice()[0].clone();
    let third = group.commit(request.key, &[signer(3)], 1).remove(0).as_slice()[0].clone();
    let rebound = list([own, third]);
    assert_eq!(shares(&mut group, &request, &rebound), Err(Refusal::CommitmentUnknown));
}

#[test]
fn one_commitment_never_gives_a_share_beside_another_commitment_of_the_same_signer() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    assert!(shares(&mut group, &request, &package).is_ok());
    let own = package.as_slice()[0].clone();
    let fresh = group.commit(request.key, &[signer(2)], 1).remove(0).as_slice()[0].clone();
    assert_eq!(shares(&mut group, &request, &list([own, fresh])), Err(Refusal::CommitmentUnknown));
}

#[test]
fn one_commitment_gives_no_two_shares_within_a_batch() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    let other = transfer(&group, request.key, 2);
    let item = |request| SignItem {
        request: requested(request, TREASURER),
        packages: list([package.clone()]),
        approvals: Default::default(),
    };
    let items = list([item(&request), item(&other)]);
    let Body::Signed(outcomes) = group.done(signer(1), Request::Sign { items }) else { panic!("not decided") };
    assert!(matches!(
        outcomes.as_slice(),
        [SignOutcome::Released(_), SignOutcome::Refused(Refusal::CommitmentUnknown)]
    ));
}

#[test]
fn one_commitment_gives_no_two_shares_within_a_request() {
    let (mut group, request) = with_two_digests();
    let package = package(&mut group, request.key);
    let outcome = group.sign(signer(1), &requested(&request, TREASURER), &[package.clone(), package]);
    assert_eq!(outcome, SignOutcome::Refused(Refusal::CommitmentUnknown));
}

/// A Taproot key, and a request that spends two of its coins.
fn with_two_digests() -> (Group, SignRequest) {
    let mut group = Group::founded(2, 3, 1);
    let key = group.make_any_chain_key(Scheme::Secp256k1Taproot);
    let output = group.keys[&key].verifying_key();
    let payload = taproot_psbt(&[&output[1..], &output[1..]]);
    let request = group.charter.sign_request(key, Chain::Bitcoin, &payload, 1, group.now);
    (group, request)
}

#[test]
fn an_error_burns_every_commitment_of_the_request() {
    let (mut group, request) = with_two_digests();
    let [good, used] = [(); 2].map(|()| package(&mut group, request.key));
    let text = |group: &Group, id| group.charter.sign_request(request.key, Chain::Message, b"hello", id, group.now);
    let first = text(&group, 2);
    assert!(shares(&mut group, &first, &used).is_ok());
    let outcome = group.sign(signer(1), &requested(&request, TREASURER), &[good.clone(), used]);
    assert_eq!(outcome, SignOutcome::Refused(Refusal::CommitmentUnknown));
    let again = text(&group, 3);
    assert_eq!(shares(&mut group, &again, &good), Err(Refusal::CommitmentUnknown), "it had left the pool");
}

#[test]
fn a_refused_request_uses_up_the_commitments_that_it_names() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    let denied = group.charter.sign_request(request.key, Chain::Bitcoin, b"no psbt", 2, group.now);
    assert!(shares(&mut group, &denied, &package).is_err());
    assert_eq!(shares(&mut group, &request, &package), Err(Refusal::CommitmentUnknown));
}

#[test]
fn refuses_a_commitment_that_another_signer_made() {
    let (mut group, request) = ready();
    group.commitments(signer(1), request.key, 1);
    let theirs = group.commit(request.key, &[signer(2)], 2);
    let [mine, other] = [0, 1].map(|i| theirs[i].as_slice()[0].commitment.clone());
    let package =
        list([(1, mine), (2, other)].map(|(id, commitment)| SignerCommitment { signer: signer(id), commitment }));
    assert_eq!(shares(&mut group, &request, &package), Err(Refusal::CommitmentUnknown));
}

#[test]
fn refuses_a_commitment_made_for_another_key() {
    let (mut group, request) = ready();
    let other = group.make_key("other", Scheme::Ed25519);
    let package = package(&mut group, other);
    assert_eq!(shares(&mut group, &request, &package), Err(Refusal::CommitmentUnknown));
}

#[test]
fn a_restart_empties_the_pool() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    group.restart();
    let request = transfer(&group, request.key, 1);
    assert_eq!(shares(&mut group, &request, &package), Err(Refusal::CommitmentUnknown));
}

#[test]
fn presenting_a_share_again_leaves_every_commitment_as_it_was() {
    let (mut group, request) = ready();
    group.restart();
    let request = transfer(&group, request.key, 1);
    let [used, unused] = [(); 2].map(|()| package(&mut group, request.key));
    assert!(shares(&mut group, &request, &used).is_ok());
    group.open_shares(request.key);
    let other = transfer(&group, request.key, 2);
    assert_eq!(shares(&mut group, &other, &used), Err(Refusal::CommitmentUnknown));
    assert!(shares(&mut group, &other, &unused).is_ok());
}

#[test]
fn a_commitment_expires_after_ten_minutes() {
    let (mut group, request) = ready();
    let [in_time, late] = [(); 2].map(|()| package(&mut group, request.key));
    group.now = group.now.plus(10 * MINUTE - 1);
    assert!(shares(&mut group, &request, &in_time).is_ok());
    group.now = group.now.plus(1);
    let other = transfer(&group, request.key, 2);
    assert_eq!(shares(&mut group, &other, &late), Err(Refusal::CommitmentUnknown));
}

#[test]
fn the_pool_is_bounded_and_expiry_makes_room() {
    let (mut group, request) = ready();
    let most = u16::try_from(COMMITMENTS).unwrap();
    let commit = |count| Request::Commit { key: request.key, count };
    assert_eq!(group.refused(signer(1), commit(most + 1)), Refusal::PoolFull);
    for _ in 0..POOL / COMMITMENTS {
        group.commitments(signer(1), request.key, most);
    }
    assert_eq!(group.refused(signer(1), commit(1)), Refusal::PoolFull);
    group.now = group.now.plus(10 * MINUTE);
    assert_eq!(group.commitments(signer(1), request.key, 1).len(), 1);
}

#[test]
fn no_two_commitments_are_equal() {
    let (mut group, request) = ready();
    let made: Vec<_> =
        (0..4).flat_map(|_| group.commitments(signer(1), request.key, 64)).map(|made| made.into_vec()).collect();
    let distinct: std::collections::BTreeSet<_> = made.iter().collect();
    assert_eq!(distinct.len(), made.len());
}

#[test]
fn gives_the_same_share_again_for_the_identical_package() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    let first = shares(&mut group, &request, &package).unwrap();
    assert_eq!(shares(&mut group, &request, &package), Ok(first));
}

#[test]
fn gives_no_share_again_once_the_request_has_expired() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    assert!(shares(&mut group, &request, &package).is_ok());
    group.now = group.now.plus(HOUR);
    assert_eq!(shares(&mut group, &request, &package), Err(Refusal::Expired));
}

#[test]
fn a_repeated_answer_leaves_a_receipt_of_its_own() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key);
    for _ in 0..2 {
        let item = SignItem {
            request: requested(&request, TREASURER),
            packages: list([package.clone()]),
            approvals: Default::default(),
        };
        let reply = group.ask(signer(1), Request::Sign { items: list([item]) });
        let receipt = reply.receipt.unwrap();
        let events: Vec<_> = receipt.events().collect();
        assert!(matches!(events[..], [Event::Released { key, .. }] if *key == request.key));
    }
}

#[test]
fn a_request_id_stands_for_one_request() {
    let (mut group, request) = ready();
    let first = package(&mut group, request.key);
    assert!(shares(&mut group, &request, &first).is_ok());
    let other = SignRequest { id: request.id, ..transfer(&group, request.key, 2) };
    let fresh = package(&mut group, request.key);
    assert_eq!(shares(&mut group, &other, &fresh), Err(Refusal::RequestIdReused));
}

#[test]
fn a_request_id_is_free_again_only_when_its_request_has_expired() {
    let (mut group, request) = ready();
    let first = package(&mut group, request.key);
    assert!(shares(&mut group, &request, &first).is_ok());
    for (later, expected) in [(HOUR - 1, Err(Refusal::RequestIdReused)), (1, Ok(()))] {
        group.now = group.now.plus(later);
        let other = SignRequest { id: request.id, ..transfer(&group, request.key, 2) };
        let fresh = package(&mut group, request.key);
        assert_eq!(shares(&mut group, &other, &fresh).map(drop), expected);
    }
}

#[test]
fn a_request_may_be_retried_with_fresh_commitments_eight_times_in_all() {
    let (mut group, request) = ready();
    for _ in 0..8 {
        let fresh = package(&mut group, request.key);
        assert!(shares(&mut group, &request, &fresh).is_ok());
    }
    let fresh = package(&mut group, request.key);
    assert_eq!(shares(&mut group, &request, &fresh), Err(Refusal::RetriesExhausted));
    let other = SignRequest { id: RequestId::from_bytes([2; 16]), ..request };
    let fresh = package(&mut group, other.key);
    assert!(shares(&mut group, &other, &fresh).is_ok());
}

#[test]
fn a_package_has_as_many_signers_as_the_threshold() {
    let (mut group, request) = ready();
    let all = group.commit(request.key, &[1, 2, 3].map(signer), 2);
    let alone = list([all[0].as_slice()[0].clone()]);
    for package in [&alone, &all[1]] {
        assert_eq!(shares(&mut group, &request, package), Err(Refusal::PackageInvalid));
    }
}

#[test]
fn a_package_names_each_signer_once_and_in_order() {
    let (mut group, request) = ready();
    let [first, second] = [(); 2].map(|()| package(&mut group, request.key).into_vec());
    let twice = list([first[0].clone(), second[0].clone()]);
    let falling = list([first[1].clone(), first[0].clone()]);
    for package in [twice, falling] {
        assert_eq!(shares(&mut group, &request, &package), Err(Refusal::PackageInvalid));
    }
}

#[test]
fn a_package_names_the_signer_that_is_asked() {
    let (mut group, request) = ready();
    let others = group.commit(request.key, &[signer(2), signer(3)], 1).remove(0);
    assert_eq!(shares(&mut group, &request, &others), Err(Refusal::PackageInvalid));
}

#[test]
fn a_package_names_only_signers_of_the_key() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key).into_vec();
    let stranger = SignerCommitment { signer: signer(4), commitment: package[1].commitment.clone() };
    assert_eq!(shares(&mut group, &request, &list([package[0].clone(), stranger])), Err(Refusal::PackageInvalid));
}

#[test]
fn a_package_holds_nothing_but_commitments() {
    let (mut group, request) = ready();
    let package = package(&mut group, request.key).into_vec();
    let garbage = SignerCommitment { signer: signer(2), commitment: bytes(&[7; 69]) };
    assert_eq!(shares(&mut group, &request, &list([package[0].clone(), garbage])), Err(Refusal::PackageInvalid));
}

#[test]
fn a_request_needs_one_package_for_each_digest() {
    let (mut group, request) = with_two_digests();
    let request_signed = requested(&request, TREASURER);
    for wrong in [0, 1, 3] {
        let packages = group.commit(request.key, &[signer(1), signer(2)], wrong);
        assert_eq!(group.sign(signer(1), &request_signed, &packages), SignOutcome::Refused(Refusal::PackageInvalid));
    }
    let packages = group.commit(request.key, &[signer(1), signer(2)], 2);
    assert_eq!(released(group.sign(signer(1), &request_signed, &packages[..2])).len(), 2);
}
