//! Limits.

use cloister_wire::{
    ids::LimitName,
    policy::{AssetName, Limit, Measure, Network, Per},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::{
    amount::Amount,
    network::coin_of,
    span::Span,
    text::{Text, formed},
};

/// A limit whose name stands in front.
pub(super) struct LimitEntry {
    measure: Measure,
    window: Span,
    per: Per,
}

/// `{ network = "ethereum:1", asset = "native", most = "10 ether", window = "24h", per = "tenant" }`, or `requests = 100` in place of
/// the first three.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<Text<Network>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asset: Option<Text<AssetName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    most: Option<Text<Amount>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    window: Text<Span>,
    per: PerForm,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PerForm {
    Tenant,
    Key,
    Requester,
}

impl<'de> Deserialize<'de> for LimitEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        formed::<D, LimitForm, Self>(deserializer)
    }
}

impl Serialize for LimitEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        LimitForm::from(self).serialize(serializer)
    }
}

impl TryFrom<LimitForm> for LimitEntry {
    type Error = String;

    fn try_from(form: LimitForm) -> Result<Self, String> {
        let measure = match (form.network, form.asset, form.most, form.requests) {
            (Some(Text(network)), Some(Text(asset)), Some(Text(most)), None) => {
                let coin = coin_of(&network).filter(|_| asset == AssetName::Native);
                Measure::Spending { most: most.of(coin)?, network, asset }
            }
            (None, None, None, Some(most)) => Measure::Requests { most },
            _ => return Err("a limit has either network, asset and most, or requests".to_owned()),
        };
        let per = match form.per {
            PerForm::Tenant => Per::Tenant,
            PerForm::Key => Per::Key,
            PerForm::Requester => Per::Requester,
        };
        Ok(Self { measure, window: form.window.0, per })
    }
}

impl From<&LimitEntry> for LimitForm {
    fn from(limit: &LimitEntry) -> Self {
        let per = match limit.per {
            Per::Tenant => PerForm::Tenant,
            Per::Key => PerForm::Key,
            Per::Requester => PerForm::Requester,
        };
        let form = Self { network: None, asset: None, most: None, requests: None, window: Text(limit.window), per };
        match &limit.measure {
            Measure::Requests { most } => Self { requests: Some(*most), ..form },
            Measure::Spending { network, asset, most } => {
                let coin = coin_of(network).filter(|_| *asset == AssetName::Native);
                let most = Some(Text(Amount::shown(*most, coin)));
                Self { network: Some(Text(network.clone())), asset: Some(Text(asset.clone())), most, ..form }
            }
        }
    }
}

impl LimitEntry {
    pub(super) fn into_limit(self, name: LimitName) -> Limit {
        Limit { name, measure: self.measure, window_ms: self.window.0, per: self.per }
    }
}

impl From<&Limit> for LimitEntry {
    fn from(limit: &Limit) -> Self {
        Self { measure: limit.measure.clone(), window: Span(limit.window_ms), per: limit.per }
    }
}
