//! Why a Cosmos sign document or transaction is refused.

use core::fmt;

use crate::limits;

/// Why a document may not be signed, or a transaction is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// More bytes than are taken.
    #[error("{length} bytes, at most {limit} are taken; split it into several", limit = limits::COSMOS_SIGN_DOC)]
    TooLong {
        /// How many.
        length: usize,
    },
    /// Not protobuf, or another message.
    #[error("{part} is not the protobuf message that it should be; send all of it, in binary form")]
    NotProtobuf {
        /// What.
        part: Part,
    },
    /// Protobuf that could be written otherwise, or with fields that are not known here.
    #[error(
        "{part} has unknown fields or is not encoded as ADR-027 demands; encode it again with a maintained library"
    )]
    NotCanonical {
        /// What.
        part: Part,
    },
    /// The chain id is empty, too long or not printable.
    #[error("the chain id is not 1 to {limit} printable characters; name the chain as its nodes do", limit = limits::COSMOS_CHAIN_ID)]
    BadChainId,
    /// No messages, or more than are taken.
    #[error("{count} messages, 1 to {limit} are taken; build the transaction again", limit = limits::COSMOS_MESSAGES)]
    MessageCount {
        /// How many.
        count: usize,
    },
    /// A message of a type whose effect is not known here.
    #[error(
        "message {message} is of a type that is not understood here; send MsgSend, MsgDelegate, MsgUndelegate, \
         MsgBeginRedelegate, MsgWithdrawDelegatorReward or MsgTransfer"
    )]
    MessageType {
        /// Its position.
        message: usize,
    },
    /// Coins of somebody else.
    #[error("message {message} is not in the name of the signer's own address; use the key that owns the coins")]
    FromAddress {
        /// Its position.
        message: usize,
    },
    /// A recipient that the chain would not know.
    #[error(
        "message {message}: the recipient is not a lowercase bech32 address of 20 or 32 bytes with the sender's prefix; check it"
    )]
    ToAddress {
        /// Its position.
        message: usize,
    },
    /// A validator that the chain would not know.
    #[error(
        "message {message}: the validator is not a lowercase bech32 address with the sender's prefix and valoper; check it"
    )]
    Validator {
        /// The message's position.
        message: usize,
    },
    /// A channel that is not one of IBC's for coins.
    #[error(
        "message {message} does not leave by a channel-number at port transfer; name the channel as its chain does"
    )]
    Channel {
        /// The message's position.
        message: usize,
    },
    /// A receiver on another chain that cannot be shown as it is.
    #[error("message {message}: the receiver is not 1 to {limit} printable characters; check it", limit = limits::COSMOS_RECEIVER)]
    Receiver {
        /// The message's position.
        message: usize,
    },
    /// A transfer over a channel that never times out.
    #[error("message {message} has neither a timeout height nor a timeout timestamp; set one")]
    Timeout {
        /// The message's position.
        message: usize,
    },
    /// A transfer of nothing.
    #[error("message {message} names no coins; name at least one")]
    NoCoins {
        /// Its position.
        message: usize,
    },
    /// More coins than are taken.
    #[error("{part} names {count} coins, at most {limit} are taken; split it into several", limit = limits::COSMOS_COINS)]
    TooManyCoins {
        /// Where.
        part: Part,
        /// How many.
        count: usize,
    },
    /// A denomination that the SDK refuses.
    #[error(
        "{part} has a coin whose denomination is not 3 to 128 letters, digits and /:._- after a letter; correct it"
    )]
    BadDenom {
        /// Where.
        part: Part,
    },
    /// An amount that is not a positive number of 256 bits.
    #[error(
        "{part} has an amount that is not a whole number from 1 to 2^256-1 without leading zeros; correct it, or leave the coin out"
    )]
    BadAmount {
        /// Where.
        part: Part,
    },
    /// Coins out of order, or one twice.
    #[error("{part} does not name its coins in ascending order of denomination, each once; sort and merge them")]
    CoinOrder {
        /// Where.
        part: Part,
    },
    /// A memo longer than chains take.
    #[error("the memo has {length} bytes, at most {limit} are taken; shorten it", limit = limits::COSMOS_MEMO)]
    MemoTooLong {
        /// Its length.
        length: usize,
    },
    /// A memo that a terminal would not show as it is.
    #[error("control character U+{character:04X} at byte {at} of the memo; only newline and tab are taken", character = u32::from(*.character))]
    MemoControlCharacter {
        /// The character.
        character: char,
        /// Its offset.
        at: usize,
    },
    /// Options that change what the transaction means.
    #[error("the transaction has extension options, whose meaning is not known here; build it without")]
    Extension,
    /// A transaction that is not bound to a sequence.
    #[error("the transaction is unordered or times out by the clock; use a sequence and, if need be, a timeout height")]
    Unordered,
    /// A tip.
    #[error("the transaction has a tip; build it without")]
    Tip,
    /// Not one signer.
    #[error("{count} signers; build the transaction for one")]
    SignerCount {
        /// How many.
        count: usize,
    },
    /// Another sign mode, or several signatures in one.
    #[error("the signer's mode is not SIGN_MODE_DIRECT; build the transaction for it")]
    SignMode,
    /// The signer's key is missing or of another kind.
    #[error("the signer info has no cosmos.crypto.secp256k1.PubKey of 33 bytes; put the signing key there")]
    BadPublicKey,
    /// No fee, which even a free transaction states.
    #[error("the auth info has no fee; state it, with the gas limit")]
    NoFee,
    /// Somebody else pays the fee.
    #[error("the fee names a payer other than the sender; leave the payer out")]
    FeePayer,
    /// The fee is taken from a grant.
    #[error("the fee names a granter, whose coins it would take; leave the granter out")]
    FeeGranter,
    /// The document is for another key.
    #[error("the document's signer has another key; sign with the key that it names")]
    OtherKey,
    /// Not one signature of 64 bytes.
    #[error("the transaction does not have exactly one signature of 64 bytes; sign it with one secp256k1 key")]
    BadSignature,
    /// A prefix that addresses cannot have.
    #[error("an address prefix is 1 to {limit} lowercase letters and digits; use the chain's own", limit = limits::COSMOS_PREFIX)]
    BadPrefix,
}

