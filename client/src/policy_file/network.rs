//! Networks: where something has its worth.

use cloister_wire::policy::{Network, Permission};

use super::{
    amount::{Coin, coin},
    text::Written,
};
use crate::permission;

impl Written for Network {
    const WHAT: &'static str = "bitcoin, solana, ethereum:CHAIN_ID or cosmos:CHAIN_ID";

    fn read(text: &str) -> Result<Self, String> {
        let permission = permission::parse(text).ok().filter(|_| text != "bitcoin+foreign");
        match permission {
            Some(Permission::Bitcoin { .. }) => Ok(Self::Bitcoin),
            Some(Permission::Solana) => Ok(Self::Solana),
            Some(Permission::Ethereum { chain_id }) => Ok(Self::Ethereum { chain_id }),
            Some(Permission::Cosmos { chain_id }) => Ok(Self::Cosmos { chain_id }),
            Some(
                Permission::Message
                | Permission::EthereumMessage
                | Permission::TypedData { .. }
                | Permission::Authorization { .. }
                | Permission::UserOperation { .. },
            )
            | None => Err(format!("expected {}", Self::WHAT)),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Bitcoin => "bitcoin".to_owned(),
            Self::Solana => "solana".to_owned(),
            Self::Ethereum { chain_id } => format!("ethereum:{chain_id}"),
            Self::Cosmos { chain_id } => format!("cosmos:{chain_id}"),
        }
    }
}

/// Its own coin, if that has units here.
pub(super) fn coin_of(network: &Network) -> Option<Coin> {
    let payload = permission::parse(&network.write()).ok()?;
    coin(Some(&[payload]))
}
