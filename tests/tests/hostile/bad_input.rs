//! Callers who send what cannot be carried out, and surroundings that fail: each has its own code, and nothing acknowledged is lost.

use std::{fs, process::Command};

use cloister_client::{Account, Key, Secret, operator::ManifestPlan, requester::Credential, scheme::Kind};
use cloister_tests::{
    payload,
    stage::{Stage, name, now, signer},
};
use cloister_wire::{
    codec,
    ids::{GroupId, KeyId, UnixMillis},
    limits,
    manifest::Manifest,
    request::{KeyRequest, Purpose, Requested, Scheme, SignRequest},
};

use crate::{CALM, WILD, honest_key, play};

/// An honest request, before the caller spoils it.
fn draft(stage: &Stage, key: &Key, kind: Kind, payload: &[u8]) -> SignRequest {
    let requested =
        stage.credential().request_signature(stage.id(), &Account::from(key), kind, payload).expect("short enough");
    codec::decode(requested.body.as_slice()).expect("canonical")
}

/// The code with which a signed request is refused.
fn code(stage: &mut Stage, credential: &Credential, request: &SignRequest) -> String {
    let requested = credential.secret.request(request).expect("short enough");
    stage.post("/v1/sign", &requested).code().to_owned()
}

#[test]
fn transactions_that_cannot_be_parsed_are_refused_with_what_is_wrong_with_them() {
    let mut stage = play(&CALM);
    let (key, taproot) = (honest_key(&mut stage), stage.key(3, Scheme::Secp256k1Taproot));
    let output = taproot.output_key().expect("a Taproot key");
    let psbt = payload::taproot_psbt(&[&output, &output]);
    let transfer = payload::solana_transfer(key.public_key(), 1);
    let without_prevouts = {
        let mut psbt = bitcoin::Psbt::deserialize(&psbt).expect("a PSBT");
        psbt.inputs[1].witness_utxo = None;
        psbt.serialize()
    };
    let of_another = payload::taproot_psbt(&[&output, &[2; 32]]);
    let credential = stage.credential();
    let cases: [(&Key, Kind, &[u8], &str); 9] = [
        (&key, Kind::Solana, &transfer[..transfer.len() - 1], "payload_truncated"),
        (&key, Kind::Solana, &[transfer.as_slice(), b"x"].concat(), "payload_trailing_bytes"),
        (&key, Kind::Solana, &payload::solana_transfer(&[7; 32], 1), "solana_not_a_signer"),
        (&taproot, Kind::Bitcoin, b"not a PSBT", "psbt_bad_magic"),
        (&taproot, Kind::Bitcoin, &psbt[..psbt.len() - 1], "payload_truncated"),
        (&taproot, Kind::Bitcoin, &without_prevouts, "psbt_no_utxo"),
        (&taproot, Kind::Bitcoin, &of_another, "foreign_inputs"),
        (&key, Kind::Message, b"\xff", "message_not_utf8"),
        (&key, Kind::Bitcoin, &psbt, "scheme_mismatch"),
    ];
    for (key, chain, payload, expected) in cases {
        let request = draft(&stage, key, chain, payload);
        assert_eq!(code(&mut stage, &credential, &request), expected);
    }
    stage.settle(&key);
}

#[test]
fn requests_out_of_date_or_not_this_groups_or_keys_are_refused_each_with_its_own_code() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let credential = stage.credential();
    let honest = draft(&stage, &key, Kind::Message, b"a text");
    let at = |millis: i64| UnixMillis(now().0.checked_add_signed(millis).expect("a moment"));
    const HOUR: i64 = 60 * 60 * 1000;
    let with = |change: &dyn Fn(&mut SignRequest)| {
        let mut request = honest.clone();
        change(&mut request);
        request
    };
    let cases = [
        (with(&|request| request.key = KeyId::from_bytes([9; 32])), "key_unknown"),
        (with(&|request| (request.issued_at, request.not_after) = (at(-2 * HOUR), at(-HOUR))), "request_expired"),
        (with(&|request| (request.issued_at, request.not_after) = (at(-2 * HOUR), at(HOUR))), "request_before_start"),
        (with(&|request| (request.issued_at, request.not_after) = (at(HOUR), at(2 * HOUR))), "request_not_yet_valid"),
        (with(&|request| request.not_after = at(25 * HOUR)), "request_life_too_long"),
        (with(&|request| request.not_after = request.issued_at), "request_life_too_long"),
        (with(&|request| request.group = GroupId::from_bytes([9; 16])), "wrong_group"),
        (with(&|request| request.tenant = "rival".parse().expect("a name")), "tenant_mismatch"),
        (with(&|request| request.requester = "nobody".parse().expect("a name")), "requester_unknown"),
        (with(&|request| request.purpose = Purpose::Transaction), "purpose_mismatch"),
        (with(&|request| request.path = vec![1].try_into().expect("short")), "path_not_supported"),
    ];
    for (number, (request, expected)) in cases.into_iter().enumerate() {
        let mut request = request;
        request.id = cloister_wire::ids::RequestId::from_bytes([u8::try_from(number).expect("few"); 16]);
        assert_eq!(code(&mut stage, &credential, &request), expected);
    }
    stage.settle(&key);
}

