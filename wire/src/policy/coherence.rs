//! Whether a policy can mean only one thing: names stand once and in order, what is named exists, and numbers make sense.

use core::fmt;
use std::collections::BTreeSet;

use super::{
    Check, Counterparty, EffectKind, Effects, Hours, Limit, Member, Pattern, Policy, Quorum, Rule, TenantPolicy,
    Verdict,
};
use crate::{
    bounded::List,
    ids::{LimitName, ListName, RuleName, Tenant},
    limits,
};

/// A policy that signers refuse, and where it is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoherent {
    /// Whose part.
    pub tenant: Tenant,
    /// The rule, if it is in one.
    pub rule: Option<RuleName>,
    /// What is wrong.
    pub what: What,
}

/// What is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// Names, accounts or other entries.
    #[error("the {0} are not in rising order, or one stands twice")]
    NotRising(&'static str),
    /// A second rule of the same name.
    #[error("another rule has this name")]
    RuleNamedTwice,
    /// Something that is named and does not exist.
    #[error("there is no {0} named {1}")]
    Unknown(&'static str, String),
    /// A member whom another tenant has as well.
    #[error("{0} is a member of another tenant, too")]
    MemberOfTwo(String),
    /// Approvals by more members than there are, or by nobody.
    #[error("{needed} approvals are asked for, and the set has {members} members")]
    Quorum {
        /// How many are asked for.
        needed: u16,
        /// How many members there are.
        members: usize,
    },
    /// More guardians than there are, or nobody.
    #[error(
        "{needed} guardians have to agree on a new credential for {member}, and the set has {others} other members"
    )]
    Guardians {
        /// Whose credential they can replace.
        member: String,
        /// How many have to agree.
        needed: u16,
        /// How many there are, the member itself left out.
        others: usize,
    },
    /// A number or list for which there is no sense.
    #[error("{0}")]
    Senseless(&'static str),
}

impl fmt::Display for Incoherent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "tenant {}, rule {rule}: {}", self.tenant, self.what),
            None => write!(f, "tenant {}: {}", self.tenant, self.what),
        }
    }
}

impl core::error::Error for Incoherent {}

impl Policy {
    /// Whether it can mean only one thing.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Incoherent> {
        let mut seen = BTreeSet::new();
        for tenant in &self.tenants {
            let wrong = |(rule, what)| Incoherent { tenant: tenant.tenant.clone(), rule, what };
            tenant.check().map_err(wrong)?;
            for member in &tenant.members {
                if !seen.insert(&member.name) {
                    return Err(wrong((None, What::MemberOfTwo(member.name.to_string()))));
                }
            }
        }
        match self.tenants.as_slice() {
            tenants if rising(tenants, |tenant| &tenant.tenant) => Ok(()),
            [first, ..] => {
                Err(Incoherent { tenant: first.tenant.clone(), rule: None, what: What::NotRising("tenants") })
            }
            [] => Ok(()),
        }
    }
}

type Checked = Result<(), What>;

impl TenantPolicy {
    fn check(&self) -> Result<(), (Option<RuleName>, What)> {
        self.check_names().map_err(|what| (None, what))?;
        let mut seen = BTreeSet::new();
        for rule in &self.rules {
            let wrong = |what| (Some(rule.name.clone()), what);
            if !seen.insert(&rule.name) {
                return Err(wrong(What::RuleNamedTwice));
            }
            self.check_rule(rule).map_err(wrong)?;
        }
        Ok(())
    }

