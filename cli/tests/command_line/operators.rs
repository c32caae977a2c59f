//! What operators do: keys, manifests, starting a group and starting it again.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::PoisonError};

use crate::world::{OPERATORS, World, folder, run_in, text};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::ids::SignerId;
use serde_json::json;

#[test]
fn a_secret_key_file_is_its_owners_alone_and_never_overwritten() {
    let dir = folder("keygen");
    fs::create_dir_all(&dir).unwrap();
    let file = dir.join("alice.key").display().to_string();
    let made = run_in(&dir, &["operator", "keygen", &file], b"");
    assert_eq!(made.exit, 0);
    assert_eq!(text(&made.json, "public_key").len(), 64);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = fs::read_to_string(&file).unwrap();
    assert!(!made.json.to_string().contains(secret.trim_end()));
    run_in(&dir, &["operator", "keygen", &file], b"").fails(1, "key_file");
    assert_eq!(fs::read_to_string(&file).unwrap(), secret);
}

#[test]
fn a_manifest_is_built_from_a_plan_and_complete_once_a_quorum_has_signed() {
    let dir = folder("manifest");
    fs::create_dir_all(&dir).unwrap();
    let run = |arguments: &[&str]| run_in(&dir, arguments, b"");
    let path = |name: &str| dir.join(name).display().to_string();
    let keys =
        ["a.key", "b.key"].map(|name| text(&run(&["operator", "keygen", &path(name)]).json, "public_key").to_owned());
    let pcr = "ab".repeat(48);
    let kms = |signer: u8, key: u8| json!({"arn": format!("arn:aws:kms:eu-central-1:{signer:012}:key/{key}"), "public_key": STANDARD.encode([signer, key])});
    let signer = |signer: u8| json!({"role_arn": format!("arn:aws:iam::{signer:012}:role/signer"), "kms": [kms(signer, 1), kms(signer, 2)]});
    let plan = |threshold: u8| {
        let plan = json!({"threshold": threshold, "quorum": 2, "operators": keys, "release": {"PCR0": pcr, "PCR1": pcr, "PCR2": pcr},
            "signers": [signer(1), signer(2), signer(3)]});
        fs::write(dir.join("plan.json"), plan.to_string()).unwrap();
        path("plan.json")
    };
    let manifest = path("group.manifest");
    run(&["manifest", "build", &plan(4), "--out", &manifest]).fails(4, "manifest_invalid");
    let built = run(&["manifest", "build", &plan(2), "--out", &manifest]).json;
    assert_eq!((&built["complete"], &built["signed_by"]), (&false.into(), &json!([])), "{built:#}");
    run(&["manifest", "sign", &manifest, "--key", &path("b.key")]);
    run(&["manifest", "sign", &manifest, "--key", &path("b.key")]).fails(2, "plan_invalid");
    let signed = run(&["manifest", "sign", &manifest, "--key", &path("a.key")]).json;
    assert_eq!((&signed["complete"], &signed["signed_by"]), (&true.into(), &json!([1, 0])), "{signed:#}");
    let shown = run(&["manifest", "show", &manifest]).json;
    assert_eq!(shown["manifest_hash"], built["manifest_hash"]);
}

#[test]
fn a_group_is_started_by_hand_and_again_after_all_its_signers_were_killed() {
    let mut world = World::founded("life", 2);
    world.fails(&["status"], 1, "not_enough_signers");
    world.fails(&["key", "list"], 1, "not_enough_signers_attested");
    let started = world.ok(&["group", "start"]);
    assert_eq!((text(&started, "kind"), &started["incarnation"]), ("genesis", &1.into()));
    let key = world.key("lasting", "ed25519", "message");

    for signer in [1, 2].map(|id| SignerId::try_from(id).unwrap()) {
        world.runtime.block_on(world.group.kill_signer(signer)).unwrap();
        world.runtime.block_on(world.group.restart_signer(signer)).unwrap();
    }
    wait_for_attestation(&world);
    let file = world.file("text", "still here");
    world.fails(&["sign", "--key", "lasting", "--chain", "message", &file], 1, "not_enough_signers_attested");
    let started = world.ok(&["group", "start"]);
    assert_eq!((text(&started, "kind"), &started["incarnation"]), ("restart", &2.into()));
    assert_eq!(world.ok(&["key", "show", "lasting"]), key);
    world.ok(&["sign", "--key", "lasting", "--chain", "message", &file]);
    world.ok(&["audit", "export", &world.path("trail.json")]);
    let report = world.ok(&["audit", "verify", &world.path("trail.json")]);
    assert_eq!(report["boots"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_requester_is_added_with_a_key_of_its_own() {
    let world = World::shared();
    let secret = world.path("bob.key");
    world.key("bobs", "ed25519", "message");
    let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let added = world.ok(&["requester", "add", "bob", "--key", &secret, "--create-keys", "--allow", "bobs=message"]);
    drop(turn);
    assert_eq!((text(&added, "tenant"), text(&added, "key_file")), ("demo", secret.as_str()));
    let file = world.file("bob.txt", "hello from bob");
    let bob = ["--requester", "bob", "--tenant", "demo", "--requester-key", &secret];
    world.ok(&[&["sign", "--key", "bobs", "--chain", "message", &file][..], &bob].concat());
    world.ok(&[&["key", "create", "--scheme", "ed25519", "--name", "bobs-own"][..], &bob].concat());
    world.fails(&["requester", "add", "bob", "--key", &world.path("other.key")], 2, "plan_invalid");
    world.fails(&["requester", "add", "eve", "--public-key", "00", "--allow", "bobs=message"], 2, "usage");
    world.fails(&["requester", "add", "eve", "--allow", "bobs=litecoin"], 2, "usage");
}

/// Hosts take a moment to find a new boot.
fn wait_for_attestation(world: &World) {
    world.runtime.block_on(world.group.attest()).expect("both signers attest");
}
