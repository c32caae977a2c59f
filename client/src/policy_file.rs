//! Policies as people write them: TOML, or the same as JSON. `docs/policy.md` is the reference of the format.
//!
//! ```text
//!   text ──parse──▶ forms ──▶ TenantPolicy ──PolicyDraft::replace_tenants──▶ Policy, canonical bytes
//!     ▲                │ each leaf a `Text`: read where it stands, so that an error knows its line
//!     └───layout───────┘
//! ```
//!
//! Whatever a policy says can be written, and what was written reads back as the same policy.

mod account;
mod amount;
mod comparison;
mod effects;
mod function;
mod hours;
mod layout;
mod limit;
mod member;
mod network;
mod paths;
mod refused;
mod rule;
mod span;
mod tenant;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use cloister_wire::{
    ids::{GroupId, Hash, PolicyVersion, Tenant},
    policy::{Policy, Rule, TenantPolicy},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use amount::{Amount, Coin, coin};
pub use comparison::{Change, Subject, compare};
pub use refused::NotAPolicy;
use rule::RuleEntry;
pub(crate) use span::Span;
use tenant::TenantForm;
pub(crate) use text::{Text, Written, formed};

use crate::operator::{self, PlanError};

/// The whole file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    tenant: BTreeMap<Text<Tenant>, TenantForm>,
}

/// The tenants that a text in TOML or JSON describes: in order, and checked.
///
/// # Errors
/// [`NotAPolicy`], with the place.
pub fn read(text: &str) -> Result<Vec<TenantPolicy>, NotAPolicy> {
    let form: Form = parse(text)?;
    let tenants = form.tenant.into_iter().map(|(name, form)| form.into_tenant(name.0));
    let tenants: Vec<TenantPolicy> = tenants.collect::<Result<_, _>>()?;
    checked(tenants.into_iter().map(operator::in_order).collect::<Result<_, _>>()?)
}

/// The tenants, if they can be one policy.
fn checked(tenants: Vec<TenantPolicy>) -> Result<Vec<TenantPolicy>, NotAPolicy> {
    let policy = Policy {
        group: GroupId::from_bytes([0; GroupId::LEN]),
        manifest: Hash::from_bytes([0; Hash::LEN]),
        version: PolicyVersion(1),
        previous: None,
        tenants: tenants.try_into().map_err(|why| PlanError::TooMany { what: "tenants", why })?,
    };
    policy.check().map_err(PlanError::from)?;
    Ok(policy.tenants.into_vec())
}

/// A rule that stands alone: the fields of a rule, in TOML or JSON.
pub(crate) fn rule(text: &str) -> Result<Rule, NotAPolicy> {
    parse(text).map(|RuleEntry(rule)| rule)
}

/// The same in TOML.
pub(crate) fn rule_to_toml(rule: &Rule) -> String {
    layout::fields(&RuleEntry(rule.clone()))
}

/// The tenants in TOML.
#[must_use]
pub fn to_toml(tenants: &[TenantPolicy]) -> String {
    layout::document(&Form::of(tenants))
}

/// The tenants in JSON: the same fields.
#[must_use]
pub fn to_json(tenants: &[TenantPolicy]) -> serde_json::Value {
    serde_json::to_value(Form::of(tenants)).expect("all keys are texts")
}

impl Form {
    fn of(tenants: &[TenantPolicy]) -> Self {
        let part = |tenant: &TenantPolicy| (Text(tenant.tenant.clone()), TenantForm::from(tenant));
        Self { tenant: tenants.iter().map(part).collect() }
    }
}

/// Reads TOML, or JSON if it begins with a brace. Errors name field and line.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, NotAPolicy> {
    if text.trim_start().starts_with('{') {
        let mut json = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut json).map_err(NotAPolicy::json)?;
        json.end().map_err(|why| NotAPolicy::syntax(Some(why.line()), &why))?;
        return Ok(value);
    }
    let toml = toml::Deserializer::parse(text).map_err(|why| NotAPolicy::toml(text, "", &why))?;
    serde_path_to_error::deserialize(toml).map_err(|why| NotAPolicy::toml(text, &why.path().to_string(), why.inner()))
}
