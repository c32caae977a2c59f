//! Clones, impostors, foreign groups, and what other boots were told.

use std::path::Path;

use cloister_client::operator;
use cloister_simulator::hostile::Frame;
use cloister_tests::stage::{Stage, done, refused, signer};
use cloister_wire::{
    endorsement::Endorsed,
    identity::{BootStatement, Introduction},
    ids::{BootId, Incarnation, Nonce, SignerId},
    manifest::{Manifest, ValidManifest},
    message::{Body, Request, StatusBody},
    order::{RosterEntry, StartKind, StartOrder},
    policy::Policy,
    request::Scheme,
};

use crate::{WILD, commitment, honest_key, package, play, share, to_sign};

/// The newest request of this kind that the host of a signer has sent.
fn last_request(stage: &Stage, id: u16, of_interest: fn(&Request) -> bool) -> Request {
    stage.last(signer(id), |frame: &Frame| frame.to_request().filter(of_interest)).expect("there was one")
}

fn order_in_force(stage: &Stage) -> Request {
    last_request(stage, 1, |request| matches!(request, Request::Start { .. }))
}

fn introduction(stage: &mut Stage, socket: &Path, nonce: &[u8]) -> Introduction {
    match done(stage.ask_at(socket, &Request::Attest { nonce: nonce.try_into().expect("short") })) {
        Body::Introduction(introduction) => introduction,
        other => panic!("no introduction: {other:?}"),
    }
}

fn challenge(stage: &mut Stage, id: u16) -> Nonce {
    match stage.done(signer(id), &Request::Challenge) {
        Body::Challenge(nonce) => nonce,
        other => panic!("no challenge: {other:?}"),
    }
}

/// What signer `id` says to an introduction of whoever listens on `socket`.
fn introduced_to(stage: &mut Stage, id: u16, socket: &Path) -> &'static str {
    let challenge = challenge(stage, id);
    let peer = introduction(stage, socket, challenge.as_bytes());
    stage.refused(signer(id), &Request::Introduce { peer })
}

fn status_at(stage: &mut Stage, socket: &Path) -> StatusBody {
    match done(stage.ask_at(socket, &Request::Status { nonce: Nonce::from_bytes([1; 32]) })) {
        Body::Status(status) => cloister_wire::codec::decode(status.body.as_slice()).expect("canonical"),
        other => panic!("no status: {other:?}"),
    }
}

fn boot_at(stage: &mut Stage, socket: &Path) -> BootId {
    status_at(stage, socket).boot
}

fn policy(stage: &Stage) -> Endorsed<Policy> {
    let bytes = std::fs::read(stage.group.dir().join("policy.cbor")).expect("a policy");
    cloister_wire::codec::decode(&bytes).expect("canonical")
}

/// A restart of what the group's genesis has founded.
fn again(stage: &Stage) -> StartKind {
    let bytes = std::fs::read(stage.group.dir().join("genesis.cbor")).expect("a genesis order");
    let genesis = cloister_wire::codec::decode(&bytes).expect("canonical");
    operator::restart_of(stage.group.manifest(), &genesis).expect("a genesis order")
}

/// An order that careless operators sign: they look at nobody's attestation.
fn careless_order(
    stage: &Stage,
    kind: StartKind,
    incarnation: Incarnation,
    roster: Vec<(SignerId, BootId)>,
) -> Endorsed<StartOrder> {
    let manifest = stage.group.manifest();
    let roster = roster.into_iter().map(|(signer, boot)| RosterEntry { signer, boot }).collect::<Vec<_>>();
    let order = StartOrder {
        group: manifest.group,
        manifest: manifest.hash(),
        kind,
        incarnation,
        roster: roster.try_into().expect("few"),
        policy: policy(stage).hash(),
        issued_at: cloister_tests::stage::now(),
    };
    operator::endorsed_by(&order, manifest, &stage.group.operators().expect("key files")).expect("signed")
}

/// Higher than what signer 1 and the launcher know of.
fn next_incarnation(stage: &mut Stage) -> Incarnation {
    let socket = stage.group.signer_socket(signer(1));
    let in_force = status_at(stage, &socket).incarnation.unwrap_or_default();
    in_force.max(stage.group.record().incarnation()).next().expect("a number")
}

