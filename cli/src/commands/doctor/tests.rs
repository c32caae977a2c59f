use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use clap::Parser;
use cloister_host::{
    KeyDescription,
    problem::{HostCode, Problem},
};
use cloister_wire::manifest::KmsKey;
use serde_json::json;

use super::{super::enclave::tests::StandIn, *};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// A parent instance on which everything is in order.
struct Parent {
    root: tempfile::TempDir,
    nitro: StandIn,
}

impl Parent {
    fn new() -> Self {
        let (root, nitro) = (tempfile::tempdir().unwrap(), StandIn::new());
        nitro.put("cid", "16");
        let parent = Self { root, nitro };
        parent.put("dev/nitro_enclaves", "");
        parent.put("etc/nitro_enclaves/allocator.yaml", "---\nmemory_mib: 256 # MiB\ncpu_count: 2\n");
        parent.put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "128\n");
        parent.put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "64\n");
        parent.put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
        parent.put("proc/self/limits", "Limit  Soft Limit  Hard Limit  Units\nMax open files            65536                524288               files\n");
        let pcr = "ab".repeat(48);
        let image = json!({"Measurements": {"PCR0": pcr, "PCR1": pcr, "PCR2": pcr}, "memory_mib": 128, "cpus": 2});
        parent.put("pcr.json", &image.to_string());
        parent
    }

    fn put(&self, name: &str, content: &str) {
        let file = self.root.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.root.path().join(name)).unwrap();
    }

    async fn state(&self, check: &str) -> State {
        let pcrs = self.root.path().join("pcr.json");
        let line = Line::try_parse_from([Path::new("doctor"), Path::new("--pcrs"), &pcrs]).unwrap();
        let report = line.arguments.examine(&Machine::at(self.root.path()), &self.nitro.cli()).await.unwrap();
        let found = report.checks.iter().find(|it| it.check == check).unwrap();
        assert_eq!(
            found.hint.is_some(),
            matches!(found.state, State::Bad | State::Unverified | State::Attention),
            "{found:?}"
        );
        found.state
    }
}

#[tokio::test]
async fn a_machine_in_order_is_good() {
    let parent = Parent::new();
    for check in ["nitro", "allocator", "hugepages", "enclave", "open files"] {
        assert_eq!(parent.state(check).await, State::Good, "{check}");
    }
}

type Spoil = fn(&Parent);

const SPOILED: &[(&str, State, Spoil)] = &[
    ("nitro", State::Bad, |parent| parent.remove("dev/nitro_enclaves")),
    ("allocator", State::Skipped, |parent| {
        parent.remove("dev/nitro_enclaves");
        parent.remove("etc/nitro_enclaves/allocator.yaml");
    }),
    ("allocator", State::Bad, |parent| parent.remove("etc/nitro_enclaves/allocator.yaml")),
    ("allocator", State::Bad, |parent| {
        parent.put("etc/nitro_enclaves/allocator.yaml", "memory_mib: 64\ncpu_count: 2\n")
    }),
    ("allocator", State::Bad, |parent| {
        parent.put("etc/nitro_enclaves/allocator.yaml", "memory_mib: 256\ncpu_pool: 1\n")
    }),
    ("allocator", State::Good, |parent| {
        parent.put("etc/nitro_enclaves/allocator.yaml", "memory_mib: 256\ncpu_pool: 1,3\n")
    }),
    ("allocator", State::Bad, |parent| parent.put("etc/nitro_enclaves/allocator.yaml", "#memory_mib: 256\n: x\n")),
    ("hugepages", State::Bad, |parent| parent.put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "63\n")),
    ("hugepages", State::Bad, |parent| {
        parent.nitro.remove("cid");
        parent.put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "63\n");
    }),
    ("hugepages", State::Bad, |parent| parent.put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "many")),
    ("enclave", State::Bad, |parent| parent.nitro.remove("cid")),
    ("enclave", State::Bad, |parent| parent.nitro.put("mute", "")),
    ("enclave", State::Unverified, |parent| parent.nitro.put("pcr", &"cd".repeat(48))),
    ("enclave", State::Unverified, |parent| parent.nitro.put("flags", "DEBUG_MODE")),
    ("open files", State::Attention, |parent| parent.put("proc/self/limits", "Max open files  1024  4096  files\n")),
    ("open files", State::Attention, |parent| parent.remove("proc/self/limits")),
];

#[tokio::test]
async fn each_thing_that_is_not_in_order_is_found_and_says_what_to_do() {
    for (position, (check, state, spoil)) in SPOILED.iter().enumerate() {
        let parent = Parent::new();
        spoil(&parent);
        assert_eq!(parent.state(check).await, *state, "case {position}, {check}");
    }
}

#[test]
fn clock_and_disk_are_judged_by_what_is_found() {
    let states = ["yes\n", "no\n", "", "what?"].map(|answer| clock::of(answer).state);
    assert_eq!(states, [State::Good, State::Bad, State::Attention, State::Attention]);
    let states = [-61, -31, -30, 0, 30, 31].map(|ahead| clock::of_kms(ahead).state);
    let (good, attention) = (State::Good, State::Attention);
    assert_eq!(states, [attention, attention, good, good, good, attention]);
    assert!(clock::of_kms(-40).message.contains("40 seconds ahead of KMS's"));
    assert!(clock::of_kms(40).message.contains("40 seconds behind KMS's"));
    let states = [0, 255, 256, 2048].map(|free| disk::of(free, Path::new("/a/b"), Path::new("/a")).state);
    assert_eq!(states, [State::Bad, State::Bad, State::Attention, State::Good]);
    assert_eq!(disk::check(Some(Path::new("/nowhere/at/all"))).state, State::Bad);
}

