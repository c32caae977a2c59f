//! What a Cosmos transaction does: its messages, and its fee.

use super::{Coin, Transaction};
use crate::effect::{Asset, Effect, Party};

impl Transaction {
    /// What it does if it succeeds, message by message, the fee last. A memo is a call of everybody who is paid, of which only its reader
    /// knows the meaning: exchanges credit whom it names.
    pub fn effects(&self) -> Vec<Effect> {
        let fee =
            |Coin { denom, amount }: &Coin| Effect::Fee { asset: Asset::Denomination(denom.clone()), most: *amount };
        let mut memo: Vec<_> =
            self.asked().iter().filter(|_| !self.memo().is_empty()).map(|effect| self.told(effect)).collect();
        memo.dedup();
        self.asked().iter().cloned().chain(memo).chain(self.fee().amount.iter().map(fee)).collect()
    }

    /// The memo as a call of who may take it for a command, beside this effect.
    fn told(&self, effect: &Effect) -> Effect {
        let contract = match effect {
            Effect::Transfer { to, .. } => to.clone(),
            Effect::ChannelTransfer { channel, .. } => Party::Channel(channel.clone()),
            _ => Party::Signer,
        };
        Effect::Call { contract, function: None, input: self.memo().as_bytes().to_vec() }
    }
}
