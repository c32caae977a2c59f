//! `cargo xtask`: `test` checks everything, `emulator` builds what enclave images are booted in, `linked-crates` and `tcb` rewrite what
//! says how much code is trusted.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use xshell::Shell;
use xtask::{
    emulator::Emulator,
    linked::LinkedCrates,
    step::{self, Step},
    tcb,
};

/// Cloister's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Install what the tests need, then check everything: format, lints, tests, docs,
    /// dependencies, fuzz targets and the demo.
    Test(Selection),
    /// Build the emulator of Nitro machines, once, and print where its parts are.
    Emulator,
    /// Rewrite enclave/linked-crates.txt from the dependency graph; new crates get no reason and
    /// fail the tests until a person writes one.
    LinkedCrates,
    /// Rewrite the table of lines in enclave/README.md from the sources of the trusted crates.
    Tcb,
}

#[derive(clap::Args)]
struct Selection {
    /// Run these steps alone.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Step>,
    /// Leave these steps out.
    #[arg(long, value_delimiter = ',')]
    skip: Vec<Step>,
    /// How long each fuzz target runs.
    #[arg(long, default_value_t = 10)]
    fuzz_seconds: u32,
}

impl Selection {
    fn steps(&self) -> Vec<Step> {
        let wanted = |step: &Step| self.only.is_empty() || self.only.contains(step);
        Step::ALL.into_iter().filter(wanted).filter(|step| !self.skip.contains(step)).collect()
    }
}

fn main() -> Result<ExitCode> {
    let sh = Shell::new()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    sh.change_dir(&root);
    match Chore::parse() {
        Chore::Test(selection) => step::run_all(&sh, &selection.steps(), selection.fuzz_seconds),
        Chore::Emulator => {
            println!("{}", Emulator::install(&sh)?);
            Ok(ExitCode::SUCCESS)
        }
        Chore::LinkedCrates => {
            let path = root.join(LinkedCrates::PATH);
            LinkedCrates::of_the_enclave()?.with_reasons_of(&LinkedCrates::read(&path)?).write(&path)?;
            Ok(ExitCode::SUCCESS)
        }
        Chore::Tcb => {
            fs::write(root.join(tcb::PATH), tcb::readme(&root)?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
