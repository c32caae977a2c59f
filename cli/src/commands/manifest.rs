//! `cloister manifest`: build, sign, show.

pub(crate) mod arn;
pub(crate) mod measurements;
mod plan;
mod view;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cloister_client::{SecretFile, operator};
use cloister_wire::{
    endorsement::Endorsed,
    manifest::{Manifest, ValidManifest},
};

use crate::{document, draft::check_signatures, failure::Failure, output::Output};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a manifest from a plan, not signed yet.
    #[command(after_help = plan::EXAMPLE)]
    Build(Build),
    /// Add an operator's signature to a manifest file.
    ///
    /// See first that its KMS keys are KMS's: whoever wrote the plan could have put a key of their own beside the right ARN.
    #[command(after_help = "Example:
  cloister doctor --manifest group.manifest --unsigned --signer 1 --kms      # for each signer: `kms key` has to be good
  cloister manifest sign group.manifest --key alice.key")]
    Sign(Sign),
    /// Show a manifest: its hash to be pinned, and who has signed.
    Show(Show),
}

#[derive(Args, Debug)]
pub(crate) struct Build {
    /// The plan, JSON.
    plan: PathBuf,
    /// The new manifest file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The manifest file, changed in place.
    file: PathBuf,
    /// The operator's secret key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The manifest file.
    file: PathBuf,
}

pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let endorsed = match command {
        Command::Build(build) => {
            let endorsed = plan::build(&build.plan)?;
            document::write_new(&build.out, &endorsed)?;
            endorsed
        }
        Command::Sign(sign) => {
            let (mut endorsed, manifest) = read(&sign.file)?;
            operator::endorse(&mut endorsed, &manifest, &SecretFile::read(&sign.key)?)?;
            document::replace(&sign.file, &endorsed)?;
            endorsed
        }
        Command::Show(show) => read(&show.file)?.0,
    };
    output.answer(&view::View::new(&endorsed)?);
    Ok(())
}

/// A manifest on its way to a quorum: every signature that it has is good.
fn read(path: &Path) -> Result<(Endorsed<Manifest>, ValidManifest), Failure> {
    let endorsed = document::read(path)?;
    let manifest = operator::read_manifest(&endorsed).map_err(cloister_client::Error::from)?;
    check_signatures("manifest", &endorsed, &manifest)?;
    Ok((endorsed, manifest))
}
