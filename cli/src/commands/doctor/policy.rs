//! The KMS key policies, read by the linter.

use std::time::Duration;

use cloister_host::{config::KmsAccess, key_policy};

use super::{Arguments, Known, check::Check};
use crate::{
    failure::Failure,
    input,
    kms_policy::{Document, Expected, LARGEST, lint},
};

const CHECK: &str = "kms policy";

pub(super) async fn check(arguments: &Arguments, known: &Known) -> Result<Vec<Check>, Failure> {
    let mut expected = Expected::default();
    known.image.iter().for_each(|image| expected.accept(&image.release));
    if let (Some(manifest), Some(slot)) = (&known.manifest, &known.slot) {
        expected.demand(manifest, slot);
    }
    let mut checks = Vec::new();
    for file in &arguments.policies {
        let text = input::read_at_most(file, LARGEST as u64)?;
        checks.extend(findings(&file.display().to_string(), &text, &expected));
    }
    if arguments.kms {
        for key in known.slot.iter().flat_map(|slot| &slot.kms) {
            let access = KmsAccess { endpoint: arguments.kms_endpoint.clone(), credentials: None };
            match key_policy(access, &key.arn, PATIENCE).await {
                Ok(text) => checks.extend(findings(key.arn.as_str(), text.as_bytes(), &expected)),
                Err(why) => checks.push(Check::bad(
                    CHECK,
                    format!("the policy cannot be read: {}", why.detail),
                    "The account of the key has to let this role kms:GetKeyPolicy; `aws sts get-caller-identity` says who asks.",
                )),
            }
        }
    }
    if checks.is_empty() {
        checks.push(Check::skipped(CHECK, "none was named: --policy FILE, or --kms with --manifest and --signer"));
    }
    Ok(checks)
}

fn findings(name: &str, text: &[u8], expected: &Expected) -> Vec<Check> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(why) => {
            return vec![Check::unverified(CHECK, format!("{name}: {why}"), "Give the key policy alone, as JSON.")];
        }
    };
    let found = lint(&document, expected).into_iter().map(|finding| {
        let statement = finding.statement.as_deref().unwrap_or("the policy");
        Check::unverified(CHECK, format!("{name}: {statement}: {} ({})", finding.message, finding.code), finding.hint)
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() { vec![Check::good(CHECK, format!("{name}: in order"))] } else { found }
}

const PATIENCE: Duration = Duration::from_secs(10);
