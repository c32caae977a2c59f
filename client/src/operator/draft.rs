//! A policy version in the making: members, grants, and whole tenants as policy files say them.

use std::collections::BTreeMap;

use cloister_wire::{
    bounded::List,
    credential::Credential,
    endorsement::Endorsed,
    ids::{GroupId, Hash, KeyName, PolicyVersion, Requester, Tenant},
    manifest::ValidManifest,
    policy::{AccountList, Member, MemberSet, Permission, Policy, Rule, TenantPolicy, Verdict},
};

use super::{PlanError, grant, list};
use crate::error::Error;

/// A policy version in the making. One to which a change failed is good for nothing.
#[derive(Clone, Debug)]
pub struct PolicyDraft {
    group: GroupId,
    manifest: Hash,
    version: PolicyVersion,
    previous: Option<Hash>,
    tenants: BTreeMap<Tenant, TenantPolicy>,
}

impl PolicyDraft {
    /// Version 1: nobody may do anything yet.
    #[must_use]
    pub fn first(manifest: &ValidManifest) -> Self {
        Self {
            group: manifest.group,
            manifest: manifest.hash(),
            version: PolicyVersion(1),
            previous: None,
            tenants: BTreeMap::new(),
        }
    }

    /// The version after `current`, saying the same so far.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] if `current` lacks its quorum; [`PlanError::NoNextVersion`].
    pub fn following(manifest: &ValidManifest, current: &Endorsed<Policy>) -> Result<Self, Error> {
        let policy = current.verify(manifest).map_err(|why| Error::NotEndorsed { what: "policy", why })?;
        Ok(Self {
            group: policy.group,
            manifest: policy.manifest,
            version: policy.version.next().ok_or(PlanError::NoNextVersion)?,
            previous: Some(current.hash()),
            tenants: policy.tenants.into_vec().into_iter().map(|tenant| (tenant.tenant.clone(), tenant)).collect(),
        })
    }

    /// Lets these tenants' parts take the place of those of the same names.
    pub fn replace_tenants(&mut self, tenants: impl IntoIterator<Item = TenantPolicy>) {
        self.tenants.extend(tenants.into_iter().map(|tenant| (tenant.tenant.clone(), tenant)));
    }

    /// Takes out all tenants but these.
    pub fn keep_tenants(&mut self, kept: impl Fn(&Tenant) -> bool) {
        self.tenants.retain(|name, _| kept(name));
    }

    /// Names a requester. Naming the same one again changes nothing.
    ///
    /// # Errors
    /// [`PlanError::RequesterTaken`], [`PlanError::TooMany`].
    pub fn add_requester(
        &mut self,
        name: Requester,
        tenant: Tenant,
        credential: impl Into<Credential>,
    ) -> Result<(), PlanError> {
        let credential = credential.into();
        if let Some((its, member)) = self.member(&name) {
            let same = its.tenant == tenant && member.credential == credential;
            return if same { Ok(()) } else { Err(PlanError::RequesterTaken(name)) };
        }
        let part = self.tenants.entry(tenant.clone()).or_insert_with(|| TenantPolicy::new(tenant));
        change("requesters", &mut part.members, |members| members.push(Member { name, credential, guardians: None }))
    }

    /// Takes a requester out of its tenant, of sets and of rules. What then names nobody is gone, too.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`]; [`PlanError::QuorumBroken`] if a rule would ask for more approvals than there are members left.
    pub fn remove_requester(&mut self, name: &Requester) -> Result<(), PlanError> {
        let tenant = self.tenant_of(name)?;
        change("requesters", &mut tenant.members, |members| members.retain(|member| member.name != *name))?;
        change("key creators", &mut tenant.key_creators, |names| names.retain(|known| known != name))?;
        remove_from_rules(tenant, name)?;
        remove_from_sets(tenant, name)?;
        let empty = TenantPolicy::new(tenant.tenant.clone());
        self.tenants.retain(|_, tenant| *tenant != empty);
        Ok(())
    }

    /// Lets a requester create keys for its tenant.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`], [`PlanError::TooMany`].
    pub fn allow_key_creation(&mut self, name: &Requester) -> Result<(), PlanError> {
        let tenant = self.tenant_of(name)?;
        change("key creators", &mut tenant.key_creators, |names| {
            if !names.contains(name) {
                names.push(name.clone());
            }
        })
    }

    /// Lets a requester sign all that `permissions` say with its tenant's key `key`, besides what the key's grant allows already. All
    /// requesters of one grant may sign all that it permits.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`], [`PlanError::TooMany`]; [`PlanError::NotAGrant`].
    ///
    /// # Security
    /// A grant looks at no amounts and no recipients: the kind of payload is its only condition.
    pub fn allow_signing(
        &mut self,
        name: &Requester,
        key: &KeyName,
        permissions: &[Permission],
    ) -> Result<(), PlanError> {
        grant::extend(self.tenant_of(name)?, name, key, permissions)
    }

    /// Takes back what `permissions` say from everybody whom the grant of the tenant's key `key` names.
    ///
    /// # Errors
    /// [`PlanError::NotAllowed`], [`PlanError::NotAGrant`].
    pub fn deny_signing(
        &mut self,
        tenant: &Tenant,
        key: &KeyName,
        permissions: &[Permission],
    ) -> Result<(), PlanError> {
        let part = self.tenants.get_mut(tenant).ok_or_else(|| PlanError::NotAllowed(key.clone()))?;
        grant::reduce(part, key, permissions)
    }

