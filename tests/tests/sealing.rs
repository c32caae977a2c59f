//! Sealing (P2) and its reverse: what a blob, a certificate and KMS's answers have to be before a share is used.

use cloister_attestation::{Mode, Pcr, RecipientKey, Unverified};
use cloister_simulator::nsm::TestRoot;
use cloister_tests::{
    charter::{NOW, TREASURER, bytes, list, requested, secret, signer},
    group::Group,
    impostor::Impostor,
    kms::{Envelope, envelope},
    machine::{done, refusal},
    stored_key::StoredKey,
};
use cloister_wire::{
    blob::{BlobContext, Content, SealedBlob},
    bounded::{Bytes, List},
    certificate::{Certificate, CertificateSignature},
    codec,
    ids::{Epoch, GroupId, Hash, KeyId},
    message::{Body, KeygenState, Request},
    order::StartKind,
    refusal::Refusal,
    request::Scheme,
    signature::{PublicKey, Signature},
    tag::Tag,
};

/// A group that was restarted and has opened no share yet, with what its host stores of two keys.
fn restarted() -> (Group, [StoredKey; 2]) {
    let mut group = Group::founded(2, 2, 1);
    let keys = ["one", "two"].map(|name| group.make_key(name, Scheme::Ed25519));
    let stored = keys.map(|key| group.keys[&key].clone());
    group.reopen();
    (group, stored)
}

/// What signer 1 says to its share of this key, when blob and certificate are altered.
fn opened(alter: impl FnOnce(&mut SealedBlob, &mut Certificate, &StoredKey)) -> Option<Refusal> {
    let (mut group, [one, two]) = restarted();
    let (mut blob, mut certificate) = (one.blobs[&signer(1)].clone(), one.certificate.clone());
    alter(&mut blob, &mut certificate, &two);
    refusal(&group.present(signer(1), blob, Some(certificate)))
}

fn altered_blob(alter: impl FnOnce(&mut SealedBlob)) -> Option<Refusal> {
    opened(|blob, _, _| alter(blob))
}

fn altered_certificate(alter: impl FnOnce(&mut Certificate)) -> Option<Refusal> {
    opened(|_, certificate, _| alter(certificate))
}

/// What a restarted signer 1 says to its signer key's blob when it is altered.
fn reopened(alter: impl FnOnce(&mut SealedBlob)) -> Option<Refusal> {
    let mut group = Group::founded(2, 2, 1);
    group.reboot();
    group.configure();
    group.start(group.again());
    let mut blob = group.signer_blobs[&signer(1)].clone();
    alter(&mut blob);
    refusal(&group.present(signer(1), blob, None))
}

fn flip<const MAX: usize>(field: &mut Bytes<MAX>) {
    let mut altered = field.as_slice().to_vec();
    altered[0] ^= 1;
    *field = bytes(&altered);
}

#[test]
fn opens_what_was_sealed() {
    assert_eq!(altered_blob(|_| {}), None);
    assert_eq!(reopened(|_| {}), None);
}

#[test]
fn refuses_a_share_of_which_any_field_of_the_context_was_changed() {
    let changes: [fn(&mut BlobContext); 8] = [
        |context| context.format = 2,
        |context| context.group = GroupId::from_bytes([9; 16]),
        |context| context.manifest = Hash::from_bytes([9; 32]),
        |context| context.signer = signer(2),
        |context| context.generation = 2,
        |context| with_share(context, |key, _, _| *key = KeyId::from_bytes([9; 32])),
        |context| with_share(context, |_, scheme, _| *scheme = Scheme::Secp256k1Schnorr),
        |context| with_share(context, |_, _, epoch| *epoch = Epoch(1)),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let refused = altered_blob(|blob| change(&mut blob.context));
        let expected = if number < 5 { Refusal::BlobForeign } else { Refusal::BlobForged };
        assert_eq!(refused, Some(expected), "change {number}");
    }
}

fn with_share(context: &mut BlobContext, change: impl FnOnce(&mut KeyId, &mut Scheme, &mut Epoch)) {
    match &mut context.content {
        Content::Share { key, scheme, epoch } => change(key, scheme, epoch),
        Content::SignerKey => panic!("not a share"),
    }
}

