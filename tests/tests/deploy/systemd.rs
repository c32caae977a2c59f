//! The units, as systemd-analyze of Debian 12 sees them.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;

use crate::judge::{Verdict, altered, ask, deploy, files, read, root, text};

const UNITS: [&str; 2] = ["cloister-enclave.service", "cloister-host.service"];
/// Below this, systemd-analyze counts no unit as exposed.
const MOST_EXPOSED: f64 = 3.0;

#[test]
fn the_units_verify_clean_and_are_hardly_exposed() {
    let machine = Machine::with_units_of(&deploy("systemd"));
    for unit in UNITS {
        let verdict = machine.verify(unit);
        assert!(verdict.is_clean(), "{unit}: {verdict:?}");
        let exposure = machine.exposure(unit);
        assert!(exposure < MOST_EXPOSED, "{unit}: {exposure}");
    }
    assert_eq!(files(&deploy("systemd"), "service"), UNITS.map(|unit| deploy("systemd").join(unit)));
}

#[test]
fn systemd_refuses_units_with_a_wrong_setting_or_program() {
    for unit in UNITS {
        for (from, to) in [
            ("ProtectClock=", "ProtectClocks="),
            ("Type=exec", "Type=exact"),
            ("ExecStart=/usr/bin/", "ExecStart=/usr/bin/no-"),
        ] {
            let machine = Machine::with_units_of(altered("systemd", unit, from, to).path());
            assert!(!machine.verify(unit).is_clean(), "{unit} with {to}");
        }
    }
}

#[test]
fn units_without_their_hardening_are_exposed() {
    for unit in UNITS {
        let folder = altered("systemd", unit, "[Service]", "[Service]\nUser=root");
        let path = folder.path().join(unit);
        let kept = ["[", "Type=", "ExecStart="];
        let bare: Vec<_> = read(&path)
            .lines()
            .filter(|line| kept.iter().any(|start| line.starts_with(start)))
            .map(str::to_owned)
            .collect();
        fs::write(path, bare.join("\n")).expect("a unit");
        let exposure = Machine::with_units_of(folder.path()).exposure(unit);
        assert!(exposure > MOST_EXPOSED, "{unit}: {exposure}");
    }
}

#[test]
fn users_and_folders_are_written_as_systemd_reads_them() {
    let machine = Machine::with_units_of(&deploy("systemd"));
    let users =
        |folder: &Path| machine.ask("systemd-sysusers", &["--dry-run", text(&folder.join("cloister-sysusers.conf"))]);
    // Makes nothing, for nothing is below that prefix.
    let folders = |folder: &Path| {
        machine
            .ask("systemd-tmpfiles", &["--create", "--prefix=/nothing", text(&folder.join("cloister-tmpfiles.conf"))])
    };
    assert!(users(&deploy("systemd")).accepted);
    assert!(folders(&deploy("systemd")).is_clean());
    let wrong = altered("systemd", "cloister-sysusers.conf", "u cloister-host -", "w cloister-host -");
    assert!(!users(wrong.path()).accepted);
    let wrong = altered("systemd", "cloister-tmpfiles.conf", "d /run", "% /run");
    assert!(!folders(wrong.path()).accepted);

    let sysusers = read(&deploy("systemd/cloister-sysusers.conf"));
    for unit in UNITS {
        let (user, group) = (setting(unit, "User"), setting(unit, "Group"));
        assert!(sysusers.contains(&format!("\nu {user} -")), "{unit}: {user}");
        assert!(user == group || sysusers.contains(&format!("\ng {group} -")), "{unit}: {group}");
    }
}

#[test]
fn the_hosts_unit_and_pod_use_options_that_the_host_has() {
    let host = read(&root().join("host/src/main.rs"));
    let unit = setting("cloister-host.service", "ExecStart");
    let pod = read(&deploy("kubernetes/signer.yaml"));
    let pod = pod.split_once("name: host\n").expect("the host's container").1;
    let (unit, pod) = (options(&unit), options(pod));
    assert_eq!(unit, pod);
    assert!(unit.len() > 5, "{unit:?}");
    for option in unit {
        assert!(host.contains(&format!("    {}: ", option.replace('-', "_"))), "cloister-host has no --{option}");
    }
}

#[test]
fn the_allocator_reserves_more_than_the_image_needs() {
    let file = read(&deploy("systemd/allocator.yaml"));
    // The allocator reads it so, and nothing before the first line of dashes.
    let lines = file.split_once("---\n").expect("a document").1.lines().filter(|line| !line.starts_with('#'));
    let settings: Vec<_> = lines.map(|line| line.split_once(": ").expect("key and value")).collect();
    assert_eq!(settings, [("memory_mib", "256"), ("cpu_count", "2")]);
    let (enclave, image) = (128, 8);
    assert!(256 >= 2 * enclave && 256 >= 4 * image);
}

/// The words that follow two dashes.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || letter == '=' || letter == '[');
    words.filter_map(|word| word.strip_prefix("--")).map(str::to_owned).collect()
}

/// What a unit sets.
fn setting(unit: &str, name: &str) -> String {
    let unit = read(&deploy("systemd").join(unit));
    unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).expect("a setting").to_owned()
}

/// A machine's file system with our programs and units, and nothing else.
struct Machine(TempDir);

impl Machine {
    fn with_units_of(folder: &Path) -> Self {
        let machine = tempfile::tempdir().expect("a folder");
        let [units, programs] = ["etc/systemd/system", "usr/bin"].map(|path| machine.path().join(path));
        for folder in [&units, &programs] {
            fs::create_dir_all(folder).expect("a folder");
        }
        for unit in files(folder, "service") {
            fs::copy(&unit, units.join(unit.file_name().expect("a name"))).expect("a unit");
        }
        for program in ["cloister", "cloister-host"] {
            let program = programs.join(program);
            fs::write(&program, "#!/bin/sh\n").expect("a program");
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        Self(machine)
    }

    fn verify(&self, unit: &str) -> Verdict {
        self.ask("systemd-analyze", &["verify", "--man=no", "--recursive-errors=no", unit])
    }

    fn exposure(&self, unit: &str) -> f64 {
        let verdict = self.ask("systemd-analyze", &["security", "--offline=true", unit]);
        let figure = verdict.stdout.split_once("Overall exposure level for").and_then(|(_, rest)| {
            let (found, rest) = rest.trim_start().split_once(": ")?;
            (found == unit).then_some(rest)?.split(' ').next()?.parse().ok()
        });
        figure.unwrap_or_else(|| panic!("{unit}: {verdict:?}"))
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> Verdict {
        let root = format!("--root={}", self.0.path().display());
        ask(program, &[&[&*root], arguments].concat())
    }
}