#[test]
fn of_two_copies_of_a_signer_only_the_one_that_the_order_names_takes_part_and_neither_knows_the_others_commitments() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let original = stage.group.signer_socket(signer(2));
    let copy = stage.clone_of(signer(2), "copy");
    let blob = stage.blobs(signer(2)).pop().expect("a share's");

    // The copy is the genuine image on the genuine parent, and no order names it.
    let manifest = stage.group.endorsed_manifest().clone();
    let _nothing = done(stage.ask_at(&copy.socket, &Request::Configure { manifest, signer: signer(2) }));
    let order = order_in_force(&stage);
    assert_eq!(refused(stage.ask_at(&copy.socket, &order)), "not_rostered");
    for request in
        [Request::Commit { key: key.id(), count: 1 }, Request::Present { blob, certificate: None }, Request::Challenge]
    {
        assert_eq!(refused(stage.ask_at(&copy.socket, &request)), "wrong_phase");
    }
    assert_eq!(introduced_to(&mut stage, 1, &copy.socket), "not_rostered");

    // Operators name the copy: now the original is the one that takes no part.
    stage.connect_host(signer(2), &copy.socket);
    stage.start();
    let order = order_in_force(&stage);
    assert_eq!(refused(stage.ask_at(&original, &order)), "not_rostered");
    assert_eq!(introduced_to(&mut stage, 1, &original), "not_rostered");

    let request = stage.text_request(&key, "which of the two");
    let theirs = commitment(&mut stage, signer(1), key.id());
    let commit = Request::Commit { key: key.id(), count: 1 };
    for (maker, other) in [(&original, &copy.socket), (&copy.socket, &original)] {
        let Body::Commitments(made) = done(stage.ask_at(maker, &commit)) else { panic!("no commitment") };
        let package = package(&[(signer(1), &theirs), (signer(2), &made.as_slice()[0])]);
        assert_eq!(share(done(stage.ask_at(other, &to_sign(&request, &package)))), Err("commitment_unknown"));
    }
    stage.settle(&key);

    stage.connect_host(signer(2), &original);
    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    stage.start();
    stage.settle(&key);
}

#[test]
fn an_enclave_on_another_signers_machine_that_says_it_is_signer_2_is_believed_by_nobody() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let impostor = stage.clone_of(signer(1), "impostor");
    let manifest = stage.group.endorsed_manifest().clone();
    let _nothing = done(stage.ask_at(&impostor.socket, &Request::Configure { manifest, signer: signer(2) }));
    stage.connect_host(signer(2), &impostor.socket);
    // Operators who look at its attestation don't name it.
    assert_eq!(stage.start_refused(), "attestation_wrong_pcr");

    // Operators who don't look: KMS refuses it the signer key, and peers refuse to know it.
    let boots: Vec<_> = [
        (1, stage.group.signer_socket(signer(1))),
        (2, impostor.socket.clone()),
        (3, stage.group.signer_socket(signer(3))),
    ]
    .into_iter()
    .map(|(id, socket)| (signer(id), boot_at(&mut stage, &socket)))
    .collect();
    let incarnation = next_incarnation(&mut stage);
    let order = careless_order(&stage, again(&stage), incarnation, boots);
    let policy = policy(&stage);
    let body = serde_json::json!({ "order": cloister_tests::stage::base64(&order), "policy": cloister_tests::stage::base64(&policy) });
    let answer = stage.post_json("/v1/start", &body);
    assert_eq!(answer.code(), "kms_denied", "{answer:?}");
    assert_eq!(introduced_to(&mut stage, 1, &impostor.socket), "attestation_rejected");

    let genuine = stage.group.signer_socket(signer(2));
    stage.connect_host(signer(2), &genuine);
    stage.start();
    stage.settle(&key);
}

