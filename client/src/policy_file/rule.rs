//! Rules.

use core::fmt;
use std::collections::BTreeMap;

use cloister_wire::{
    bounded::List,
    ids::{KeyName, LimitName, Quantity, Requester, RuleName, SetName},
    policy::{Amount as Spend, AssetName, Paths, Permission, Quorum, Rule, Verdict},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    amount::{Amount, Coin, coin},
    effects::EffectsForm,
    hours::HoursForm,
    span::Span,
    text::{Text, formed},
};

/// A rule of a file.
pub(super) struct RuleEntry(pub(super) Rule);

/// What is left out holds for every request.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleForm {
    name: Text<RuleName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requesters: Option<Vec<Text<Requester>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<Text<KeyName>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<Text<Paths>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payloads: Option<Vec<Text<Permission>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effects: Option<EffectsForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spends: Option<BTreeMap<Text<AssetName>, Text<Amount>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee: Option<Text<Amount>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee_rate: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hours: Option<HoursForm>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    within: Vec<Text<LimitName>>,
    then: Then,
}

/// `"allow"`, `"deny"` or `{ approve = 2, of = "board", delay = "1h" }`.
struct Then(Verdict);

/// `{ approve = 2, of = "board", delay = "1h" }`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuorumForm {
    approve: u16,
    of: Text<SetName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<Text<Span>>,
}

impl<'de> Deserialize<'de> for RuleEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        formed::<D, RuleForm, Self>(deserializer)
    }
}

impl Serialize for RuleEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RuleForm::from(&self.0).serialize(serializer)
    }
}

impl TryFrom<RuleForm> for RuleEntry {
    type Error = String;

    fn try_from(form: RuleForm) -> Result<Self, String> {
        let payloads: Option<Vec<_>> = form.payloads.map(|all| all.into_iter().map(|one| one.0).collect());
        let coin = coin(payloads.as_deref());
        Ok(Self(Rule {
            name: form.name.0,
            requesters: form.requesters.map(|all| names("requesters", all)).transpose()?,
            keys: form.keys.map(|all| names("keys", all)).transpose()?,
            paths: form.path.map_or(Paths::Any, |path| path.0),
            payloads: payloads.map(|all| list("payloads", all)).transpose()?,
            effects: form.effects.map(|effects| effects.read(coin)).transpose()?,
            spends: form.spends.map(|spends| read_spends(spends, coin)).transpose()?,
            fee: form.fee.map(|fee| fee.0.of(coin).map_err(|why| format!("fee: {why}"))).transpose()?,
            fee_rate: form.fee_rate,
            hours: form.hours.as_ref().map(Into::into),
            within: names("within", form.within)?,
            verdict: form.then.0,
        }))
    }
}

impl From<&Rule> for RuleForm {
    fn from(rule: &Rule) -> Self {
        let coin = coin(rule.payloads.as_ref().map(List::as_slice));
        Self {
            name: Text(rule.name.clone()),
            requesters: rule.requesters.as_ref().map(|all| all.iter().cloned().map(Text).collect()),
            keys: rule.keys.as_ref().map(|all| all.iter().cloned().map(Text).collect()),
            path: Some(&rule.paths).filter(|paths| **paths != Paths::Any).cloned().map(Text),
            payloads: rule.payloads.as_ref().map(|all| all.iter().cloned().map(Text).collect()),
            effects: rule.effects.as_ref().map(|effects| EffectsForm::of(effects, coin)),
            spends: rule.spends.as_ref().map(|spends| write_spends(spends.as_slice(), coin)),
            fee: rule.fee.map(|fee| Text(Amount::shown(fee, coin))),
            fee_rate: rule.fee_rate,
            hours: rule.hours.as_ref().map(Into::into),
            within: rule.within.iter().cloned().map(Text).collect(),
            then: Then(rule.verdict.clone()),
        }
    }
}

fn read_spends<const MAX: usize>(
    spends: BTreeMap<Text<AssetName>, Text<Amount>>,
    coin: Option<Coin>,
) -> Result<List<Spend, MAX>, String> {
    let one = |(Text(asset), Text(most)): (Text<AssetName>, Text<Amount>)| {
        let coin = coin.filter(|_| asset == AssetName::Native);
        Ok(Spend { most: most.of(coin).map_err(|why| format!("spends: {why}"))?, asset })
    };
    list("spends", spends.into_iter().map(one).collect::<Result<_, String>>()?)
}

/// Where an asset is named twice, what the larger amount lets through goes through.
fn write_spends(spends: &[Spend], coin: Option<Coin>) -> BTreeMap<Text<AssetName>, Text<Amount>> {
    let mut most: BTreeMap<&AssetName, Quantity> = BTreeMap::new();
    for spend in spends {
        let known = most.entry(&spend.asset).or_default();
        *known = spend.most.max(*known);
    }
    let shown = |asset: &AssetName, most| Text(Amount::shown(most, coin.filter(|_| *asset == AssetName::Native)));
    most.into_iter().map(|(asset, most)| (Text(asset.clone()), shown(asset, most))).collect()
}

impl Serialize for Then {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Verdict::Allow => serializer.serialize_str("allow"),
            Verdict::Deny => serializer.serialize_str("deny"),
            Verdict::Approve(quorum) => QuorumForm::from(quorum).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Then {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ThenVisitor)
    }
}

struct ThenVisitor;

impl<'de> de::Visitor<'de> for ThenVisitor {
    type Value = Then;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"allow\", \"deny\" or { approve = 2, of = \"SET\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Then, E> {
        match text {
            "allow" => Ok(Then(Verdict::Allow)),
            "deny" => Ok(Then(Verdict::Deny)),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Then, A::Error> {
        let form = QuorumForm::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(Then(Verdict::Approve(form.into())))
    }
}

impl From<&Quorum> for QuorumForm {
    fn from(Quorum { set, count, delay_ms }: &Quorum) -> Self {
        let delay = Some(Text(Span(*delay_ms))).filter(|_| *delay_ms > 0);
        Self { approve: *count, of: Text(set.clone()), delay }
    }
}

impl From<QuorumForm> for Quorum {
    fn from(form: QuorumForm) -> Self {
        Self { set: form.of.0, count: form.approve, delay_ms: form.delay.map_or(0, |delay| delay.0.0) }
    }
}

fn names<T, const MAX: usize>(what: &str, all: Vec<Text<T>>) -> Result<List<T, MAX>, String> {
    list(what, all.into_iter().map(|one| one.0).collect())
}

pub(super) fn list<T, const MAX: usize>(what: &str, all: Vec<T>) -> Result<List<T, MAX>, String> {
    all.try_into().map_err(|why| format!("{what}: {why}"))
}
