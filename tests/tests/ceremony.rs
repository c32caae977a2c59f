//! Key generation with a host that drops, reorders, repeats and alters what it carries. What evil *signers* can say inside of the
//! channels is tested in `protocol/src/keygen/tests.rs`.

use cloister_tests::{
    charter::{CLERK, HOUR, NOW, TREASURER, bytes, list, requested, requester, signer},
    group::{Group, Letter},
    machine::refusal,
    stored_key::StoredKey,
};
use cloister_wire::{
    blob::SealedBlob,
    certificate::{Certificate, CertificateSignature},
    codec,
    ids::{BootId, CeremonyId, Counter, RequestId, SignerId},
    limits::CEREMONIES,
    message::{Body, Contribution, KeygenState, Outcome, Request},
    order::StartKind,
    peer::PeerFrame,
    refusal::Refusal,
    request::{KeyRequest, Requested, Scheme},
};

const MINUTE: u64 = 60 * 1000;

fn key_request(group: &Group, name: &str, id: u8) -> KeyRequest {
    KeyRequest { id: RequestId::from_bytes([id; 16]), ..group.charter.key_request(name, Scheme::Ed25519, group.now) }
}

fn asked(group: &Group, name: &str, id: u8) -> Requested {
    requested(&key_request(group, name, id), TREASURER)
}

/// A 2-of-3 group in the middle of a ceremony: everybody's broadcasts are in the post.
fn under_way() -> (Group, CeremonyId) {
    let mut group = Group::founded(2, 3, 1);
    let request = asked(&group, "one", 1);
    let ceremony = group.start_keygen(&request);
    (group, ceremony)
}

/// The key that comes of it, if the ceremony ends well.
fn ends_well(group: &mut Group, ceremony: CeremonyId) {
    group.deliver_all();
    group.certify(ceremony);
    assert!(group.charter.signers().into_iter().all(|signer| group.machine(signer).status(NOW).keys == 1));
}

/// Nobody has a share, nobody has stopped.
fn left_no_key(group: &mut Group, ceremony: CeremonyId) {
    for signer in group.charter.signers() {
        let state = group.keygen(signer, ceremony);
        assert!(!matches!(state, KeygenState::Sealed { .. }), "{signer}: {state:?}");
        assert_eq!(group.machine(signer).status(NOW).keys, 0);
    }
}

#[test]
fn a_flipped_bit_of_a_message_is_a_lost_message_and_not_evidence() {
    let (mut group, ceremony) = under_way();
    let letter = group.post.pop_front().unwrap();
    let PeerFrame::Sealed { counter, pieces } = &letter.frame else { panic!("not sealed") };
    let [ciphertext] = pieces.as_slice() else { panic!("more than one piece") };
    for byte in 0..ciphertext.as_slice().len() {
        let mut altered = ciphertext.as_slice().to_vec();
        altered[byte] ^= 1;
        let frame = PeerFrame::Sealed { counter: *counter, pieces: list([bytes(&altered)]) };
        assert_eq!(
            refusal(&group.deliver(Letter { frame, ..letter.clone() })),
            Some(Refusal::ChannelFailed),
            "byte {byte}"
        );
    }
    for cut in [0, 1, 15, 16, ciphertext.as_slice().len() - 1] {
        let frame = PeerFrame::Sealed { counter: *counter, pieces: list([bytes(&ciphertext.as_slice()[..cut])]) };
        assert_eq!(
            refusal(&group.deliver(Letter { frame, ..letter.clone() })),
            Some(Refusal::ChannelFailed),
            "cut at {cut}"
        );
    }
    group.post.push_front(letter);
    ends_well(&mut group, ceremony);
}

#[test]
fn a_message_under_another_counter_does_not_open() {
    let (mut group, ceremony) = under_way();
    let letter = group.post.pop_front().unwrap();
    let PeerFrame::Sealed { counter, pieces } = letter.frame.clone() else { panic!("not sealed") };
    let frame = PeerFrame::Sealed { counter: Counter(counter.0 + 1), pieces };
    assert_eq!(refusal(&group.deliver(Letter { frame, ..letter.clone() })), Some(Refusal::ChannelFailed));
    group.post.push_front(letter);
    ends_well(&mut group, ceremony);
}

