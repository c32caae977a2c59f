//! What the commands about requesters answer.

use std::fmt;

use cloister_client::permission;
use cloister_wire::{
    endorsement::Endorsed,
    policy::{KeyRule, Policy, RequesterKey},
};
use serde::Serialize;

use crate::{draft::DraftView, output::Lines};

/// Who may sign what with a key.
#[derive(Serialize)]
pub(super) struct Grant {
    key: String,
    requesters: Vec<String>,
    permissions: Vec<String>,
}

impl Grant {
    pub(super) fn new(rule: &KeyRule) -> Self {
        let AllowView { key, permissions } = AllowView::new(rule);
        Self { key, requesters: rule.requesters.iter().map(ToString::to_string).collect(), permissions }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, with {}: {}", self.requesters.join(" and "), self.key, self.permissions.join(", "))
    }
}

/// What a new version of the policy says.
#[derive(Serialize)]
pub(super) struct Change {
    /// Who may sign what with the keys in question.
    pub(super) grants: Vec<Grant>,
    pub(super) policy_version: u64,
    pub(super) policy_hash: String,
    pub(super) simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) draft: Option<DraftView>,
}

impl Change {
    fn show(&self, f: &mut fmt::Formatter<'_>, lines: Lines) -> fmt::Result {
        let lines =
            self.grants.iter().fold(lines, |lines, grant| lines.line("may sign", grant)).simulated(self.simulated);
        match &self.draft {
            Some(draft) => write!(f, "{lines}\n{draft}"),
            None => write!(f, "{}", lines.line("policy", format!("version {} is in force", self.policy_version))),
        }
    }
}

#[derive(Serialize)]
pub(super) struct AddedView {
    pub(super) requester: String,
    pub(super) tenant: String,
    pub(super) public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_file: Option<String>,
    /// For every key that it may use.
    #[serde(flatten)]
    pub(super) change: Change,
}

impl fmt::Display for AddedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("requester", format!("{} of tenant {}", self.requester, self.tenant))
            .line("public key", &self.public_key)
            .maybe("secret key", self.key_file.as_ref());
        self.change.show(f, lines)
    }
}

#[derive(Serialize)]
pub(super) struct RemovedView {
    pub(super) requester: String,
    /// What others may still do with its keys.
    #[serde(flatten)]
    pub(super) change: Change,
}

impl fmt::Display for RemovedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.show(f, Lines::new().line("removed", &self.requester))
    }
}

#[derive(Serialize)]
pub(super) struct DeniedView {
    pub(super) tenant: String,
    /// What is left of the keys' permissions.
    #[serde(flatten)]
    pub(super) change: Change,
}

impl fmt::Display for DeniedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.show(f, Lines::new().line("tenant", &self.tenant))
    }
}

#[derive(Serialize)]
pub(super) struct ListView {
    requesters: Vec<RequesterView>,
    policy_version: u64,
    policy_hash: String,
    simulated: bool,
}

#[derive(Serialize)]
struct RequesterView {
    requester: String,
    tenant: String,
    public_key: String,
    create_keys: bool,
    allow: Vec<AllowView>,
}

#[derive(Serialize)]
struct AllowView {
    key: String,
    permissions: Vec<String>,
}

impl ListView {
    pub(super) fn new(policy: &Policy, endorsed: &Endorsed<Policy>, simulated: bool) -> Self {
        let requester = |known: &RequesterKey| RequesterView {
            requester: known.name.to_string(),
            tenant: known.tenant.to_string(),
            public_key: known.key.to_string(),
            create_keys: policy.key_creators.iter().any(|name| *name == known.name),
            allow: policy
                .keys
                .iter()
                .filter(|rule| rule.requesters.iter().any(|name| *name == known.name))
                .map(AllowView::new)
                .collect(),
        };
        Self {
            requesters: policy.requesters.iter().map(requester).collect(),
            policy_version: policy.version.0,
            policy_hash: endorsed.hash().to_string(),
            simulated,
        }
    }
}

impl AllowView {
    fn new(rule: &KeyRule) -> Self {
        Self { key: rule.key.to_string(), permissions: rule.permissions.iter().map(permission::text).collect() }
    }
}

impl fmt::Display for ListView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new().line("policy", format!("version {}", self.policy_version)).simulated(self.simulated);
        write!(f, "{lines}")?;
        self.requesters.iter().try_for_each(|requester| write!(f, "\n{requester}"))
    }
}

impl fmt::Display for RequesterView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let make = if self.create_keys { "; may make keys" } else { "" };
        write!(f, "{} of tenant {}, key {}{make}", self.requester, self.tenant, self.public_key)?;
        self.allow.iter().try_for_each(|allow| write!(f, "\n  {}={}", allow.key, allow.permissions.join(",")))
    }
}
