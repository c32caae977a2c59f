//! Patterns of effects: what a rule says of what a payload does.

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    ids::{
        ChannelAccount, CosmosAccount, DenominationName, EthereumAccount, Hash, ListName, Quantity, Selector,
        SolanaAccount,
    },
    limits,
};

/// Which effects fit. The fee is no effect here: `fee` and `spends` judge it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Effects {
    /// How many of them have to fit a pattern.
    #[n(0)]
    pub quantifier: Quantifier,
    /// The patterns.
    #[n(1)]
    pub patterns: List<Pattern, { limits::PATTERNS }>,
}

/// How many effects have to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Quantifier {
    /// Every one.
    #[n(0)]
    Every,
    /// At least one: what rules that deny mostly want.
    #[n(1)]
    Some,
}

/// One pattern; what is absent may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Pattern {
    /// The kind of effect.
    #[n(0)]
    pub kind: EffectKind,
    /// Of what it is an amount.
    #[n(1)]
    pub assets: Option<List<AssetName, { limits::PATTERN_ASSETS }>>,
    /// Who is on the other side: the recipient, spender, operator, contract, validator.
    #[n(2)]
    pub with: Option<List<Counterparty, { limits::COUNTERPARTIES }>>,
    /// At most so much of it, in the asset's smallest unit.
    #[n(3)]
    pub most: Option<Quantity>,
    /// Functions of an Ethereum contract that is called.
    #[n(4)]
    pub functions: Option<List<Function, { limits::FUNCTIONS }>>,
}

/// Kinds of effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum EffectKind {
    /// Something goes to somebody: also over a channel to another chain, where no counterparty that is named here is; also the rent of a
    /// token account, to the account's owner.
    #[n(0)]
    Transfer,
    /// Somebody may take from now on.
    #[n(1)]
    Allowance,
    /// Somebody may take a whole collection.
    #[n(2)]
    Operator,
    /// A contract or program runs.
    #[n(3)]
    Call,
    /// A new contract.
    #[n(4)]
    Creation,
    /// An account's code becomes another's (EIP-7702).
    #[n(5)]
    Delegation,
    /// Typed data of which only its application knows the meaning.
    #[n(6)]
    Agreement,
    /// Coins are staked, moved to another validator or released, or what they earned is collected.
    #[n(7)]
    Stake,
    /// An account for a token is made, for which its payer lends the rent (Solana).
    #[n(8)]
    TokenAccount,
    /// Whatever there is, also what is not understood.
    #[n(9)]
    Anything,
}

/// What there is amounts of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum AssetName {
    /// The chain's own coin: wei, satoshis, lamports.
    #[n(0)]
    Native,
    /// A fungible token, by its contract or mint.
    #[n(1)]
    Token(#[n(0)] Account),
    /// Any item of a collection. Calls that look the same for tokens and items (`transferFrom`, `approve`) are meant as well; their amount
    /// is then the item's number.
    #[n(2)]
    Collection(#[n(0)] Account),
    /// A denomination of a Cosmos chain.
    #[n(3)]
    Denomination(#[n(0)] DenominationName),
}

/// The other side.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Counterparty {
    /// One account.
    #[n(0)]
    Account(#[n(0)] Account),
    /// Any on a list.
    #[n(1)]
    List(#[n(0)] ListName),
    /// The signing key itself, or its change.
    #[n(2)]
    Signer,
}

/// An account, contract, mint or script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Account {
    /// An address.
    #[n(0)]
    Ethereum(#[n(0)] EthereumAccount),
    /// A public key.
    #[n(1)]
    Solana(#[n(0)] SolanaAccount),
    /// An address in bech32.
    #[n(2)]
    Cosmos(#[n(0)] CosmosAccount),
    /// An output's script.
    #[n(3)]
    Bitcoin(#[n(0)] Bytes<{ limits::SCRIPT }>),
    /// An account behind an IBC channel: the channel's name here, a slash, and the account as the other chain writes it.
    #[n(4)]
    Channel(#[n(0)] ChannelAccount),
}

/// A function of a contract, by its selector, and what has to hold of its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Function {
    /// The first four bytes of the Keccak-256 of its signature.
    #[n(0)]
    pub selector: Selector,
    /// All of them have to hold.
    #[n(1)]
    pub arguments: List<Argument, { limits::ARGUMENTS }>,
}

/// What has to hold of one word of a call's arguments (Solidity's ABI: 32 bytes; of a dynamic argument its offset).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Argument {
    /// Which word, from 0.
    #[n(0)]
    pub word: u16,
    /// What has to hold.
    #[n(1)]
    pub check: Check,
}

/// What a word has to be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Check {
    /// Exactly this.
    #[n(0)]
    Equals(#[n(0)] Hash),
    /// A number, at most so large.
    #[n(1)]
    AtMost(#[n(0)] Quantity),
    /// An address on a list.
    #[n(2)]
    In(#[n(0)] ListName),
}