#[test]
fn a_replayed_message_is_refused() {
    let (mut group, ceremony) = under_way();
    let letter = group.post.pop_front().unwrap();
    assert_eq!(refusal(&group.deliver(letter.clone())), None);
    assert_eq!(refusal(&group.deliver(letter)), Some(Refusal::ChannelFailed));
    ends_well(&mut group, ceremony);
}

#[test]
fn messages_of_one_ceremony_may_overtake_those_of_another_and_open_once_all_the_same() {
    let mut group = Group::founded(2, 3, 1);
    let [first, second] = [1, 2].map(|id| asked(&group, &format!("key-{id}"), id));
    let overtaken = group.start_keygen(&first);
    let early = std::mem::take(&mut group.post);
    let overtaking = group.start_keygen(&second);
    group.deliver_all();
    group.certify(overtaking);
    for letter in early {
        assert_eq!(refusal(&group.deliver(letter.clone())), None);
        assert_eq!(refusal(&group.deliver(letter)), Some(Refusal::ChannelFailed));
    }
    group.deliver_all();
    group.certify(overtaken);
}

#[test]
fn a_message_opens_for_nobody_but_its_receiver_and_in_nobodys_name_but_its_senders() {
    let (mut group, ceremony) = under_way();
    let letter = group.post.iter().find(|letter| (letter.from, letter.to) == (signer(1), signer(2))).unwrap().clone();
    let misdirected = [(1, 3), (3, 2), (2, 1), (2, 3), (2, 2)];
    for (from, to) in misdirected.map(|(from, to)| (signer(from), signer(to))) {
        let refused = refusal(&group.deliver(Letter { from, to, frame: letter.frame.clone() }));
        assert_eq!(refused, Some(Refusal::ChannelFailed), "{from} to {to}");
    }
    ends_well(&mut group, ceremony);
}

#[test]
fn a_message_from_before_a_restart_does_not_open() {
    let (mut group, _) = under_way();
    let old = std::mem::take(&mut group.post);
    group.restart();
    let request = asked(&group, "two", 2);
    let ceremony = group.start_keygen(&request);
    for letter in old {
        assert_eq!(refusal(&group.deliver(letter)), Some(Refusal::ChannelFailed));
    }
    ends_well(&mut group, ceremony);
}

#[test]
fn a_handshake_from_before_a_restart_opens_no_channel() {
    let mut group = Group::configured(2, 2, 1);
    group.start(StartKind::Genesis);
    for (signer, peer) in [(1, 2), (2, 1)].map(|(a, b)| (signer(a), signer(b))) {
        let peer = group.introduction(peer, signer);
        group.done(signer, Request::Introduce { peer });
    }
    let initiation = group.post.front().unwrap().clone();
    group.deliver_all();
    group.found(signer(1));
    group.found(signer(2));
    group.restart();
    assert_eq!(refusal(&group.deliver(initiation)), Some(Refusal::ChannelFailed));
}

/// Introduces signer 2 to signer 1 once more: the first message of a new handshake.
fn initiation(group: &mut Group) -> Letter {
    let peer = group.introduction(signer(2), signer(1));
    group.done(signer(1), Request::Introduce { peer });
    group.post.pop_front().unwrap()
}

#[test]
fn a_handshake_that_was_answered_is_not_answered_again_and_leaves_the_channel_that_there_is() {
    let mut group = Group::founded(2, 2, 1);
    let handshakes = [0; 3].map(|_| {
        let first = initiation(&mut group);
        assert_eq!(refusal(&group.deliver(first.clone())), None, "a new one is");
        group.deliver_all();
        first
    });
    let peer = group.introduction(signer(1), signer(2));
    for replayed in &handshakes {
        assert_eq!(refusal(&group.deliver(replayed.clone())), Some(Refusal::ChannelFailed));
    }
    let request = asked(&group, "one", 1);
    let ceremony = group.start_keygen(&request);
    ends_well(&mut group, ceremony);
    group.done(signer(2), Request::Introduce { peer });
    for replayed in handshakes {
        let refused = refusal(&group.deliver(replayed));
        assert_eq!(refused, Some(Refusal::ChannelFailed), "nor after another introduction");
    }
    let last = initiation(&mut group);
    assert_eq!(refusal(&group.deliver(last)), None);
}

