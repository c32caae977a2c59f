//! A signer's life: phases, operators' orders, introductions, and what ends it.

mod introductions;

use cloister_attestation::Pcr;
use cloister_protocol::{DeviceAnswer, Output};
use cloister_simulator::nsm::{Lock, TestRoot};
use cloister_tests::{
    charter::{NOW, TREASURER, bytes, list, requested, secret, signer},
    group::Group,
    impostor::Impostor,
    machine::{Device, Machine, done, refusal},
    payload::{solana_transfer, taproot_psbt},
    signature::verifies,
};
use cloister_wire::{
    blob::{BlobContext, Content},
    bounded::List,
    certificate::Certificate,
    codec,
    endorsement::Endorsed,
    identity::BootStatement,
    ids::{CeremonyId, Epoch, GroupId, Hash, Incarnation, KeyId, Nonce, PolicyVersion, UnixMillis},
    manifest::{Manifest, SignerSlot, ValidManifest},
    message::{Body, Outcome, Phase, Request, StatusBody},
    order::{StartKind, StartOrder},
    peer::PeerFrame,
    policy::Policy,
    receipt::ReceiptBody,
    refusal::Refusal,
    request::{Chain, Scheme},
    tag::Tag,
};

const MINUTE: u64 = 60 * 1000;
/// A restart of a group that nobody has founded.
const RESTART: StartKind = StartKind::Restart { genesis: Hash::from_bytes([0; 32]) };

#[test]
fn a_group_is_founded_makes_keys_survives_a_restart_and_signs_for_every_chain() {
    let mut group = Group::founded(2, 3, 1);
    let [ed25519, taproot, schnorr] = [Scheme::Ed25519, Scheme::Secp256k1Taproot, Scheme::Secp256k1Schnorr]
        .map(|scheme| group.make_any_chain_key(scheme));
    group.restart();
    let public = |key| group.keys[&key].verifying_key();
    let coin = public(taproot)[1..].to_vec();
    let requests = [
        (ed25519, Chain::Solana, solana_transfer(&public(ed25519), 5)),
        (taproot, Chain::Bitcoin, taproot_psbt(&[&coin, &coin, &coin])),
        (ed25519, Chain::Message, b"hello".to_vec()),
        (taproot, Chain::Message, b"hello".to_vec()),
        (schnorr, Chain::Message, b"hello".to_vec()),
    ];
    for (id, (key, chain, payload)) in (1..).zip(requests) {
        let request = group.charter.sign_request(key, chain, &payload, id, group.now);
        let (scheme, public) = (group.keys[&key].body().scheme, group.keys[&key].verifying_key());
        for signers in [[1, 2], [1, 3], [2, 3]] {
            let signatures = group.signatures(&request, &signers.map(signer));
            for (message, signature) in group.messages(&request).iter().zip(signatures) {
                assert!(verifies(scheme, &public, message, &signature), "{chain:?} by {signers:?}");
            }
        }
    }
}

#[test]
fn a_taproot_signature_is_over_the_sighash_that_the_bitcoin_crate_computes() {
    use bitcoin::{
        hashes::Hash as _,
        sighash::{Prevouts, SighashCache, TapSighashType},
    };
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_any_chain_key(Scheme::Secp256k1Taproot);
    let public = group.keys[&key].verifying_key();
    let payload = taproot_psbt(&[&public[1..], &public[1..]]);
    let request = group.charter.sign_request(key, Chain::Bitcoin, &payload, 1, group.now);
    let psbt = bitcoin::Psbt::deserialize(&payload).unwrap();
    let coins: Vec<_> = psbt.inputs.iter().map(|input| input.witness_utxo.clone().unwrap()).collect();
    for (input, signature) in group.signatures(&request, &[signer(1), signer(2)]).iter().enumerate() {
        let mut cache = SighashCache::new(&psbt.unsigned_tx);
        let sighash =
            cache.taproot_key_spend_signature_hash(input, &Prevouts::All(&coins), TapSighashType::Default).unwrap();
        assert!(verifies(Scheme::Secp256k1Taproot, &public, sighash.as_byte_array(), signature));
    }
}

