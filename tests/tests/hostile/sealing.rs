//! Blobs swapped, altered, forged and lost, and a host that answers in KMS's place.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand,
};
use cloister_attestation::{Mode, Pcr, Unverified};
use cloister_client::Key;
use cloister_simulator::{
    hostile::{Action, Frame},
    nsm::StandInNsm,
};
use cloister_tests::{
    kms,
    stage::{Stage, signer},
};
use cloister_wire::{
    blob::{Content, GcmNonce, SealedBlob, Wrap},
    bounded::Bytes,
    certificate::Certificate,
    codec,
    identity::{BootKeys, BootStatement, Introduction, SignerProof},
    ids::{Hash, KeyId, SignerId},
    message::{Body, Request},
    request::Scheme,
    signature::{PublicKey, Signature},
    tag::Tag,
};
use ed25519_dalek::SigningKey;

use crate::{CALM, WILD, honest_key, play};

/// The blob of a signer's share of a key.
fn blob_of(stage: &Stage, id: SignerId, wanted: KeyId) -> SealedBlob {
    let holds = |blob: &SealedBlob| matches!(blob.context.content, Content::Share { key, .. } if key == wanted);
    stage.blobs(id).into_iter().rev().find(holds).expect("it was sealed")
}

fn present(blob: &SealedBlob, certificate: &Certificate) -> Request {
    Request::Present { blob: blob.clone(), certificate: Some(certificate.clone()) }
}

/// A blob, and what is refused when it is presented with the certificate.
fn refused(stage: &mut Stage, id: u16, blob: &SealedBlob, certificate: &Certificate) -> &'static str {
    stage.refused(signer(id), &present(blob, certificate))
}

#[test]
fn blobs_swapped_between_keys_or_between_signers_are_foreign() {
    let mut stage = play(&CALM);
    let (key, other) = (honest_key(&mut stage), stage.key(1, Scheme::Ed25519));
    let (own, others) = (blob_of(&stage, signer(1), key.id()), blob_of(&stage, signer(2), key.id()));
    assert_eq!(refused(&mut stage, 1, &own, other.certificate()), "blob_foreign");
    assert_eq!(refused(&mut stage, 1, &others, key.certificate()), "blob_foreign");
    let signer_key = stage.blobs(signer(1)).remove(0);
    assert_eq!(signer_key.context.content, Content::SignerKey);
    assert_eq!(refused(&mut stage, 1, &signer_key, key.certificate()), "blob_foreign");
    let relabelled = SealedBlob { context: others.context.clone(), ..own.clone() };
    assert_eq!(refused(&mut stage, 1, &relabelled, key.certificate()), "blob_foreign");
    let relabelled = SealedBlob { context: own.context.clone(), ..others };
    assert_eq!(refused(&mut stage, 1, &relabelled, key.certificate()), "blob_foreign");
    stage.settle(&key);
}

#[test]
fn a_blob_with_any_part_altered_is_forged() {
    let mut stage = play(&CALM);
    let (key, other) = (honest_key(&mut stage), stage.key(1, Scheme::Ed25519));
    let (own, another) = (blob_of(&stage, signer(1), key.id()), blob_of(&stage, signer(1), other.id()));
    let of_another_signer = blob_of(&stage, signer(2), key.id());
    let mut ciphertext = own.ciphertext.as_slice().to_vec();
    ciphertext[0] ^= 1;
    let mut wraps = own.wraps.clone().into_vec();
    let first = wraps[0].ciphertext.clone();
    wraps[0].ciphertext = wraps[1].ciphertext.clone();
    wraps[1].ciphertext = first;
    let relabelled = SealedBlob { context: another.context.clone(), ..own.clone() };
    for (what, blob) in [
        ("ciphertext", SealedBlob { ciphertext: ciphertext.try_into().expect("as long"), ..own.clone() }),
        ("another's ciphertext", SealedBlob { ciphertext: another.ciphertext.clone(), ..own.clone() }),
        ("nonce", SealedBlob { nonce: another.nonce, ..own.clone() }),
        ("wraps", SealedBlob { wraps: wraps.try_into().expect("two"), ..own.clone() }),
        ("sealer", SealedBlob { sealer: of_another_signer.sealer.clone(), ..own.clone() }),
        ("signature", SealedBlob { signature: another.signature, ..own.clone() }),
    ] {
        assert_eq!(refused(&mut stage, 1, &blob, key.certificate()), "blob_forged", "{what}");
    }
    assert_eq!(refused(&mut stage, 1, &relabelled, other.certificate()), "blob_forged");
    stage.settle(&key);
}

