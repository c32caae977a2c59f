//! Effects as policies see them.

use cloister_chains::{
    U256,
    effect::{Asset, Effect, Party},
};
use cloister_wire::{
    ids::{EthereumAccount, SolanaAccount},
    policy::{Account, AssetName, EffectKind},
};

/// An effect as patterns see it.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) kind: EffectKind,
    /// `None` where it is about none, or about one that no policy has a name for.
    pub(crate) asset: Option<AssetName>,
    pub(crate) amount: Option<U256>,
    /// The other side; `None` for what no policy has a name for.
    pub(crate) with: Option<With>,
    /// Of a call of an Ethereum contract.
    pub(crate) input: Option<&'a [u8]>,
    /// How much of the asset leaves the signer by it, or may from now on.
    pub(crate) spends: Option<U256>,
}

/// The other side of an effect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum With {
    Signer,
    Account(Account),
}

impl<'a> Seen<'a> {
    pub(crate) fn of(effect: &'a Effect) -> Self {
        let kind = Self::kind;
        match effect {
            Effect::Transfer { asset, to, amount, .. } => kind(EffectKind::Transfer).pays(asset, *amount, to),
            Effect::ChannelTransfer { asset, amount, channel, receiver, .. } => {
                let with = format!("{channel}/{receiver}").parse().ok().map(|to| With::Account(Account::Channel(to)));
                Self { with, ..kind(EffectKind::Transfer).pays(asset, *amount, &Party::Channel(channel.clone())) }
            }
            Effect::TokenAccount { owner, payer, .. } => {
                let spends = (*payer == Party::Signer).then_some(RENT.into());
                Self { asset: Some(AssetName::Native), spends, ..kind(EffectKind::TokenAccount).with(owner) }
            }
            Effect::Allowance { asset, spender, amount, .. } => {
                kind(EffectKind::Allowance).pays(asset, *amount, spender)
            }
            Effect::Stake { asset, validator, amount } => kind(EffectKind::Stake).pays(asset, *amount, validator),
            Effect::Restake { asset, to, amount, .. } => kind(EffectKind::Stake).pays(asset, *amount, to),
            Effect::Unstake { asset, validator, amount } => {
                Self { spends: None, ..kind(EffectKind::Stake).pays(asset, *amount, validator) }
            }
            Effect::Rewards { validator } => kind(EffectKind::Stake).with(validator),
            Effect::Operator { collection, operator, allowed } => {
                let asset = account(collection).map(AssetName::Collection);
                Self { asset, spends: allowed.then_some(U256::MAX), ..kind(EffectKind::Operator).with(operator) }
            }
            Effect::Call { contract, function, input } => {
                let input = function.is_some().then_some(input.as_slice());
                Self { input, ..kind(EffectKind::Call).with(contract) }
            }
            Effect::Creation { value, .. } => {
                Self { asset: Some(AssetName::Native), spends: Some(*value), ..kind(EffectKind::Creation) }
            }
            Effect::Delegation { code, .. } => kind(EffectKind::Delegation).with(&Party::Ethereum(*code)),
            Effect::Agreement { .. } => kind(EffectKind::Agreement),
            // Fees are judged apart, and none gets here.
            Effect::Fee { .. } => kind(EffectKind::Anything),
        }
    }

    fn kind(kind: EffectKind) -> Self {
        Self { kind, asset: None, amount: None, with: None, input: None, spends: None }
    }

    fn with(self, party: &Party) -> Self {
        let with = match party {
            Party::Signer => Some(With::Signer),
            other => account(other).map(With::Account),
        };
        Self { with, ..self }
    }

    /// What goes to the signer itself is not spent.
    fn pays(self, asset: &Asset, amount: U256, to: &Party) -> Self {
        let spends = (*to != Party::Signer).then_some(counted(asset, amount));
        Self { asset: asset_name(asset), amount: Some(amount), spends, ..self.with(to) }
    }
}

/// An amount that may be an item's number, which may be zero, counts as one at least.
fn counted(asset: &Asset, amount: U256) -> U256 {
    match asset {
        Asset::Token(_) => amount.max(1_u64.into()),
        Asset::Wei | Asset::Satoshis | Asset::Lamports | Asset::Item { .. } | Asset::Denomination(_) => amount,
    }
}

pub(crate) fn asset_name(asset: &Asset) -> Option<AssetName> {
    match asset {
        Asset::Wei | Asset::Satoshis | Asset::Lamports => Some(AssetName::Native),
        Asset::Token(token) => account(token).map(AssetName::Token),
        Asset::Item { collection, .. } => account(collection).map(AssetName::Collection),
        Asset::Denomination(name) => name.parse().ok().map(AssetName::Denomination),
    }
}

/// How a policy names whoever takes part; `None` for the signer, chains behind channels, and scripts that are longer than any address.
fn account(party: &Party) -> Option<Account> {
    match party {
        Party::Signer | Party::Channel(_) => None,
        Party::Ethereum(address) => Some(Account::Ethereum(EthereumAccount::from_bytes(*address.as_bytes()))),
        Party::Solana(account) => Some(Account::Solana(SolanaAccount::from_bytes(*account.as_bytes()))),
        Party::Cosmos(address) => address.as_str().parse().ok().map(Account::Cosmos),
        Party::Bitcoin(script) => script.as_slice().try_into().ok().map(Account::Bitcoin),
    }
}

/// Lamports that an account of 256 bytes has to hold, 6960 for each of them and of 128 more: a token account has 165 bytes, with the
/// extensions that mints ask for some more. A message does not say how many.
const RENT: u64 = 6960 * (128 + 256);
