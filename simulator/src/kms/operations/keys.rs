//! Making, showing and ending keys.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::policies::{LockoutCheck, checked_policy};
use super::{Call, must_be_enabled, must_not_be_pending_deletion, parameters, unwritten};
use crate::kms::blob;
use crate::kms::errors::{Fault, FaultKind, invalid};
use crate::kms::key::{Key, KeyState, NewKey};
use crate::kms::material::KeySpec;
use crate::kms::policy::{Circumstances, default_for_account};
use crate::kms::store::KeyFileError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CreateKey {
    #[serde(default)]
    description: String,
    key_spec: Option<KeySpec>,
    key_usage: Option<String>,
    policy: Option<String>,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
}

/// Any caller may make keys in its own account.
pub(super) fn create(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: CreateKey = parameters(body)?;
    if request.key_usage.as_deref().is_some_and(|usage| usage != USAGE) {
        return Err(Fault::new(FaultKind::UnsupportedOperation, "Only KeyUsage ENCRYPT_DECRYPT is provided here."));
    }
    if request.description.len() > LONGEST_DESCRIPTION {
        return Err(invalid(format!("Description is longer than {LONGEST_DESCRIPTION} bytes.")));
    }
    let account = call.caller.principal.account().clone();
    let policy = request.policy.unwrap_or_else(|| default_for_account(&account));
    let new = NewKey {
        region: call.caller.region.clone(),
        account,
        spec: request.key_spec.unwrap_or(KeySpec::SymmetricDefault),
        description: request.description,
        policy: Some(policy.clone()),
    };
    let key = new.generate(call.seconds()).map_err(|error| match error {
        KeyFileError::Policy(malformed) => Fault::new(FaultKind::MalformedPolicy, malformed.to_string()),
        other => unwritten(other),
    })?;
    checked_policy(call, key.arn(), &policy, LockoutCheck::unless(request.bypass_policy_lockout_safety_check))?;
    Ok(json!({ "KeyMetadata": metadata(&*call.keep(key)?) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OfKey {
    key_id: String,
}

pub(super) fn describe(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let key = named(call, body)?;
    Ok(json!({ "KeyMetadata": metadata(&key) }))
}

pub(super) fn get_public_key(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let key = named(call, body)?;
    must_be_enabled(&key)?;
    let Some(public_key) = key.public_key() else {
        let message = format!("{} is not an asymmetric key.", key.arn());
        return Err(Fault::new(FaultKind::UnsupportedOperation, message));
    };
    Ok(json!({
        "KeyId": key.arn().to_string(),
        "PublicKey": blob::encode(&public_key),
        "CustomerMasterKeySpec": key.spec(),
        "KeySpec": key.spec(),
        "KeyUsage": USAGE,
        "EncryptionAlgorithms": [key.spec().algorithm()],
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListKeys {
    limit: Option<usize>,
    marker: Option<String>,
}

/// The keys of the caller's account and region, which any of its callers may list.
pub(super) fn list(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: ListKeys = parameters(body)?;
    let limit = request.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(invalid("Limit must be 1 to 1000."));
    }
    let mut own = call.read(|file| file.keys().map(|key| key.arn().clone()).collect::<Vec<_>>())?;
    own.retain(|arn| arn.account() == call.caller.principal.account() && *arn.region() == call.caller.region);
    let start = match &request.marker {
        None => 0,
        Some(marker) => own
            .iter()
            .position(|arn| arn.id().to_string() == *marker)
            .ok_or_else(|| Fault::new(FaultKind::InvalidMarker, "Marker names no key."))?,
    };
    let next = own.get(start + limit).map(|arn| arn.id().to_string());
    let page = own.iter().skip(start).take(limit);
    let keys: Vec<Value> = page.map(|arn| json!({ "KeyId": arn.id(), "KeyArn": arn })).collect();
    let mut answer = json!({ "Keys": keys, "Truncated": next.is_some() });
    if let Some(next) = next {
        answer["NextMarker"] = next.into();
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListGrants {
    key_id: String,
    #[serde(rename = "Limit")]
    _limit: Option<usize>,
}

/// There are none: no grant can be made here.
pub(super) fn list_grants(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: ListGrants = parameters(body)?;
    call.key(&request.key_id, &Circumstances::default())?;
    Ok(json!({ "Grants": [], "Truncated": false }))
}

pub(super) fn disable(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    enter(call, &*named(call, body)?, KeyState::Disabled)?;
    Ok(json!({}))
}

pub(super) fn enable(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    enter(call, &*named(call, body)?, KeyState::Enabled)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleKeyDeletion {
    key_id: String,
    pending_window_in_days: Option<u64>,
}

pub(super) fn schedule_deletion(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: ScheduleKeyDeletion = parameters(body)?;
    let days = request.pending_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(invalid("PendingWindowInDays must be 7 to 30."));
    }
    let key = call.key(&request.key_id, &Circumstances::default())?;
    let due = call.seconds() + days * 24 * 60 * 60;
    let key = enter(call, &key, KeyState::PendingDeletion { due })?;
    Ok(json!({
        "KeyId": key.arn().to_string(),
        "KeyState": state_name(key.state()),
        "DeletionDate": due,
        "PendingWindowInDays": days,
    }))
}

/// The key that the request names and nothing more.
fn named(call: &Call<'_>, body: &[u8]) -> Result<Arc<Key>, Fault> {
    let request: OfKey = parameters(body)?;
    call.key(&request.key_id, &Circumstances::default())
}

fn enter(call: &Call<'_>, key: &Key, state: KeyState) -> Result<Arc<Key>, Fault> {
    call.change(key.arn(), |key| {
        must_not_be_pending_deletion(key)?;
        Ok(key.with_state(state))
    })
}

fn metadata(key: &Key) -> Value {
    let mut metadata = json!({
        "AWSAccountId": key.arn().account(),
        "KeyId": key.arn().id(),
        "Arn": key.arn(),
        "CreationDate": key.created(),
        "Enabled": key.state() == KeyState::Enabled,
        "Description": key.description(),
        "KeyUsage": USAGE,
        "KeyState": state_name(key.state()),
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": key.spec(),
        "KeySpec": key.spec(),
        "EncryptionAlgorithms": [key.spec().algorithm()],
        "MultiRegion": false,
    });
    if let KeyState::PendingDeletion { due } = key.state() {
        metadata["DeletionDate"] = due.into();
    }
    metadata
}

fn state_name(state: KeyState) -> &'static str {
    match state {
        KeyState::Enabled => "Enabled",
        KeyState::Disabled => "Disabled",
        KeyState::PendingDeletion { .. } => "PendingDeletion",
    }
}

const USAGE: &str = "ENCRYPT_DECRYPT";
const LONGEST_DESCRIPTION: usize = 8192;