#[test]
fn refuses_a_signer_key_of_which_any_field_of_the_context_was_changed() {
    let changes: [fn(&mut BlobContext); 5] = [
        |context| context.format = 2,
        |context| context.group = GroupId::from_bytes([9; 16]),
        |context| context.manifest = Hash::from_bytes([9; 32]),
        |context| context.signer = signer(2),
        |context| context.generation = 2,
    ];
    for change in changes {
        assert_eq!(reopened(|blob| change(&mut blob.context)), Some(Refusal::BlobForeign));
    }
}

#[test]
fn refuses_a_blob_whose_ciphertext_or_nonce_was_altered() {
    assert_eq!(altered_blob(|blob| flip(&mut blob.ciphertext)), Some(Refusal::BlobForged));
    assert_eq!(altered_blob(|blob| blob.nonce.0[0] ^= 1), Some(Refusal::BlobForged));
    assert_eq!(reopened(|blob| flip(&mut blob.ciphertext)), Some(Refusal::BlobForged));
}

#[test]
fn refuses_a_blob_whose_signature_was_altered() {
    let other = |blob: &mut SealedBlob| {
        blob.signature = Signature::sign(&secret("host"), Tag::SEALED_BLOB, &blob.signed_bytes())
    };
    assert_eq!(altered_blob(other), Some(Refusal::BlobForged));
    assert_eq!(reopened(other), Some(Refusal::BlobForged));
}

#[test]
fn refuses_a_blob_whose_wraps_are_not_those_of_its_own_kms_keys() {
    let swap = |blob: &mut SealedBlob| blob.wraps = list(blob.wraps.iter().rev().cloned());
    let drop_one = |blob: &mut SealedBlob| blob.wraps = list(blob.wraps.iter().take(1).cloned());
    assert_eq!(altered_blob(swap), Some(Refusal::BlobForeign));
    assert_eq!(altered_blob(drop_one), Some(Refusal::BlobForeign));
    assert_eq!(opened(|blob, _, two| blob.wraps = two.blobs[&signer(2)].wraps.clone()), Some(Refusal::BlobForeign));
}

#[test]
fn refuses_wraps_whose_ciphertexts_were_swapped() {
    let swap = |blob: &mut SealedBlob| {
        let mut wraps = blob.wraps.clone().into_vec();
        let (first, second) = wraps.split_at_mut(1);
        std::mem::swap(&mut first[0].ciphertext, &mut second[0].ciphertext);
        blob.wraps = list(wraps);
    };
    assert_eq!(altered_blob(swap), Some(Refusal::BlobForged));
}

#[test]
fn refuses_the_blob_that_another_signer_sealed() {
    let (mut group, [one, _]) = restarted();
    let theirs = one.blobs[&signer(2)].clone();
    assert_eq!(refusal(&group.present(signer(1), theirs, Some(one.certificate))), Some(Refusal::BlobForeign));
}

#[test]
fn refuses_the_share_of_one_key_under_the_certificate_of_another() {
    assert_eq!(opened(|_, certificate, two| *certificate = two.certificate.clone()), Some(Refusal::BlobForeign));
}

#[test]
fn refuses_a_share_without_a_certificate() {
    let (mut group, [one, _]) = restarted();
    assert_eq!(refusal(&group.present(signer(1), one.blobs[&signer(1)].clone(), None)), Some(Refusal::BlobForeign));
}

#[test]
fn refuses_a_certificate_that_a_signer_did_not_sign() {
    let without_last = |certificate: &mut Certificate| {
        certificate.signatures = list(certificate.signatures.iter().take(1).cloned());
    };
    let last_twice = |certificate: &mut Certificate| {
        let last = certificate.signatures.as_slice()[1].clone();
        certificate.signatures = list([last.clone(), last]);
    };
    assert_eq!(altered_certificate(without_last), Some(Refusal::CertificateInvalid));
    assert_eq!(altered_certificate(last_twice), Some(Refusal::CertificateInvalid));
    assert_eq!(
        altered_certificate(|certificate| certificate.signatures = List::new()),
        Some(Refusal::CertificateInvalid)
    );
}

