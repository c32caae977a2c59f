//! A draft in plain words: what an operator vouches for by signing it.

use std::{collections::BTreeSet, fmt, path::Path};

use cloister_client::{
    credential, operator, permission,
    policy_file::{Change, Subject, compare},
};
use cloister_wire::{
    ids::{SignerId, Tenant},
    manifest::ValidManifest,
    order::{StartKind, StartOrder},
    policy::{Policy, Quorum},
};
use serde::Serialize;

use super::{Draft, content};
use crate::{commands::attest::rfc3339, failure::Failure, output::Lines};

/// A draft, as it is shown.
#[derive(Serialize)]
pub(crate) struct DraftView {
    file: String,
    kind: &'static str,
    group: String,
    manifest_hash: String,
    /// Of the order, or of the policy.
    hash: String,
    policy_version: u64,
    /// What it says, a sentence each.
    says: Vec<String>,
    /// Positions of the operators who have signed.
    signed_by: Vec<u16>,
    quorum: u16,
    /// Whether a quorum has signed, each signature verified.
    complete: bool,
    /// Whether the group has carried it out.
    submitted: bool,
}

impl DraftView {
    pub(super) fn new(draft: &Draft, file: &Path) -> Result<Self, Failure> {
        let manifest = &draft.manifest;
        let policy = content("policy", &draft.policy)?;
        let order = draft.order.as_ref().map(|order| content("start order", order)).transpose()?;
        let before = draft.replaces.as_ref().map(|before| content("policy", before)).transpose()?;
        let mut says = order.as_ref().map(|order| order_says(order, manifest)).unwrap_or_default();
        says.extend(change_says(&policy, before.as_ref()));
        let signatures = draft.order.as_ref().map_or(&draft.policy.signatures, |order| &order.signatures);
        Ok(Self {
            file: file.display().to_string(),
            kind: order.as_ref().map_or("policy", kind),
            group: manifest.group.to_string(),
            manifest_hash: manifest.hash().to_string(),
            hash: draft.hash().to_string(),
            policy_version: policy.version.0,
            says,
            signed_by: signatures.iter().map(|signature| signature.operator).collect(),
            quorum: manifest.quorum,
            complete: draft.complete(),
            submitted: false,
        })
    }

    pub(crate) fn complete(&self) -> bool {
        self.complete
    }

    pub(crate) fn submitted(self) -> Self {
        Self { submitted: true, ..self }
    }

    /// How far it is.
    pub(crate) fn state(&self) -> String {
        let signed: Vec<_> = self.signed_by.iter().map(u16::to_string).collect();
        let next = match (self.submitted, self.complete) {
            (true, _) => "and the group has carried it out",
            (false, true) => "complete: submit it",
            (false, false) => "not complete",
        };
        format!("signed by operators [{}], {} are needed: {next}", signed.join(", "), self.quorum)
    }
}

/// `genesis` or `restart`.
pub(crate) fn kind(order: &StartOrder) -> &'static str {
    match order.kind {
        StartKind::Genesis => "genesis",
        StartKind::Restart { .. } => "restart",
    }
}

fn order_says(order: &StartOrder, manifest: &ValidManifest) -> Vec<String> {
    let what = match order.kind {
        StartKind::Genesis => "the group starts for the first time: signers make their keys".to_owned(),
        StartKind::Restart { genesis } => format!("the group that genesis order {genesis} founded starts again"),
    };
    let when = format!(
        "this is start {}; requests issued before {} are refused from then on",
        order.incarnation.0,
        rfc3339(order.issued_at.0)
    );
    let boot = |signer: SignerId| match order.boot_of(signer) {
        Some(boot) => format!("signer {signer} takes part with boot {boot}"),
        None => format!("signer {signer} takes no part"),
    };
    [what, when].into_iter().chain(manifest.signers.iter().map(|slot| boot(slot.id))).collect()
}

