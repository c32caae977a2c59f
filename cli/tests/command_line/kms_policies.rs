//! Key policies: built for a signer of a signed manifest, and linted.

use std::fs;

use cloister_simulator::kms::policy::Policy;
use serde_json::{Value, json};

use crate::{
    operators::Desk,
    world::{Answer, said, text},
};

const PARENT: &str = "arn:aws:iam::111111111101:role/signer";
const ADMIN: &str = "arn:aws:iam::111111111101:role/key-admin";

/// A signed manifest and the pcr.json of its release.
fn desk(name: &str) -> Desk {
    let desk = Desk::new(name);
    let manifest = desk.path("group.manifest");
    desk.run(&["manifest", "build", &desk.plan(&desk.example()), "--out", &manifest]);
    for key in ["a.key", "b.key"] {
        assert_eq!(desk.run(&["manifest", "sign", &manifest, "--key", &desk.path(key)]).exit, 0);
    }
    image(&desk, "pcr.json", "ab");
    desk
}

fn image(desk: &Desk, name: &str, byte: &str) {
    let pcr = byte.repeat(48);
    let image = json!({"format": "cloister-image-v1", "Measurements": {"PCR0": pcr, "PCR1": pcr, "PCR2": pcr},
        "image": {"sha384": pcr, "bytes": 1}, "memory_mib": 128, "cpus": 2, "inputs": []});
    fs::write(desk.path(name), image.to_string()).unwrap();
}

fn build(desk: &Desk, more: &[&str]) -> Answer {
    let (pcrs, manifest) = (desk.path("pcr.json"), desk.path("group.manifest"));
    let fixed = ["kms", "policy", "build", "--pcrs", &pcrs, "--manifest", &manifest, "--admin-role", ADMIN];
    desk.run(&[&fixed[..], more].concat())
}

#[test]
fn a_policy_is_built_from_image_and_manifest_and_lints_clean_and_the_stand_in_takes_it() {
    let desk = desk("kms-policy");
    let (file, pcrs, manifest) = (desk.path("policy.json"), desk.path("pcr.json"), desk.path("group.manifest"));
    let built = build(&desk, &["--signer", "1", "--parent-role", PARENT, "--out", &file]);
    assert_eq!(built.exit, 0, "{:#}", built.json);
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(written, built.json["policy"]);
    assert_eq!(built.json["releases"][0].as_object().unwrap().len(), 6);
    assert!(built.json["warnings"][0].as_str().unwrap().contains("--bypass-policy-lockout-safety-check"));
    Policy::parse(&written.to_string()).unwrap();
    let lint = ["kms", "policy", "lint", &file, "--pcrs", &pcrs, "--manifest", &manifest, "--signer"];
    let clean = desk.run(&[&lint[..], &["1"]].concat());
    assert_eq!((clean.exit, &clean.json["findings"]), (0, &json!([])), "{:#}", clean.json);

    let other = desk.run(&[&lint[..], &["2"]].concat());
    other.fails(4, "kms_policy_findings");
    let found: Vec<_> = other.json["findings"].as_array().unwrap().iter().map(|it| text(it, "code")).collect();
    assert_eq!(found, ["pcr_differs"; 2], "PCR3 and PCR17: {:#}", other.json);
    build(&desk, &["--signer", "1", "--parent-role", PARENT, "--out", &file]).fails(2, "exists");
}

#[test]
fn a_second_release_is_accepted_and_its_cost_is_said() {
    let desk = desk("kms-policy-two");
    image(&desk, "next.json", "cd");
    let (next, file) = (desk.path("next.json"), desk.path("policy.json"));
    let built = build(&desk, &["--signer", "1", "--parent-role", PARENT, "--also-accept", &next, "--out", &file]);
    assert_eq!(built.json["releases"].as_array().unwrap().len(), 2, "{:#}", built.json);
    assert!(built.json["warnings"][2].as_str().unwrap().contains("hole in both"), "{:#}", built.json);
    let pcrs = desk.path("pcr.json");
    desk.run(&["kms", "policy", "lint", &file, "--pcrs", &pcrs]).fails(4, "kms_policy_findings");
    assert_eq!(desk.run(&["kms", "policy", "lint", &file, "--pcrs", &pcrs, "--also-accept", &next]).exit, 0);
    build(&desk, &["--signer", "1", "--parent-role", PARENT, "--also-accept", &pcrs]).fails(2, "usage");
}