#[test]
fn a_handshake_that_a_later_one_has_overtaken_is_not_answered() {
    let mut group = Group::founded(2, 2, 1);
    let [lost, first] = [0; 2].map(|_| initiation(&mut group));
    assert_eq!(refusal(&group.deliver(first)), None);
    assert_eq!(refusal(&group.deliver(lost)), Some(Refusal::ChannelFailed));
    group.deliver_all();
    let request = asked(&group, "one", 1);
    let ceremony = group.start_keygen(&request);
    ends_well(&mut group, ceremony);
}

#[test]
fn two_ceremonies_at_once_do_not_meet() {
    let mut group = Group::founded(2, 3, 1);
    let [first, second] = [1, 2].map(|id| asked(&group, &format!("key-{id}"), id));
    let ceremonies = [group.start_keygen(&first), group.start_keygen(&second)];
    group.deliver_all();
    let [one, two] = ceremonies.map(|ceremony| group.certify(ceremony));
    assert_ne!(group.keys[&one].body().public_key, group.keys[&two].body().public_key);
}

#[test]
fn a_dropped_message_leaves_no_key_and_the_next_ceremony_succeeds() {
    let (mut group, ceremony) = under_way();
    group.post.pop_front();
    group.deliver_all();
    left_no_key(&mut group, ceremony);
    group.introduce_all();
    let again = asked(&group, "two", 2);
    let ceremony = group.start_keygen(&again);
    ends_well(&mut group, ceremony);
}

#[test]
fn a_message_for_a_ceremony_that_the_signer_has_not_started_is_refused() {
    let mut group = Group::founded(2, 3, 1);
    let request = asked(&group, "one", 1);
    let nonces = list(group.open_keygen(&request));
    group.done(signer(1), Request::StartKeygen { nonces });
    let letter = group.post.pop_front().unwrap();
    assert_eq!(refusal(&group.deliver(letter)), Some(Refusal::CeremonyUnknown));
}

#[test]
fn a_ceremony_needs_a_channel_to_every_signer() {
    let mut group = Group::founded(2, 2, 1);
    group.reopen();
    let request = asked(&group, "one", 1);
    let nonces = group.open_keygen(&request);
    let start = Request::StartKeygen { nonces: list(nonces.iter().copied()) };
    assert_eq!(group.refused(signer(1), start), Refusal::ChannelFailed);
    group.introduce_all();
    group.start_opened(&nonces);
}

#[test]
fn a_ceremony_needs_every_signers_nonce_once_and_in_order() {
    let mut group = Group::founded(2, 3, 1);
    let request = asked(&group, "one", 1);
    let nonces = group.open_keygen(&request);
    let start = |nonces: Vec<Contribution>| Request::StartKeygen { nonces: list(nonces) };
    let [one, two, three] = [0, 1, 2].map(|i| nonces[i]);
    for wrong in [vec![one, two], vec![one, three, two], vec![one, two, two], vec![one, two, three, three]] {
        assert_eq!(group.refused(signer(1), start(wrong)), Refusal::UnknownSigner);
    }
    assert_eq!(group.refused(signer(1), start(vec![two, three])), Refusal::CeremonyUnknown, "its own is missing");
    let not_its_own = Contribution { nonce: two.nonce, ..one };
    assert_eq!(group.refused(signer(1), start(vec![not_its_own, two, three])), Refusal::CeremonyUnknown);
    assert!(matches!(group.done(signer(1), start(nonces)), Body::CeremonyStarted(_)));
}

#[test]
fn signers_that_were_told_different_nonces_are_in_different_ceremonies() {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let nonces = group.open_keygen(&request);
    let lied = [nonces[0], Contribution { nonce: nonces[0].nonce, ..nonces[1] }];
    let Body::CeremonyStarted(told) = group.done(signer(1), Request::StartKeygen { nonces: list(lied) }) else {
        panic!("not started")
    };
    let Body::CeremonyStarted(second) = group.done(signer(2), Request::StartKeygen { nonces: list(nonces) }) else {
        panic!("not started")
    };
    assert_ne!(told, second);
    while let Some(letter) = group.post.pop_front() {
        assert_eq!(refusal(&group.deliver(letter)), Some(Refusal::CeremonyUnknown));
    }
}

