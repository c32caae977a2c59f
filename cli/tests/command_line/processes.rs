//! The demo and `sim up`: what they leave behind when they end, however they end.

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::world::{BINARY, folder, run_in, text};
use serde_json::Value;

#[test]
fn the_demo_shows_everything_and_leaves_no_process() {
    let dir = folder("demo");
    let answer = run_in(&dir, &["demo", "--dir", &dir.display().to_string()], b"");
    assert_eq!(answer.exit, 0, "{:#}", answer.json);
    let story = answer.json;
    assert_eq!((&story["simulated"], &story["threshold"], &story["signers"]), (&true.into(), &2.into(), &3.into()));
    assert_eq!(story["keys"].as_array().map(Vec::len), Some(4));
    let signatures = story["signatures"].as_array().unwrap();
    let judges: Vec<_> = signatures.iter().map(|signature| text(signature, "verified_by")).collect();
    let (dalek, bitcoin) = ("ed25519-dalek", "bitcoin and libsecp256k1");
    let ethereum = "libsecp256k1, which recovers the sender, and sha3";
    assert_eq!(judges, [ethereum, ethereum, dalek, bitcoin, "RFC 9591's equation over k256", dalek, bitcoin]);
    assert!(signatures.iter().all(|signature| signature["verified"] == true));
    assert!(signatures[5..].iter().all(|signature| signature["signers"] == serde_json::json!([1, 2])));
    assert_eq!(processes_of(&dir), 0);
    let trail = dir.join("audit.json").display().to_string();
    assert_eq!(run_in(&dir, &["audit", "verify", &trail], b"").exit, 0);
    run_in(&dir, &["demo", "--dir", &dir.display().to_string()], b"").fails(2, "folder_exists");
}

#[test]
fn an_interrupted_demo_leaves_no_process() {
    let dir = folder("interrupted");
    let mut demo = start(&["demo", "--dir", &dir.display().to_string()]);
    until(|| processes_of(&dir) > 3);
    terminate(&demo);
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    until(|| processes_of(&dir) == 0);
}

#[test]
fn a_founding_that_is_interrupted_leaves_no_folder() {
    let dir = folder("unfounded");
    let draft = dir.with_extension("founding");
    let mut up = start(&["sim", "up", "--dir", &dir.display().to_string(), "--signers", "32"]);
    until(|| draft.exists());
    terminate(&up);
    assert_eq!(up.wait().unwrap().code(), Some(1));
    assert!(!draft.exists() && !dir.exists());
}

#[test]
fn a_simulated_group_runs_until_it_is_stopped_and_goes_on_with_its_keys() {
    let dir = folder("up");
    let path = dir.display().to_string();
    let up = ["sim", "up", "--dir", &path, "--signers", "2", "--threshold", "2"];
    let mut first = start(&up);
    let view = first_object(&mut first);
    assert_eq!((&view["simulated"], view["urls"].as_array().map(Vec::len)), (&true.into(), Some(2)));
    let key = run_in(&dir, &["key", "create", "--scheme", "ed25519", "--name", "kept"], b"");
    assert_eq!(key.exit, 0, "{:#}", key.json);
    run_in(&dir, &up, b"").fails(1, "simulator");
    terminate(&first);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    until(|| processes_of(&dir) == 0);

    let mut again = start(&up);
    assert_eq!(first_object(&mut again)["manifest_hash"], view["manifest_hash"]);
    assert_eq!(run_in(&dir, &["key", "show", "kept"], b"").json, key.json);
    terminate(&again);
    assert!(again.wait().unwrap().success());
}

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--json").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("it starts")
}

fn terminate(child: &Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// The first JSON object on a running command's output.
fn first_object(child: &mut Child) -> Value {
    let mut output = child.stdout.take().expect("its output");
    let (mut said, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = output.read(&mut piece).expect("its output is readable");
        assert_ne!(length, 0, "it ended: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..length]);
        if let Ok(object) = serde_json::from_slice(&said) {
            return object;
        }
    }
}

/// How many processes have this folder in their command line.
fn processes_of(dir: &Path) -> usize {
    let name = dir.display().to_string();
    let commands = fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    let ours = commands.filter(|command| String::from_utf8_lossy(command).contains(&format!("{name}/")));
    ours.count()
}

fn until(done: impl Fn() -> bool) {
    for _ in 0..1200 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not happen within a minute");
}