#[test]
fn a_request_signed_by_a_stranger_is_refused_and_so_is_a_request_id_that_stands_for_another() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let mut stranger = stage.credential();
    stranger.secret = Secret::generate().expect("randomness").into();
    let honest = draft(&stage, &key, Kind::Message, b"a text");
    assert_eq!(code(&mut stage, &stranger, &honest), "request_signature");
    let credential = stage.credential();
    let requested = credential.secret.request(&honest).expect("short enough");
    assert_eq!(stage.post("/v1/sign", &requested).status, 200, "the stranger has used nothing up");
    let other = SignRequest { payload: b"another".as_slice().try_into().expect("short"), ..honest };
    assert_eq!(code(&mut stage, &credential, &other), "request_id_reused");
    stage.settle(&key);
}

#[test]
fn a_key_of_a_name_that_is_taken_or_by_a_requester_who_may_not_is_refused() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    let taken = stage.make_key(0, Scheme::Secp256k1Schnorr).expect_err("the name is taken");
    assert_eq!(taken.code(), "key_name_taken");
    let credential = stage.credential();
    let requested = stage.key_request(name(60), Scheme::Ed25519);
    let mut request: KeyRequest = codec::decode(requested.body.as_slice()).expect("canonical");
    request.not_after = UnixMillis(request.issued_at.0 + 1);
    std::thread::sleep(std::time::Duration::from_millis(5));
    let late = credential.secret.request(&request).expect("short enough");
    assert_eq!(stage.post("/v1/keys", &late).code(), "request_expired");
    stage.settle(&key);
}

#[test]
fn bodies_that_are_no_requests_are_refused_as_what_they_are() {
    let mut stage = play(&CALM);
    let key = honest_key(&mut stage);
    for body in [
        serde_json::json!({}),
        serde_json::json!({ "request": "%" }),
        serde_json::json!({ "request": "AAAA", "more": 1 }),
    ] {
        assert_eq!(stage.post_json("/v1/sign", &body).code(), "request_invalid", "{body}");
    }
    // A few bytes more than the host takes: it has read all of them when it refuses, so that its answer arrives.
    let huge = serde_json::json!({ "request": "A".repeat(2 * limits::REQUEST) });
    assert_eq!(stage.post_json("/v1/sign", &huge).code(), "request_too_large");
    assert_eq!(stage.post_json("/v1/nothing", &serde_json::json!({})).code(), "not_found");
    let not_canonical =
        Requested { body: b"\xff".as_slice().try_into().expect("short"), ..stage.text_request(&key, "x") };
    assert_eq!(stage.post("/v1/sign", &not_canonical).code(), "malformed");
    stage.settle(&key);
}

#[test]
fn a_manifest_whose_threshold_exceeds_its_signers_cannot_even_be_planned() {
    let stage = play(&CALM);
    let manifest: Manifest = stage.group.endorsed_manifest().unverified().expect("canonical");
    let plan = ManifestPlan {
        group: manifest.group,
        threshold: 4,
        signers: manifest.signers.into_vec(),
        operators: manifest.operators.into_vec(),
        quorum: manifest.quorum,
        release: manifest.release,
    };
    let error = plan.build().expect_err("4 of 3");
    assert_eq!(error.code(), "manifest_invalid");
    assert!(!error.hint().is_empty() && error.to_string().contains("threshold 4"), "{error}");
}

