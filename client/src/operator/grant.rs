//! Grants: the rules that `--allow` makes, one for each key. Whoever a grant names may sign all payloads of its kinds with the key,
//! whatever they do and however much they move: rules with conditions are written in policy files.

use std::collections::BTreeSet;

use cloister_wire::{
    bounded::List,
    ids::{KeyName, Requester, RuleName},
    policy::{EffectKind, Effects, ForeignInputs, Paths, Pattern, Permission, Quantifier, Rule, TenantPolicy, Verdict},
};

use super::{PlanError, list};

/// A rule that is a grant.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The key.
    pub key: &'a KeyName,
    /// Who may sign with it, rising.
    pub requesters: &'a [Requester],
    /// What.
    pub permissions: &'a [Permission],
}

impl<'a> Grant<'a> {
    /// The rule as a grant, if it is nothing else.
    #[must_use]
    pub fn of(rule: &'a Rule) -> Option<Self> {
        let (requesters, keys, permissions) =
            (rule.requesters.as_ref()?, rule.keys.as_ref()?.as_slice(), rule.payloads.as_ref()?);
        let [key] = keys else { return None };
        let plain = self::rule(key, requesters.clone(), permissions.clone());
        (*rule == plain).then_some(Self { key, requesters: requesters.as_slice(), permissions: permissions.as_slice() })
    }

    /// All of a tenant's.
    pub fn all(tenant: &'a TenantPolicy) -> impl Iterator<Item = Self> {
        tenant.rules.iter().filter_map(Self::of)
    }
}

/// The rule that grants this.
fn rule(
    key: &KeyName,
    requesters: List<Requester, { cloister_wire::limits::RULE_MEMBERS }>,
    permissions: List<Permission, { cloister_wire::limits::PERMISSIONS }>,
) -> Rule {
    let anything = Pattern { kind: EffectKind::Anything, assets: None, with: None, most: None, functions: None };
    let effects = Effects { quantifier: Quantifier::Every, patterns: one(anything) };
    Rule {
        name: name(key),
        requesters: Some(requesters),
        keys: Some(one(key.clone())),
        paths: Paths::Any,
        payloads: Some(permissions),
        effects: Some(effects),
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: List::new(),
        verdict: Verdict::Allow,
    }
}

fn name(key: &KeyName) -> RuleName {
    format!("key:{key}").parse().expect("a rule's name has room for a key's")
}

fn one<T, const MAX: usize>(value: T) -> List<T, MAX> {
    vec![value].try_into().expect("every bound has room for one")
}

/// The tenant's grant for a key, and where it stands.
fn find<'a>(tenant: &'a TenantPolicy, key: &KeyName) -> Result<Option<(usize, Grant<'a>)>, PlanError> {
    let Some(at) = tenant.rules.iter().position(|rule| rule.name == name(key)) else { return Ok(None) };
    let grant = tenant.rules.as_slice().get(at).and_then(Grant::of);
    grant.map(|grant| Some((at, grant))).ok_or_else(|| PlanError::NotAGrant(name(key)))
}

/// Adds to a key's grant, or makes one behind all other rules.
pub(super) fn extend(
    tenant: &mut TenantPolicy,
    requester: &Requester,
    key: &KeyName,
    permissions: &[Permission],
) -> Result<(), PlanError> {
    let (at, mut requesters, allowed) = match find(tenant, key)? {
        Some((at, grant)) => (at, grant.requesters.iter().cloned().collect(), grant.permissions.to_vec()),
        None => (tenant.rules.len(), BTreeSet::new(), Vec::new()),
    };
    requesters.insert(requester.clone());
    let requesters = list("requesters of a key", requesters.into_iter().collect())?;
    let new = rule(key, requesters, list("permissions of a key", united(allowed, permissions))?);
    let mut rules = std::mem::take(&mut tenant.rules).into_vec();
    rules.splice(at..rules.len().min(at + 1), [new]);
    tenant.rules = list("rules", rules)?;
    Ok(())
}

/// Takes from a key's grant, all of which has to be in it. One that allows nothing any more is gone.
pub(super) fn reduce(tenant: &mut TenantPolicy, key: &KeyName, permissions: &[Permission]) -> Result<(), PlanError> {
    let not_allowed = || PlanError::NotAllowed(key.clone());
    let (at, grant) = find(tenant, key)?.ok_or_else(not_allowed)?;
    if permissions.iter().any(|denied| !grant.permissions.contains(denied)) {
        return Err(not_allowed());
    }
    let left: Vec<_> = grant.permissions.iter().filter(|allowed| !permissions.contains(allowed)).cloned().collect();
    let requesters = list("requesters of a key", grant.requesters.to_vec())?;
    let new = if left.is_empty() { None } else { Some(rule(key, requesters, list("permissions of a key", left)?)) };
    let mut rules = std::mem::take(&mut tenant.rules).into_vec();
    rules.splice(at..=at, new);
    tenant.rules = list("rules", rules)?;
    Ok(())
}

/// Each permission once, and none that another one contains.
fn united(mut allowed: Vec<Permission>, more: &[Permission]) -> Vec<Permission> {
    let own_inputs = Permission::Bitcoin { foreign: ForeignInputs::Refused };
    for permission in more {
        if !allowed.contains(permission) {
            allowed.push(permission.clone());
        }
    }
    if allowed.contains(&Permission::Bitcoin { foreign: ForeignInputs::LeftAlone }) {
        allowed.retain(|permission| *permission != own_inputs);
    }
    allowed
}
