//! What the commands about requesters answer.

use std::fmt;

use cloister_client::{credential, operator, permission};
use cloister_wire::{
    credential::Credential,
    endorsement::Endorsed,
    policy::{Member, Policy, Rule, TenantPolicy},
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
    pub(super) fn new(grant: operator::Grant<'_>) -> Self {
        let AllowView { key, permissions } = AllowView::new(grant);
        Self { key, requesters: grant.requesters.iter().map(ToString::to_string).collect(), permissions }
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

/// What proves a requester's requests.
#[derive(Serialize)]
pub(super) struct CredentialView {
    credential: &'static str,
    public_key: String,
    #[serde(flatten)]
    passkey: Option<PasskeyView>,
    #[serde(skip)]
    text: String,
}

/// Where a passkey may be used.
#[derive(Serialize)]
struct PasskeyView {
    rp_id: String,
    origins: Vec<String>,
}

impl CredentialView {
    pub(super) fn new(credential: &Credential) -> Self {
        let passkey = match credential {
            Credential::Ed25519(_) | Credential::P256(_) => None,
            Credential::WebAuthn(passkey) => Some(PasskeyView {
                rp_id: passkey.rp_id.to_string(),
                origins: passkey.origins.iter().map(ToString::to_string).collect(),
            }),
        };
        Self {
            credential: credential::kind(credential),
            public_key: credential::public_key(credential),
            passkey,
            text: credential::text(credential),
        }
    }
}

impl fmt::Display for CredentialView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Serialize)]
pub(super) struct AddedView {
    pub(super) requester: String,
    pub(super) tenant: String,
    #[serde(flatten)]
    pub(super) credential: CredentialView,
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
            .line("public key", &self.credential)
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
    #[serde(flatten)]
    credential: CredentialView,
    create_keys: bool,
    allow: Vec<AllowView>,
    /// Rules of policy files that are for its requests.
    rules: Vec<String>,
}

#[derive(Serialize)]
struct AllowView {
    key: String,
    permissions: Vec<String>,
}

impl ListView {
    pub(super) fn new(policy: &Policy, endorsed: &Endorsed<Policy>, simulated: bool) -> Self {
        let members = policy.tenants.iter().flat_map(|tenant| tenant.members.iter().map(move |known| (tenant, known)));
        Self {
            requesters: members.map(|(tenant, known)| RequesterView::new(tenant, known)).collect(),
            policy_version: policy.version.0,
            policy_hash: endorsed.hash().to_string(),
            simulated,
        }
    }
}

impl RequesterView {
    fn new(tenant: &TenantPolicy, known: &Member) -> Self {
        let names =
            |rule: &&Rule| rule.requesters.as_ref().is_none_or(|names| names.iter().any(|name| *name == known.name));
        let others = tenant.rules.iter().filter(|rule| operator::Grant::of(rule).is_none());
        let grants = operator::Grant::all(tenant).filter(|grant| grant.requesters.contains(&known.name));
        Self {
            requester: known.name.to_string(),
            tenant: tenant.tenant.to_string(),
            credential: CredentialView::new(&known.credential),
            create_keys: tenant.may_create_keys(&known.name),
            allow: grants.map(AllowView::new).collect(),
            rules: others.filter(names).map(|rule| rule.name.to_string()).collect(),
        }
    }
}

impl AllowView {
    fn new(grant: operator::Grant<'_>) -> Self {
        Self { key: grant.key.to_string(), permissions: grant.permissions.iter().map(permission::text).collect() }
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
        write!(f, "{} of tenant {}, key {}{make}", self.requester, self.tenant, self.credential)?;
        self.allow.iter().try_for_each(|allow| write!(f, "\n  {}={}", allow.key, allow.permissions.join(",")))?;
        self.rules.iter().try_for_each(|rule| write!(f, "\n  rule {rule}"))
    }
}
