//! What a request is about, as far as the policy can judge it.

use cloister_chains::{
    U256,
    effect::{Asset, Effect},
};
use cloister_wire::{
    ids::{Hash, KeyName, Requester},
    policy::{AssetName, Network, Permission, Rule},
    refusal::Refusal,
};

use crate::{seen, spent::Spent};

/// Who asks, and with which key.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The requester.
    pub requester: &'a Requester,
    /// The key.
    pub key: &'a KeyName,
    /// The child's path; empty for the key itself.
    pub path: &'a [u32],
    /// What it may ask for at most, where a session key asks in the requester's name.
    pub session: Option<&'a Rule>,
}

/// What a payload says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Its kind.
    pub permission: Permission,
    /// Where what it spends has its worth; absent where the payload does not say.
    pub network: Option<Network>,
    /// What it does, fees aside.
    pub effects: Vec<Effect>,
    /// The highest fees.
    pub fees: Vec<(AssetName, U256)>,
    /// Satoshis per virtual byte.
    pub fee_rate: Option<u64>,
    /// What only one transaction can use: an account's nonce, a set of inputs. Two payloads that share it replace each other.
    pub place: Option<Hash>,
    /// What it comes to in words, a line each.
    pub lines: Vec<String>,
}

impl Facts {
    /// Facts of `effects`, of which fees are taken out.
    ///
    /// # Errors
    /// [`Refusal::PayloadRejected`] for a fee in something that no policy has a name for.
    pub(crate) fn new(permission: Permission, network: Option<Network>, effects: Vec<Effect>) -> Result<Self, Refusal> {
        let lines = effects.iter().map(ToString::to_string).collect();
        let fees = effects.iter().filter_map(fee).map(|(asset, most)| Some((seen::asset_name(asset)?, most)));
        let fees = fees.collect::<Option<_>>().ok_or(Refusal::PayloadRejected)?;
        let effects = effects.into_iter().filter(|effect| fee(effect).is_none()).collect();
        Ok(Self { permission, network, effects, fees, fee_rate: None, place: None, lines })
    }

    /// All that leaves the signer or may, by asset, fees included.
    ///
    /// # Errors
    /// [`Refusal::AmountTooLarge`] if a sum is 2^256 or more.
    pub(crate) fn spent(&self) -> Result<Spent, Refusal> {
        let effects = self.effects.iter().map(seen::Seen::of).filter_map(|seen| Some((seen.asset, seen.spends?)));
        let fees = self.fees.iter().map(|(asset, most)| (Some(asset.clone()), *most));
        Spent::sum(effects.chain(fees)).ok_or(Refusal::AmountTooLarge)
    }
}

fn fee(effect: &Effect) -> Option<(&Asset, U256)> {
    match effect {
        Effect::Fee { asset, most } => Some((asset, *most)),
        _ => None,
    }
}