#[test]
fn an_enclave_under_another_manifest_gets_no_blob_no_key_of_kms_and_no_peer() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let foreign = stage.clone_of(signer(2), "foreign");
    // The same group, signers and KMS keys; the operators are the attacker.
    let attacker = cloister_client::Secret::generate().expect("randomness");
    let ours: Manifest = stage.group.endorsed_manifest().unverified().expect("canonical");
    let theirs = Manifest { operators: vec![attacker.public()].try_into().expect("one"), quorum: 1, ..ours };
    let valid = ValidManifest::try_from(theirs.clone()).expect("a possible group");
    let manifest = operator::endorsed_by(&theirs, &valid, [&attacker]).expect("signed");
    let _nothing = done(stage.ask_at(&foreign.socket, &Request::Configure { manifest, signer: signer(2) }));

    let unsigned = policy(&stage).unverified().expect("canonical");
    let policy = Policy { manifest: valid.hash(), ..unsigned };
    let policy = operator::endorsed_by(&policy, &valid, [&attacker]).expect("signed");
    let boot = boot_at(&mut stage, &foreign.socket);
    let order = StartOrder {
        group: valid.group,
        manifest: valid.hash(),
        kind: again(&stage),
        incarnation: Incarnation(99),
        roster: vec![RosterEntry { signer: signer(2), boot }].try_into().expect("one"),
        policy: policy.hash(),
        issued_at: cloister_tests::stage::now(),
    };
    let order = operator::endorsed_by(&order, &valid, [&attacker]).expect("signed");
    let genuine = order_in_force(&stage);
    assert_eq!(refused(stage.ask_at(&foreign.socket, &genuine)), "not_endorsed");
    let _started = done(stage.ask_at(&foreign.socket, &Request::Start { order, policy }));

    let blob = stage.blobs(signer(2)).remove(0);
    assert_eq!(
        refused(stage.ask_at(&foreign.socket, &Request::Present { blob: blob.clone(), certificate: None })),
        "blob_foreign"
    );
    let mut relabelled = blob.clone();
    relabelled.context.manifest = valid.hash();
    assert_eq!(
        refused(stage.ask_at(&foreign.socket, &Request::Present { blob: relabelled, certificate: None })),
        "blob_forged"
    );

    let document = introduction(&mut stage, &foreign.socket, b"for KMS").document;
    assert_eq!(
        stage.kms_decrypt(signer(2), &blob.wraps.as_slice()[0], document.as_slice()),
        Err("AccessDeniedException".into())
    );
    assert_eq!(introduced_to(&mut stage, 1, &foreign.socket), "wrong_group");
    stage.settle(&key);
}

#[test]
fn a_manifest_of_no_possible_group_or_without_its_quorum_is_not_measured() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let blank = stage.clone_of(signer(2), "blank");
    let genuine = stage.group.endorsed_manifest().clone();
    let ours: Manifest = genuine.unverified().expect("canonical");
    let operators = stage.group.operators().expect("key files");
    let sign = |manifest: &Manifest| {
        let mut endorsed = Endorsed::new(manifest).expect("short enough");
        for operator in &operators {
            operator::endorse(&mut endorsed, stage.group.manifest(), operator).expect("signed");
        }
        endorsed
    };
    let over = sign(&Manifest { threshold: 4, ..ours.clone() });
    let one = sign(&Manifest { threshold: 1, ..ours.clone() });
    let quorum = sign(&Manifest { quorum: 0, ..ours.clone() });
    let unsigned = Endorsed::new(&ours).expect("short enough");
    for (manifest, id, code) in [
        (over, 2, "manifest_invalid"),
        (one, 2, "manifest_invalid"),
        (quorum, 2, "manifest_invalid"),
        (unsigned, 2, "not_endorsed"),
        (genuine.clone(), 4, "unknown_signer"),
    ] {
        let configure = Request::Configure { manifest, signer: signer(id) };
        assert_eq!(refused(stage.ask_at(&blank.socket, &configure)), code);
    }
    // After all of that it can be configured, once.
    let configure = Request::Configure { manifest: genuine, signer: signer(2) };
    let _nothing = done(stage.ask_at(&blank.socket, &configure));
    assert_eq!(refused(stage.ask_at(&blank.socket, &configure)), "wrong_phase");
    stage.settle(&key);
}

#[test]
fn nothing_that_an_earlier_boot_was_told_counts_for_a_later_one() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let request = stage.text_request(&key, "before the restart");
    let (ours, theirs) = (commitment(&mut stage, signer(2), key.id()), commitment(&mut stage, signer(1), key.id()));
    let old_package = package(&[(signer(1), &theirs), (signer(2), &ours)]);
    // A key generation, so that there are messages between signers to replay.
    let _key = stage.make_key(50, Scheme::Ed25519).map(drop);
    let start = order_in_force(&stage);
    let delivery = last_request(&stage, 2, |request| matches!(request, Request::Deliver { .. }));
    let unwrapped = last_request(&stage, 2, |request| matches!(request, Request::Unwrapped { .. }));
    let peer = last_request(&stage, 2, |request| matches!(request, Request::Introduce { .. }));
    let old_policy = last_request(&stage, 2, |request| matches!(request, Request::ApplyPolicy { .. }));
    stage.restart_all();

    assert_eq!(share(stage.done(signer(2), &to_sign(&request, &old_package))), Err("request_before_start"));
    let fresh = stage.text_request(&key, "after the restart");
    let theirs = commitment(&mut stage, signer(1), key.id());
    let half_old = package(&[(signer(1), &theirs), (signer(2), &ours)]);
    assert_eq!(share(stage.done(signer(2), &to_sign(&fresh, &half_old))), Err("commitment_unknown"));
    assert_eq!(stage.refused(signer(2), &start), "not_rostered");
    assert_eq!(stage.refused(signer(2), &delivery), "channel_failed");
    assert_eq!(stage.refused(signer(2), &unwrapped), "unwrap_failed");
    assert_eq!(stage.refused(signer(2), &peer), "attestation_rejected");
    assert_eq!(stage.refused(signer(2), &old_policy), "policy_mismatch");
    stage.settle(&key);
}

