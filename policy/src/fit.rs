//! Whether a rule fits a request, condition by condition.

use cloister_chains::U256;
use cloister_wire::{
    bounded::List,
    ids::{EthereumAccount, Hash, LimitName, UnixMillis},
    policy::{
        Account, Amount, Argument, AssetName, Check, Counterparty, EffectKind, Effects, Function, Pattern, Permission,
        Quantifier, Rule, TenantPolicy, Verdict,
    },
    receipt::Charge,
    refusal::Refusal,
    request::Purpose,
};

use crate::{
    Spending,
    facts::{Asked, Facts},
    limit,
    listed::Listed,
    seen::{Seen, With},
    spent::{Spent, means, number},
};

/// The first condition of a rule that a request does not meet, in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// Who asks.
    Requester,
    /// With which key.
    Key,
    /// Which child.
    Path,
    /// What kind of payload.
    Payload,
    /// This effect, from 0, fits no pattern.
    Effect(usize),
    /// No effect fits a pattern.
    NoEffect,
    /// It spends this, which the rule does not name, or more of it.
    Spending(AssetName),
    /// The fee.
    Fee,
    /// The fee for each virtual byte.
    FeeRate,
    /// The time.
    Hours,
    /// This limit.
    Limit(LimitName),
}

/// A request, and what it is measured against.
pub(crate) struct Inquiry<'a> {
    pub(crate) tenant: &'a TenantPolicy,
    pub(crate) asked: Asked<'a>,
    pub(crate) facts: &'a Facts,
    pub(crate) spent: Spent,
    /// What counts as the same in limits.
    pub(crate) same: Hash,
    pub(crate) now: UnixMillis,
    effects: Vec<(Seen<'a>, Listed<'a>)>,
    spending: &'a Spending,
}

impl<'a> Inquiry<'a> {
    pub(crate) fn new(
        tenant: &'a TenantPolicy,
        asked: Asked<'a>,
        facts: &'a Facts,
        request: Hash,
        spending: &'a Spending,
        now: UnixMillis,
    ) -> Result<Self, Refusal> {
        let (spent, same) = (facts.spent()?, facts.place.unwrap_or(request));
        let effects = facts.effects.iter().map(|effect| (Seen::of(effect), Listed::default())).collect();
        let inquiry = Self { tenant, asked, facts, spent, same, now, effects, spending };
        if inquiry.comparisons() > COMPARISONS { Err(Refusal::TooManyEffects) } else { Ok(inquiry) }
    }

    /// How many comparisons of effects with what rules say of them a decision takes at most, where there are many. It does not look at the
    /// order of rules: what is refused is so for whoever reads the policy.
    fn comparisons(&self) -> usize {
        if self.effects.len() <= FEW_EFFECTS {
            return 0;
        }
        let rules = self.tenant.rules.iter().chain(self.asked.session);
        let reached = rules.filter(|rule| self.fit_asked(rule).is_ok() && self.fits_payload(rule));
        let patterns = |rule: &'a Rule| rule.effects.iter().flat_map(|effects| &effects.patterns);
        let each = reached.map(|rule| patterns(rule).map(comparisons).sum::<usize>().saturating_add(1));
        each.sum::<usize>().saturating_mul(self.effects.len())
    }

    /// What the rule charges, if it fits.
    pub(crate) fn fit(&self, rule: &Rule) -> Result<Vec<Charge>, Misfit> {
        self.fit_at_some_time(rule)?;
        met(rule.hours.is_none_or(|hours| hours.contain(self.now)), Misfit::Hours)?;
        let charges: Vec<_> =
            rule.within.iter().filter_map(|name| self.charge(name).transpose()).collect::<Result<_, _>>()?;
        let without_room = self.spending.without_room(&charges, self.now).map(|charge| charge.limit.clone());
        without_room.map_or(Ok(charges), |limit| Err(Misfit::Limit(limit)))
    }

    /// All but hours and limits.
    pub(crate) fn fit_at_some_time(&self, rule: &Rule) -> Result<(), Misfit> {
        self.fit_asked(rule)?;
        met(self.fits_payload(rule), Misfit::Payload)?;
        self.fit_effects(rule)?;
        self.fit_spends(rule)?;
        met(rule.fee.is_none_or(|most| self.facts.fees.iter().all(|(_, fee)| *fee <= number(most))), Misfit::Fee)?;
        met(rule.fee_rate.is_none_or(|most| self.fits_fee_rate(most)), Misfit::FeeRate)
    }

    fn fit_asked(&self, rule: &Rule) -> Result<(), Misfit> {
        let Asked { requester, key, path, .. } = self.asked;
        let requesters = rule.requesters.as_ref();
        met(requesters.is_none_or(|names| names.as_slice().binary_search(requester).is_ok()), Misfit::Requester)?;
        met(rule.keys.as_ref().is_none_or(|keys| keys.as_slice().binary_search(key).is_ok()), Misfit::Key)?;
        met(rule.paths.cover(path), Misfit::Path)
    }

    /// What is no transaction has to be named, unless it is to be denied.
    fn fits_payload(&self, rule: &Rule) -> bool {
        let permission = &self.facts.permission;
        match &rule.payloads {
            Some(payloads) => payloads.iter().any(|payload| payload.covers(permission)),
            None => rule.verdict == Verdict::Deny || permission.kind().1 == Purpose::Transaction,
        }
    }

