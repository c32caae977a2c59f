use std::{fmt, path::PathBuf};

use clap::Args;
use cloister_wire::ids::SignerId;
use console::style;
use serde::Serialize;

use super::{Generation, Member, Second};
use crate::{
    failure::{Exit, Failure},
    image::Image,
    input,
    kms_policy::{Document, Expected, Finding, LARGEST, lint},
    output::Output,
};

pub(super) const EXAMPLE: &str = "Examples:
  cloister kms policy lint policy.json
  cloister kms policy lint policy.json --pcrs pcr.json --manifest group.manifest --signer 1
  aws kms get-key-policy --key-id KEY --query Policy --output text | cloister kms policy lint - --pcrs pcr.json";

#[derive(Args, Debug)]
pub(crate) struct Lint {
    /// The key policy, JSON; `-` is standard input.
    file: PathBuf,
    /// The pcr.json of the release that the key is for; by default the manifest's release.
    #[arg(long, value_name = "PCR_JSON")]
    pcrs: Option<PathBuf>,
    /// The manifest, signed by a quorum of its operators.
    #[arg(long, value_name = "FILE", requires = "signer")]
    manifest: Option<PathBuf>,
    /// The signer whose key it is.
    #[arg(long, value_name = "ID", requires = "manifest")]
    signer: Option<SignerId>,
    /// The account of the key; by default the parent role's.
    #[arg(long, value_name = "DIGITS")]
    account: Option<String>,
    #[command(flatten)]
    second: Second,
    #[command(flatten)]
    generation: Generation,
}

impl Lint {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let text = input::read_at_most(&self.file, LARGEST as u64)?;
        let hint = "Give the policy alone, as `aws kms get-key-policy --query Policy --output text` prints it.";
        let document = Document::parse(&text).map_err(|why| Failure::content(&self.file, why, hint))?;
        let (expected, other_release) = self.expected()?;
        let mut findings = lint(&document, &expected);
        findings.extend(other_release);
        let count = findings.len();
        let report = Report { file: self.file.display().to_string(), compared: self.compared(), findings };
        if count == 0 {
            output.answer(&report);
            return Ok(());
        }
        let message = format!("the policy has {count} finding{}", if count == 1 { "" } else { "s" });
        let hint = "Put no key under it; if one is, seal to another key and end this one.";
        Err(output.answer_failed(&report, Failure::new(Exit::Unverified, "kms_policy_findings", message, hint)))
    }

    /// What the policy is compared with, and what is wrong with that.
    fn expected(&self) -> Result<(Expected, Option<Finding>), Failure> {
        let mut expected = Expected::default();
        if self.pcrs.is_none() && self.second.other.is_some() {
            return Err(Failure::usage("--also-accept needs --pcrs", "Name the first release with --pcrs."));
        }
        let (first, second) = (self.pcrs.as_deref().map(Image::read).transpose()?, self.second.read()?);
        let images: Vec<_> = first.iter().chain(&second).collect();
        images.iter().for_each(|image| expected.accept(&image.release));
        let mut other_release = None;
        if let (Some(manifest), Some(signer)) = (&self.manifest, self.signer) {
            let member = Member::read(manifest, signer)?;
            expected.demand(&member.manifest, &member.slot);
            if images.is_empty() {
                expected.accept(&member.manifest.release);
            }
            let meant = images.is_empty() || self.generation.is_of(&member.manifest, images.iter().copied());
            other_release = (!meant).then(Finding::other_release);
        }
        self.account.iter().for_each(|account| expected.own(account));
        Ok((expected, other_release))
    }

    fn compared(&self) -> Vec<&'static str> {
        let image = (self.pcrs.is_some() || self.manifest.is_some()).then_some("image");
        let second = self.second.other.is_some().then_some("second image");
        let signer = self.manifest.is_some().then_some("signer");
        [image, second, signer].into_iter().flatten().collect()
    }
}

#[derive(Serialize)]
struct Report {
    file: String,
    /// What the registers were compared with.
    compared: Vec<&'static str>,
    findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let with = if self.compared.is_empty() { "nothing".to_owned() } else { self.compared.join(", ") };
        let verdict = if self.findings.is_empty() { "in order" } else { "not in order" };
        write!(f, "{}: {verdict}; registers compared with: {with}", style(&self.file).cyan())
    }
}
