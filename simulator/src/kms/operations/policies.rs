//! Reading and replacing key policies.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, must_not_be_pending_deletion, parameters};
use crate::kms::arn::KeyArn;
use crate::kms::errors::{Fault, FaultKind};
use crate::kms::policy::{Circumstances, Decision, Policy};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
}

/// Replaces the policy, if the one in force lets this caller.
pub(super) fn put(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: PutKeyPolicy = parameters(body)?;
    must_be_the_default(request.policy_name.as_deref())?;
    let bypass = request.bypass_policy_lockout_safety_check;
    let circumstances = Circumstances { bypasses_lockout_check: Some(bypass), ..Circumstances::default() };
    let key = call.key(&request.key_id, &circumstances)?;
    let policy = checked_policy(call, key.arn(), &request.policy, LockoutCheck::unless(bypass))?;
    call.change(key.arn(), |current| {
        // Another caller may have replaced the policy since: the one that counts is the one being replaced.
        call.authorize(current, &circumstances)?;
        must_not_be_pending_deletion(current)?;
        Ok(current.with_policy(policy))
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
}

pub(super) fn get(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: GetKeyPolicy = parameters(body)?;
    must_be_the_default(request.policy_name.as_deref())?;
    let key = call.key(&request.key_id, &Circumstances::default())?;
    Ok(json!({ "Policy": key.policy().text(), "PolicyName": THE_ONLY_POLICY }))
}

/// Whether a new policy must let its author put the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockoutCheck {
    Made,
    Bypassed,
}

impl LockoutCheck {
    /// From the request's `BypassPolicyLockoutSafetyCheck`.
    pub(super) fn unless(bypassed: bool) -> Self {
        if bypassed { Self::Bypassed } else { Self::Made }
    }
}

/// A policy that may be put on this key: it can be read in full, and unless the check is bypassed, lets the
/// caller put another one later.
pub(super) fn checked_policy(call: &Call<'_>, key: &KeyArn, text: &str, check: LockoutCheck) -> Result<Policy, Fault> {
    let malformed = |message: String| Fault::new(FaultKind::MalformedPolicy, message);
    let policy = Policy::parse(text).map_err(|error| malformed(error.to_string()))?;
    let later = Circumstances { bypasses_lockout_check: Some(false), ..Circumstances::default() };
    if check == LockoutCheck::Made && call.decide(&policy, key, "PutKeyPolicy", &later) != Decision::Allowed {
        return Err(malformed("The new key policy will not allow you to update the key policy in the future.".into()));
    }
    Ok(policy)
}

fn must_be_the_default(name: Option<&str>) -> Result<(), Fault> {
    match name {
        None | Some(THE_ONLY_POLICY) => Ok(()),
        Some(other) => Err(Fault::new(FaultKind::NotFound, format!("No such policy exists: {other}"))),
    }
}

const THE_ONLY_POLICY: &str = "default";