    fn fit_effects(&self, rule: &Rule) -> Result<(), Misfit> {
        let Some(Effects { quantifier, patterns }) = &rule.effects else {
            let plain =
                |(seen, _): &(Seen<'a>, Listed<'a>)| matches!(seen.kind, EffectKind::Transfer | EffectKind::Allowance);
            return if rule.verdict == Verdict::Deny { Ok(()) } else { self.every(plain) };
        };
        let fits =
            |(seen, listed): &(Seen<'a>, Listed<'a>)| patterns.iter().any(|pattern| self.fits(pattern, seen, listed));
        match quantifier {
            Quantifier::Every => self.every(fits),
            Quantifier::Some => met(self.effects.iter().any(fits), Misfit::NoEffect),
        }
    }

    fn every(&self, fits: impl Fn(&(Seen<'a>, Listed<'a>)) -> bool) -> Result<(), Misfit> {
        let other = self.effects.iter().position(|effect| !fits(effect));
        other.map_or(Ok(()), |at| Err(Misfit::Effect(at)))
    }

    fn fits(&self, pattern: &Pattern, seen: &Seen<'_>, listed: &Listed<'a>) -> bool {
        let Pattern { kind, assets, with, most, functions } = pattern;
        let asset = |asset: &AssetName| assets.iter().flatten().any(|name| means(name, asset));
        let other_side = |side: &With| with.iter().flatten().any(|one| self.is(one, side, listed));
        let called = |input: &[u8]| functions.iter().flatten().any(|function| self.calls(function, input));
        (*kind == seen.kind || *kind == EffectKind::Anything)
            && (assets.is_none() || seen.asset.as_ref().is_some_and(asset))
            && most.is_none_or(|most| seen.amount.is_some_and(|amount| amount <= number(most)))
            && (with.is_none() || seen.with.as_ref().is_some_and(other_side))
            && (functions.is_none() || seen.input.is_some_and(called))
    }

    fn is(&self, counterparty: &Counterparty, with: &With, listed: &Listed<'a>) -> bool {
        match (counterparty, with) {
            (Counterparty::Signer, With::Signer) => true,
            (Counterparty::Account(one), With::Account(account)) => one == account,
            (Counterparty::List(name), With::Account(account)) => listed.has(self.tenant, name, account),
            (Counterparty::Signer, With::Account(_))
            | (Counterparty::Account(_) | Counterparty::List(_), With::Signer) => false,
        }
    }

    fn calls(&self, function: &Function, input: &[u8]) -> bool {
        let Some((selector, arguments)) = input.split_first_chunk::<4>() else { return false };
        let (words, rest) = arguments.as_chunks::<32>();
        let checked = |argument: &Argument| {
            words.get(usize::from(argument.word)).is_some_and(|word| self.holds(&argument.check, word))
        };
        selector == function.selector.as_bytes() && rest.is_empty() && function.arguments.iter().all(checked)
    }

    fn holds(&self, check: &Check, word: &[u8; 32]) -> bool {
        match check {
            Check::Equals(value) => word == value.as_bytes(),
            Check::AtMost(most) => U256::from(*word) <= number(*most),
            Check::In(name) => {
                let Some(([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], address)) = word.split_first_chunk() else {
                    return false;
                };
                let account = EthereumAccount::try_from(address).map(Account::Ethereum);
                let list = self.tenant.list(name);
                account.is_ok_and(|account| list.is_some_and(|list| list.has(&account)))
            }
        }
    }

    fn fit_spends(&self, rule: &Rule) -> Result<(), Misfit> {
        let Some(bounds) = &rule.spends else { return Ok(()) };
        let fits = |bound: &Amount, asset, amount| means(&bound.asset, asset) && amount <= number(bound.most);
        let mut spent = self.spent.iter();
        let other = spent.find(|(asset, amount)| !bounds.iter().any(|bound| fits(bound, asset, *amount)));
        other.map_or(Ok(()), |(asset, _)| Err(Misfit::Spending(asset.clone())))?;
        // One name may be of several assets.
        let within = |bound: &&Amount| self.spent.of(&bound.asset).is_none_or(|sum| sum <= number(bound.most));
        let above = bounds.iter().find(|bound| !within(bound));
        above.map_or(Ok(()), |bound| Err(Misfit::Spending(bound.asset.clone())))
    }

    /// A payload with a rate that is not known does not fit; payloads that have none do.
    fn fits_fee_rate(&self, most: u64) -> bool {
        let has_one = matches!(self.facts.permission, Permission::Bitcoin { .. });
        self.facts.fee_rate.map_or(!has_one, |rate| rate <= most)
    }

    /// What this limit is charged, if it concerns the request.
    fn charge(&self, name: &LimitName) -> Result<Option<Charge>, Misfit> {
        let misfit = || Misfit::Limit(name.clone());
        let limit = self.tenant.limit(name).ok_or_else(misfit)?;
        let Some(charge) = limit::charge(limit, self) else { return Ok(None) };
        let total = self.spending.with(&charge, self.now).filter(|total| *total <= limit::most(limit));
        total.map(|_| Some(charge)).ok_or_else(misfit)
    }
}

/// With one effect.
fn comparisons(Pattern { assets, with, functions, .. }: &Pattern) -> usize {
    let names = [assets.as_ref().map(List::len), with.as_ref().map(List::len), functions.as_ref().map(List::len)];
    names.into_iter().flatten().sum::<usize>().saturating_add(1)
}

/// Comparisons for one decision: some ten milliseconds.
const COMPARISONS: usize = 2 * 1024 * 1024;
/// Effects that are compared with any rules. Nearly all payloads have fewer.
const FEW_EFFECTS: usize = 64;

fn met(condition: bool, otherwise: Misfit) -> Result<(), Misfit> {
    if condition { Ok(()) } else { Err(otherwise) }
}
