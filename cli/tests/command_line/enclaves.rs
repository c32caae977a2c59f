//! `enclave` with a stand-in for `nitro-cli` on the PATH, and `doctor` on machines without it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    images::ENDED,
    world::{Answer, BINARY, folder, said, text},
};

const IMAGE: &[u8] = include_bytes!("../../../client/src/image/golden.eif");
const SIGNED: &[u8] = include_bytes!("../../../client/src/image/golden-signed.eif");

/// A folder with an image and the stand-in.
struct Parent(PathBuf);

impl Parent {
    fn new(name: &str) -> Self {
        let dir = folder(name);
        fs::create_dir_all(dir.join("bin")).unwrap();
        // Not copied: a file that another thread's child still holds open for writing cannot be run.
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nitro-cli");
        symlink(program, dir.join("bin/nitro-cli")).unwrap();
        let parent = Self(dir);
        fs::write(parent.0.join("cloister.eif"), IMAGE).unwrap();
        let shown = parent.run(&["image", "verify", "--eif", "cloister.eif"]).json;
        let registers = ["PCR0", "PCR1", "PCR2"].map(|name| format!("{name:?}: {}", shown["Measurements"][name]));
        parent.put("bin/registers", &registers.join(", "));
        let image = json!({"format": "cloister-image-v1", "Measurements": shown["Measurements"],
            "memory_mib": 128, "cpus": 2, "image": shown["image"], "inputs": []});
        parent.put("pcr.json", &image.to_string());
        parent
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let path = format!("{}:{}", self.0.join("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(BINARY);
        command.args(arguments).arg("--json").current_dir(&self.0).env("PATH", path).env("TMPDIR", &self.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)));
        Answer { exit: output.status.code().unwrap_or(-1), json }
    }
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn an_enclave_is_run_shown_and_ended_with_its_supervisor() {
    let parent = Parent::new("enclave-run");
    let run = parent.command(&["enclave", "run", "--eif", "cloister.eif", "--pcrs", "pcr.json", "--cid", "16"]);
    let mut run = Running({ run }.spawn().unwrap());
    let lines = BufReader::new(run.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut object = String::new();
    for line in lines {
        object += &line;
        if line == "}" {
            break;
        }
    }
    let shown: Value = serde_json::from_str(&object).unwrap();
    assert_eq!((&shown["cid"], &shown["as_expected"], &shown["debug"]), (&16.into(), &true.into(), &false.into()));
    let asked = fs::read_to_string(parent.0.join("bin/said")).unwrap();
    let expected =
        "run-enclave --enclave-name cloister --eif-path cloister.eif --cpu-count 2 --memory 128 --enclave-cid 16";
    assert!(asked.contains(expected) && !asked.contains("debug"), "{asked}");

    let status = parent.run(&["enclave", "status", "--pcrs", "pcr.json"]);
    assert_eq!((status.exit, text(&status.json, "state")), (0, "RUNNING"), "{:#}", status.json);
    parent.run(&["enclave", "status", "--name", "another"]).fails(1, "enclave_not_running");

    parent.run(&["enclave", "run", "--eif", "cloister.eif", "--pcrs", "pcr.json"]).fails(1, "enclave_supervised");
    assert_eq!(parent.run(&["enclave", "status"]).exit, 0);

    assert!(Command::new("kill").args(["-TERM", &run.0.id().to_string()]).status().unwrap().success());
    assert_eq!(run.0.wait().unwrap().code(), Some(0));
    parent.run(&["enclave", "status"]).fails(1, "enclave_not_running");
}

#[test]
fn another_image_than_pcr_json_says_is_shown_as_that_and_can_be_ended() {
    let parent = Parent::new("enclave-other");
    parent.put("bin/cid", "20");
    fs::remove_file(parent.0.join("bin/registers")).unwrap();
    parent.put("bin/pcr", &"cd".repeat(48));
    let status = parent.run(&["enclave", "status", "--pcrs", "pcr.json"]);
    status.fails(4, "enclave_differs");
    assert_eq!(status.json["as_expected"], false);
    let stopped = parent.run(&["enclave", "stop"]);
    assert_eq!(stopped.json["stopped"].as_array().map(Vec::len), Some(1));
    assert_eq!(parent.run(&["enclave", "stop"]).json["stopped"], json!([]));
}

#[test]
fn an_enclave_of_another_image_is_ended_only_where_replacing_it_was_asked_for() {
    let parent = Parent::new("enclave-replace");
    parent.put("bin/cid", "20");
    parent.put("bin/flags", "DEBUG_MODE");
    let run = ["enclave", "run", "--eif", "cloister.eif", "--pcrs", "pcr.json"];
    parent.run(&run).fails(4, "enclave_debug");
    assert!(parent.0.join("bin/cid").exists());
    parent.run(&[&run[..], &["--replace"]].concat()).fails(4, "enclave_debug");
    assert!(fs::read_to_string(parent.0.join("bin/said")).unwrap().contains("run-enclave"));
}

#[test]
fn what_cannot_be_run_is_refused_in_words_of_its_own() {
    let parent = Parent::new("enclave-refused");
    let run = ["enclave", "run", "--eif", "cloister.eif", "--pcrs", "pcr.json"];
    parent.put("bin/refuse", "");
    let refused = parent.run(&run);
    refused.fails(1, "nitro_cli_failed");
    assert!(text(&refused.json["error"], "message").contains("E26"), "{:#}", refused.json);
    parent.run(&["enclave", "run", "--eif", "nothing.eif", "--pcrs", "pcr.json"]).fails(1, "file");
    let pcr = "ab".repeat(48);
    parent.put("pcr.json", &json!({"Measurements": {"PCR0": pcr, "PCR1": pcr, "PCR2": pcr}}).to_string());
    parent.run(&run).fails(2, "usage");
    parent.put("pcr.json", r#"{"Measurements": {"PCR0": "ab"}}"#);
    parent.run(&run).fails(2, "file_invalid");
    let mut alone = parent.command(&["enclave", "status"]);
    let output = alone.env("PATH", parent.0.join("empty")).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap();
    Answer { exit: output.status.code().unwrap(), json }.fails(1, "nitro_cli_missing");
}

#[test]
fn an_image_that_is_none_or_another_or_gets_too_little_is_refused_before_nitro_cli_is_asked() {
    let parent = Parent::new("enclave-image");
    let run = ["enclave", "run", "--eif", "cloister.eif", "--pcrs", "pcr.json"];
    for little in [["--cpus", "0"], ["--memory-mib", "63"]] {
        parent.run(&[&run[..], &little].concat()).fails(2, "usage");
    }
    parent.put("cloister.eif", "an image");
    parent.run(&run).fails(2, "file_invalid");
    fs::write(parent.0.join("cloister.eif"), SIGNED).unwrap();
    let other = parent.run(&run);
    other.fails(4, "image_differs");
    assert!(text(&other.json["error"], "message").contains("PCR8 differs"), "{:#}", other.json);
    fs::write(parent.0.join("cloister.eif"), ENDED).unwrap();
    let mut described: Value = serde_json::from_slice(&fs::read(parent.0.join("pcr.json")).unwrap()).unwrap();
    described["Measurements"] = parent.run(&["image", "verify", "--eif", "cloister.eif"]).json["Measurements"].take();
    parent.put("pcr.json", &described.to_string());
    parent.run(&run).fails(4, "image_certificate");
    assert!(!parent.0.join("bin/said").exists());
}

#[test]
fn the_doctor_says_plainly_that_a_machine_has_no_nitro_and_goes_on() {
    if Path::new("/dev/nitro_enclaves").exists() {
        return;
    }
    let parent = Parent::new("doctor");
    fs::remove_file(parent.0.join("bin/nitro-cli")).unwrap();
    let report = parent.run(&["doctor", "--pcrs", "pcr.json", "--store", "host.sqlite"]);
    report.fails(1, "doctor_findings");
    let nitro = &report.json["checks"][0];
    assert_eq!((text(nitro, "check"), text(nitro, "state")), ("nitro", "bad"));
    assert!(text(nitro, "message").contains("no Nitro Enclaves") && text(nitro, "hint").contains("cloister sim up"));
    let names: Vec<_> = report.json["checks"].as_array().unwrap().iter().map(|check| text(check, "check")).collect();
    let all = [
        "nitro",
        "allocator",
        "hugepages",
        "enclave",
        "release",
        "kms policy",
        "clock",
        "disk",
        "certificate",
        "open files",
        "group",
    ];
    assert_eq!(names, all);
    assert!(said(&["doctor"]).contains("this machine has no Nitro Enclaves"));
}

#[test]
fn the_doctor_reads_key_policies_with_the_linter() {
    let parent = Parent::new("doctor-policy");
    let statement = r#"{"Sid":"All","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}"#;
    parent.put("policy.json", &format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#));
    parent.put("none.json", "{");
    for policy in ["policy.json", "none.json"] {
        parent.run(&["doctor", "--pcrs", "pcr.json", "--policy", policy]).fails(4, "doctor_findings");
    }
}
