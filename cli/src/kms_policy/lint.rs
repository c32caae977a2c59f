//! Reads a policy for what it leaves open.

use std::collections::{BTreeMap, BTreeSet};

use cloister_attestation::PcrIndex;
use cloister_wire::manifest::{Measurements, SignerSlot, ValidManifest};

use super::{
    DECRYPT, Document, ENDING, Fault, Finding, NEVER, READING, Registers,
    document::{Actions, Effect, Principal, Principals, Statement},
    holders,
    opening::Opening,
    registers,
};

/// What is known of the enclaves that are meant. What is not known is not compared.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(super) releases: Vec<Registers>,
    pub(super) signer: Registers,
    /// The account of the key, if it is another than the parent role's.
    pub(super) account: Option<String>,
}

impl Expected {
    /// Accepts a release.
    pub(crate) fn accept(&mut self, release: &Measurements) {
        self.releases.push(registers::of_release(release));
    }

    /// Demands a signer.
    pub(crate) fn demand(&mut self, manifest: &ValidManifest, slot: &SignerSlot) {
        self.signer = registers::of_signer(manifest, slot);
    }

    /// Says whose key it is.
    pub(crate) fn own(&mut self, account: &str) {
        self.account = Some(account.to_owned());
    }

    /// All registers of each accepted release.
    pub(crate) fn registers(&self) -> Vec<Registers> {
        let whole = |release: &Registers| release.iter().chain(&self.signer).map(|(i, value)| (*i, *value)).collect();
        self.releases.iter().map(whole).collect()
    }
}

/// Everything that is wrong with a policy.
pub(crate) fn lint(document: &Document, expected: &Expected) -> Vec<Finding> {
    let mut findings = Vec::new();
    names(document, &mut findings);
    document.statements.iter().for_each(|statement| everywhere(statement, &mut findings));
    let (allows, denies): (Vec<_>, Vec<_>) =
        document.statements.iter().partition(|statement| statement.effect == Effect::Allow);
    allows.iter().for_each(|statement| rights(statement, &mut findings));
    let openings = openings(&allows, expected, &mut findings);
    together(&openings, expected, &mut findings);
    Denies(&denies).check(&openings, &mut findings);
    holders::check(&allows, expected, &mut findings);
    needed(&allows, &mut findings);
    findings
}

fn names(document: &Document, findings: &mut Vec<Finding>) {
    if document.version.as_deref() != Some("2012-10-17") {
        findings.push(Finding::new(Fault::Version, None, "it is not of version 2012-10-17"));
    }
    let mut seen = BTreeSet::new();
    for statement in document.statements.iter().filter(|statement| !seen.insert(&statement.name)) {
        findings.push(Finding::new(Fault::StatementTwice, Some(&statement.name), "two statements have this name"));
    }
}

/// What has no place in any statement.
fn everywhere(statement: &Statement, findings: &mut Vec<Finding>) {
    let mut found = |fault, message| findings.push(Finding::new(fault, Some(&statement.name), message));
    if matches!(statement.principals, Principals::AllBut) {
        found(Fault::NotPrincipal, "it speaks of everybody but those named");
    }
    if matches!(statement.actions, Actions::AllBut) {
        found(Fault::NotAction, "it speaks of everything but what is named");
    }
    if !statement.every_resource {
        found(Fault::Resource, "it speaks of other resources than this key");
    }
}

/// What an Allow gives away, whatever its conditions.
fn rights(statement: &Statement, findings: &mut Vec<Finding>) {
    let mut found = |fault, message: String| findings.push(Finding::new(fault, Some(&statement.name), message));
    let Actions::Listed(actions) = &statement.actions else { return };
    for action in actions {
        if let Some(fault) = right(action) {
            found(fault, format!("it allows {action}"));
        }
        if !is_one_of(action, &READING) {
            principals(statement, action, &mut found);
        }
    }
    if matches!(statement.principals, Principals::Anyone) {
        found(Fault::PrincipalWildcard, "it allows everybody in every account".into());
    }
    if matches!(&statement.principals, Principals::Listed(listed) if listed.is_empty()) {
        found(Fault::PrincipalNone, "it allows nobody".into());
    }
    for principal in listed(statement) {
        match principal {
            Principal::Wildcard(name) => found(Fault::PrincipalWildcard, format!("it allows whoever is called {name}")),
            Principal::Gone(name) => {
                found(Fault::PrincipalGone, format!("{name} is what is left of a deleted role or user"))
            }
            Principal::Other(name) => found(Fault::PrincipalUnknown, format!("it allows {name}, which is no role")),
            Principal::Role(_) | Principal::Account(_) => {}
        }
    }
}

