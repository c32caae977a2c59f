//! `cloister doctor`: what is wrong with a signer's machine, and what to do about it.

mod allocator;
mod certificates;
mod check;
mod clock;
mod disk;
mod enclave;
mod group;
mod hugepages;
mod keys;
mod limits;
mod machine;
mod policy;
mod release;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf};

use clap::Args;
use cloister_host::nitro::NitroCli;
use cloister_wire::{
    ids::SignerId,
    manifest::{SignerSlot, ValidManifest},
};
use serde::Serialize;

use super::{
    enclave::{Named, PATIENCE},
    kms::Member,
};
use crate::{
    failure::{Exit, Failure},
    image::Image,
    output::Output,
};
use check::{Check, State};
use machine::Machine;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cloister doctor --pcrs pcr.json
  cloister doctor --pcrs pcr.json --manifest group.manifest --signer 1 --kms --store /var/lib/cloister/host.sqlite
  cloister doctor --manifest group.manifest --unsigned --signer 1 --kms      # before the manifest is signed: are these the keys?
  cloister doctor --pcrs pcr.json --policy policy.json --certificate host.pem

What is not named is not looked at, and said so.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    named: Named,
    /// The pcr.json of the image that should run.
    #[arg(long, value_name = "PCR_JSON")]
    pcrs: Option<PathBuf>,
    /// The manifest, signed by a quorum of its operators.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The manifest is not signed yet: look at the keys that it names before it is, and not at their policies, which come after.
    #[arg(long, requires = "kms")]
    unsigned: bool,
    /// The signer of this machine.
    #[arg(long, value_name = "ID", requires = "manifest")]
    signer: Option<SignerId>,
    /// A KMS key policy in a file; may be repeated.
    #[arg(long = "policy", value_name = "FILE")]
    policies: Vec<PathBuf>,
    /// Ask KMS for the signer's keys that the manifest names: whether they are the manifest's, how they were made, their grants and policies.
    /// With the credentials of the AWS environment.
    #[arg(long, requires = "signer")]
    kms: bool,
    /// A KMS endpoint instead of the regions' own.
    #[arg(long, value_name = "URL", requires = "kms")]
    kms_endpoint: Option<String>,
    /// The host's SQLite file.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// A TLS certificate in PEM or DER; may be repeated.
    #[arg(long = "certificate", value_name = "FILE")]
    certificates: Vec<PathBuf>,
}

/// What was said about the signer.
struct Known {
    image: Option<Image>,
    manifest: Option<ValidManifest>,
    slot: Option<SignerSlot>,
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let report = arguments.examine(&Machine::this(), &NitroCli::new(PATIENCE)).await?;
    match report.failure() {
        None => {
            output.answer(&report);
            Ok(())
        }
        Some(failure) => Err(output.answer_failed(&report, failure)),
    }
}

impl Arguments {
    async fn examine(&self, machine: &Machine, nitro: &NitroCli) -> Result<Report, Failure> {
        let known = self.known()?;
        let mut checks = vec![machine.nitro()];
        let here = checks[0].state == State::Good;
        checks.push(allocator::check(machine, known.image.as_ref(), here));
        let (enclave, running) = enclave::check(nitro, &self.named.name, known.image.as_ref(), here).await;
        checks.push(hugepages::check(machine, known.image.as_ref(), here, running));
        checks.push(enclave);
        checks.push(release::check(&known));
        let (policies, ahead) = policy::check(self, &known).await?;
        checks.extend(policies);
        checks.push(clock::check().await);
        checks.extend(ahead.map(clock::of_kms));
        checks.push(disk::check(self.store.as_deref()));
        checks.extend(certificates::check(&self.certificates));
        checks.push(limits::check(machine));
        checks.push(group::check(known.manifest.as_ref()));
        Ok(Report { checks })
    }

    fn known(&self) -> Result<Known, Failure> {
        let image = self.pcrs.as_deref().map(Image::read).transpose()?;
        let Some(file) = &self.manifest else { return Ok(Known { image, manifest: None, slot: None }) };
        let manifest = if self.unsigned { Member::unsigned(file)? } else { Member::manifest(file)? };
        let Some(signer) = self.signer else {
            return Ok(Known { image, manifest: Some(manifest), slot: None });
        };
        let Member { manifest, slot } = Member::of(manifest, signer)?;
        Ok(Known { image, manifest: Some(manifest), slot: Some(slot) })
    }
}

#[derive(Serialize)]
struct Report {
    checks: Vec<Check>,
}

impl Report {
    fn failure(&self) -> Option<Failure> {
        let count = |state| self.checks.iter().filter(|check| check.state == state).count();
        let (bad, unverified) = (count(State::Bad), count(State::Unverified));
        let exit = match (bad, unverified) {
            (0, 0) => return None,
            (_, 0) => Exit::Failed,
            _ => Exit::Unverified,
        };
        let things = bad + unverified;
        let message = format!("{things} thing{} not in order", if things == 1 { " is" } else { "s are" });
        Some(Failure::new(exit, "doctor_findings", message, "Each says above what to do about it."))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, check) in self.checks.iter().enumerate() {
            write!(f, "{}{check}", if position == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