impl Unsignable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "cosmos_too_long",
            Self::NotProtobuf { .. } => "cosmos_not_protobuf",
            Self::NotCanonical { .. } => "cosmos_not_canonical",
            Self::BadChainId => "cosmos_bad_chain_id",
            Self::MessageCount { .. } => "cosmos_message_count",
            Self::MessageType { .. } => "cosmos_message_type",
            Self::FromAddress { .. } => "cosmos_from_address",
            Self::ToAddress { .. } => "cosmos_to_address",
            Self::Validator { .. } => "cosmos_validator",
            Self::Channel { .. } => "cosmos_channel",
            Self::Receiver { .. } => "cosmos_receiver",
            Self::Timeout { .. } => "cosmos_timeout",
            Self::NoCoins { .. } => "cosmos_no_coins",
            Self::TooManyCoins { .. } => "cosmos_too_many_coins",
            Self::BadDenom { .. } => "cosmos_bad_denom",
            Self::BadAmount { .. } => "cosmos_bad_amount",
            Self::CoinOrder { .. } => "cosmos_coin_order",
            Self::MemoTooLong { .. } => "cosmos_memo_too_long",
            Self::MemoControlCharacter { .. } => "cosmos_memo_control_character",
            Self::Extension => "cosmos_extension",
            Self::Unordered => "cosmos_unordered",
            Self::Tip => "cosmos_tip",
            Self::SignerCount { .. } => "cosmos_signer_count",
            Self::SignMode => "cosmos_sign_mode",
            Self::BadPublicKey => "cosmos_bad_public_key",
            Self::NoFee => "cosmos_no_fee",
            Self::FeePayer => "cosmos_fee_payer",
            Self::FeeGranter => "cosmos_fee_granter",
            Self::OtherKey => "cosmos_other_key",
            Self::BadSignature => "cosmos_bad_signature",
            Self::BadPrefix => "cosmos_bad_prefix",
        }
    }
}

/// A part of a sign document or transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The whole sign document.
    SignDoc,
    /// The whole signed transaction.
    TxRaw,
    /// `body_bytes`
    Body,
    /// `auth_info_bytes`
    AuthInfo,
    /// The signer's key.
    PublicKey,
    /// The fee.
    Fee,
    /// A message, by its position.
    Message(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignDoc => f.write_str("the sign document"),
            Self::TxRaw => f.write_str("the signed transaction"),
            Self::Body => f.write_str("the body"),
            Self::AuthInfo => f.write_str("the auth info"),
            Self::PublicKey => f.write_str("the signer's public key"),
            Self::Fee => f.write_str("the fee"),
            Self::Message(message) => write!(f, "message {message}"),
        }
    }
}