    /// Whether a session key's scope makes sense: a rule that names nobody and no limits, and allows.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check_scope(&self, scope: &Rule) -> Result<(), What> {
        sensible(scope.requesters.is_none(), "a session key's scope names no requesters: its member asks")?;
        sensible(scope.within.is_empty(), "a session key's scope names no limits: those of the rules count")?;
        sensible(scope.verdict == Verdict::Allow, "a session key's scope allows, and leaves the rest to the rules")?;
        self.check_rule(scope)
    }

    fn check_names(&self) -> Checked {
        in_order("members", self.members.as_slice(), |member| &member.name)?;
        if !self.members.iter().all(|member| member.credential.is_usable()) {
            return Err(What::Senseless("a passkey names no page, so that nobody could use it"));
        }
        in_order("key creators", self.key_creators.as_slice(), |name| name)?;
        in_order("sets", self.sets.as_slice(), |set| &set.name)?;
        in_order("lists", self.lists.as_slice(), |list| &list.name)?;
        in_order("limits", self.limits.as_slice(), |limit| &limit.name)?;
        in_order("lookup tables", self.tables.as_slice(), |table| &table.address)?;
        self.key_creators.iter().try_for_each(|name| self.check_member(name))?;
        for set in &self.sets {
            in_order("members of a set", set.members.as_slice(), |name| name)?;
            set.members.iter().try_for_each(|name| self.check_member(name))?;
        }
        self.members.iter().try_for_each(|member| self.check_guardians(member))?;
        self.lists
            .iter()
            .try_for_each(|list| in_order("accounts of a list", list.accounts.as_slice(), |account| account))?;
        self.limits.iter().try_for_each(Limit::check)
    }

    fn check_member(&self, name: &crate::ids::Requester) -> Checked {
        known("member", name, self.member(name))
    }

    fn check_guardians(&self, member: &Member) -> Checked {
        let Some(Quorum { set, count, delay_ms }) = &member.guardians else { return Ok(()) };
        let set = self.set(set).ok_or_else(|| What::Unknown("set", set.to_string()))?;
        let others = set.members.iter().filter(|name| **name != member.name).count();
        if *count == 0 || usize::from(*count) > others {
            return Err(What::Guardians { member: member.name.to_string(), needed: *count, others });
        }
        sensible(usize::from(*count) <= limits::APPROVALS, "a recovery has room for sixteen approvals")?;
        let bounds = limits::RECOVERY_DELAY_LEAST_MS..=limits::RECOVERY_DELAY_MOST_MS;
        sensible(bounds.contains(delay_ms), "guardians have a delay of an hour at least and 30 days at most")
    }

    fn check_list(&self, name: &ListName) -> Checked {
        known("list", name, self.list(name))
    }

    fn check_limit(&self, name: &LimitName) -> Checked {
        known("limit", name, self.limit(name))
    }

    fn check_rule(&self, rule: &Rule) -> Checked {
        self.check_asked(rule)?;
        some(&rule.payloads, "no payload fits an empty list; leave it out for all transactions")?;
        rule.effects.iter().try_for_each(|effects| self.check_effects(effects))?;
        if let Some(spends) = &rule.spends {
            let assets: BTreeSet<_> = spends.iter().map(|amount| &amount.asset).collect();
            sensible(assets.len() == spends.len(), "an asset stands twice among what may be spent")?;
        }
        rule.hours.iter().try_for_each(Hours::check)?;
        in_order("limits", rule.within.as_slice(), |name| name)?;
        rule.within.iter().try_for_each(|name| self.check_limit(name))?;
        let denies = rule.verdict == Verdict::Deny;
        sensible(!denies || rule.within.is_empty(), "a rule that denies counts against no limit")?;
        self.check_verdict(&rule.verdict)
    }

    fn check_asked(&self, rule: &Rule) -> Checked {
        some(&rule.requesters, "nobody is on an empty list of requesters; leave it out for all")?;
        some(&rule.keys, "no key is on an empty list; leave it out for all")?;
        if let Some(requesters) = &rule.requesters {
            in_order("requesters", requesters.as_slice(), |name| name)?;
            requesters.iter().try_for_each(|name| self.check_member(name))?;
        }
        rule.keys.iter().try_for_each(|keys| in_order("keys", keys.as_slice(), |name| name))
    }

    fn check_effects(&self, effects: &Effects) -> Checked {
        let some = !effects.patterns.is_empty();
        sensible(some, "nothing fits an empty list of effects; leave it out for transfers and allowances")?;
        effects.patterns.iter().try_for_each(|pattern| self.check_pattern(pattern))
    }

    fn check_pattern(&self, pattern: &Pattern) -> Checked {
        let Pattern { kind, assets, with, most, functions } = pattern;
        let amounts = matches!(kind, EffectKind::Transfer | EffectKind::Allowance | EffectKind::Stake);
        let has_asset = amounts || *kind == EffectKind::Operator;
        sensible(functions.is_none() || *kind == EffectKind::Call, "only calls have functions")?;
        sensible(most.is_none() || amounts, "only transfers, allowances and stakes have an amount")?;
        let has_other_side = !matches!(kind, EffectKind::Creation | EffectKind::Agreement);
        sensible(with.is_none() || has_other_side, "creations and agreements have no other side")?;
        sensible(assets.is_none() || has_asset, "only transfers, allowances, operators and stakes have an asset")?;
        some(assets, "no asset is on an empty list; leave it out for all")?;
        some(with, "nobody is on an empty list of other sides; leave it out for all")?;
        some(functions, "no function is on an empty list; leave it out for all")?;
        for counterparty in pattern.with.iter().flatten() {
            if let Counterparty::List(name) = counterparty {
                self.check_list(name)?;
            }
        }
        for argument in pattern.functions.iter().flatten().flat_map(|function| &function.arguments) {
            if let Check::In(name) = &argument.check {
                self.check_list(name)?;
            }
        }
        Ok(())
    }

    fn check_verdict(&self, verdict: &Verdict) -> Checked {
        let Verdict::Approve(quorum) = verdict else { return Ok(()) };
        let set = self.set(&quorum.set).ok_or_else(|| What::Unknown("set", quorum.set.to_string()))?;
        let (needed, members) = (quorum.count, set.members.len());
        sensible(quorum.delay_ms < limits::REQUEST_LIFE_MS, "a delay of a day or more outlives every request")?;
        sensible(usize::from(needed) <= limits::APPROVALS, "a request has room for sixteen approvals")?;
        if needed == 0 || usize::from(needed) > members { Err(What::Quorum { needed, members }) } else { Ok(()) }
    }
}