#[test]
fn refuses_a_certificate_whose_signatures_are_by_other_keys_than_the_signer_keys() {
    let forge = |certificate: &mut Certificate| {
        let by_host = Signature::sign(&secret("host"), Tag::CERTIFICATE, certificate.body.as_slice());
        let forged =
            certificate.signatures.iter().map(|entry| CertificateSignature { by_signer: by_host, ..entry.clone() });
        certificate.signatures = list(forged);
    };
    assert_eq!(altered_certificate(forge), Some(Refusal::CertificateInvalid));
}

#[test]
fn refuses_a_certificate_that_was_altered() {
    let rename = |certificate: &mut Certificate| {
        let mut body = certificate.unverified().unwrap();
        body.name = "renamed".parse().unwrap();
        certificate.body = bytes(&codec::encode(&body));
    };
    assert_eq!(altered_certificate(rename), Some(Refusal::CertificateInvalid));
}

/// A clone of signer 1's enclave whose keys the test holds, put where the present boot was.
fn impostor(group: &Group) -> Impostor {
    Impostor::new(&group.charter, &group.root, signer(1))
}

#[test]
fn refuses_a_share_that_was_sealed_by_a_boot_without_the_signer_key() {
    let (mut group, [one, _]) = restarted();
    let forged = impostor(&group).seal(one.blobs[&signer(1)].context.clone(), b"a share of the host's", group.now);
    assert_eq!(refusal(&group.present(signer(1), forged, Some(one.certificate))), Some(Refusal::BlobForged));
}

#[test]
fn refuses_a_blob_that_names_a_sealer_but_is_not_signed_by_it() {
    let (mut group, [one, _]) = restarted();
    let genuine = one.blobs[&signer(1)].clone();
    let impostor = impostor(&group);
    let mut forged = impostor.seal(genuine.context.clone(), b"a share of the host's", group.now);
    forged.sealer = genuine.sealer.clone();
    assert_eq!(
        refusal(&group.present(signer(1), impostor.sign(forged), Some(one.certificate))),
        Some(Refusal::BlobForged)
    );
}

/// What a restarted signer 1 says to a signer key that an impostor sealed for it.
fn sealed_by(change: impl FnOnce(&mut Impostor)) -> Option<Refusal> {
    let mut group = Group::founded(2, 2, 1);
    let mut impostor = impostor(&group);
    change(&mut impostor);
    group.reboot();
    group.configure();
    group.start(group.again());
    let context = group.signer_blobs[&signer(1)].context.clone();
    let blob = impostor.seal(context, &identity("impostor's signer key", &impostor, group.genesis), group.now);
    refusal(&group.present(signer(1), blob, None))
}

/// What a signer key's blob holds: the secret, the genesis that made it, and the public signer keys of the group.
fn identity(name: &str, impostor: &Impostor, genesis: Hash) -> Vec<u8> {
    let keys = vec![(signer(1), PublicKey::of(&impostor.signer_key)), (signer(2), PublicKey::of(&secret("two")))];
    let secret = minicbor::bytes::ByteArray::from(secret(name).to_bytes());
    codec::encode(&(secret, genesis, keys))
}

#[test]
fn a_signer_key_is_taken_from_an_attested_boot_of_the_same_signer_alone() {
    assert_eq!(sealed_by(|_| {}), None, "an enclave that is broken so far is outside of what blobs can protect from");
    assert_eq!(sealed_by(|impostor| impostor.pose_as(signer(2))), Some(Refusal::BlobForged), "another signer");
    assert_eq!(
        sealed_by(|impostor| impostor.statement.signer = signer(2)),
        Some(Refusal::BlobForged),
        "another signer's statement"
    );
    for (number, register) in ["PCR0", "PCR1", "PCR2", "PCR3", "PCR16", "PCR17"].into_iter().enumerate() {
        let other = |impostor: &mut Impostor| impostor.registers[number].1 = Pcr::ZERO.extended(b"another");
        assert_eq!(sealed_by(other), Some(Refusal::BlobForged), "{register}");
    }
    let other_root = |impostor: &mut Impostor| impostor.root = TestRoot::generate().unwrap();
    assert_eq!(sealed_by(other_root), Some(Refusal::BlobForged), "another root");
}

