//! What a transaction does if it succeeds, in one form for all chains: what a policy decides on and people are shown.
//!
//! Effects come from the bytes that get signed and from nothing else. What those bytes leave open is left open here: a call whose
//! meaning only its contract knows is an [`Effect::Call`], typed data of which only its application knows it an [`Effect::Agreement`]. So a
//! rule that lets a kind of effect through never lets through more than it names.

use core::fmt;

use sha2::{Digest, Sha256};

use crate::{U256, cosmos, ethereum, solana};

/// One thing that a transaction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Something goes from one account to another.
    Transfer {
        /// What.
        asset: Asset,
        /// Whose it is: the signer's, unless a contract lets the signer take from others.
        from: Party,
        /// Who gets it.
        to: Party,
        /// How much.
        amount: U256,
    },
    /// Somebody may take up to so much of the signer's from now on.
    Allowance {
        /// Of what.
        asset: Asset,
        /// Who.
        spender: Party,
        /// How much in all; [`U256::MAX`] mostly means without end.
        amount: U256,
        /// Whether it comes on top of what was allowed before.
        further: bool,
    },
    /// Somebody may take everything of the signer's in a collection, or may no longer.
    Operator {
        /// The contract that keeps the collection.
        collection: Party,
        /// Who.
        operator: Party,
        /// Whether it is allowed or taken back.
        allowed: bool,
    },
    /// A contract or program runs with input of which only it knows the meaning.
    Call {
        /// The contract.
        contract: Party,
        /// The first four bytes of an Ethereum call's input, which select the function.
        function: Option<[u8; 4]>,
        /// The whole input. People are shown its hash: Keccak-256 on Ethereum, SHA-256 elsewhere.
        input: Vec<u8>,
    },
    /// A new contract.
    Creation {
        /// Keccak-256 of the code that makes it.
        code: [u8; 32],
        /// What it is given, in wei.
        value: U256,
    },
    /// An account's code becomes another contract's (EIP-7702).
    Delegation {
        /// The contract.
        code: ethereum::Address,
        /// The chain on which it does; 0 for all.
        chain_id: U256,
        /// The nonce at which that account has to be.
        nonce: u64,
    },
    /// Coins of the signer's are staked with a validator. Earlier rewards of that validator's are paid out with it.
    Stake {
        /// Of what.
        asset: Asset,
        /// With whom.
        validator: Party,
        /// How much.
        amount: U256,
    },
    /// Staked coins begin to come back to the signer.
    Unstake {
        /// Of what.
        asset: Asset,
        /// From whom.
        validator: Party,
        /// How much.
        amount: U256,
    },
    /// Staked coins go from one validator to another.
    Restake {
        /// Of what.
        asset: Asset,
        /// From whom.
        from: Party,
        /// To whom.
        to: Party,
        /// How much.
        amount: U256,
    },
    /// What staking has earned is paid out, to the account that the signer has named for it before.
    Rewards {
        /// By whom.
        validator: Party,
    },
    /// Coins of the signer's leave for another chain over a channel (IBC, ICS-20).
    ChannelTransfer {
        /// What.
        asset: Asset,
        /// How much.
        amount: U256,
        /// The channel's name on this chain, at port `transfer`.
        channel: String,
        /// Who gets it, as the other chain writes accounts.
        receiver: String,
        /// When it comes back if it has not arrived.
        timeout: cosmos::Timeout,
    },
    /// Somebody gets an account for a token, at the address that follows from both, if it is not there yet; its payer lends the rent.
    TokenAccount {
        /// The account.
        account: Party,
        /// Whose it is.
        owner: Party,
        /// The token's mint.
        mint: Party,
        /// Who pays the rent.
        payer: Party,
    },
    /// The signer agrees to typed data of which only its application knows the meaning (EIP-712).
    Agreement {
        /// `hashStruct` of the domain.
        domain: [u8; 32],
        /// `typeHash` of the message's type.
        kind: [u8; 32],
        /// `hashStruct` of the message.
        message: [u8; 32],
    },
    /// What the signer pays for it at most.
    Fee {
        /// In what.
        asset: Asset,
        /// How much.
        most: U256,
    },
}

/// What there is amounts of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// Ether, or whatever coin the chain calls its own, in units of 10^-18.
    Wei,
    /// Bitcoin, in units of 10^-8.
    Satoshis,
    /// SOL, in units of 10^-9.
    Lamports,
    /// A fungible token, by its contract or mint. Where a call could as well be about a single item of a collection (`transferFrom`
    /// and `approve` of ERC-20 and ERC-721 look the same), it is taken for this, and the amount may be the item's number.
    Token(Party),
    /// An item of a collection (ERC-721), or a kind of item there (ERC-1155).
    Item {
        /// The contract.
        collection: Party,
        /// Which.
        id: U256,
    },
    /// A denomination of a Cosmos chain.
    Denomination(String),
}

