//! A tenant with one key, and a request that pays somebody on Ethereum.

use cloister_chains::{
    U256,
    effect::{Asset, Effect, Party},
};
use cloister_policy::{Asked, Decision, Facts, Misfit, Spending, decide, explain};
use cloister_wire::{
    bounded::List,
    ids::{EthereumAccount, Hash, KeyName, Quantity, Requester, UnixMillis},
    policy::{
        Account, AccountList, AssetName, Counterparty, EffectKind, Effects, Limit, Network, Paths, Pattern, Permission,
        Quantifier, Rule, TenantPolicy, Verdict,
    },
    refusal::Refusal,
};

pub(crate) const ETHEREUM: Permission = Permission::Ethereum { chain_id: 1 };
pub(crate) const MAINNET: Network = Network::Ethereum { chain_id: 1 };
/// The highest fee of [`Request::pays`].
pub(crate) const FEE: u64 = 21;
pub(crate) const ALICE: [u8; 20] = [0xa1; 20];
pub(crate) const BOB: [u8; 20] = [0xb0; 20];
pub(crate) const TOKEN: [u8; 20] = [0x70; 20];

/// A request, and what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) requester: Requester,
    pub(crate) key: KeyName,
    pub(crate) path: Vec<u32>,
    pub(crate) facts: Facts,
    pub(crate) hash: Hash,
    pub(crate) now: UnixMillis,
    /// The scope of a session key that asks.
    pub(crate) session: Option<Rule>,
}

impl Request {
    /// By carol, with the key `hot`, on a Thursday at midnight.
    pub(crate) fn of(permission: Permission, network: Option<Network>, effects: Vec<Effect>) -> Self {
        let fees = vec![(AssetName::Native, FEE.into())];
        let facts = Facts { permission, network, effects, fees, fee_rate: None, place: None, lines: Vec::new() };
        let (requester, key) = (name("carol"), "hot".parse().unwrap());
        Self { requester, key, path: Vec::new(), facts, hash: hash(1), now: UnixMillis(0), session: None }
    }

    pub(crate) fn doing(effects: impl IntoIterator<Item = Effect>) -> Self {
        Self::of(ETHEREUM, Some(MAINNET), effects.into_iter().collect())
    }

    pub(crate) fn pays(wei: u64) -> Self {
        Self::doing([transfer(Asset::Wei, ALICE, wei)])
    }

    pub(crate) fn text() -> Self {
        let mut text = Self::of(Permission::Message, None, Vec::new());
        text.facts.fees.clear();
        text
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { requester: &self.requester, key: &self.key, path: &self.path, session: self.session.as_ref() }
    }

    pub(crate) fn decided<'a>(&self, tenant: &'a TenantPolicy, spending: &Spending) -> Result<Decision<'a>, Refusal> {
        decide(tenant, self.asked(), &self.facts, self.hash, spending, self.now)
    }

    /// The rule that decides.
    pub(crate) fn by(&self, tenant: &TenantPolicy) -> Result<String, Refusal> {
        self.decided(tenant, &Spending::default()).map(|decision| decision.rule.name.to_string())
    }

    /// What keeps it from the rule, if anything.
    pub(crate) fn misfit(&self, rule: &Rule) -> Option<Misfit> {
        let tenant = tenant([rule.clone()]);
        let explained = explain(&tenant, self.asked(), &self.facts, self.hash, &Spending::default(), self.now).unwrap();
        explained[0].misfit.clone()
    }

    pub(crate) fn fits(&self, rule: &Rule) -> bool {
        self.misfit(rule).is_none()
    }
}

/// A rule without conditions that allows.
pub(crate) fn rule(name: &str) -> Rule {
    Rule {
        name: name.parse().unwrap(),
        requesters: None,
        keys: None,
        paths: Paths::Any,
        payloads: None,
        effects: None,
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: List::new(),
        verdict: Verdict::Allow,
    }
}

/// Of these rules, with a list `friends` on which is alice.
pub(crate) fn tenant(rules: impl IntoIterator<Item = Rule>) -> TenantPolicy {
    let friends = AccountList { name: "friends".parse().unwrap(), accounts: list([account(ALICE)]) };
    TenantPolicy { lists: list([friends]), rules: list(rules), ..TenantPolicy::new("acme".parse().unwrap()) }
}

pub(crate) fn with_limits(
    rules: impl IntoIterator<Item = Rule>,
    limits: impl IntoIterator<Item = Limit>,
) -> TenantPolicy {
    TenantPolicy { limits: list(limits), ..tenant(rules) }
}

pub(crate) fn effects(quantifier: Quantifier, patterns: impl IntoIterator<Item = Pattern>) -> Option<Effects> {
    Some(Effects { quantifier, patterns: list(patterns) })
}

pub(crate) fn pattern(kind: EffectKind) -> Pattern {
    Pattern { kind, assets: None, with: None, most: None, functions: None }
}

/// Every effect fits this pattern.
pub(crate) fn only(pattern: Pattern) -> Rule {
    Rule { effects: effects(Quantifier::Every, [pattern]), ..rule("only") }
}

pub(crate) fn friends() -> Option<List<Counterparty, { cloister_wire::limits::COUNTERPARTIES }>> {
    Some(list([Counterparty::List("friends".parse().unwrap())]))
}

pub(crate) fn transfer(asset: Asset, to: [u8; 20], amount: u64) -> Effect {
    Effect::Transfer { asset, from: Party::Signer, to: party(to), amount: amount.into() }
}

pub(crate) fn allowance(token: [u8; 20], amount: U256) -> Effect {
    Effect::Allowance { asset: Asset::Token(party(token)), spender: party(ALICE), amount, further: false }
}

pub(crate) fn call(contract: [u8; 20], input: Vec<u8>) -> Effect {
    Effect::Call { contract: party(contract), function: input.first_chunk().copied(), input }
}

pub(crate) fn party(address: [u8; 20]) -> Party {
    Party::Ethereum(address.into())
}

pub(crate) fn account(address: [u8; 20]) -> Account {
    Account::Ethereum(EthereumAccount::from_bytes(address))
}

pub(crate) fn token(address: [u8; 20]) -> AssetName {
    AssetName::Token(account(address))
}

pub(crate) fn quantity(amount: impl Into<U256>) -> Quantity {
    Quantity::from_be_bytes(amount.into().to_be_bytes())
}

pub(crate) fn name(name: &str) -> Requester {
    name.parse().unwrap()
}

pub(crate) fn hash(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

pub(crate) fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> List<T, MAX> {
    items.into_iter().collect::<Vec<_>>().try_into().map_err(|_| "too long").unwrap()
}