#[test]
fn refuses_a_signer_key_that_is_not_the_one_its_sealer_had_proved() {
    let mut group = Group::founded(2, 2, 1);
    group.reboot();
    group.configure();
    group.start(group.again());
    let impostor = impostor(&group);
    let context = group.signer_blobs[&signer(1)].context.clone();
    let blob = impostor.seal(context, &identity("another signer key", &impostor, group.genesis), group.now);
    assert_eq!(refusal(&group.present(signer(1), blob, None)), Some(Refusal::BlobForged));
}

#[test]
fn refuses_a_sealer_that_has_no_signer_key() {
    let mut group = Group::founded(2, 2, 1);
    group.reboot();
    group.configure();
    group.start(group.again());
    let impostor = impostor(&group);
    let context = group.signer_blobs[&signer(1)].context.clone();
    let mut blob = impostor.seal(context, &identity("impostor's signer key", &impostor, group.genesis), group.now);
    blob.sealer = impostor.attest(&impostor.statement, group.now, b"without proof");
    let calls = group.kms.calls;
    assert_eq!(refusal(&group.present(signer(1), impostor.sign(blob), None)), Some(Refusal::BlobForged));
    assert_eq!(group.kms.calls, calls, "KMS is not even asked");
}

/// The recipient key that the signer's document for KMS names.
fn recipient(group: &mut Group) -> Vec<u8> {
    let document = group.attestation(signer(1), b"who is it").document;
    let root = group.root.trust_root();
    let document = Unverified::parse(document.as_slice()).unwrap().authenticate(&root, Mode::Archival).unwrap();
    document.public_key().unwrap().to_vec()
}

#[test]
fn a_data_key_of_the_hosts_own_opens_nothing() {
    let (mut group, [one, _]) = restarted();
    let recipient = recipient(&mut group);
    let made_up =
        |answers: Vec<Option<Envelope>>| answers.iter().map(|_| Some(envelope(&recipient, &[7; 32]))).collect();
    let reply = group.present_with(signer(1), one.blobs[&signer(1)].clone(), Some(one.certificate), made_up);
    assert_eq!(refusal(&reply), Some(Refusal::UnwrapFailed));
}

#[test]
fn every_unusable_answer_of_kms_looks_the_same() {
    let (mut group, [one, _]) = restarted();
    let other_boot = envelope(RecipientKey::generate().unwrap().public_key_der(), &[7; 32]);
    let too_short = envelope(&recipient(&mut group), &[7; 31]);
    let answers: [Vec<Option<Envelope>>; 5] = [
        vec![None, None],
        vec![Some(bytes(b"")), Some(bytes(&[0x30, 0x80]))],
        vec![Some(other_boot), None],
        vec![None, Some(too_short)],
        vec![],
    ];
    for answers in answers {
        let blob = one.blobs[&signer(1)].clone();
        let reply = group.present_with(signer(1), blob, Some(one.certificate.clone()), |_| answers);
        assert_eq!(refusal(&reply), Some(Refusal::UnwrapFailed));
    }
}

#[test]
fn either_kms_key_alone_opens_a_share_after_a_restart() {
    for missing in [0, 1] {
        let (mut group, [one, _]) = restarted();
        let reply =
            group.present_with(signer(1), one.blobs[&signer(1)].clone(), Some(one.certificate), |mut answers| {
                answers[missing] = None;
                answers
            });
        assert_eq!(done(reply), Body::Nothing);
    }
}

/// A group whose signers have made a share that nobody has read back.
fn with_fresh_share() -> (Group, SealedBlob) {
    let mut group = Group::founded(2, 2, 1);
    let request = group.charter.key_request("one", Scheme::Ed25519, group.now);
    let ceremony = group.start_keygen(&requested(&request, TREASURER));
    group.deliver_all();
    let (blob, _) = group.sealed(signer(1), ceremony);
    (group, blob)
}

#[test]
fn a_new_share_is_certified_only_when_every_kms_key_has_opened_it() {
    for missing in [0, 1] {
        let (mut group, blob) = with_fresh_share();
        let reply = group.present_with(signer(1), blob.clone(), None, |mut answers| {
            answers[missing] = None;
            answers
        });
        assert_eq!(refusal(&reply), Some(Refusal::UnwrapFailed));
        group.read_back(signer(1), blob);
    }
}