/// What the policy says; against the version before, each thing is marked as added, removed or kept.
fn change_says(policy: &Policy, before: Option<&Policy>) -> Vec<String> {
    let version = format!("policy version {} is in force", policy.version.0);
    let things = things(policy);
    let Some(before) = before else {
        let nothing = things.is_empty().then(|| "it allows nobody anything".to_owned());
        return std::iter::once(version).chain(nothing).chain(things).collect();
    };
    let old = self::things(before);
    let removed = old.difference(&things).map(|thing| format!("removed: {thing}"));
    let added = things.difference(&old).map(|thing| format!("added: {thing}"));
    let (accounts, kept): (Vec<_>, Vec<_>) = things.intersection(&old).partition(|thing| thing.starts_with(LISTED));
    let kept = kept.into_iter().map(|thing| format!("kept: {thing}"));
    // There may be a hundred thousand, and nobody would see what changes.
    let accounts = (!accounts.is_empty()).then(|| format!("kept: {} accounts on lists", accounts.len()));
    std::iter::once(version).chain(removed).chain(added).chain(kept).chain(accounts).collect()
}

/// How the sentence of an account on a list begins, and no other.
const LISTED: &str = "list ";

/// A sentence for each thing that the policy says.
fn things(policy: &Policy) -> BTreeSet<String> {
    let grants = policy.tenants.iter().flat_map(|tenant| {
        let sentences = move |grant| grant_says(&tenant.tenant, grant);
        operator::Grant::all(tenant).flat_map(sentences)
    });
    let is_grant = |tenant: &str, name: &str| {
        let tenant = policy.tenants.iter().find(|known| known.tenant.as_str() == tenant);
        let rule = tenant.and_then(|tenant| tenant.rules.iter().find(|rule| rule.name.as_str() == name));
        rule.is_some_and(|rule| operator::Grant::of(rule).is_some())
    };
    let others = compare(&[], policy.tenants.as_slice()).into_iter().filter_map(|change| {
        let Change { tenant, subject, after, .. } = change;
        let text = after.unwrap_or_default();
        Some(match subject {
            Subject::Member(name) => member_says(policy, &name)?,
            Subject::KeyCreator(name) => format!("requester {name} may make keys"),
            Subject::Listed { list, account } => format!("{LISTED}{list} of tenant {tenant} has {account}"),
            Subject::List(name) => format!("tenant {tenant} has a list {name}"),
            Subject::Order => format!("the rules of tenant {tenant} are read in this order: {text}"),
            Subject::Rule(name) if is_grant(&tenant, &name) => return None,
            subject @ (Subject::Rule(_) | Subject::Set(_) | Subject::Limit(_) | Subject::Table(_)) => {
                format!("{subject} of tenant {tenant}: {text}")
            }
        })
    });
    grants.chain(others).collect()
}

fn grant_says(tenant: &Tenant, grant: operator::Grant<'_>) -> Vec<String> {
    let allowed: Vec<_> = grant.permissions.iter().map(permission::text).collect();
    let what = format!("may sign with key {} of tenant {tenant} for {}", grant.key, allowed.join(", "));
    grant.requesters.iter().map(|name| format!("requester {name} {what}")).collect()
}

fn member_says(policy: &Policy, name: &str) -> Option<String> {
    let (tenant, member) = policy.member(&name.parse().ok()?)?;
    let guardians = member.guardians.as_ref().map_or_else(String::new, |Quorum { set, count, delay_ms }| {
        format!(", which {count} of {set} can replace after {} minutes", delay_ms / 60_000)
    });
    Some(format!(
        "requester {name} of tenant {} has public key {}{guardians}",
        tenant.tenant,
        credential::text(&member.credential)
    ))
}

impl fmt::Display for DraftView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.kind == "policy" { "policy" } else { "start order" };
        let lines = Lines::new()
            .line("file", &self.file)
            .line("group", &self.group)
            .line("manifest", &self.manifest_hash)
            .line(what, &self.hash);
        let lines = self.says.iter().fold(lines, |lines, says| lines.line("  says", says));
        write!(f, "{}", lines.line("state", self.state()))
    }
}