#[test]
fn signers_that_were_asked_for_different_keys_are_in_different_ceremonies() {
    let mut group = Group::founded(2, 2, 1);
    let open = |group: &mut Group, id: u16, name| {
        let request = asked(group, name, 1);
        let Body::CeremonyNonce(nonce) = group.done(signer(id), Request::OpenKeygen { request }) else {
            panic!("no nonce")
        };
        Contribution { signer: signer(id), nonce }
    };
    let nonces = [open(&mut group, 1, "one"), open(&mut group, 2, "two")];
    let [one, two] = [1, 2].map(|id| match group.done(signer(id), Request::StartKeygen { nonces: list(nonces) }) {
        Body::CeremonyStarted(ceremony) => ceremony,
        other => panic!("not started: {other:?}"),
    });
    assert_ne!(one, two);
}

#[test]
fn no_ceremony_id_comes_twice() {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let [one, two] = [(); 2].map(|()| group.start_keygen(&request));
    assert_ne!(one, two);
}

#[test]
fn a_ceremony_is_started_once() {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let nonces = group.open_keygen(&request);
    group.start_opened(&nonces);
    assert_eq!(group.refused(signer(1), Request::StartKeygen { nonces: list(nonces) }), Refusal::WrongPhase);
}

#[test]
fn a_ceremony_that_was_given_up_is_unknown_and_its_name_is_free() {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let nonces = group.open_keygen(&request);
    let ceremony = group.start_opened(&nonces);
    let again = asked(&group, "one", 2);
    assert_eq!(group.refused(signer(1), Request::OpenKeygen { request: again.clone() }), Refusal::KeyNameTaken);
    let abandon = Request::Abandon { nonce: nonces[0].nonce };
    group.done(signer(1), abandon.clone());
    assert_eq!(group.refused(signer(1), abandon), Refusal::CeremonyUnknown);
    assert_eq!(group.refused(signer(1), Request::Keygen { ceremony }), Refusal::CeremonyUnknown);
    assert!(matches!(group.done(signer(1), Request::OpenKeygen { request: again }), Body::CeremonyNonce(_)));
}

#[test]
fn requests_of_two_requesters_under_one_id_and_name_are_two() {
    let mut group = Group::founded(2, 2, 1);
    group.change_policy(|tenant| tenant.key_creators = list([CLERK, TREASURER].map(requester)));
    let first = asked(&group, "one", 1);
    let second = KeyRequest { requester: requester(CLERK), ..key_request(&group, "one", 1) };
    group.start_keygen(&first);
    let open = Request::OpenKeygen { request: requested(&second, CLERK) };
    assert_eq!(group.refused(signer(1), open), Refusal::KeyNameTaken);
}

/// A key whose certificate every signer has signed and the host has withheld; its ceremony is given up.
fn withheld(group: &mut Group) -> StoredKey {
    let request = asked(group, "one", 1);
    let nonces = group.open_keygen(&request);
    let ceremony = group.start_opened(&nonces);
    group.deliver_all();
    let withheld = group.collect(ceremony);
    for Contribution { signer, nonce } in nonces {
        group.done(signer, Request::Abandon { nonce });
    }
    withheld
}

/// Presents everybody's share of it.
fn presented(group: &mut Group, key: &StoredKey) -> Vec<Option<Refusal>> {
    let present = |(signer, blob): (&_, &SealedBlob)| {
        refusal(&group.present(*signer, blob.clone(), Some(key.certificate.clone())))
    };
    key.blobs.iter().map(present).collect()
}

#[test]
fn of_two_certified_keys_of_one_name_a_signer_takes_the_first() {
    let mut group = Group::founded(2, 2, 1);
    let first = withheld(&mut group);
    let again = asked(&group, "one", 2);
    let second = group.start_keygen(&again);
    group.deliver_all();
    group.certify(second);
    assert_eq!(presented(&mut group, &first), [Some(Refusal::KeyNameTaken); 2]);
    assert!(group.charter.signers().into_iter().all(|signer| group.machine(signer).status(NOW).keys == 1));

    let mut group = Group::founded(2, 2, 1);
    let first = withheld(&mut group);
    let again = asked(&group, "one", 2);
    let second = group.start_keygen(&again);
    group.deliver_all();
    let certificate = group.collect(second).certificate;
    assert_eq!(presented(&mut group, &first), [None; 2]);
    assert_eq!(group.refused(signer(1), Request::Certify { certificate }), Refusal::KeyNameTaken);
}

