use std::{collections::BTreeSet, fmt, path::PathBuf};

use clap::Args;
use cloister_wire::ids::SignerId;
use serde::Serialize;
use serde_json::Value;

use super::{Generation, Member, Second};
use crate::{
    commands::manifest::arn,
    destination,
    failure::{Exit, Failure},
    image::Image,
    kms_policy::{Expected, OTHER_RELEASE, Plan, of_role, pcr, write},
    output::Output,
};

pub(super) const EXAMPLE: &str = "Example, for a key KEY that was made with a temporary policy:
  cloister kms policy build --pcrs pcr.json --manifest group.manifest --signer 1 \\
    --parent-role arn:aws:iam::111122223333:role/signer-1 --admin-role arn:aws:iam::111122223333:role/key-admin --out policy.json
  cloister kms policy lint policy.json --pcrs pcr.json --manifest group.manifest --signer 1
  aws kms list-grants --key-id KEY               # has to be empty
  aws kms put-key-policy --key-id KEY --policy file://policy.json --bypass-policy-lockout-safety-check
  aws kms get-key-policy --key-id KEY --query Policy --output text | cloister kms policy lint - --pcrs pcr.json";

#[derive(Args, Debug)]
pub(crate) struct Build {
    /// The pcr.json of the release that this generation of keys is for.
    #[arg(long, value_name = "PCR_JSON")]
    pcrs: PathBuf,
    /// The manifest, signed by a quorum of its operators.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The signer whose key it is.
    #[arg(long, value_name = "ID")]
    signer: SignerId,
    /// The role of the signer's parent instance, which PCR3 measures.
    #[arg(long, value_name = "ARN")]
    parent_role: String,
    /// The administrators' role that may disable the key and schedule its deletion: that retires the generation.
    #[arg(long, value_name = "ARN")]
    admin_role: String,
    /// The account of the key; by default the parent role's.
    #[arg(long, value_name = "DIGITS")]
    account: Option<String>,
    #[command(flatten)]
    second: Second,
    #[command(flatten)]
    generation: Generation,
    /// The new file for the policy; by default stdout gets it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let image = Image::read(&self.pcrs)?;
        let second = self.second.read()?;
        let member = Member::read(&self.manifest, self.signer)?;
        self.check_roles(&member)?;
        let account = self.account(&member)?;
        let images = || std::iter::once(&image).chain(&second);
        if !self.generation.is_of(&member.manifest, images()) {
            let message = format!("{} is not of the manifest's release", self.pcrs.display());
            return Err(Failure::new(Exit::Usage, "release_other", message, OTHER_RELEASE));
        }
        let mut expected = Expected::default();
        images().for_each(|image| expected.accept(&image.release));
        expected.demand(&member.manifest, &member.slot);
        let releases = expected.registers();
        if let [first, other] = &releases[..]
            && first == other
        {
            return Err(Failure::usage("--also-accept names the same release as --pcrs", "Leave it out."));
        }
        let policy =
            write(&Plan { account, parent: &self.parent_role, admin: &self.admin_role, releases: releases.clone() });
        let text = format!("{policy:#}\n");
        if let Some(file) = &self.out {
            destination::write_new(file, text.as_bytes())?;
        }
        let mut warnings = vec![FINAL.to_owned(), ROLES.to_owned()];
        warnings.extend(second.is_some().then(|| TWO_RELEASES.to_owned()));
        let registers = releases.iter().map(|release| {
            release.iter().map(|(index, value)| (index.to_string(), value.to_string().into())).collect()
        });
        let file = self.out.as_ref().map(|file| file.display().to_string());
        warnings.iter().for_each(|warning| output.note(format!("Warning: {warning}")));
        output.answer(&Built {
            manifest_hash: member.manifest.hash().to_string(),
            signer: self.signer.get(),
            releases: registers.collect(),
            file,
            warnings,
            policy,
        });
        Ok(())
    }

    fn check_roles(&self, member: &Member) -> Result<(), Failure> {
        for (option, role) in [("--parent-role", &self.parent_role), ("--admin-role", &self.admin_role)] {
            let wrong = |why| Failure::usage(format!("{option}: {why}"), "Give the role's full ARN, with its path.");
            arn::role(role).map_err(wrong)?;
        }
        if self.parent_role == self.admin_role {
            let message = "--parent-role and --admin-role are the same: whoever holds the host could end its keys";
            return Err(Failure::usage(message, "Name a role that no instance has."));
        }
        if of_role(&self.parent_role) == pcr(&member.slot.pcr3) {
            return Ok(());
        }
        let message =
            format!("the manifest's PCR3 of signer {} measures another role than {}", self.signer, self.parent_role);
        Err(Failure::usage(message, "Give the role_arn of the manifest's plan, letter by letter."))
    }

    /// The account of the key, in which the signer has one.
    fn account(&self, member: &Member) -> Result<&str, Failure> {
        let roles = self.parent_role.split(':').nth(4).unwrap_or_default();
        let account = self.account.as_deref().unwrap_or(roles);
        let good = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        if !good {
            let message = format!("--account: {account} is no account");
            return Err(Failure::usage(message, "Give the twelve digits of the key's account."));
        }
        let owners: BTreeSet<_> = member.slot.kms.iter().filter_map(|key| key.arn.as_str().split(':').nth(4)).collect();
        // A later generation's keys are in no manifest.
        if owners.contains(account) || self.generation.later_generation {
            return Ok(account);
        }
        let owners = owners.into_iter().collect::<Vec<_>>().join(", ");
        let message =
            format!("the manifest's keys of signer {} are in account {owners}, and not in {account}", self.signer);
        Err(Failure::usage(message, "Give the account of the key's ARN with --account."))
    }
}

#[derive(Serialize)]
struct Built {
    manifest_hash: String,
    signer: u16,
    /// What enclaves have to show, each release with all registers.
    releases: Vec<serde_json::Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    warnings: Vec<String>,
    policy: Value,
}

impl fmt::Display for Built {
    /// The policy alone, which goes into a file or a pipe.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}"),
            None => write!(f, "{:#}", self.policy),
        }
    }
}

const FINAL: &str = "once a key has this policy it is final. Nobody can change it or lift it again: no administrator, not the account's root \
user, not AWS support. What is sealed to the key opens for this release under this manifest, or never. AWS therefore refuses it without \
--bypass-policy-lockout-safety-check. Lint it first, and see that the key has no grants.";

const ROLES: &str = "do not delete the two roles. AWS ties a policy to the role that exists when it is put: another role of the same name is \
not it, and without the parent role nothing opens.";

const TWO_RELEASES: &str = "two releases are accepted. Either opens what the other has sealed, for as long as the key lives: a hole in one is \
a hole in both, and revoking a release among the signers does not stop its image from opening these shares. A generation of keys for each \
release is what ends that.";
