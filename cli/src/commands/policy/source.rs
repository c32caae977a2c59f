//! Where policies are read from.

use std::path::Path;

use cloister_client::policy_file::{self, NotAPolicy};
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    policy::{Policy, TenantPolicy},
};

use crate::{
    draft::Draft,
    failure::{Exit, Failure},
    input,
};

/// Reads a policy file.
pub(super) fn file(path: &Path) -> Result<Vec<TenantPolicy>, Failure> {
    policy_file::read(&text(path)?).map_err(|why| not_a_policy(path, &why))
}

/// Reads a text.
pub(in crate::commands) fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(input::read_file(path)?).map_err(|_| {
        let hint = "Give a policy file in TOML or JSON.";
        Failure::new(Exit::Usage, "policy_file_invalid", format!("{}: no text", path.display()), hint)
    })
}

/// Reads a policy file, a signed policy or a draft.
pub(super) fn any(path: &Path) -> Result<Vec<TenantPolicy>, Failure> {
    let bytes = input::read_file(path)?;
    if let Ok(endorsed) = codec::decode::<Endorsed<Policy>>(&bytes) {
        let policy =
            endorsed.unverified().map_err(|why| Failure::content(path, why, "Get the document again, unaltered."))?;
        return Ok(policy.tenants.into_vec());
    }
    match Draft::read(path) {
        Ok(draft) => Ok(draft.policy_said()?.tenants.into_vec()),
        Err(_) => file(path),
    }
}

pub(in crate::commands) fn not_a_policy(path: &Path, why: &NotAPolicy) -> Failure {
    let (code, hint) = match why {
        NotAPolicy::Field { .. } => ("policy_file_invalid", "Correct the line; docs/policy.md has every field."),
        NotAPolicy::Plan(_) => ("policy_incoherent", "Correct what it names; docs/policy.md says what fits together."),
    };
    Failure::new(Exit::Usage, code, format!("{}: {why}", path.display()), hint)
}