#[test]
fn ceremonies_are_bounded_and_make_room_after_five_minutes() {
    let mut group = Group::founded(2, 2, 1);
    let open = |group: &Group, number: usize| {
        let id = u8::try_from(number).unwrap();
        Request::OpenKeygen { request: asked(group, &format!("key-{number}"), id) }
    };
    for number in 0..CEREMONIES {
        let request = open(&group, number);
        group.done(signer(1), request);
    }
    let more = open(&group, CEREMONIES);
    assert_eq!(group.refused(signer(1), more.clone()), Refusal::Busy);
    group.now = group.now.plus(5 * MINUTE);
    assert!(matches!(group.done(signer(1), more), Body::CeremonyNonce(_)));
}

#[test]
fn the_name_of_a_ceremony_that_took_too_long_is_free() {
    let mut group = Group::founded(2, 2, 1);
    let [first, second] = [1, 2].map(|id| Request::OpenKeygen { request: asked(&group, "one", id) });
    group.done(signer(1), first);
    group.now = group.now.plus(5 * MINUTE - 1);
    assert_eq!(group.refused(signer(1), second.clone()), Refusal::KeyNameTaken);
    group.now = group.now.plus(1);
    assert!(matches!(group.done(signer(1), second), Body::CeremonyNonce(_)));
}

/// A group in which the host has brought two ceremonies of one request to their shares.
fn twice() -> (Group, [CeremonyId; 2]) {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let ceremonies = [group.start_keygen(&request), group.start_keygen(&request)];
    group.deliver_all();
    (group, ceremonies)
}

