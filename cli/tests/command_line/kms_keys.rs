//! `doctor --kms` against the KMS stand-in: whether the keys behind a manifest's ARNs are the manifest's.

use std::{fs, process::Command, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_simulator::{
    kms::{Credential, EnvelopeForm, Key, KeyFile, KeySpec, KmsConfig, NewKey, Running, serve},
    nsm::TestRoot,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    operators::Desk,
    world::{Answer, BINARY, folder, text},
};

const REGION: &str = "eu-central-1";
const ACCOUNT: &str = "000000000001";

/// Signer 1's two KMS keys, and one that somebody else has.
struct Stand {
    keys: Vec<Arc<Key>>,
    auditor: Credential,
    running: Running,
    _runtime: Runtime,
}

impl Stand {
    fn start(name: &str) -> Self {
        let dir = folder(name);
        fs::create_dir_all(&dir).unwrap();
        let (key_file, root) = (dir.join("keys.json"), dir.join("root.der"));
        fs::write(&root, TestRoot::generate().unwrap().der()).unwrap();
        let mut file = KeyFile::open(&key_file, 0).unwrap();
        let new = || NewKey {
            region: REGION.parse().unwrap(),
            account: ACCOUNT.parse().unwrap(),
            spec: KeySpec::Rsa4096,
            description: String::new(),
            policy: None,
        };
        let keys = file.create(vec![new(), new(), new()], 0).unwrap();
        let auditor = file.add_credential(format!("arn:aws:iam::{ACCOUNT}:role/auditor").parse().unwrap()).unwrap();
        drop(file);
        let listen = "127.0.0.1:0".parse().unwrap();
        let regions = vec![REGION.parse().unwrap()];
        let runtime = Runtime::new().unwrap();
        let config = KmsConfig { listen, key_file, root, regions, envelope: EnvelopeForm::BerV2 };
        let running = runtime.block_on(serve(config)).unwrap();
        Self { keys, auditor, running, _runtime: runtime }
    }

    /// A manifest of these keys of signer 1, with these public keys beside them, and `signatures` of two.
    fn manifest(&self, desk: &Desk, name: &str, public_keys: [usize; 2], signatures: usize) -> String {
        let mut plan = desk.example();
        let kms = [0, 1].map(|position| {
            let public_key = self.keys[public_keys[position]].public_key().unwrap();
            json!({"arn": self.keys[position].arn().to_string(), "public_key": STANDARD.encode(public_key)})
        });
        plan["signers"][0]["kms"] = json!(kms);
        let manifest = desk.path(name);
        assert_eq!(desk.run(&["manifest", "build", &desk.plan(&plan), "--out", &manifest]).exit, 0);
        for key in ["a.key", "b.key"].iter().take(signatures) {
            assert_eq!(desk.run(&["manifest", "sign", &manifest, "--key", &desk.path(key)]).exit, 0);
        }
        manifest
    }

    fn doctor(&self, manifest: &str, more: &[&str]) -> Answer {
        self.doctor_as(Some(&self.auditor), manifest, more)
    }

    fn doctor_as(&self, who: Option<&Credential>, manifest: &str, more: &[&str]) -> Answer {
        let endpoint = format!("http://{}", self.running.local_addr());
        let mut command = Command::new(BINARY);
        command.args([
            "doctor",
            "--manifest",
            manifest,
            "--signer",
            "1",
            "--kms",
            "--kms-endpoint",
            &endpoint,
            "--json",
        ]);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
            command.env_remove(name);
        }
        if let Some(who) = who {
            command.env("AWS_ACCESS_KEY_ID", who.access_key_id()).env("AWS_SECRET_ACCESS_KEY", who.secret());
        }
        command.env("HOME", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", REGION);
        let output = command.args(more).output().unwrap();
        let json = serde_json::from_slice(&output.stdout).unwrap();
        Answer { exit: output.status.code().unwrap(), json }
    }
}

/// The states of all that was said under this name.
fn states<'a>(answer: &'a Answer, check: &str) -> Vec<&'a str> {
    said(answer, check).map(|found| text(found, "state")).collect()
}

fn said<'a>(answer: &'a Answer, check: &str) -> impl Iterator<Item = &'a Value> {
    answer.json["checks"].as_array().unwrap().iter().filter(move |found| text(found, "check") == check)
}

#[test]
fn the_doctor_finds_that_a_manifest_seals_to_another_key_than_kms_has_before_and_after_it_is_signed() {
    let (desk, stand) = (Desk::new("kms-keys"), Stand::start("kms-keys-stand"));
    let good = stand.manifest(&desk, "good.manifest", [0, 1], 2);
    let found = stand.doctor(&good, &[]);
    assert_eq!(states(&found, "kms key"), ["good"; 2], "{:#}", found.json);
    assert!(states(&found, "kms policy").iter().all(|state| *state == "unverified"), "AWS's default policy is open");
    let clocks = states(&found, "clock");
    assert_eq!((clocks.len(), clocks[1]), (2, "good"), "{:#}", found.json);

    let forged = stand.manifest(&desk, "forged.manifest", [0, 2], 2);
    let found = stand.doctor(&forged, &[]);
    found.fails(4, "doctor_findings");
    assert_eq!(states(&found, "kms key"), ["good", "unverified"], "{:#}", found.json);
    let second = said(&found, "kms key").last().unwrap();
    assert!(text(second, "message").contains("not the manifest's") && text(second, "hint").contains("plan it anew"));

    let early = stand.manifest(&desk, "early.manifest", [2, 1], 1);
    stand.doctor(&early, &[]).fails(4, "not_endorsed");
    let found = stand.doctor(&early, &["--unsigned"]);
    found.fails(4, "doctor_findings");
    assert_eq!(states(&found, "kms key"), ["unverified", "good"], "{:#}", found.json);
    assert_eq!(states(&found, "kms policy"), ["skipped"; 2], "{:#}", found.json);
}

#[test]
fn the_doctor_says_that_credentials_are_missing_and_not_that_a_right_is() {
    let (desk, stand) = (Desk::new("kms-credentials"), Stand::start("kms-credentials-stand"));
    let manifest = stand.manifest(&desk, "group.manifest", [0, 1], 2);
    let found = stand.doctor_as(None, &manifest, &[]);
    found.fails(1, "doctor_findings");
    let unread: Vec<_> = said(&found, "kms key").chain(said(&found, "kms policy")).collect();
    assert_eq!(unread.len(), 8, "three things of each key, and its policy: {:#}", found.json);
    for said in unread {
        assert!(text(said, "message").contains("there are no credentials for KMS"), "{said:#}");
        assert!(text(said, "hint").contains("before KMS answers"), "{said:#}");
    }
}

#[test]
fn the_doctor_compares_pcr_json_with_the_manifests_release() {
    let desk = Desk::new("doctor-release");
    let manifest = desk.path("group.manifest");
    desk.run(&["manifest", "build", &desk.plan(&desk.example()), "--out", &manifest]);
    for key in ["a.key", "b.key"] {
        desk.run(&["manifest", "sign", &manifest, "--key", &desk.path(key)]);
    }
    for (byte, state) in [("ab", "good"), ("cd", "unverified")] {
        let pcr = byte.repeat(48);
        fs::write(desk.path("pcr.json"), json!({"PCR0": pcr, "PCR1": pcr, "PCR2": pcr}).to_string()).unwrap();
        let found = desk.run(&["doctor", "--pcrs", &desk.path("pcr.json"), "--manifest", &manifest]);
        assert_eq!(states(&found, "release"), [state], "{:#}", found.json);
    }
}