#[test]
fn an_answer_of_one_kms_key_does_not_stand_for_anothers() {
    for (missing, other) in [(0, 1), (1, 0)] {
        let (mut group, blob) = with_fresh_share();
        let reply = group.present_with(signer(1), blob.clone(), None, |mut answers| {
            answers[missing] = answers[other].clone();
            answers
        });
        assert_eq!(refusal(&reply), Some(Refusal::UnwrapFailed));
        group.read_back(signer(1), blob);
    }
}

#[test]
fn a_signer_key_is_in_use_only_when_every_kms_key_has_opened_it() {
    for missing in [0, 1] {
        let mut group = Group::configured(2, 2, 1);
        group.start(StartKind::Genesis);
        group.introduce_all();
        let Body::Sealed(blob) = group.done(signer(1), Request::SealSignerKey) else { panic!("no blob") };
        let reply = group.present_with(signer(1), blob, None, |mut answers| {
            answers[missing] = None;
            answers
        });
        assert_eq!(refusal(&reply), Some(Refusal::UnwrapFailed));
        group.found(signer(1));
    }
}

#[test]
fn reads_back_only_the_very_blob_that_it_sealed() {
    let (mut group, blob) = with_fresh_share();
    let mut altered = blob.clone();
    flip(&mut altered.ciphertext);
    assert_eq!(refusal(&group.present(signer(1), altered, None)), Some(Refusal::BlobForeign));
    group.read_back(signer(1), blob);
}

#[test]
fn hands_out_the_same_blob_whenever_it_is_asked() {
    let mut group = Group::founded(2, 2, 1);
    let request = group.charter.key_request("one", Scheme::Ed25519, group.now);
    let ceremony = group.start_keygen(&requested(&request, TREASURER));
    group.deliver_all();
    let first = group.keygen(signer(1), ceremony);
    assert!(matches!(first, KeygenState::Sealed { .. }));
    assert_eq!(group.keygen(signer(1), ceremony), first);
}

#[test]
fn an_answer_of_kms_counts_once() {
    let (mut group, [one, _]) = restarted();
    let answers = answers_of_kms(&mut group, one.blobs[&signer(1)].clone(), Some(one.certificate));
    group.done(signer(1), answers.clone());
    assert_eq!(group.refused(signer(1), answers), Refusal::UnwrapFailed);
}

/// Presents a blob to signer 1, and keeps back what KMS answers.
fn answers_of_kms(group: &mut Group, blob: SealedBlob, certificate: Option<Certificate>) -> Request {
    let Body::Unwrap { ticket, document, wraps } = group.done(signer(1), Request::Present { blob, certificate }) else {
        panic!("no order")
    };
    let envelopes: Vec<_> = wraps.iter().map(|wrap| Some(group.kms.decrypt(wrap, document.as_slice()))).collect();
    Request::Unwrapped { ticket, envelopes: list(envelopes) }
}

#[test]
fn a_signer_keeps_its_identity_when_the_blob_of_another_genesis_opens_late() {
    let mut group = Group::founded(2, 2, 1);
    let old = group.signer_blobs[&signer(1)].clone();
    group.reboot();
    group.configure();
    group.start(StartKind::Genesis);
    group.introduce_all();
    group.charter.signers().into_iter().for_each(|signer| group.found(signer));
    let new = group.signer_blobs[&signer(1)].clone();
    group.reboot();
    group.configure();
    group.start(group.again());
    let [late, first] = [old, new].map(|blob| answers_of_kms(&mut group, blob, None));
    group.done(signer(1), first);
    assert_eq!(group.refused(signer(1), late), Refusal::WrongPhase);
}

#[test]
fn a_tenants_second_share_costs_no_call_of_kms() {
    let (mut group, [one, two]) = restarted();
    assert_eq!(done(group.present(signer(1), one.blobs[&signer(1)].clone(), Some(one.certificate))), Body::Nothing);
    let calls = group.kms.calls;
    assert_eq!(done(group.present(signer(1), two.blobs[&signer(1)].clone(), Some(two.certificate))), Body::Nothing);
    assert_eq!(group.kms.calls, calls);
    assert_eq!(group.machine(signer(1)).status(NOW).keys, 2);
}
