//! What a Cosmos transaction does: coins that are sent, and its fee.

use super::{Coin, Transaction};
use crate::effect::{Asset, Effect, Party};

impl Transaction {
    /// What it does if it succeeds, the fee last.
    pub fn effects(&self) -> Vec<Effect> {
        let denomination = |coin: &Coin| Asset::Denomination(coin.denom.clone());
        let sent = self.transfers().iter().flat_map(|transfer| {
            transfer.amount.iter().map(move |coin| Effect::Transfer {
                asset: denomination(coin),
                from: Party::Signer,
                to: Party::Cosmos(transfer.to.clone()),
                amount: coin.amount,
            })
        });
        let fee = self.fee().amount.iter().map(|coin| Effect::Fee { asset: denomination(coin), most: coin.amount });
        sent.chain(fee).collect()
    }
}