#[test]
fn another_release_than_the_manifests_is_refused_and_found_unless_a_later_generation_is_meant() {
    let desk = desk("kms-policy-later");
    image(&desk, "pcr.json", "cd");
    let (file, pcrs, manifest) = (desk.path("policy.json"), desk.path("pcr.json"), desk.path("group.manifest"));
    let built = ["--signer", "1", "--parent-role", PARENT, "--out", &file];
    build(&desk, &built).fails(2, "release_other");
    assert_eq!(build(&desk, &[&built[..], &["--later-generation"]].concat()).exit, 0);
    let lint = ["kms", "policy", "lint", &file, "--pcrs", &pcrs, "--manifest", &manifest, "--signer", "1"];
    let found = desk.run(&lint);
    found.fails(4, "kms_policy_findings");
    let codes: Vec<_> = found.json["findings"].as_array().unwrap().iter().map(|it| text(it, "code")).collect();
    assert_eq!(codes, ["release_other"], "{:#}", found.json);
    assert_eq!(desk.run(&[&lint[..], &["--later-generation"]].concat()).exit, 0);
    // Without pcr.json, the release is the one that the manifest's operators signed for.
    let found = desk.run(&["kms", "policy", "lint", &file, "--manifest", &manifest, "--signer", "1"]);
    let codes: Vec<_> = found.json["findings"].as_array().unwrap().iter().map(|it| text(it, "code")).collect();
    assert_eq!((found.exit, codes), (4, vec!["pcr_differs"; 3]), "{:#}", found.json);
    let doctor = desk.run(&["doctor", "--manifest", &manifest, "--signer", "1", "--policy", &file]);
    doctor.fails(4, "doctor_findings");
    let unsafe_policy = |check: &&Value| text(check, "check") == "kms policy" && text(check, "state") == "unverified";
    assert_eq!(doctor.json["checks"].as_array().unwrap().iter().filter(unsafe_policy).count(), 3, "{:#}", doctor.json);
}

#[test]
fn a_policy_for_another_account_than_that_of_the_manifests_keys_is_refused() {
    let desk = desk("kms-policy-account");
    let other = build(&desk, &["--signer", "1", "--parent-role", PARENT, "--account", "999922223333"]);
    other.fails(2, "usage");
    assert!(text(&other.json["error"], "message").contains("in account"), "{:#}", other.json);
}

#[test]
fn what_no_policy_can_be_built_from_is_refused() {
    let desk = desk("kms-policy-refused");
    build(&desk, &["--signer", "4", "--parent-role", PARENT]).fails(2, "usage");
    build(&desk, &["--signer", "2", "--parent-role", PARENT]).fails(2, "usage");
    build(&desk, &["--signer", "1", "--parent-role", "signer"]).fails(2, "usage");
    build(&desk, &["--signer", "1", "--parent-role", PARENT, "--account", "12"]).fails(2, "usage");
    fs::write(desk.path("pcr.json"), json!({"Measurements": {"PCR0": "00".repeat(48)}}).to_string()).unwrap();
    build(&desk, &["--signer", "1", "--parent-role", PARENT]).fails(2, "file_invalid");
    image(&desk, "pcr.json", "ab");
    fs::remove_file(desk.path("group.manifest")).unwrap();
    let manifest = desk.path("group.manifest");
    desk.run(&["manifest", "build", &desk.path("plan.json"), "--out", &manifest]);
    build(&desk, &["--signer", "1", "--parent-role", PARENT]).fails(4, "not_endorsed");
}

#[test]
fn findings_are_shown_to_people_with_what_to_do() {
    let desk = desk("kms-policy-people");
    let file = desk.path("policy.json");
    fs::write(&file, r#"{"Version":"2012-10-17","Statement":{"Sid":"All","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#).unwrap();
    let shown = said(&["kms", "policy", "lint", &file]);
    for words in ["All", "(action_wildcard)", "(principal_wildcard)", "Name each action.", "not in order", "hint:"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let forged = json!({"Version": "2012-10-17", "Statement": {"Sid": "x\npolicy.json: in order", "Effect": "Allow",
        "Principal": {"AWS": "y\nz"}, "Action": "kms:Decrypt", "Resource": "*"}});
    fs::write(&file, forged.to_string()).unwrap();
    assert!(!said(&["kms", "policy", "lint", &file]).contains("\npolicy.json"));
    assert!(!said(&["doctor", "--policy", &file]).contains("\npolicy.json"));
    fs::write(&file, " ".repeat(40_000)).unwrap();
    desk.run(&["kms", "policy", "lint", &file]).fails(2, "document_too_large");
    fs::write(&file, "{").unwrap();
    desk.run(&["kms", "policy", "lint", &file]).fails(2, "file_invalid");
}
