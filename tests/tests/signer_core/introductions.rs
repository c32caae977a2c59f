//! Who is taken in as a peer: one rule broken at a time, by an enclave whose keys and claims the test chooses.

use cloister_attestation::Pcr;
use cloister_simulator::nsm::TestRoot;
use cloister_tests::{
    charter::{list, secret, signer},
    group::Group,
    impostor::Impostor,
    machine::{done, refusal},
};
use cloister_wire::{
    identity::{Introduction, SignerProof},
    ids::{GroupId, Hash, UnixMillis},
    message::{Body, Phase, Request},
    order::StartKind,
    refusal::Refusal,
    signature::{PublicKey, Signature},
    tag::Tag,
};

use crate::in_phase;

/// What the first signer says to an introduction of the second, at genesis.
fn introduced(change: impl FnOnce(&mut Group, &mut Impostor)) -> Option<Refusal> {
    introduced_as(change, |group, impostor, challenge| impostor.introduction(group.now, challenge))
}

/// The impostor is the second signer's boot in the start order, so that nothing but the change speaks against it.
fn introduced_as(
    change: impl FnOnce(&mut Group, &mut Impostor),
    introduce: impl FnOnce(&mut Group, &Impostor, &[u8]) -> Introduction,
) -> Option<Refusal> {
    let mut group = Group::configured(2, 3, 1);
    let mut impostor = Impostor::new(&group.charter, &group.root, signer(2));
    let mut order = group.order(StartKind::Genesis);
    let mut roster = order.roster.into_vec();
    roster[1].boot = impostor.statement.boot();
    order.roster = list(roster);
    let request = group.start_request(&order);
    group.done(signer(1), request);
    let Body::Challenge(challenge) = group.done(signer(1), Request::Challenge) else { panic!("no challenge") };
    change(&mut group, &mut impostor);
    let peer = introduce(&mut group, &impostor, challenge.as_bytes());
    refusal(&group.ask(signer(1), Request::Introduce { peer }))
}

#[test]
fn takes_in_the_attested_boot_that_the_roster_names() {
    assert_eq!(introduced(|_, _| {}), None);
}

#[test]
fn refuses_an_introduction_that_is_stale_or_from_the_future() {
    let at = |millis: i64| {
        introduced_as(
            |_, _| {},
            |group, impostor, challenge| {
                impostor.introduction(UnixMillis(group.now.0.saturating_add_signed(millis)), challenge)
            },
        )
    };
    assert_eq!(at(-5 * 60_000), None);
    assert_eq!(at(-5 * 60_000 - 1), Some(Refusal::AttestationRejected));
    assert_eq!(at(60 * 60_000), Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_an_introduction_that_answers_another_challenge() {
    let refused = introduced_as(|_, _| {}, |group, impostor, _| impostor.introduction(group.now, &[7; 32]));
    assert_eq!(refused, Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_an_introduction_by_another_release_parent_manifest_or_place() {
    for (number, register) in ["PCR0", "PCR1", "PCR2", "PCR3", "PCR16", "PCR17"].into_iter().enumerate() {
        let refused = introduced(|_, impostor| impostor.registers[number].1 = Pcr::ZERO.extended(b"another"));
        assert_eq!(refused, Some(Refusal::AttestationRejected), "{register}");
    }
}

#[test]
fn refuses_an_introduction_under_another_root() {
    let refused = introduced(|_, impostor| impostor.root = TestRoot::generate().unwrap());
    assert_eq!(refused, Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_a_statement_that_names_another_signer_than_its_enclave_measured() {
    let refused = introduced(|_, impostor| impostor.statement.signer = signer(3));
    assert_eq!(refused, Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_an_enclave_of_another_signer_under_the_rostered_boots_keys() {
    assert_eq!(introduced(|_, impostor| impostor.pose_as(signer(3))), Some(Refusal::NotRostered));
}

#[test]
fn refuses_its_own_number_as_a_peer() {
    let mut group = in_phase(Phase::Founding);
    let own = group.introduction(signer(1), signer(1));
    assert_eq!(group.refused(signer(1), Request::Introduce { peer: own }), Refusal::NotRostered);
}

#[test]
fn refuses_a_statement_about_another_group_or_manifest() {
    let refused = introduced(|_, impostor| impostor.statement.group = GroupId::from_bytes([9; 16]));
    assert_eq!(refused, Some(Refusal::WrongGroup));
    let refused = introduced(|_, impostor| impostor.statement.manifest = Hash::from_bytes([9; 32]));
    assert_eq!(refused, Some(Refusal::WrongGroup));
}

#[test]
fn refuses_a_boot_that_the_roster_does_not_name() {
    let refused = introduced(|_, impostor| impostor.statement.keys.channel = Hash::from_bytes([8; 32]));
    assert_eq!(refused, Some(Refusal::NotRostered));
}

#[test]
fn refuses_a_statement_that_the_document_does_not_carry() {
    let refused = introduced_as(
        |_, _| {},
        |group, impostor, challenge| Introduction {
            statement: impostor.introduction(group.now, challenge).statement,
            document: impostor.attest(&impostor.statement, group.now, challenge).document,
        },
    );
    assert_eq!(refused, Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_a_statement_about_another_recipient_key_than_the_documents() {
    let refused = introduced(|_, impostor| impostor.statement.keys.recipient = Hash::from_bytes([8; 32]));
    assert_eq!(refused, Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_a_peer_without_a_signer_key() {
    let unproved = |group: &mut Group, impostor: &Impostor, challenge: &[u8]| {
        impostor.attest(&impostor.statement, group.now, challenge)
    };
    assert_eq!(introduced_as(|_, _| {}, unproved), Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_a_peer_whose_signer_key_did_not_sign_its_statement() {
    let forged = |group: &mut Group, impostor: &Impostor, challenge: &[u8]| {
        let mut statement = impostor.statement.clone();
        let signature = Signature::sign(&secret("host"), Tag::SIGNER_PROOF, &statement.unproved());
        statement.proof = Some(SignerProof { key: PublicKey::of(&impostor.signer_key), signature });
        impostor.attest(&statement, group.now, challenge)
    };
    assert_eq!(introduced_as(|_, _| {}, forged), Some(Refusal::AttestationRejected));
}

#[test]
fn refuses_a_rostered_boot_whose_signer_key_is_not_the_one_that_the_group_knows() {
    let mut group = Group::founded(2, 2, 1);
    group.reboot();
    group.configure();
    let impostor = Impostor::new(&group.charter, &group.root, signer(2));
    let mut order = group.order(group.again());
    let mut roster = order.roster.into_vec();
    roster[1].boot = impostor.statement.boot();
    order.roster = list(roster);
    let request = group.start_request(&order);
    group.done(signer(1), request);
    let blob = group.signer_blobs[&signer(1)].clone();
    assert_eq!(done(group.present(signer(1), blob, None)), Body::Nothing);
    let Body::Challenge(challenge) = group.done(signer(1), Request::Challenge) else { panic!("no challenge") };
    let peer = impostor.introduction(group.now, challenge.as_bytes());
    assert_eq!(group.refused(signer(1), Request::Introduce { peer }), Refusal::AttestationRejected);
}