/// A blob with a share of the attacker's own choice: made from public keys alone, under the context of a genuine one.
fn forged(stage: &Stage, genuine: &SealedBlob, sealer: Introduction, identity: &SigningKey) -> SealedBlob {
    let (mut data_key, mut nonce, mut ciphertext) = ([0; 32], [0; 12], b"a share of the attacker's choice".to_vec());
    rand::fill(&mut data_key).and_then(|()| rand::fill(&mut nonce)).expect("randomness");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &data_key).expect("32 bytes"));
    let aad = genuine.context.aad();
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad.as_bytes()), &mut ciphertext)
        .expect("sealed");
    let slot = stage.group.manifest().slot(genuine.context.signer).expect("a signer of the group");
    let wrap = |kms: &cloister_wire::manifest::KmsKey| {
        let ciphertext = kms::encrypt(kms.spki.as_slice(), &data_key).try_into().expect("short enough");
        Wrap { arn: kms.arn.clone(), ciphertext }
    };
    let blob = SealedBlob {
        context: genuine.context.clone(),
        nonce: GcmNonce(nonce),
        ciphertext: ciphertext.try_into().expect("short enough"),
        wraps: slot.kms.iter().map(wrap).collect::<Vec<_>>().try_into().expect("two"),
        sealer,
        signature: Signature::from_bytes([0; 64]),
    };
    SealedBlob { signature: Signature::sign(identity, Tag::SEALED_BLOB, &blob.signed_bytes()), ..blob }
}

#[test]
fn a_share_forged_from_scratch_is_forged_though_anyone_can_wrap_to_a_public_key() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let genuine = blob_of(&stage, signer(1), key.id());
    let identity = SigningKey::from_bytes(&[7; 32]);
    // With the statement and document of the boot that did seal, which say another identity.
    let blob = forged(&stage, &genuine, genuine.sealer.clone(), &identity);
    assert_eq!(refused(&mut stage, 1, &blob, key.certificate()), "blob_forged");
    // With a statement of its own, and the genuine document, which carries another's hash.
    let statement = own_statement(&stage, signer(1), &identity, Hash::from_bytes([9; 32]));
    let sealer = Introduction {
        statement: codec::encode(&statement).try_into().expect("short"),
        document: genuine.sealer.document.clone(),
    };
    let blob = forged(&stage, &genuine, sealer, &identity);
    assert_eq!(refused(&mut stage, 1, &blob, key.certificate()), "blob_forged");
    stage.settle(&key);
}

fn own_statement(stage: &Stage, id: SignerId, identity: &SigningKey, recipient: Hash) -> BootStatement {
    let manifest = stage.group.manifest();
    let keys = BootKeys { identity: PublicKey::of(identity), channel: Hash::from_bytes([9; 32]), recipient };
    let mut statement =
        BootStatement { group: manifest.group, manifest: manifest.hash(), signer: id, keys, proof: None };
    let signature = Signature::sign(identity, Tag::SIGNER_PROOF, &statement.unproved());
    statement.proof = Some(SignerProof { key: PublicKey::of(identity), signature });
    statement
}