impl Limit {
    fn check(&self) -> Checked {
        sensible(self.window_ms != 0, "a limit's window is empty")?;
        sensible(self.window_ms <= limits::WINDOW_MS, "a limit's window is longer than 366 days")
    }
}

impl Hours {
    fn check(&self) -> Checked {
        sensible((1..=0x7f).contains(&self.days), "hours name no day of the week, or more than there are")?;
        sensible(self.from < DAY && self.until < DAY, "hours are minutes of a day, below 1440")
    }
}

fn sensible(so: bool, otherwise: &'static str) -> Checked {
    if so { Ok(()) } else { Err(What::Senseless(otherwise)) }
}

/// A list that is not left out names something.
fn some<T, const MAX: usize>(list: &Option<List<T, MAX>>, otherwise: &'static str) -> Checked {
    sensible(list.as_ref().is_none_or(|list| !list.is_empty()), otherwise)
}

fn known<T>(kind: &'static str, name: &impl fmt::Display, found: Option<T>) -> Checked {
    found.map(drop).ok_or_else(|| What::Unknown(kind, name.to_string()))
}

fn in_order<T, K: Ord>(what: &'static str, all: &[T], key: impl Fn(&T) -> &K) -> Checked {
    if rising(all, key) { Ok(()) } else { Err(What::NotRising(what)) }
}

fn rising<T, K: Ord>(all: &[T], key: impl Fn(&T) -> &K) -> bool {
    all.is_sorted_by(|a, b| key(a) < key(b))
}

/// Minutes of a day.
const DAY: u16 = 24 * 60;