/// Rights to more than reading are for roles by name.
fn principals(statement: &Statement, action: &str, found: &mut impl FnMut(Fault, String)) {
    for principal in listed(statement) {
        if let Principal::Account(name) = principal {
            found(Fault::PrincipalAccount, format!("it allows {action} to all of {name} that IAM allows it"));
        }
    }
}

/// What is wrong with allowing an action to anybody.
fn right(action: &str) -> Option<Fault> {
    if action.contains(['*', '?']) {
        return Some(Fault::ActionWildcard);
    }
    if is_one_of(action, &["kms:CreateGrant", "kms:RetireGrant", "kms:RevokeGrant"]) {
        return Some(Fault::Grants);
    }
    if is_one_of(action, &POLICY_CHANGES) {
        return Some(Fault::PolicyChange);
    }
    let known = is_one_of(action, &READING) || is_one_of(action, &ENDING) || is_one_of(action, &[DECRYPT]);
    (!known).then_some(Fault::RightNotNeeded)
}

fn is_one_of(action: &str, actions: &[&str]) -> bool {
    actions.iter().any(|known| known.eq_ignore_ascii_case(action))
}

pub(super) fn listed(statement: &Statement) -> &[Principal] {
    match &statement.principals {
        Principals::Listed(listed) => listed,
        Principals::Anyone | Principals::AllBut => &[],
    }
}

fn openings<'a>(allows: &[&'a Statement], expected: &Expected, findings: &mut Vec<Finding>) -> Vec<Opening<'a>> {
    let mut openings = Vec::new();
    for statement in allows.iter().filter(|statement| statement.speaks_of(DECRYPT)) {
        let opening = Opening::read(statement, findings);
        opening.check(statement, expected, findings);
        openings.push(opening);
    }
    openings
}