/// One of each request, well-formed and for nothing in particular.
fn every_request(group: &mut Group) -> Vec<(&'static str, Request)> {
    let charter = &group.charter;
    let key_request = requested(&charter.key_request("name", Scheme::Ed25519, NOW), TREASURER);
    let order = charter.order(group.again(), 9, NOW, &[]);
    let blob = Impostor::new(charter, &group.root, signer(1)).seal(
        BlobContext {
            format: 1,
            group: charter.manifest.group,
            manifest: charter.hash(),
            signer: signer(1),
            generation: 1,
            content: Content::Share { key: KeyId::from_bytes([1; 32]), scheme: Scheme::Ed25519, epoch: Epoch(0) },
        },
        b"nothing",
        NOW,
    );
    let certificate = Certificate { body: bytes(b""), signatures: List::new() };
    let nonce = Nonce::from_bytes([1; 32]);
    vec![
        ("Status", Request::Status { nonce }),
        ("Configure", Request::Configure { manifest: charter.endorse(&charter.manifest), signer: signer(1) }),
        ("Attest", Request::Attest { nonce: bytes(b"nonce") }),
        ("Start", group.start_request(&order)),
        ("Challenge", Request::Challenge),
        ("Introduce", Request::Introduce { peer: blob.sealer.clone() }),
        ("SealSignerKey", Request::SealSignerKey),
        ("Present", Request::Present { blob, certificate: None }),
        ("Unwrapped", Request::Unwrapped { ticket: 7, envelopes: List::new() }),
        ("ApplyPolicy", Request::ApplyPolicy { policy: group.policy() }),
        ("OpenKeygen", Request::OpenKeygen { request: key_request }),
        ("StartKeygen", Request::StartKeygen { nonces: List::new() }),
        ("Deliver", Request::Deliver { from: signer(2), frame: PeerFrame::Respond(bytes(b"")) }),
        ("Keygen", Request::Keygen { ceremony: CeremonyId::from_bytes([1; 32]) }),
        ("Abandon", Request::Abandon { nonce }),
        ("Certify", Request::Certify { certificate }),
        ("Commit", Request::Commit { key: KeyId::from_bytes([1; 32]), count: 1 }),
        ("Sign", Request::Sign { items: List::new() }),
    ]
}

/// Brings signer 1 of a fresh group into a phase.
fn in_phase(phase: Phase) -> Group {
    let mut group = match phase {
        Phase::Blank | Phase::Halted => Group::booted(2, 2, 1),
        Phase::Measured => Group::configured(2, 2, 1),
        Phase::Founding | Phase::Reopening => Group::configured(2, 2, 1),
        Phase::Active => Group::founded(2, 2, 1),
    };
    match phase {
        Phase::Founding => group.start(StartKind::Genesis),
        Phase::Reopening => group.start(group.again()),
        Phase::Halted => halt(&mut group),
        Phase::Blank | Phase::Measured | Phase::Active => {}
    }
    assert_eq!(group.machine(signer(1)).status(NOW).phase, phase);
    group
}

/// Lets the first signer's security module fail while it measures.
fn halt(group: &mut Group) {
    group.machine(signer(1)).device = Device::Fails;
    let manifest = group.charter.endorse(&group.charter.manifest);
    assert_eq!(group.refused(signer(1), Request::Configure { manifest, signer: signer(1) }), Refusal::Halted);
    group.machine(signer(1)).device = Device::Works;
}

#[test]
fn every_phase_refuses_what_is_not_its_own() {
    // What each phase takes, though it may then refuse it for other reasons. All else is refused for the phase and changes nothing.
    let takes: [(Phase, &[&str]); 6] = [
        (Phase::Blank, &["Status", "Configure"]),
        (Phase::Measured, &["Status", "Attest", "Start"]),
        (Phase::Founding, &["Status", "Attest", "Challenge", "Introduce", "Unwrapped", "Deliver"]),
        (Phase::Reopening, &["Status", "Attest", "Start", "Challenge", "Unwrapped"]),
        (
            Phase::Active,
            &[
                "Status",
                "Attest",
                "Start",
                "Challenge",
                "Introduce",
                "Present",
                "Unwrapped",
                "ApplyPolicy",
                "OpenKeygen",
                "StartKeygen",
                "Deliver",
                "Keygen",
                "Abandon",
                "Certify",
                "Commit",
                "Sign",
            ],
        ),
        (Phase::Halted, &["Status"]),
    ];
    for (phase, taken) in takes {
        let mut group = in_phase(phase);
        let refusing = if phase == Phase::Halted { Refusal::Halted } else { Refusal::WrongPhase };
        for (name, request) in every_request(&mut group) {
            if phase == Phase::Blank && name == "Configure" {
                continue;
            }
            let refused = refusal(&group.ask(signer(1), request)) == Some(refusing);
            assert_eq!(refused, !taken.contains(&name), "{name} in {phase:?}");
        }
        assert_eq!(group.machine(signer(1)).status(NOW).phase, phase, "nothing has changed");
    }
}