/// Whoever takes part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The key that signs, or one that belongs to it.
    Signer,
    /// An account or contract.
    Ethereum(ethereum::Address),
    /// An account.
    Solana(solana::Pubkey),
    /// An account.
    Cosmos(cosmos::Address),
    /// The chain at the other end of an IBC channel, by the channel's name here.
    Channel(String),
    /// Whoever can satisfy an output's script.
    Bitcoin(Vec<u8>),
}

impl fmt::Display for Effect {
    /// A clause without a subject, the same for the same effect everywhere: what people approve.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer { asset, from: Party::Signer, to, amount } => write!(f, "pays {amount} {asset} to {to}"),
            Self::Transfer { asset, from, to, amount } => write!(f, "moves {amount} {asset} from {from} to {to}"),
            Self::Allowance { asset, spender, amount, further } => {
                let further = if *further { " more" } else { "" };
                write!(f, "lets {spender} take up to {amount}{further} {asset}")
            }
            Self::Operator { collection, operator, allowed: true } => {
                write!(f, "lets {operator} take everything of collection {collection}")
            }
            Self::Operator { collection, operator, allowed: false } => {
                write!(f, "no longer lets {operator} take everything of collection {collection}")
            }
            Self::Call { contract, function: Some(function), input } => {
                let input = input_hash(contract, input);
                write!(f, "calls function 0x{} of {contract} with input 0x{}", Hex(function), Hex(&input))
            }
            Self::Call { contract, function: None, input } => {
                write!(f, "calls {contract} with input 0x{}", Hex(&input_hash(contract, input)))
            }
            Self::Creation { code, value } => {
                write!(f, "creates a contract by code 0x{} and pays it {value} wei", Hex(code))
            }
            Self::Delegation { code, chain_id, nonce } => {
                write!(f, "makes the code of {code} an account's own at nonce {nonce}, on chain {chain_id}")
            }
            Self::Stake { asset, validator, amount } => write!(f, "stakes {amount} {asset} with {validator}"),
            Self::Unstake { asset, validator, amount } => {
                write!(f, "stops staking {amount} {asset} with {validator}")
            }
            Self::Restake { asset, from, to, amount } => {
                write!(f, "stakes {amount} {asset} with {to} instead of {from}")
            }
            Self::Rewards { validator } => write!(f, "collects the rewards of staking with {validator}"),
            Self::ChannelTransfer { asset, amount, channel, receiver, timeout } => {
                write!(f, "pays {amount} {asset} to {receiver:?} over {channel}, {timeout}")
            }
            Self::TokenAccount { account, owner, mint, payer } => {
                write!(f, "opens account {account} of {owner} for token {mint} at the cost of {payer}")
            }
            Self::Agreement { domain, kind, message } => {
                let [domain, kind, message] = [domain, kind, message].map(|hash| Hex(hash));
                write!(f, "agrees to typed data 0x{message} of type 0x{kind} in domain 0x{domain}")
            }
            Self::Fee { asset, most } => write!(f, "costs up to {most} {asset}"),
        }
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wei => f.write_str("wei"),
            Self::Satoshis => f.write_str("satoshis"),
            Self::Lamports => f.write_str("lamports"),
            Self::Token(token) => write!(f, "of token {token}"),
            Self::Item { collection, id } => write!(f, "of item {id} of collection {collection}"),
            Self::Denomination(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signer => f.write_str("the signer"),
            Self::Ethereum(address) => address.fmt(f),
            Self::Solana(account) => account.fmt(f),
            Self::Cosmos(address) => address.fmt(f),
            Self::Channel(channel) => write!(f, "the chain behind {channel}"),
            Self::Bitcoin(script) => write!(f, "script {}", Hex(script)),
        }
    }
}

/// What of a call's input people are shown.
fn input_hash(contract: &Party, input: &[u8]) -> [u8; 32] {
    match contract {
        Party::Ethereum(_) => ethereum::keccak256(input),
        Party::Signer | Party::Solana(_) | Party::Cosmos(_) | Party::Channel(_) | Party::Bitcoin(_) => {
            Sha256::digest(input).into()
        }
    }
}

/// Bytes, shown in hex.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::Value;

    /// A part of what `chains/vectors/effects.py` wrote.
    pub(crate) fn vectors(part: &str) -> Value {
        let text = include_str!("../vectors/effects.json");
        serde_json::from_str::<Value>(text).unwrap()[part].take()
    }
}