/// What a signer says to its share of a ceremony when it is read back: its signature, or why not.
fn read_back(group: &mut Group, signer: SignerId, ceremony: CeremonyId) -> Result<CertificateSignature, Refusal> {
    let (blob, _) = group.sealed(signer, ceremony);
    match group.present(signer, blob, None).outcome {
        Outcome::Done(Body::Certified(signature)) => Ok(signature),
        Outcome::Done(other) => panic!("not certified: {other:?}"),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

#[test]
fn of_two_ceremonies_of_one_request_a_signer_certifies_one() {
    let (mut group, [first, second]) = twice();
    for id in group.charter.signers() {
        let signature = read_back(&mut group, id, first).unwrap();
        assert_eq!(read_back(&mut group, id, second), Err(Refusal::RequestCertified));
        assert_eq!(read_back(&mut group, id, first), Ok(signature), "the same again for the same key");
    }
    group.certify(first);
    assert_eq!(read_back(&mut group, signer(1), second), Err(Refusal::KeyNameTaken));
}

#[test]
fn two_ceremonies_of_one_request_that_the_host_has_certified_crosswise_leave_no_key() {
    let (mut group, [first, second]) = twice();
    read_back(&mut group, signer(1), first).unwrap();
    read_back(&mut group, signer(2), second).unwrap();
    assert_eq!(read_back(&mut group, signer(1), second), Err(Refusal::RequestCertified));
    assert_eq!(read_back(&mut group, signer(2), first), Err(Refusal::RequestCertified));
}

#[test]
fn a_request_whose_key_was_certified_opens_no_other_ceremony_until_it_has_expired() {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let nonces = group.open_keygen(&request);
    let ceremony = group.start_opened(&nonces);
    group.deliver_all();
    read_back(&mut group, signer(1), ceremony).unwrap();
    group.done(signer(1), Request::Abandon { nonce: nonces[0].nonce });
    let open = |request| Request::OpenKeygen { request };
    assert_eq!(group.refused(signer(1), open(request.clone())), Refusal::RequestCertified);
    group.now = group.now.plus(HOUR - 1);
    assert_eq!(group.refused(signer(1), open(request.clone())), Refusal::RequestCertified);
    let fresh = asked(&group, "one", 2);
    assert!(matches!(group.done(signer(1), open(fresh)), Body::CeremonyNonce(_)), "a new request is another matter");
    group.now = group.now.plus(1);
    assert_eq!(group.refused(signer(1), open(request)), Refusal::Expired);
}

#[test]
fn who_may_make_no_keys_any_more_gets_none_that_was_under_way() {
    let mut group = Group::founded(2, 2, 1);
    let [opened, made] = [1, 2].map(|id| asked(&group, &format!("key-{id}"), id));
    let nonces = list(group.open_keygen(&opened));
    let ceremony = group.start_keygen(&made);
    group.deliver_all();
    group.change_policy(|tenant| tenant.key_creators = list([]));
    assert_eq!(group.refused(signer(1), Request::StartKeygen { nonces }), Refusal::CreationNotAllowed);
    assert_eq!(read_back(&mut group, signer(1), ceremony), Err(Refusal::CreationNotAllowed));
}

#[test]
fn two_requests_under_one_id_leave_one_key() {
    let mut group = Group::founded(2, 2, 1);
    let first = asked(&group, "one", 1);
    let other = KeyRequest { scheme: Scheme::Secp256k1Schnorr, ..key_request(&group, "one", 1) };
    let ceremonies = [group.start_keygen(&first), group.start_keygen(&requested(&other, TREASURER))];
    group.deliver_all();
    read_back(&mut group, signer(1), ceremonies[0]).unwrap();
    assert_eq!(read_back(&mut group, signer(1), ceremonies[1]), Err(Refusal::RequestCertified), "one id, one key");
}

#[test]
fn a_later_start_order_ends_every_ceremony_and_channel() {
    let (mut group, ceremony) = under_way();
    let order = group.order(group.again());
    let request = group.start_request(&order);
    for signer in group.charter.signers() {
        group.done(signer, request.clone());
        assert_eq!(group.refused(signer, Request::Keygen { ceremony }), Refusal::CeremonyUnknown);
    }
    while let Some(letter) = group.post.pop_front() {
        assert_eq!(refusal(&group.deliver(letter)), Some(Refusal::ChannelFailed));
    }
}

/// A new key whose certificate every signer has signed and none has seen, and what signer 1 says to it when it is altered.
fn certified(alter: impl FnOnce(&mut Certificate)) -> Option<Refusal> {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let ceremony = group.start_keygen(&request);
    group.deliver_all();
    let mut certificate = group.collect(ceremony).certificate;
    alter(&mut certificate);
    let refused = refusal(&group.ask(signer(1), Request::Certify { certificate }));
    assert_eq!(group.machine(signer(1)).status(NOW).keys, u16::from(refused.is_none()));
    refused
}

fn with_last(certificate: &mut Certificate, change: impl FnOnce(&mut CertificateSignature)) {
    let mut signatures = certificate.signatures.clone().into_vec();
    change(signatures.last_mut().unwrap());
    certificate.signatures = list(signatures);
}

#[test]
fn a_key_is_usable_only_under_a_certificate_that_every_signer_signed() {
    assert_eq!(certified(|_| {}), None);
    let lacking =
        |certificate: &mut Certificate| certificate.signatures = list(certificate.signatures.iter().take(1).cloned());
    let renamed = |certificate: &mut Certificate| {
        let mut body = certificate.unverified().unwrap();
        body.name = "renamed".parse().unwrap();
        certificate.body = bytes(&codec::encode(&body));
    };
    let by_another = |certificate: &mut Certificate| {
        let first = certificate.signatures.as_slice()[0].clone();
        with_last(certificate, |entry| entry.by_signer = first.by_signer);
    };
    assert_eq!(certified(lacking), Some(Refusal::CertificateInvalid));
    assert_eq!(certified(renamed), Some(Refusal::CertificateInvalid));
    assert_eq!(certified(by_another), Some(Refusal::CertificateInvalid));
}

#[test]
fn a_fresh_certificate_is_also_signed_by_the_very_boots_that_took_part() {
    let by_another = |certificate: &mut Certificate| {
        let first = certificate.signatures.as_slice()[0].clone();
        with_last(certificate, |entry| entry.by_boot = first.by_boot);
    };
    assert_eq!(certified(by_another), Some(Refusal::CertificateInvalid));
    let unknown =
        |certificate: &mut Certificate| with_last(certificate, |entry| entry.boot = BootId::from_bytes([9; 32]));
    assert_eq!(certified(unknown), Some(Refusal::CertificateInvalid));
}

#[test]
fn a_share_that_has_no_certificate_signs_nothing() {
    let mut group = Group::founded(2, 2, 1);
    let request = asked(&group, "one", 1);
    let ceremony = group.start_keygen(&request);
    group.deliver_all();
    let key = group.collect(ceremony).body().key;
    assert_eq!(group.refused(signer(1), Request::Commit { key, count: 1 }), Refusal::KeyUnknown);
}

#[test]
fn repeating_the_certificate_changes_nothing() {
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_key("one", Scheme::Ed25519);
    let certificate = group.keys[&key].certificate.clone();
    let before = group.machine(signer(1)).status(NOW);
    assert_eq!(group.done(signer(1), Request::Certify { certificate }), Body::Nothing);
    assert_eq!(group.machine(signer(1)).status(NOW), before);
}