#[test]
fn a_share_sealed_by_an_attested_enclave_of_another_image_is_forged() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let genuine = blob_of(&stage, signer(1), key.id());
    let identity = SigningKey::from_bytes(&[7; 32]);
    let document = Unverified::parse(genuine.sealer.document.as_slice()).expect("a document");
    let document = document.authenticate(&stage.root().trust_root(), Mode::Archival).expect("genuine");
    let recipient = document.public_key().expect("a recipient key").to_vec();
    let statement = own_statement(&stage, signer(1), &identity, BootKeys::recipient_hash(&recipient));
    let manifest = stage.group.manifest();
    let slot = manifest.slot(signer(1)).expect("a signer");
    let wire = |pcr: &cloister_wire::ids::Pcr| Pcr::from(*pcr.as_bytes());
    let measured = |hash: Hash| Pcr::ZERO.extended(hash.as_bytes());
    // All registers as they should be, but for the attacker's own image.
    let registers = [
        (0, Pcr::ZERO.extended(b"an image of the attacker's")),
        (1, wire(&manifest.release.pcr1)),
        (2, wire(&manifest.release.pcr2)),
        (3, wire(&slot.pcr3)),
        (16, measured(manifest.hash())),
        (17, measured(manifest.slot_hash(signer(1)))),
    ];
    let mut nsm = StandInNsm::new(stage.root(), &registers).expect("registers");
    nsm.lock_pcr(16).and_then(|()| nsm.lock_pcr(17)).expect("open registers");
    let now = cloister_tests::stage::now().0;
    let attested = nsm.attest(Some(statement.user_data().as_bytes()), None, Some(&recipient), now).expect("signed");
    let sealer = Introduction {
        statement: codec::encode(&statement).try_into().expect("short"),
        document: attested.try_into().expect("short"),
    };
    let blob = forged(&stage, &genuine, sealer, &identity);
    assert_eq!(refused(&mut stage, 1, &blob, key.certificate()), "blob_forged");
    stage.settle(&key);
}

/// An order for KMS that the signer gives when a genuine blob is presented: ticket, and recipient key.
fn unwrapping(stage: &mut Stage, key: &Key) -> (u64, Vec<u8>) {
    let blob = blob_of(stage, signer(1), key.id());
    let Body::Unwrap { ticket, document, .. } = stage.done(signer(1), &present(&blob, key.certificate())) else {
        panic!("nothing to unwrap")
    };
    let document = Unverified::parse(document.as_slice()).expect("a document");
    let document = document.authenticate(&stage.root().trust_root(), Mode::Archival).expect("genuine");
    (ticket, document.public_key().expect("a recipient key").to_vec())
}

fn unwrapped(ticket: u64, envelopes: [Option<Vec<u8>>; 2]) -> Request {
    let envelopes = envelopes.map(|envelope| envelope.map(|bytes| Bytes::try_from(bytes).expect("short enough")));
    Request::Unwrapped { ticket, envelopes: Vec::from(envelopes).try_into().expect("two") }
}

#[test]
fn an_answer_that_the_host_makes_up_in_kmss_place_opens_nothing() {
    let mut stage = play(&CALM);
    // A key of this boot's own making, whose data key the signer has not learnt from KMS.
    let key = honest_key(&mut stage);
    let of_the_host = |recipient: &[u8]| kms::envelope(recipient, &[7; 32]).into_vec();
    let (ticket, recipient) = unwrapping(&mut stage, &key);
    let both = [Some(of_the_host(&recipient)), Some(of_the_host(&recipient))];
    assert_eq!(stage.refused(signer(1), &unwrapped(ticket, both.clone())), "unwrap_failed");
    // A ticket is good for one answer.
    assert_eq!(stage.refused(signer(1), &unwrapped(ticket, both)), "unwrap_failed");
    for (what, envelopes) in [
        ("too short a data key", [Some(kms::envelope(&recipient, &[7; 16]).into_vec()), None]),
        ("no CMS", [Some(b"plain".to_vec()), None]),
        ("nothing", [None, None]),
    ] {
        let (ticket, _) = unwrapping(&mut stage, &key);
        assert_eq!(stage.refused(signer(1), &unwrapped(ticket, envelopes)), "unwrap_failed", "{what}");
    }
    stage.settle(&key);
}