#[test]
fn without_kms_no_key_is_made_and_no_share_opened_and_with_it_both_go_on() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    stage.wait(async |group| group.kill_kms().await.expect("killed"));
    let request = stage.key_request(name(61), Scheme::Ed25519);
    assert_eq!(stage.post("/v1/keys", &request).code(), "kms_unavailable");
    // Signing needs no KMS.
    stage.settle(&key);
    stage.kill([signer(2)]);
    stage.revive([signer(2)]);
    assert_eq!(stage.start_refused(), "kms_unavailable");
    stage.settle(&key);

    stage.wait(async |group| group.restart_kms().await.expect("started"));
    stage.start();
    let request = stage.key_request(name(61), Scheme::Ed25519);
    let made = stage.post("/v1/keys", &request);
    assert_eq!(made.status, 200, "{made:?}");
    stage.settle(&key);
}

#[test]
fn a_full_disk_stops_the_host_before_it_acknowledges_anything_and_room_on_it_lets_it_go_on() {
    let mut stage = play(&WILD);
    let key = honest_key(&mut stage);
    let Some(disk) = Disk::mount(&stage) else {
        eprintln!("NOT CHECKED: a small disk cannot be mounted here");
        return;
    };
    stage.wait(async |group| group.kill_host(signer(1)).await.expect("killed"));
    disk.take_in(&stage, "host-1.sqlite");
    stage.wait(async |group| group.restart_host(signer(1)).await.expect("started"));
    stage.await_ready(signer(1));
    let before = stage.text_request(&key, "while there was room");
    let acknowledged = stage.post("/v1/sign", &before);
    assert_eq!(acknowledged.status, 200, "{acknowledged:?}");

    disk.fill();
    let request = loop {
        // What the write-ahead log has room for still goes through.
        let request = stage.text_request(&key, "while there is none");
        if stage.post("/v1/sign", &request).status != 200 {
            break request;
        }
    };
    assert_eq!(stage.post("/v1/sign", &request).code(), "storage_full");
    assert_eq!(stage.post("/v1/sign", &before).body, acknowledged.body, "what was acknowledged is still there");
    disk.make_room();
    assert_eq!(stage.post("/v1/sign", &request).status, 200);
    let pin = stage.group.pin();
    let export = stage.wait(async |group| group.attest().await.expect("attested").audit_export(None).await);
    let export = cloister_client::audit::Export::parse(&export.expect("an export")).expect("one that can be read");
    assert!(export.verify(&pin).expect("a report").in_order(), "no receipt was lost");

    stage.wait(async |group| group.kill_host(signer(1)).await.expect("killed"));
    disk.give_back(&stage, "host-1.sqlite");
    stage.wait(async |group| group.restart_host(signer(1)).await.expect("started"));
    stage.await_ready(signer(1));
    assert_eq!(stage.post("/v1/sign", &before).body, acknowledged.body, "nor has a crash lost it");
    stage.settle(&key);
}

/// A small disk of its own. Unmounted when dropped.
pub(crate) struct Disk(std::path::PathBuf);

impl Disk {
    /// Needs root.
    pub(crate) fn mount(stage: &Stage) -> Option<Self> {
        let path = stage.group.dir().join("disk");
        fs::create_dir(&path).expect("a new folder");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&path).status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Self(path));
        }
        fs::remove_dir(&path).expect("an empty folder");
        None
    }

    /// Moves a host's store here; a link says where it is.
    pub(crate) fn take_in(&self, stage: &Stage, store: &str) {
        for end in ["", "-wal", "-shm"] {
            let (from, to) = (stage.group.dir().join(format!("{store}{end}")), self.0.join(format!("{store}{end}")));
            if from.exists() {
                fs::copy(&from, to).and_then(|_| fs::remove_file(&from)).expect("moved");
            }
        }
        std::os::unix::fs::symlink(self.0.join(store), stage.group.dir().join(store)).expect("a link");
    }

    pub(crate) fn give_back(&self, stage: &Stage, store: &str) {
        fs::remove_file(stage.group.dir().join(store)).expect("the link");
        for end in ["", "-wal"] {
            let (from, to) = (self.0.join(format!("{store}{end}")), stage.group.dir().join(format!("{store}{end}")));
            if from.exists() {
                fs::copy(&from, to).expect("moved");
            }
        }
    }

    pub(crate) fn fill(&self) {
        use std::io::Write as _;
        let mut file = fs::File::create(self.0.join("filler")).expect("a file");
        for piece in [1 << 16, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Detached at once, removed when the last file in it is closed.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
        drop(fs::remove_dir(&self.0));
    }
}