#[test]
fn a_signer_key_is_not_sealed_before_every_peer_is_introduced() {
    let mut group = in_phase(Phase::Founding);
    assert_eq!(group.refused(signer(1), Request::SealSignerKey), Refusal::WrongPhase);
    group.introduce_all();
    assert!(matches!(group.done(signer(1), Request::SealSignerKey), Body::Sealed(_)));
}

#[test]
fn is_configured_once() {
    let mut group = Group::configured(2, 2, 1);
    let manifest = group.charter.endorse(&group.charter.manifest);
    assert_eq!(group.refused(signer(1), Request::Configure { manifest, signer: signer(2) }), Refusal::WrongPhase);
}

fn configured_with(change: impl FnOnce(&mut Manifest)) -> Option<Refusal> {
    let mut group = Group::booted(2, 2, 1);
    change(&mut group.charter.manifest);
    let manifest = group.charter.endorse(&group.charter.manifest);
    refusal(&group.ask(signer(1), Request::Configure { manifest, signer: signer(1) }))
}

#[test]
fn refuses_a_manifest_that_describes_no_possible_group() {
    assert_eq!(configured_with(|_| {}), None);
    let changes: [fn(&mut Manifest); 10] = [
        |manifest| manifest.threshold = 1,
        |manifest| manifest.threshold = 3,
        |manifest| manifest.quorum = 0,
        |manifest| manifest.quorum = 4,
        |manifest| manifest.signers = list(manifest.signers.iter().rev().cloned()),
        |manifest| manifest.operators = list([*manifest.operators.iter().next().unwrap(); 3]),
        |manifest| with_first_slot(manifest, |slot| slot.kms = list(slot.kms.iter().take(1).cloned())),
        |manifest| {
            with_first_slot(manifest, |slot| {
                slot.kms = list([slot.kms.as_slice()[0].clone(), slot.kms.as_slice()[0].clone()])
            })
        },
        |manifest| {
            let others = manifest.signers.as_slice()[1].kms.clone();
            with_first_slot(manifest, |slot| slot.kms = others);
        },
        |manifest| {
            with_first_slot(manifest, |slot| {
                slot.kms = list(slot.kms.iter().cloned().map(|mut key| {
                    key.spki = bytes(&[&key.spki.as_slice()[1..], &[0]].concat());
                    key
                }))
            })
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert_eq!(configured_with(change), Some(Refusal::ManifestInvalid), "change {number}");
    }
}

fn with_first_slot(manifest: &mut Manifest, change: impl FnOnce(&mut SignerSlot)) {
    let mut slots = manifest.signers.clone().into_vec();
    change(&mut slots[0]);
    manifest.signers = list(slots);
}

/// What a fresh boot says to a manifest that these operators signed.
fn configured_by(operators: &[u16]) -> Option<Refusal> {
    let mut group = Group::booted(2, 2, 1);
    let manifest = group.charter.endorse_by(&group.charter.manifest, operators);
    refusal(&group.ask(signer(1), Request::Configure { manifest, signer: signer(1) }))
}

#[test]
fn refuses_a_manifest_without_a_quorum_of_distinct_operators() {
    assert_eq!(configured_by(&[0, 1]), None);
    assert_eq!(configured_by(&[2, 0, 1]), None);
    assert_eq!(configured_by(&[]), Some(Refusal::NotEndorsed));
    assert_eq!(configured_by(&[2]), Some(Refusal::NotEndorsed));
    assert_eq!(configured_by(&[0, 0]), Some(Refusal::NotEndorsed));
    assert_eq!(configured_by(&[0, 1, 1]), Some(Refusal::NotEndorsed), "not even beside a quorum");
}

#[test]
fn refuses_an_operators_signature_that_does_not_verify_even_beside_a_quorum() {
    let mut group = Group::booted(2, 2, 1);
    for (operator, name) in [(2, "operator 1"), (3, "operator 0")] {
        let mut manifest = group.charter.endorse(&group.charter.manifest);
        manifest.sign(operator, &secret(name)).unwrap();
        let request = Request::Configure { manifest, signer: signer(1) };
        assert_eq!(group.refused(signer(1), request), Refusal::NotEndorsed, "operator {operator} signed by {name}");
    }
}

#[test]
fn refuses_a_number_that_the_manifest_does_not_have() {
    let mut group = Group::booted(2, 2, 1);
    let manifest = group.charter.endorse(&group.charter.manifest);
    assert_eq!(group.refused(signer(1), Request::Configure { manifest, signer: signer(3) }), Refusal::UnknownSigner);
}

#[test]
fn measures_the_manifest_and_its_number_and_locks_them() {
    let mut group = Group::configured(2, 2, 1);
    let manifest = ValidManifest::try_from(group.charter.manifest.clone()).unwrap();
    for (index, hash) in [(16, manifest.hash()), (17, manifest.slot_hash(signer(2)))] {
        let nsm = &mut group.machine(signer(2)).nsm;
        let expected = Pcr::ZERO.extended(hash.as_bytes());
        assert_eq!(nsm.describe_pcr(index), Ok((expected, Lock::Locked)));
    }
}

/// What the first of freshly configured boots says to a changed start order.
fn started_with(kind: StartKind, change: impl FnOnce(&mut StartOrder)) -> Option<Refusal> {
    let mut group = Group::configured(2, 2, 1);
    let mut order = group.order(kind);
    change(&mut order);
    let request = group.start_request(&order);
    refusal(&group.ask(signer(1), request))
}

#[test]
fn refuses_a_start_order_that_does_not_name_this_boot() {
    let swap = |order: &mut StartOrder| order.roster = list(order.roster.iter().skip(1).copied());
    let other_boot = |order: &mut StartOrder| {
        let mut roster = order.roster.clone().into_vec();
        roster[0].boot = roster[1].boot;
        order.roster = list(roster);
    };
    for kind in [StartKind::Genesis, RESTART] {
        assert_eq!(started_with(kind, |_| {}), None);
        assert_eq!(started_with(kind, swap), Some(Refusal::NotRostered));
        assert_eq!(started_with(kind, other_boot), Some(Refusal::NotRostered));
    }
}

#[test]
fn refuses_a_start_order_for_another_group_or_manifest() {
    assert_eq!(
        started_with(StartKind::Genesis, |order| order.group = GroupId::from_bytes([9; 16])),
        Some(Refusal::WrongGroup)
    );
    assert_eq!(
        started_with(StartKind::Genesis, |order| order.manifest = Hash::from_bytes([9; 32])),
        Some(Refusal::WrongGroup)
    );
}

#[test]
fn refuses_a_roster_that_is_out_of_order_doubled_or_of_unknown_signers() {
    let changes: [fn(&mut StartOrder); 3] = [
        |order| order.roster = list(order.roster.iter().rev().copied()),
        |order| order.roster = list(order.roster.iter().flat_map(|entry| [*entry; 2])),
        |order| {
            let mut stranger = order.roster.as_slice()[1];
            stranger.signer = signer(3);
            order.roster = list(order.roster.iter().copied().chain([stranger]));
        },
    ];
    for change in changes {
        assert_eq!(started_with(RESTART, change), Some(Refusal::UnknownSigner));
    }
}

#[test]
fn a_genesis_names_every_signer_and_a_restart_need_not() {
    let first_alone = |order: &mut StartOrder| order.roster = list(order.roster.iter().take(1).copied());
    assert_eq!(started_with(StartKind::Genesis, first_alone), Some(Refusal::UnknownSigner));
    assert_eq!(started_with(RESTART, first_alone), None);
}

#[test]
fn refuses_a_start_order_without_a_quorum() {
    let mut group = Group::configured(2, 2, 1);
    let order = group.order(StartKind::Genesis);
    for operators in [&[0][..], &[1, 1]] {
        let order = group.charter.endorse_by(&order, operators);
        let request = Request::Start { order, policy: group.policy() };
        assert_eq!(group.refused(signer(1), request), Refusal::NotEndorsed);
    }
}

#[test]
fn operators_signatures_for_one_document_do_not_count_for_another() {
    let mut group = Group::configured(2, 2, 1);
    let order = group.order(StartKind::Genesis);
    let policy_signatures = group.policy().signatures;
    let mut order = Endorsed::new(&order).unwrap();
    order.signatures = policy_signatures;
    let request = Request::Start { order, policy: group.policy() };
    assert_eq!(group.refused(signer(1), request), Refusal::NotEndorsed);
}

#[test]
fn refuses_a_policy_that_the_start_order_does_not_name() {
    let mut group = Group::configured(2, 2, 1);
    let order = group.order(StartKind::Genesis);
    let other = Policy { tenants: List::new(), ..group.charter.policy() };
    let request = Request::Start { order: group.charter.endorse(&order), policy: group.charter.endorse(&other) };
    assert_eq!(group.refused(signer(1), request), Refusal::PolicyMismatch);
}

#[test]
fn refuses_a_policy_without_a_quorum_even_if_the_start_order_names_it() {
    let mut group = Group::configured(2, 2, 1);
    let order = group.order(StartKind::Genesis);
    let policy = group.charter.endorse_by(&group.charter.policy(), &[1]);
    let request = Request::Start { order: group.charter.endorse(&order), policy };
    assert_eq!(group.refused(signer(1), request), Refusal::NotEndorsed);
}

#[test]
fn refuses_a_policy_for_another_group_even_if_the_start_order_names_it() {
    let changes: [fn(&mut Policy); 2] =
        [|policy| policy.group = GroupId::from_bytes([9; 16]), |policy| policy.manifest = Hash::from_bytes([9; 32])];
    for change in changes {
        assert_eq!(refused_under(change), Refusal::WrongGroup);
    }
}

#[test]
fn refuses_a_policy_that_can_mean_more_than_one_thing() {
    let twice = |policy: &mut Policy| policy.tenants = [policy.tenants.as_slice(); 2].concat().try_into().unwrap();
    assert_eq!(refused_under(twice), Refusal::PolicyIncoherent);
}

/// What a signer says to a start order that names a changed policy.
fn refused_under(change: fn(&mut Policy)) -> Refusal {
    let mut group = Group::configured(2, 2, 1);
    let mut policy = group.charter.policy();
    change(&mut policy);
    let policy = group.charter.endorse(&policy);
    let order = StartOrder { policy: policy.hash(), ..group.order(StartKind::Genesis) };
    let request = Request::Start { order: group.charter.endorse(&order), policy };
    group.refused(signer(1), request)
}

#[test]
fn an_active_signer_takes_a_later_incarnation_alone_and_never_a_second_genesis() {
    let mut group = Group::founded(2, 2, 1);
    let order = |group: &mut Group, kind, incarnation| {
        let order = StartOrder { incarnation: Incarnation(incarnation), ..group.order(kind) };
        group.start_request(&order)
    };
    for (kind, incarnation) in [(group.again(), 0), (group.again(), 1), (StartKind::Genesis, 2)] {
        let request = order(&mut group, kind, incarnation);
        assert_eq!(group.refused(signer(1), request), Refusal::StaleIncarnation, "{kind:?} {incarnation}");
    }
    let again = group.again();
    let request = order(&mut group, again, 2);
    assert_eq!(group.done(signer(1), request), Body::Nothing);
    assert_eq!(group.machine(signer(1)).status(NOW).incarnation, Some(Incarnation(2)));
}

#[test]
fn an_order_that_was_kept_back_for_a_week_brings_back_nothing_and_neither_does_one_from_the_future() {
    const WEEK: u64 = 7 * 24 * 60 * 60 * 1000;
    let founded = Group::founded(2, 2, 1);
    let minute = 60 * 1000;
    for (age, taken) in [(WEEK, true), (WEEK + 1, false)] {
        let mut group = Group::founded(2, 2, 1);
        group.reboot();
        group.configure();
        let order = StartOrder { issued_at: UnixMillis(group.now.0 - age), ..group.order(group.again()) };
        let request = group.start_request(&order);
        let reply = group.ask(signer(1), request);
        assert_eq!(refusal(&reply), (!taken).then_some(Refusal::StartExpired), "{age}");
    }
    for (ahead, taken) in [(minute, true), (minute + 1, false)] {
        // One that is active is told its next order, too.
        let mut group = Group::founded(2, 2, 1);
        let issued_at = founded.now.plus(ahead);
        let order = StartOrder { issued_at, incarnation: Incarnation(2), ..group.order(group.again()) };
        let request = group.start_request(&order);
        let reply = group.ask(signer(1), request);
        assert_eq!(refusal(&reply), (!taken).then_some(Refusal::StartExpired), "{ahead}");
    }
}

#[test]
fn a_signer_key_that_stayed_shut_can_be_opened_under_a_later_order() {
    let mut group = Group::founded(2, 2, 1);
    group.reboot();
    group.configure();
    group.start(group.again());
    let stale = StartOrder { incarnation: Incarnation(2), ..group.order(group.again()) };
    let genesis = group.order(StartKind::Genesis);
    for order in [stale, genesis] {
        let request = group.start_request(&order);
        assert_eq!(group.refused(signer(1), request), Refusal::StaleIncarnation);
    }
    group.start(group.again());
    let blob = group.signer_blobs[&signer(1)].clone();
    assert_eq!(done(group.present(signer(1), blob, None)), Body::Nothing);
    assert_eq!(group.machine(signer(1)).status(NOW).incarnation, Some(Incarnation(3)));
}

/// A restart under a genesis that this group has not been through.
fn of_another_genesis(group: &mut Group) -> Request {
    let order = group.order(StartKind::Restart { genesis: Hash::from_bytes([9; 32]) });
    group.start_request(&order)
}

#[test]
fn refuses_to_open_a_signer_key_under_a_restart_that_names_another_genesis() {
    let mut group = Group::founded(2, 2, 1);
    group.reboot();
    group.configure();
    let request = of_another_genesis(&mut group);
    group.incarnation += 1;
    group.done(signer(1), request);
    let blob = group.signer_blobs[&signer(1)].clone();
    assert_eq!(refusal(&group.present(signer(1), blob.clone(), None)), Some(Refusal::WrongGenesis));
    assert_eq!(group.machine(signer(1)).status(NOW).phase, Phase::Reopening);
    group.start(group.again());
    assert_eq!(done(group.present(signer(1), blob, None)), Body::Nothing);
}

#[test]
fn an_active_signer_refuses_a_restart_that_names_another_genesis_and_stays_under_the_order_it_has() {
    let mut group = Group::founded(2, 2, 1);
    for _ in 0..2 {
        let before = group.machine(signer(1)).status(NOW);
        let request = of_another_genesis(&mut group);
        assert_eq!(group.refused(signer(1), request), Refusal::WrongGenesis);
        assert_eq!(group.machine(signer(1)).status(NOW), before);
        group.restart();
    }
}

#[test]
fn a_genesis_that_failed_half_way_does_not_mix_with_the_one_that_counts() {
    let mut group = Group::configured(2, 2, 1);
    group.start(StartKind::Genesis);
    group.introduce_all();
    group.found(signer(1));
    let (half, failed) = (group.genesis, group.signer_blobs[&signer(1)].clone());
    group.reboot();
    group.configure();
    group.start(StartKind::Genesis);
    group.introduce_all();
    group.charter.signers().into_iter().for_each(|signer| group.found(signer));
    assert_ne!(half, group.genesis);
    group.reboot();
    group.configure();
    group.start(group.again());
    assert_eq!(refusal(&group.present(signer(1), failed, None)), Some(Refusal::WrongGenesis));
    for signer in group.charter.signers() {
        let blob = group.signer_blobs[&signer].clone();
        assert_eq!(done(group.present(signer, blob, None)), Body::Nothing);
    }
    group.introduce_all();
}

#[test]
fn signers_under_different_start_orders_have_no_channel() {
    let mut group = Group::configured(2, 2, 1);
    for id in group.charter.signers() {
        group.now = group.now.plus(1);
        let order = group.order(StartKind::Genesis);
        let request = group.start_request(&order);
        group.done(id, request);
    }
    for (to, of) in [(signer(1), signer(2)), (signer(2), signer(1))] {
        let peer = group.introduction(of, to);
        group.done(to, Request::Introduce { peer });
    }
    let initiation = group.post.pop_front().unwrap();
    assert_eq!(refusal(&group.deliver(initiation)), Some(Refusal::ChannelFailed));
}

#[test]
fn a_later_start_order_does_not_bring_an_older_policy_back() {
    let mut group = Group::founded(2, 2, 1);
    let next = next_policy(&group);
    group.done(signer(1), Request::ApplyPolicy { policy: group.charter.endorse(&next) });
    let order = group.order(group.again());
    let request = group.start_request(&order);
    assert_eq!(group.refused(signer(1), request), Refusal::PolicyMismatch);
}

/// Version 2, which allows nothing.
fn next_policy(group: &Group) -> Policy {
    Policy {
        version: PolicyVersion(2),
        previous: Some(group.policy().hash()),
        tenants: List::new(),
        ..group.charter.policy()
    }
}

fn applied_with(change: impl FnOnce(&mut Policy)) -> Option<Refusal> {
    let mut group = Group::founded(2, 2, 1);
    let mut policy = next_policy(&group);
    change(&mut policy);
    refusal(&group.ask(signer(1), Request::ApplyPolicy { policy: group.charter.endorse(&policy) }))
}

#[test]
fn a_policy_follows_the_one_in_force_by_version_and_hash() {
    assert_eq!(applied_with(|_| {}), None);
    let changes: [fn(&mut Policy); 4] = [
        |policy| policy.version = PolicyVersion(1),
        |policy| policy.version = PolicyVersion(3),
        |policy| policy.previous = None,
        |policy| policy.previous = Some(Hash::from_bytes([9; 32])),
    ];
    for change in changes {
        assert_eq!(applied_with(change), Some(Refusal::PolicyMismatch));
    }
}

#[test]
fn a_policy_needs_a_quorum_and_takes_effect_at_once() {
    let mut group = Group::founded(2, 2, 1);
    let policy = next_policy(&group);
    let unsigned = group.charter.endorse_by(&policy, &[2]);
    assert_eq!(group.refused(signer(1), Request::ApplyPolicy { policy: unsigned }), Refusal::NotEndorsed);
    group.done(signer(1), Request::ApplyPolicy { policy: group.charter.endorse(&policy) });
    let request = requested(&group.charter.key_request("name", Scheme::Ed25519, NOW), TREASURER);
    assert_eq!(group.refused(signer(1), Request::OpenKeygen { request }), Refusal::RequesterUnknown);
}

#[test]
fn a_failing_device_ends_the_signers_life_for_good() {
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_any_chain_key(Scheme::Ed25519);
    group.machine(signer(1)).device = Device::Fails;
    assert_eq!(group.refused(signer(1), Request::Attest { nonce: bytes(b"nonce") }), Refusal::Halted);
    group.machine(signer(1)).device = Device::Works;
    for request in [Request::Commit { key, count: 1 }, Request::Attest { nonce: bytes(b"nonce") }, Request::Challenge] {
        assert_eq!(group.refused(signer(1), request), Refusal::Halted);
    }
    let status = group.machine(signer(1)).status(NOW);
    assert_eq!((status.phase, status.keys), (Phase::Halted, 0), "nothing is left");
}

#[test]
fn an_answer_that_no_device_call_asked_for_ends_the_signers_life() {
    let mut machine = Machine::boot(&TestRoot::generate().unwrap(), signer(1), 1);
    let Output::Reply(reply) =
        machine.signer.resume(NOW, DeviceAnswer::Measured { image: cloister_wire::ids::Pcr::from_bytes([0; 48]) })
    else {
        panic!("another call")
    };
    assert_eq!(refusal(&reply), Some(Refusal::Halted));
}

#[test]
fn time_never_runs_backwards() {
    let mut group = Group::founded(2, 2, 1);
    let at = |group: &mut Group, now| group.machine(signer(1)).status(now).at;
    assert_eq!(at(&mut group, NOW.plus(MINUTE)), NOW.plus(MINUTE));
    assert_eq!(at(&mut group, NOW), NOW.plus(MINUTE));
    assert_eq!(at(&mut group, UnixMillis(0)), NOW.plus(MINUTE));
}

#[test]
fn a_status_is_signed_by_the_boot_over_the_callers_nonce() {
    let mut group = Group::founded(2, 2, 1);
    let nonce = Nonce::from_bytes([3; 32]);
    let Body::Status(status) = group.done(signer(1), Request::Status { nonce }) else { panic!("no status") };
    let body: StatusBody = codec::decode(status.body.as_slice()).unwrap();
    let statement = group.attestation(signer(1), b"nonce").statement;
    let statement: BootStatement = codec::decode(statement.as_slice()).unwrap();
    assert_eq!(statement.keys.identity.verify(Tag::STATUS, status.body.as_slice(), &status.signature), Ok(()));
    assert_eq!((body.nonce, body.boot, body.phase), (nonce, statement.boot(), Phase::Active));
    assert_eq!((body.signer, body.manifest), (Some(signer(1)), Some(group.charter.hash())));
}

#[test]
fn receipts_are_numbered_chained_and_signed_by_their_boot() {
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_any_chain_key(Scheme::Ed25519);
    let payload = solana_transfer(&group.keys[&key].verifying_key(), 5);
    let request = group.charter.sign_request(key, Chain::Solana, &payload, 1, group.now);
    group.signatures(&request, &[signer(1), signer(2)]);
    group.done(signer(1), Request::ApplyPolicy { policy: group.charter.endorse(&next_policy(&group)) });
    let statement = group.attestation(signer(1), b"nonce").statement;
    let statement: BootStatement = codec::decode(statement.as_slice()).unwrap();
    let receipts = &group.receipts[&statement.boot()];
    let mut previous = None;
    for (number, receipt) in (0..).zip(receipts) {
        let body: ReceiptBody = receipt.unverified().unwrap();
        assert_eq!((body.boot, body.sequence.0, body.previous), (statement.boot(), number, previous));
        assert_eq!(statement.keys.identity.verify(Tag::RECEIPT, receipt.body.as_slice(), &receipt.signature), Ok(()));
        previous = Some(receipt.hash());
    }
    assert_eq!(receipts.len(), 4, "started, key created, released, policy changed");
    let status = group.machine(signer(1)).status(NOW);
    assert_eq!((status.receipts.0, status.head), (4, previous));
}

#[test]
fn a_copy_that_no_order_names_gets_nothing() {
    let mut group = Group::founded(2, 2, 1);
    let order = group.order(StartKind::Genesis);
    let mut copy = group.boot(signer(1));
    let manifest = group.charter.endorse(&group.charter.manifest);
    done(copy.ask(NOW, Request::Configure { manifest, signer: signer(1) }));
    let reply = copy.ask(NOW, group.start_request(&order));
    assert_eq!(refusal(&reply), Some(Refusal::NotRostered));
    let blob = group.signer_blobs[&signer(1)].clone();
    assert_eq!(refusal(&copy.ask(NOW, Request::Present { blob, certificate: None })), Some(Refusal::WrongPhase));
}

#[test]
fn an_enclave_can_take_another_signers_number_only_with_that_signers_parent_and_key() {
    let mut group = Group::founded(2, 2, 1);
    let mut thief = group.boot(signer(2));
    let manifest = group.charter.endorse(&group.charter.manifest);
    done(thief.ask(NOW, Request::Configure { manifest, signer: signer(1) }));
    let boots = [(signer(1), thief.boot_id(NOW))];
    let order = group.charter.order(group.again(), 2, NOW, &boots);
    done(thief.ask(NOW, group.start_request(&order)));
    let blob = group.signer_blobs[&signer(2)].clone();
    assert_eq!(refusal(&thief.ask(NOW, Request::Present { blob, certificate: None })), Some(Refusal::BlobForeign));
    let Outcome::Done(Body::Introduction(thief)) = thief.ask(NOW, Request::Attest { nonce: bytes(b"n") }).outcome
    else {
        panic!("no document")
    };
    assert!(!thief.document.as_slice().is_empty());
}
