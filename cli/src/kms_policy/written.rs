//! The final policy of a key that wraps one signer's shares.

use std::collections::BTreeSet;

use cloister_attestation::PcrIndex;
use serde_json::{Map, Value, json};

use super::{DECRYPT, ENDING, NEVER, READING, Registers, registers::condition_key};

/// Who may do what.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The account of the key, whose IAM policies decide who in it may read.
    pub(crate) account: &'a str,
    /// The role of the parent instance, which alone may ask for `Decrypt`.
    pub(crate) parent: &'a str,
    /// The role that may end the key.
    pub(crate) admin: &'a str,
    /// What enclaves have to show, each release with all of its registers.
    pub(crate) releases: Vec<Registers>,
}

/// Writes the policy.
///
/// Every register stands twice: in the Allow, and in a Deny of its own for everyone. A grant needs no Allow, and one that was made before
/// this policy could otherwise open for another enclave.
pub(crate) fn write(plan: &Plan<'_>) -> Value {
    let mut statements = vec![reading(plan), ending(plan)];
    statements.extend(plan.releases.iter().enumerate().map(|(position, release)| opening(plan, position, release)));
    statements.push(recipientless());
    statements.extend(common(&plan.releases).into_iter().map(|index| mismatching(plan, index)));
    statements.push(never());
    json!({ "Version": "2012-10-17", "Id": "cloister-signer", "Statement": statements })
}

fn reading(plan: &Plan<'_>) -> Value {
    let account = format!("arn:{}:iam::{}:root", partition(plan.parent), plan.account);
    statement("ReadAndAudit", "Allow", &json!({ "AWS": account }), &json!(READING))
}

fn ending(plan: &Plan<'_>) -> Value {
    statement("EndTheKey", "Allow", &json!({ "AWS": plan.admin }), &json!(ENDING))
}

fn opening(plan: &Plan<'_>, position: usize, release: &Registers) -> Value {
    let name = if position == 0 { "OpenForThisSigner" } else { "OpenForThisSignersOtherRelease" };
    let mut statement = statement(name, "Allow", &json!({ "AWS": plan.parent }), &json!(DECRYPT));
    let registers: Map<_, _> =
        release.iter().map(|(index, value)| (condition_key(*index), value.to_string().into())).collect();
    statement["Condition"] = json!({ "StringEqualsIgnoreCase": registers });
    statement
}

fn recipientless() -> Value {
    let mut statement = statement("NeverWithoutRecipient", "Deny", &json!("*"), &json!(DECRYPT));
    statement["Condition"] = json!({ "Null": { condition_key(PcrIndex::IMAGE): "true" } });
    statement
}

fn mismatching(plan: &Plan<'_>, index: PcrIndex) -> Value {
    let values: BTreeSet<_> =
        plan.releases.iter().filter_map(|release| release.get(&index)).map(ToString::to_string).collect();
    let values: Vec<_> = values.into_iter().collect();
    let values = if let [value] = &values[..] { json!(value) } else { json!(values) };
    let mut statement = statement(&format!("NeverWithAnother{index}"), "Deny", &json!("*"), &json!(DECRYPT));
    statement["Condition"] = json!({ "StringNotEqualsIgnoreCase": { condition_key(index): values } });
    statement
}

fn never() -> Value {
    statement("NeverAnotherWay", "Deny", &json!("*"), &json!(NEVER))
}

fn statement(name: &str, effect: &str, principal: &Value, action: &Value) -> Value {
    json!({ "Sid": name, "Effect": effect, "Principal": principal, "Action": action, "Resource": "*" })
}

/// The registers that every release shows.
fn common(releases: &[Registers]) -> Vec<PcrIndex> {
    let everywhere = |index: &&PcrIndex| releases.iter().all(|release| release.contains_key(*index));
    releases.first().into_iter().flat_map(|first| first.keys().filter(everywhere).copied()).collect()
}

/// `aws`, `aws-cn`, ...
fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or("aws")
}