#[test]
fn a_store_on_the_machines_own_disk_may_be_a_volume_that_is_not_mounted_and_is_named() {
    let own = disk::of(9999, Path::new("/var/lib/cloister"), Path::new("/"));
    assert_eq!(own.state, State::Attention);
    assert!(own.message.contains("/var/lib/cloister, in the file system at /"), "{}", own.message);
    assert_eq!(disk::mounted_at(Path::new("/proc/self")).unwrap(), Path::new("/proc"));
    assert_eq!(disk::mounted_at(Path::new("/")).unwrap(), Path::new("/"));
}

#[test]
fn certificates_are_judged_by_what_begins_last_and_expires_first() {
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 60 * 60);
    let state = |starts, ends| certificates::judged("x", certificates::Validity { starts, ends }, now).state;
    assert_eq!(state(now - 9 * day, now - day), State::Bad);
    assert_eq!(state(now - 9 * day, now + 5 * day), State::Attention);
    assert_eq!(state(now - 9 * day, now + 90 * day), State::Good);
    assert_eq!(state(now + day, now + 90 * day), State::Bad);
}

#[test]
fn what_was_found_begins_no_line_of_its_own() {
    let check = Check::bad("kms policy", "x\u{1b}[2K\ngood  all is well", "do\nthis");
    assert_eq!(check.to_string().lines().count(), 2, "{check}");
}

#[test]
fn certificates_are_read_in_pem_and_der_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let state = |name: &str, content: &[u8]| {
        let file = dir.path().join(name);
        fs::write(&file, content).unwrap();
        certificates::check(&[file])[0].state
    };
    // AWS's root: valid until 2049.
    let der = include_bytes!("../../../../attestation/src/aws-nitro-root-g1.der");
    assert_eq!(state("der", der), State::Good);
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    assert_eq!(state("pem", pem.repeat(2).as_bytes()), State::Good);
    for wrong in ["", "-----BEGIN CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"] {
        assert_eq!(state("wrong", wrong.as_bytes()), State::Bad, "{wrong}");
    }
    assert_eq!(certificates::check(&[dir.path().join("nothing")])[0].state, State::Bad);
}

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// What KMS says of a key that is as it has to be.
fn found() -> keys::Found {
    let description = KeyDescription {
        origin: "AWS_KMS".into(),
        spec: "RSA_4096".into(),
        usage: "ENCRYPT_DECRYPT".into(),
        state: "Enabled".into(),
        multi_region: Some(false),
    };
    keys::Found { public_key: Ok(vec![1, 2, 3]), description: Ok(description), grants: Ok(Vec::new()) }
}

type Change = fn(&mut keys::Found);

/// What is changed in that, what it is called then, and words that say it.
const UNLIKE: &[(Change, State, &str)] = &[
    (|found| found.public_key = Ok(vec![1, 2, 4]), State::Unverified, "public key is not the manifest's"),
    (|found| described(found).origin = "EXTERNAL".into(), State::Unverified, "origin EXTERNAL"),
    (|found| described(found).multi_region = Some(true), State::Unverified, "one region alone"),
    (|found| described(found).multi_region = None, State::Unverified, "one region alone"),
    (|found| described(found).spec = "RSA_2048".into(), State::Unverified, "RSA_2048"),
    (|found| described(found).usage = "SIGN_VERIFY".into(), State::Unverified, "SIGN_VERIFY"),
    (|found| described(found).state = "PendingDeletion".into(), State::Bad, "PendingDeletion"),
    (|found| found.grants = Ok(vec!["somebody (Decrypt)".into()]), State::Unverified, "somebody (Decrypt)"),
    (|found| found.public_key = Err(refused()), State::Bad, "the public key cannot be read"),
    (|found| found.description = Err(refused()), State::Bad, "how the key was made cannot be read"),
    (|found| found.grants = Err(refused()), State::Bad, "has grants cannot be read"),
];

fn described(found: &mut keys::Found) -> &mut KeyDescription {
    found.description.as_mut().unwrap()
}

fn refused() -> Problem {
    Problem::host(HostCode::KmsDenied, "KMS answered AccessDeniedException")
}

#[test]
fn a_kms_key_is_good_if_it_is_the_manifests_and_was_made_as_it_has_to_be_and_each_deviation_is_found() {
    let key = KmsKey { arn: ARN.parse().unwrap(), spki: vec![1, 2, 3].try_into().unwrap() };
    assert_eq!(keys::of(&key, found()).iter().map(|check| check.state).collect::<Vec<_>>(), [State::Good]);
    for (change, state, words) in UNLIKE {
        let mut found = found();
        change(&mut found);
        let checks = keys::of(&key, found);
        let [check] = &checks[..] else { panic!("{words}: {checks:?}") };
        assert_eq!(check.state, *state, "{check:?}");
        assert!(check.message.contains(words) && check.hint.is_some(), "{check:?}");
    }
}

#[test]
fn the_arithmetic_of_a_group_is_that_of_its_table() {
    let all_needed = group::of(3, 3);
    assert_eq!(all_needed.state, State::Attention);
    assert!(all_needed.hint.unwrap().contains("down"));
    let common = group::of(3, 2);
    assert!(
        common.message.contains("1 signer down") && common.message.contains("1 enclave broken"),
        "{}",
        common.message
    );
    assert!(common.hint.unwrap().contains("a quorum of 3 of 3"));
    let larger = group::of(5, 3);
    assert!(larger.hint.is_none() && larger.message.contains("a quorum of 4"), "{}", larger.message);
}
