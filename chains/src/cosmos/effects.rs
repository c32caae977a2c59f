//! What a Cosmos transaction does: its messages, and its fee.

use super::{Coin, Transaction};
use crate::effect::{Asset, Effect};

impl Transaction {
    /// What it does if it succeeds, message by message, the fee last.
    pub fn effects(&self) -> Vec<Effect> {
        let fee =
            |Coin { denom, amount }: &Coin| Effect::Fee { asset: Asset::Denomination(denom.clone()), most: *amount };
        self.asked().iter().cloned().chain(self.fee().amount.iter().map(fee)).collect()
    }
}
