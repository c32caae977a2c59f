//! The steps of `cargo xtask test`: each runs whatever became of the ones before, and the summary
//! says what passed, what failed, and what could not be checked on this machine.

use std::{process::ExitCode, time::Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;
use xshell::{Shell, cmd};

use crate::{deny, fuzz, image, install};

/// One step, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Debian packages, Python and Node judges, cargo tools, the emulator of Nitro machines.
    Install,
    /// Formatting.
    Fmt,
    /// Lints, with warnings as errors.
    Clippy,
    /// The enclave image.
    Image,
    /// Every unit, integration and documentation test.
    Test,
    /// The documentation builds without a warning.
    Doc,
    /// Licences, banned crates, sources and advisories.
    Deny,
    /// A short run of every fuzz target.
    Fuzz,
    /// The demo of the README.
    Demo,
    /// The enclave image once more, cold and in other surroundings: the same bytes.
    Reproduce,
}

/// What a step that did not fail has to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was checked.
    Passed,
    /// Part of it cannot be checked here; the text says which part and why.
    NotChecked(String),
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 10] = [
        Self::Install,
        Self::Fmt,
        Self::Clippy,
        Self::Image,
        Self::Test,
        Self::Doc,
        Self::Deny,
        Self::Fuzz,
        Self::Demo,
        Self::Reproduce,
    ];

    fn run(self, sh: &Shell, fuzz_seconds: u32) -> Result<Outcome> {
        match self {
            Self::Install => install::everything(sh)?,
            Self::Fmt => fmt(sh)?,
            Self::Clippy => {
                cmd!(sh, "cargo clippy --release --workspace --all-targets -- -D warnings").run()?;
            }
            Self::Image => image::build(sh)?,
            Self::Test => {
                programs_and_tests(sh)?;
                cmd!(sh, "cargo test --release --workspace --no-fail-fast").run()?;
            }
            Self::Doc => {
                let doc = cmd!(sh, "cargo doc --release --workspace --no-deps");
                doc.env("RUSTDOCFLAGS", "-D warnings").run()?;
            }
            Self::Deny => return deny::check(sh),
            Self::Fuzz => fuzz::smoke(sh, fuzz_seconds)?,
            Self::Demo => demo(sh)?,
            Self::Reproduce => image::reproduce(sh)?,
        }
        Ok(Outcome::Passed)
    }
}

/// Runs the steps and prints the summary; the exit code is 0 only when none of them failed.
pub fn run_all(sh: &Shell, steps: &[Step], fuzz_seconds: u32) -> Result<ExitCode> {
    let mut summary = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for step in steps {
        println!("\n==== {step:?} ====");
        let start = Instant::now();
        let verdict = match step.run(sh, fuzz_seconds) {
            Ok(Outcome::Passed) => "passed".to_owned(),
            Ok(Outcome::NotChecked(what)) => format!("passed, NOT CHECKED: {what}"),
            Err(error) => {
                code = ExitCode::FAILURE;
                format!("FAILED: {error:#}")
            }
        };
        let seconds = start.elapsed().as_secs();
        summary.push(format!("{:8} {seconds:5} s  {verdict}", format!("{step:?}")));
        if *step == Step::Install && code == ExitCode::FAILURE {
            break;
        }
    }
    println!("\n==== Summary ====\n{}", summary.join("\n"));
    Ok(code)
}

fn fmt(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo fmt --all --check").run()?;
    cmd!(sh, "cargo fmt --check --manifest-path fuzz/Cargo.toml").run()?;
    Ok(())
}

/// Some tests start our programs, which Cargo builds only for tests of the same package. Programs by themselves would be built from
/// dependencies without the features that tests need, and most of those twice.
pub(crate) fn programs_and_tests(sh: &Shell) -> Result<()> {
    Ok(cmd!(sh, "cargo build --release --workspace --bins --tests").run()?)
}

/// The demo exits with 0 only when every signature that it made was verified by another library.
fn demo(sh: &Shell) -> Result<()> {
    programs_and_tests(sh)?;
    let transcript = cmd!(sh, "target/release/cloister demo --json").read()?;
    println!("{transcript}");
    ensure!(transcript.trim_start().starts_with('{'), "the demo printed no JSON");
    Ok(())
}