/// What several statements are together.
fn together(openings: &[Opening<'_>], expected: &Expected, findings: &mut Vec<Finding>) {
    if openings.is_empty() {
        findings.push(Finding::new(Fault::NeverOpens, None, "nobody may decrypt"));
    }
    let closed = openings.iter().find(|opening| opening.is_complete());
    for open in openings.iter().filter(|opening| !opening.is_complete()) {
        if let Some(closed) = closed {
            let message = format!("it opens what {} closes", closed.name);
            findings.push(Finding::new(Fault::OpensWhatIsClosed, Some(open.name), message));
        }
    }
    let releases: BTreeSet<_> = openings.iter().map(|opening| &opening.registers).collect();
    let accepted = expected.releases.len().max(1);
    if releases.len() > accepted {
        let message = format!("it lets {} releases decrypt, and {accepted} is meant", releases.len());
        findings.push(Finding::new(Fault::ReleaseSecond, None, message));
    }
    // Of a single release, each register that differs has been found already.
    for release in expected.releases.iter().filter(|release| accepted > 1 && !has(openings, release)) {
        let message = format!("no statement lets the release with PCR0 {} decrypt", release[&PcrIndex::IMAGE]);
        findings.push(Finding::new(Fault::ReleaseMissing, None, message));
    }
}

fn has(openings: &[Opening<'_>], release: &Registers) -> bool {
    openings.iter().any(|opening| release.iter().all(|(index, value)| opening.registers.get(index) == Some(value)))
}

/// Whether every Allow demands this register.
fn demanded(openings: &[Opening<'_>], index: PcrIndex) -> bool {
    !openings.is_empty() && openings.iter().all(|opening| opening.registers.contains_key(&index))
}

struct Denies<'a>(&'a [&'a Statement]);

impl Denies<'_> {
    fn check(&self, openings: &[Opening<'_>], findings: &mut Vec<Finding>) {
        let mut recipient = false;
        let mut closed: BTreeMap<PcrIndex, BTreeSet<String>> = BTreeMap::new();
        for statement in self.0 {
            if statement.is_unconditional() {
                continue;
            }
            if !statement.speaks_of(DECRYPT) {
                findings.push(Finding::new(Fault::DenyUnclear, Some(&statement.name), "it denies under a condition"));
                continue;
            }
            match Closing::read(statement) {
                // Where another register is absent, a call with Recipient is denied too: never mind if all have to show it.
                Some(Closing::WithoutRecipient(index)) if index == PcrIndex::IMAGE || demanded(openings, index) => {
                    recipient = true;
                }
                Some(Closing::WithoutRecipient(index)) => {
                    let message = format!("it denies kms:Decrypt to whoever shows no {index}, which nothing demands");
                    findings.push(Finding::new(Fault::DenyCloses, Some(&statement.name), message));
                }
                Some(Closing::Unless(index, values)) => match closed.get_mut(&index) {
                    Some(before) => before.retain(|value| values.contains(value)),
                    None => drop(closed.insert(index, values)),
                },
                None => {
                    let message = "what it denies of kms:Decrypt is not known here";
                    findings.push(Finding::new(Fault::DenyUnclear, Some(&statement.name), message));
                }
            }
        }
        if !recipient {
            let message = "a call of kms:Decrypt without Recipient, which gets the plaintext, is not denied";
            findings.push(Finding::new(Fault::RecipientNotDemanded, None, message));
        }
        compare(&closed, openings, findings);
        self.unconditional(findings);
    }

    /// What has to be denied to everybody, and what must not be.
    fn unconditional(&self, findings: &mut Vec<Finding>) {
        let denied =
            |action: &str| self.0.iter().find(|statement| statement.is_unconditional() && statement.speaks_of(action));
        let open: Vec<_> =
            NEVER.into_iter().filter(|action| !denied(action).is_some_and(|s| plainly(s, action))).collect();
        if !open.is_empty() {
            let message = format!("{} is not denied to everybody", open.join(", "));
            findings.push(Finding::new(Fault::DenyMissing, None, message));
        }
        for action in READING.into_iter().chain(ENDING).chain([DECRYPT]) {
            if let Some(statement) = denied(action) {
                let message = format!("it denies {action} to everybody");
                findings.push(Finding::new(Fault::DenyCloses, Some(&statement.name), message));
            }
        }
    }
}

/// Whether an action is named, and not only by something with a wildcard that may mean it.
fn plainly(statement: &Statement, action: &str) -> bool {
    matches!(&statement.actions, Actions::Listed(listed) if listed.iter().any(|listed| is_one_of(listed, &[action])))
}

/// What a conditional Deny of `kms:Decrypt` closes, to everybody.
enum Closing {
    /// Whoever shows no such register, as a call without Recipient does.
    WithoutRecipient(PcrIndex),
    Unless(PcrIndex, BTreeSet<String>),
}

impl Closing {
    fn read(statement: &Statement) -> Option<Self> {
        let [condition] = &statement.conditions[..] else { return None };
        let everybody = matches!(statement.principals, Principals::Anyone) && statement.every_resource;
        if !everybody || !plainly(statement, DECRYPT) {
            return None;
        }
        let index = registers::named_by(&condition.key)?;
        let values: BTreeSet<_> = condition.values.iter().cloned().collect();
        match condition.operator.as_str() {
            "Null" if values.iter().eq(["true"]) => Some(Self::WithoutRecipient(index)),
            "StringNotEquals" | "StringNotEqualsIgnoreCase" => Some(Self::Unless(index, values)),
            _ => None,
        }
    }
}

/// Whether, of each register that every release shows, exactly the accepted values are left.
fn compare(closed: &BTreeMap<PcrIndex, BTreeSet<String>>, openings: &[Opening<'_>], findings: &mut Vec<Finding>) {
    let shown: BTreeSet<_> = openings.iter().flat_map(|opening| opening.registers.keys()).collect();
    for index in shown.into_iter().filter(|index| openings.iter().all(|o| o.registers.contains_key(index))) {
        let accepted: BTreeSet<_> = openings.iter().map(|opening| opening.registers[index].to_string()).collect();
        let none = BTreeSet::new();
        let left = closed.get(index).unwrap_or(&none);
        if !closed.contains_key(index) || left.difference(&accepted).next().is_some() {
            let message = format!("kms:Decrypt with another {index} is not denied, so a grant may allow it");
            findings.push(Finding::new(Fault::DenyMissing, None, message));
        } else if accepted.difference(left).next().is_some() {
            let message = format!("kms:Decrypt is denied with a {index} that another statement demands");
            findings.push(Finding::new(Fault::DenyCloses, None, message));
        }
    }
    for index in closed.keys().filter(|index| openings.iter().any(|o| !o.registers.contains_key(index))) {
        let message = format!("kms:Decrypt is denied by {index}, which not every Allow demands");
        findings.push(Finding::new(Fault::DenyUnclear, None, message));
    }
}

/// What a key needs to be looked after.
fn needed(allows: &[&Statement], findings: &mut Vec<Finding>) {
    let allowed =
        |action: &str| allows.iter().any(|statement| statement.conditions.is_empty() && plainly(statement, action));
    for action in ENDING.iter().filter(|action| !allowed(action)) {
        findings.push(Finding::new(Fault::CannotEnd, None, format!("nobody may {action}")));
    }
    for action in READING.iter().filter(|action| !allowed(action)) {
        findings.push(Finding::new(Fault::CannotRead, None, format!("nobody may {action}")));
    }
}

/// What lets its holder decide who opens, brings an ended key back, or replaces what it is.
const POLICY_CHANGES: [&str; 8] = [
    "kms:PutKeyPolicy",
    "kms:ReplicateKey",
    "kms:UpdatePrimaryRegion",
    "kms:ImportKeyMaterial",
    "kms:DeleteImportedKeyMaterial",
    "kms:EnableKey",
    "kms:CancelKeyDeletion",
    "kms:TagResource",
];