#[test]
fn an_older_order_or_policy_does_not_come_back() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    stage.start();
    let older = order_in_force(&stage);
    stage.start();
    let newer = order_in_force(&stage);
    assert_ne!(older, newer);
    for order in [&older, &newer] {
        assert_eq!(stage.refused(signer(1), order), "stale_incarnation");
    }
    // The newest order with another policy than it names.
    let Request::Start { order, policy: current } = newer else { unreachable!("a start order") };
    let first = operator::PolicyDraft::first(stage.group.manifest()).build().expect("a policy");
    let first = operator::endorsed_by(&first, stage.group.manifest(), &stage.group.operators().expect("key files"))
        .expect("signed");
    assert_eq!(stage.refused(signer(1), &Request::ApplyPolicy { policy: first.clone() }), "policy_mismatch");
    assert_eq!(stage.refused(signer(1), &Request::ApplyPolicy { policy: current }), "policy_mismatch");
    let boots: Vec<_> = stage.signers().map(|id| (id, stage.group.signer_socket(id))).collect();
    let boots = boots.into_iter().map(|(id, socket)| (id, boot_at(&mut stage, &socket))).collect::<Vec<_>>();
    let next = next_incarnation(&mut stage);
    let next = careless_order(&stage, again(&stage), next, boots.clone());
    assert_eq!(stage.refused(signer(1), &Request::Start { order: next, policy: first.clone() }), "policy_mismatch");
    assert_eq!(stage.refused(signer(1), &Request::Start { order, policy: first }), "stale_incarnation");
    // A second genesis, and an order that too few have signed.
    let again = next_incarnation(&mut stage);
    let genesis = careless_order(&stage, StartKind::Genesis, again, boots);
    let policy = policy(&stage);
    assert_eq!(
        stage.refused(signer(1), &Request::Start { order: genesis.clone(), policy: policy.clone() }),
        "stale_incarnation"
    );
    let mut alone = genesis;
    alone.signatures = alone.signatures.into_vec().into_iter().take(1).collect::<Vec<_>>().try_into().expect("one");
    assert_eq!(stage.refused(signer(1), &Request::Start { order: alone, policy }), "not_endorsed");
    stage.settle(&key);
}

#[test]
fn a_second_genesis_of_a_group_with_keys_is_refused_by_hosts_and_makes_no_old_share_usable() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let all: Vec<_> = stage.signers().collect();
    stage.kill(all.clone());
    stage.revive(all.clone());
    let attested = stage.wait(async |group| group.attest().await.expect("attested"));
    let boots: Vec<_> = attested.boots().iter().map(|boot| (boot.signer(), boot.boot())).collect();
    let incarnation = next_incarnation(&mut stage);
    let genesis = careless_order(&stage, StartKind::Genesis, incarnation, boots);
    let policy = policy(&stage);
    let body = serde_json::json!({ "order": cloister_tests::stage::base64(&genesis), "policy": cloister_tests::stage::base64(&policy) });
    assert_eq!(stage.post_json("/v1/start", &body).code(), "already_founded");
    // A hostile host carries it out: the signer makes a new signer key, and its old blobs are not this founding's.
    let old = stage.blobs(signer(1)).remove(0);
    let _founding = stage.done(signer(1), &Request::Start { order: genesis, policy });
    assert_eq!(stage.refused(signer(1), &Request::Present { blob: old, certificate: None }), "blob_foreign");
    assert_eq!(stage.refused(signer(1), &Request::Commit { key: key.id(), count: 1 }), "wrong_phase");
    stage.restart_all();
    stage.settle(&key);
}

#[test]
fn an_attestation_carries_what_the_boot_says_and_of_the_callers_choice_only_the_nonce() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let nonce = [b'n'; 512];
    let socket = stage.group.signer_socket(signer(1));
    let introduction = introduction(&mut stage, &socket, &nonce);
    let statement: BootStatement = cloister_wire::codec::decode(introduction.statement.as_slice()).expect("canonical");
    let root = stage.root().trust_root();
    let document = cloister_attestation::Unverified::parse(introduction.document.as_slice()).expect("a document");
    let document = document.authenticate(&root, cloister_attestation::Mode::Archival).expect("genuine");
    assert_eq!(document.user_data(), Some(statement.user_data().as_bytes().as_slice()));
    assert_eq!(document.nonce(), Some(nonce.as_slice()));
    stage.settle(&key);
}
