//! The production image pins AWS's root: documents that nobody signed, or that another root vouches for, open nothing.

use std::sync::OnceLock;

use cloister_attestation::{Mode, TrustRoot, Unverified};
use cloister_simulator::nsm::TestRoot;
use cloister_tests::{charter::signer, impostor::Impostor, machine::refusal, stage::now};
use cloister_wire::{
    blob::{BlobContext, Content, SealedBlob},
    identity::Introduction,
    ids::Hash,
    message::{Body, Request},
    order::StartKind,
    refusal::Refusal,
};

use crate::{
    document::{Document, with_proper_header},
    enclave::{Enclave, ask, introduction},
};

/// The shared enclave at a genesis, and one that the order names as its peer.
fn founding() -> (&'static Enclave, &'static Impostor) {
    static STARTED: OnceLock<[Impostor; 2]> = OnceLock::new();
    let enclave = Enclave::production();
    let [peer, _] = STARTED.get_or_init(|| {
        let root = TestRoot::generate().expect("a root");
        let peers = [2, 3].map(|id| enclave.peer(&root, signer(id)));
        enclave.start(StartKind::Genesis, &peers);
        peers
    });
    (enclave, peer)
}

fn challenge(enclave: &Enclave) -> Vec<u8> {
    match ask(&enclave.vm, &Request::Challenge) {
        Body::Challenge(nonce) => nonce.as_bytes().to_vec(),
        other => panic!("no challenge: {other:?}"),
    }
}

fn refused(enclave: &Enclave, request: &Request) -> Refusal {
    let reply = enclave.vm.ask(request).unwrap_or_else(|error| panic!("{error:#}"));
    refusal(&reply).expect("it is refused")
}

#[test]
fn a_document_that_nobody_signed_makes_nobody_a_peer() {
    let (enclave, _) = founding();
    let peer = introduction(&enclave.vm, &challenge(enclave));
    let document = Document::read(peer.document.as_slice());
    assert!(document.signature.iter().all(|byte| *byte == 0), "the emulated module signs");
    // Registers, nonce, statement and proof are right: were it signed, it would only be refused for being this signer's own.
    assert_eq!(document.nonce, challenge(enclave));
    for peer in [proper(&peer), peer] {
        assert_eq!(refused(enclave, &Request::Introduce { peer }), Refusal::AttestationRejected);
    }
}

/// The same under the header of a document that is signed.
fn proper(introduction: &Introduction) -> Introduction {
    let document = with_proper_header(introduction.document.as_slice());
    Introduction { document: document.try_into().expect("short enough"), ..introduction.clone() }
}

#[test]
fn a_document_under_another_root_makes_nobody_a_peer() {
    let (enclave, peer) = founding();
    let peer = peer.introduction(now(), &challenge(enclave));
    assert_eq!(refused(enclave, &Request::Introduce { peer }), Refusal::AttestationRejected);
}

#[test]
fn a_blob_is_not_opened_whose_sealer_shows_a_document_that_nobody_signed_or_under_another_root() {
    let enclave = Enclave::smallest();
    enclave.start(StartKind::Restart { genesis: Hash::from_bytes([7; Hash::LEN]) }, &[]);
    let context = BlobContext {
        format: 1,
        group: enclave.charter.manifest.group,
        manifest: enclave.charter.hash(),
        signer: signer(1),
        generation: 1,
        content: Content::SignerKey,
    };
    let sealer = enclave.peer(&TestRoot::generate().expect("a root"), signer(1));
    let foreign = sealer.seal(context, b"a signer key", now());
    let of = |introduction| sealer.sign(SealedBlob { sealer: introduction, ..foreign.clone() });
    for blob in [of(proper(&enclave.introduction)), of(enclave.introduction.clone()), foreign.clone()] {
        assert_eq!(refused(&enclave, &Request::Present { blob, certificate: None }), Refusal::BlobForged);
    }
}

#[test]
fn nothing_but_what_a_signature_needs_is_missing_in_the_documents_that_are_refused() {
    let peer = proper(&Enclave::production().introduction);
    let document = Unverified::parse(peer.document.as_slice()).expect("its form is right");
    let refused = document.authenticate(&TrustRoot::aws(), Mode::Archival).expect_err("nobody signed it");
    println!("{refused:?}");
}
