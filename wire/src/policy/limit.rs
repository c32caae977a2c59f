//! Limits: how much of something within a window of time.

use minicbor::{Decode, Encode};

use super::AssetName;
use crate::ids::{CosmosChain, LimitName, Quantity};

/// A limit. What a request spends counts from the moment at which a signer releases its share until the window is over.
///
/// What was counted stays when a later policy changes `most` or the window; it counts until the end that it had. Under another name or
/// `per`, or of another asset, a limit is a new one that has counted nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Limit {
    /// Its name.
    #[n(0)]
    pub name: LimitName,
    /// How much of what.
    #[n(1)]
    pub measure: Measure,
    /// The window, milliseconds.
    #[n(2)]
    pub window_ms: u64,
    /// For whom together.
    #[n(3)]
    pub per: Per,
}

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Measure {
    /// Amounts that are transferred or allowed to others, staked, or given to new contracts, highest fees included.
    #[n(0)]
    Spending {
        /// Where.
        #[n(0)]
        network: Network,
        /// Of what.
        #[n(1)]
        asset: AssetName,
        /// At most so much, in its smallest unit.
        #[n(2)]
        most: Quantity,
    },
    /// Requests.
    #[n(1)]
    Requests {
        /// At most so many.
        #[n(0)]
        most: u64,
    },
}

/// Whose requests count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Per {
    /// All of the tenant's.
    #[n(0)]
    Tenant,
    /// Those with one key and its children.
    #[n(1)]
    Key,
    /// Those of one requester.
    #[n(2)]
    Requester,
}

/// Where something has its worth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Network {
    /// Bitcoin; a PSBT does not say which network it is for.
    #[n(0)]
    Bitcoin,
    /// Solana; a transaction says it by a blockhash alone.
    #[n(1)]
    Solana,
    /// An Ethereum chain.
    #[n(2)]
    Ethereum {
        /// EIP-155.
        #[n(0)]
        chain_id: u64,
    },
    /// A Cosmos chain.
    #[n(3)]
    Cosmos {
        /// As its genesis names it.
        #[n(0)]
        chain_id: CosmosChain,
    },
}
