//! The KMS keys of a signer, and the policies of them, read by the linter.

use std::time::Duration;

use cloister_host::{KeyReader, config::KmsAccess, problem::Problem};
use cloister_wire::manifest::KmsKey;

use super::{Arguments, Known, check::Check, keys};
use crate::{
    failure::Failure,
    input,
    kms_policy::{Document, Expected, LARGEST, lint},
};

const CHECK: &str = "kms policy";

/// What is to be said about keys and policies, and by how many seconds KMS's clock is ahead of this machine's.
pub(super) async fn check(arguments: &Arguments, known: &Known) -> Result<(Vec<Check>, Option<i64>), Failure> {
    let mut expected = Expected::default();
    match (&known.image, &known.manifest) {
        (Some(image), _) => expected.accept(&image.release),
        (None, Some(manifest)) => expected.accept(&manifest.release),
        (None, None) => {}
    }
    if let (Some(manifest), Some(slot)) = (&known.manifest, &known.slot) {
        expected.demand(manifest, slot);
    }
    let (mut checks, mut ahead) = (Vec::new(), None);
    for file in &arguments.policies {
        let text = input::read_at_most(file, LARGEST as u64)?;
        checks.extend(findings(&file.display().to_string(), &text, &expected));
    }
    if arguments.kms {
        for key in known.slot.iter().flat_map(|slot| &slot.kms) {
            expected.own(key.arn.as_str().split(':').nth(4).unwrap_or_default());
            match reader(arguments, key).await {
                Ok(reader) => {
                    checks.extend(keys::of(key, keys::Found::read(&reader).await));
                    checks.extend(policy(arguments, key, &reader, &expected).await);
                    ahead = reader.clock_ahead().or(ahead);
                }
                Err(why) => checks.push(keys::unread("the key", &why)),
            }
        }
    }
    if checks.is_empty() {
        checks.push(Check::skipped(CHECK, "none was named: --policy FILE, or --kms with --manifest and --signer"));
    }
    Ok((checks, ahead))
}

async fn reader(arguments: &Arguments, key: &KmsKey) -> Result<KeyReader, Problem> {
    let access = KmsAccess { endpoint: arguments.kms_endpoint.clone(), credentials: None };
    KeyReader::new(access, key.arn.clone(), PATIENCE).await
}

async fn policy(arguments: &Arguments, key: &KmsKey, reader: &KeyReader, expected: &Expected) -> Vec<Check> {
    if arguments.unsigned {
        let message = format!("{}: not looked at: it comes after the manifest's signatures", key.arn);
        return vec![Check::skipped(CHECK, message)];
    }
    match reader.policy().await {
        Ok(text) => findings(key.arn.as_str(), text.as_bytes(), expected),
        Err(why) => vec![Check::bad(
            CHECK,
            format!("the policy cannot be read: {}", why.detail),
            keys::remedy(
                &why,
                "The account of the key has to let this role kms:GetKeyPolicy; `aws sts get-caller-identity` says who asks.",
            ),
        )],
    }
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