    /// The version's document: everything in order, and checked.
    ///
    /// # Errors
    /// [`PlanError::TooMany`], [`PlanError::Incoherent`].
    pub fn build(self) -> Result<Policy, PlanError> {
        let tenants = self.tenants.into_values().map(in_order).collect::<Result<_, _>>()?;
        let policy = Policy {
            group: self.group,
            manifest: self.manifest,
            version: self.version,
            previous: self.previous,
            tenants: list("tenants", tenants)?,
        };
        policy.check()?;
        Ok(policy)
    }

    fn member(&self, name: &Requester) -> Option<(&TenantPolicy, &Member)> {
        let mut tenants = self.tenants.values();
        tenants.find_map(|tenant| Some((tenant, tenant.members.iter().find(|member| member.name == *name)?)))
    }

    fn tenant_of(&mut self, name: &Requester) -> Result<&mut TenantPolicy, PlanError> {
        let has = |tenant: &&mut TenantPolicy| tenant.members.iter().any(|member| member.name == *name);
        self.tenants.values_mut().find(has).ok_or_else(|| PlanError::UnknownRequester(name.clone()))
    }
}

/// A rule that then is for nobody is gone.
fn remove_from_rules(tenant: &mut TenantPolicy, name: &Requester) -> Result<(), PlanError> {
    let without = |rule: &mut Rule| match &mut rule.requesters {
        Some(names) if names.iter().any(|known| known == name) => {
            change("requesters of a rule", names, |names| names.retain(|known| known != name))
                .map(|()| !names.is_empty())
        }
        Some(_) | None => Ok(true),
    };
    let mut left = Vec::new();
    for mut rule in std::mem::take(&mut tenant.rules).into_vec() {
        if without(&mut rule)? {
            left.push(rule);
        }
    }
    tenant.rules = list("rules", left)?;
    Ok(())
}

/// A set that then is empty is gone, unless a rule needs it.
fn remove_from_sets(tenant: &mut TenantPolicy, name: &Requester) -> Result<(), PlanError> {
    let mut sets = std::mem::take(&mut tenant.sets).into_vec();
    for set in sets.iter_mut().filter(|set| set.members.iter().any(|known| known == name)) {
        change("members of a set", &mut set.members, |names| names.retain(|known| known != name))?;
        check_quorums(tenant, set)?;
    }
    sets.retain(|set| !set.members.is_empty());
    tenant.sets = list("sets", sets)?;
    Ok(())
}

fn check_quorums(tenant: &TenantPolicy, set: &MemberSet) -> Result<(), PlanError> {
    let (set, left) = (&set.name, set.members.len());
    for rule in &tenant.rules {
        let Verdict::Approve(quorum) = &rule.verdict else { continue };
        let needed = quorum.count;
        if quorum.set == *set && usize::from(needed) > left {
            return Err(PlanError::QuorumBroken { rule: rule.name.clone(), set: set.clone(), needed, left });
        }
    }
    Ok(())
}

/// Names and accounts in rising order, in which signers look them up. Rules stay where they are: the first that fits decides.
pub(crate) fn in_order(tenant: TenantPolicy) -> Result<TenantPolicy, PlanError> {
    let set = |set: MemberSet| Ok(MemberSet { members: sorted(set.members, Requester::clone)?, ..set });
    let accounts = |list: AccountList| Ok(AccountList { accounts: sorted(list.accounts, Clone::clone)?, ..list });
    Ok(TenantPolicy {
        tenant: tenant.tenant,
        members: sorted(tenant.members, |member| member.name.clone())?,
        key_creators: sorted(tenant.key_creators, Requester::clone)?,
        sets: sorted(each(tenant.sets, set)?, |set| set.name.clone())?,
        lists: sorted(each(tenant.lists, accounts)?, |list| list.name.clone())?,
        limits: sorted(tenant.limits, |limit| limit.name.clone())?,
        tables: sorted(tenant.tables, |table| table.address)?,
        rules: each(tenant.rules, rule_in_order)?,
    })
}

fn rule_in_order(rule: Rule) -> Result<Rule, PlanError> {
    Ok(Rule {
        requesters: rule.requesters.map(|names| sorted(names, Requester::clone)).transpose()?,
        keys: rule.keys.map(|names| sorted(names, KeyName::clone)).transpose()?,
        spends: rule.spends.map(|amounts| sorted(amounts, |amount| amount.asset.clone())).transpose()?,
        within: sorted(rule.within, Clone::clone)?,
        ..rule
    })
}

fn sorted<T, K: Ord, const MAX: usize>(
    list: List<T, MAX>,
    key: impl FnMut(&T) -> K,
) -> Result<List<T, MAX>, PlanError> {
    let mut values = list.into_vec();
    values.sort_by_cached_key(key);
    self::list("entries", values)
}

fn each<T, const MAX: usize>(
    list: List<T, MAX>,
    change: impl FnMut(T) -> Result<T, PlanError>,
) -> Result<List<T, MAX>, PlanError> {
    self::list("entries", list.into_vec().into_iter().map(change).collect::<Result<_, _>>()?)
}

fn change<T, const MAX: usize>(
    what: &'static str,
    list: &mut List<T, MAX>,
    change: impl FnOnce(&mut Vec<T>),
) -> Result<(), PlanError> {
    let mut values = std::mem::take(list).into_vec();
    change(&mut values);
    *list = self::list(what, values)?;
    Ok(())
}
