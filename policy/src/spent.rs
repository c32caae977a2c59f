//! What a request spends, by asset.

use std::collections::BTreeMap;

use cloister_chains::U256;
use cloister_wire::{ids::Quantity, policy::AssetName};

/// Amounts that leave the signer or may from now on; none of them zero.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spent(BTreeMap<AssetName, U256>);

impl Spent {
    /// The sum for each asset; `None` if one is 2^256 or more, or of something that no policy has a name for.
    pub(crate) fn sum(amounts: impl Iterator<Item = (Option<AssetName>, U256)>) -> Option<Self> {
        let mut spent: BTreeMap<AssetName, U256> = BTreeMap::new();
        for (asset, amount) in amounts.filter(|(_, amount)| *amount != U256::ZERO) {
            let sum = spent.entry(asset?).or_default();
            *sum = sum.plus(amount)?;
        }
        Some(Self(spent))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&AssetName, U256)> {
        self.0.iter().map(|(asset, amount)| (asset, *amount))
    }

    /// How much of what a policy calls by this name, at most [`U256::MAX`]; nothing is none.
    pub(crate) fn of(&self, name: &AssetName) -> Option<U256> {
        let amounts = self.iter().filter(|(asset, _)| means(name, asset)).map(|(_, amount)| amount);
        amounts.reduce(|sum, amount| sum.plus(amount).unwrap_or(U256::MAX))
    }
}

/// Whether what a policy calls by this name includes the asset: what is taken for a token may be an item of a collection.
pub(crate) fn means(name: &AssetName, asset: &AssetName) -> bool {
    match (name, asset) {
        (AssetName::Collection(collection), AssetName::Token(contract)) => collection == contract,
        _ => name == asset,
    }
}

/// An amount as policies write it.
pub(crate) fn number(quantity: Quantity) -> U256 {
    quantity.to_be_bytes().into()
}