#[test]
fn answers_made_up_in_kmss_place_make_no_key() {
    let mut stage = play(&CALM);
    let root = stage.root().trust_root();
    let mut recipient = Vec::new();
    stage.rule(signer(2), move |frame: &Frame| {
        if let Some(cloister_wire::message::Outcome::Done(Body::Unwrap { document, .. })) =
            frame.to_reply().map(|reply| reply.outcome)
        {
            let document = Unverified::parse(document.as_slice())
                .expect("a document")
                .authenticate(&root, Mode::Archival)
                .expect("genuine");
            recipient = document.public_key().expect("a recipient key").to_vec();
        }
        match frame.to_request() {
            Some(Request::Unwrapped { ticket, .. }) => {
                let ours = || Some(kms::envelope(&recipient, &[7; 32]).into_vec());
                Action::Instead(
                    frame.with_payload(&codec::encode(&unwrapped(ticket, [ours(), ours()]))).bytes().to_vec(),
                )
            }
            _ => Action::Pass,
        }
    });
    let error = stage.make_key(40, Scheme::Ed25519).expect_err("the host's own data key");
    assert_eq!(error.code(), "unwrap_failed");
    stage.behave();
    let key = stage.key(40, Scheme::Ed25519);
    stage.settle(&key);
}

#[test]
fn after_a_restart_a_swapped_blob_or_a_made_up_answer_of_kms_keeps_one_signers_share_shut_and_no_more() {
    let mut stage = play(&WILD);
    let (key, other) = (honest_key(&mut stage), stage.key(1, Scheme::Ed25519));
    let swapped = blob_of(&stage, signer(2), other.id());
    let wanted = key.id();
    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    stage.rule(signer(2), move |frame: &Frame| match frame.to_request() {
        Some(Request::Present { blob, certificate }) if matches!(blob.context.content, Content::Share { key, .. } if key == wanted) => {
            let request = Request::Present { blob: swapped.clone(), certificate };
            Action::Instead(frame.with_payload(&codec::encode(&request)).bytes().to_vec())
        }
        _ => Action::Pass,
    });
    assert_eq!(stage.start_refused(), "blob_foreign");
    stage.settle(&key);

    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    stage.rule(signer(2), |frame: &Frame| match frame.to_request() {
        Some(Request::Unwrapped { ticket, .. }) => Action::Instead(
            frame.with_payload(&codec::encode(&unwrapped(ticket, [Some(b"made up".to_vec()), None]))).bytes().to_vec(),
        ),
        _ => Action::Pass,
    });
    assert_eq!(stage.start_refused(), "unwrap_failed");
    stage.settle(&key);
    // An honest host goes on where that one stopped.
    stage.start();
    stage.kill([signer(3)]);
    assert_eq!(stage.sign_text(&key, "with signer 2 again").expect("a signature").signers, [signer(1), signer(2)]);
    stage.revive([signer(3)]);
    stage.start();
    stage.settle(&key);
}

#[test]
fn a_blob_that_the_store_has_lost_keeps_one_signers_share_shut_until_it_is_restored() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let archived = blob_of(&stage, signer(2), key.id());
    let store = format!("sqlite://{}", stage.group.dir().join("host-2.sqlite").display());
    let id = key.id().as_bytes().to_vec();
    stage.wait(async |_| {
        use sqlx::Connection as _;
        let mut store = sqlx::SqliteConnection::connect(&store).await.expect("a store");
        let lost =
            sqlx::query("DELETE FROM blobs WHERE content = ?").bind(&id).execute(&mut store).await.expect("deleted");
        assert_eq!(lost.rows_affected(), 1);
    });
    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    assert_eq!(stage.start_refused(), "blob_missing");
    stage.settle(&key);

    let (body, hash) = (codec::encode(&archived), Tag::SEALED_BLOB.hash(&codec::encode(&archived)));
    stage.wait(async |_| {
        use sqlx::Connection as _;
        let mut store = sqlx::SqliteConnection::connect(&store).await.expect("a store");
        let restore = sqlx::query("INSERT INTO blobs (content, hash, body) VALUES (?, ?, ?)");
        restore.bind(&id).bind(hash.as_bytes().to_vec()).bind(body).execute(&mut store).await.expect("restored");
    });
    stage.start();
    stage.kill([signer(3)]);
    assert_eq!(stage.sign_text(&key, "with signer 2 again").expect("a signature").signers, [signer(1), signer(2)]);
    stage.revive([signer(3)]);
    stage.start();
    stage.settle(&key);
}
