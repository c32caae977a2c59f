//! The crates that the enclave binary links, and the checked-in list of them.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// A crate, as its name and the part of its version that semantic versioning calls incompatible
/// (`1` or `0.10`), so that two generations of one crate count twice; and why it is linked.
#[derive(Debug, PartialEq, Eq)]
pub struct LinkedCrates(BTreeMap<String, String>);

impl LinkedCrates {
    /// Where the list is checked in, below the workspace's root.
    pub const PATH: &str = "enclave/linked-crates.txt";

    /// What Cargo resolves for the enclave's binary alone on Linux. Build scripts and procedural
    /// macros run on the builder and are not linked, so they are left out.
    pub fn of_the_enclave() -> Result<Self> {
        let sh = Shell::new()?;
        sh.change_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        let tree = cmd!(sh, "cargo tree --package cloister-enclave --target x86_64-unknown-linux-gnu")
            .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"])
            .quiet()
            .read()?;
        let crates = tree.lines().map(|line| Ok((name_and_generation(line)?, String::new())));
        Ok(Self(crates.collect::<Result<_>>()?))
    }

    /// The checked-in list: comments, and lines of `name generation  reason`.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)?;
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Ok(Self(lines.map(split_reason).collect()))
    }

    /// Takes over the reason for each crate that the other list has too.
    #[must_use]
    pub fn with_reasons_of(mut self, other: &Self) -> Self {
        for (name, reason) in &mut self.0 {
            if let Some(known) = other.0.get(name) {
                reason.clone_from(known);
            }
        }
        self
    }

    /// Writes the list.
    pub fn write(&self, path: &Path) -> Result<()> {
        let lines = self.0.iter().map(|(name, reason)| format!("{name:32} {reason}").trim_end().to_owned() + "\n");
        let text = HEADER.to_owned() + &lines.collect::<String>();
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Each crate's name and generation.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The crates that nobody has given a reason for.
    pub fn without_reason(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, reason)| reason.is_empty()).map(|(name, _)| name.as_str())
    }
}

const HEADER: &str = "\
# Every crate that is linked into the enclave's binary, and why: the code that has to be trusted.
# A test compares this list with the dependency graph. `cargo xtask linked-crates` rewrites it and
# keeps the reasons; a new crate needs one.
";

/// `thiserror v2.0.21` or `cloister-wire v0.1.0 (path) (*)` to `thiserror 2` or `cloister-wire 0.1`.
fn name_and_generation(line: &str) -> Result<String> {
    let mut words = line.split(' ');
    let (name, version) = words.next().zip(words.next()).context("cargo tree prints name and version")?;
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = parts.next().zip(parts.next()).context("a version has a major and a minor part")?;
    Ok(if major == "0" { format!("{name} 0.{minor}") } else { format!("{name} {major}") })
}

fn split_reason(line: &str) -> (String, String) {
    let mut words = line.split_whitespace();
    let name: Vec<_> = words.by_ref().take(2).collect();
    (name.join(" "), words.collect::<Vec<_>>().join(" "))
}
