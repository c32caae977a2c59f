//! Why a transaction, message or typed data is refused.

use crate::limits;

/// Why a transaction, message or typed data may not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// A first byte that is neither a list's nor a known type.
    #[error("transaction type {byte:#04x} is not taken; build a legacy transaction or one of type 1 to 4")]
    UnknownType {
        /// The first byte.
        byte: u8,
    },
    /// A legacy transaction that every chain would take.
    #[error("the transaction names no chain, so that every chain would take it; build it with a chain id (EIP-155)")]
    NoChainId,
    /// A chain id that no chain has.
    #[error("no chain has the id {chain_id}; build the transaction for the chain that it is meant for")]
    BadChainId {
        /// That id.
        chain_id: u64,
    },
    /// The largest nonce, which nodes refuse (EIP-2681).
    #[error("the nonce is 2^64 - 1, which no account can use; build the transaction with the account's next nonce")]
    NonceTooLarge,
    /// More for the proposer than for all.
    #[error("the priority fee {max_priority} is above the maximal fee {max}; lower the one or raise the other")]
    PriorityAboveMax {
        /// `max_priority_fee_per_gas`.
        max_priority: u128,
        /// `max_fee_per_gas`.
        max: u128,
    },
    /// Fees of 2^128 wei or more.
    #[error("gas and its prices make a fee of 2^128 wei or more, which nobody has; lower them")]
    FeeTooLarge,
    /// A blob or set-code transaction that would create a contract.
    #[error("a transaction with blobs or authorisations cannot create a contract; name its recipient")]
    NoRecipient,
    /// A blob transaction without blobs.
    #[error("the blob transaction names no blobs; build it with at least one, or as type 2")]
    NoBlobs,
    /// A blob hash of another version than 1.
    #[error("blob hash {blob} is not of version 1; build the transaction with the hashes of its KZG commitments")]
    BlobHashVersion {
        /// Position of the hash.
        blob: usize,
    },
    /// A set-code transaction without authorisations.
    #[error("the transaction carries no authorisations; build it with at least one, or as type 2")]
    NoAuthorizations,
    /// A user operation for another entry point than that of version 0.7.
    #[error(
        "entry point {entry_point} is not that of version 0.7, 0x0000000071727De22E5E9d8BAf0edAc6f37da032; build the user operation for it"
    )]
    EntryPoint {
        /// The one that it names.
        entry_point: super::Address,
    },
    /// A factory or paymaster that is not all there.
    #[error("the user operation's {field} ends inside what it begins with; leave it empty or send all of it")]
    UserOperationField {
        /// Which field.
        field: &'static str,
    },
    /// Something else where a blob transaction with its sidecar is expected.
    #[error("the first byte is {byte:#04x}; only blob transactions (type 3) have a sidecar")]
    NotABlobTransaction {
        /// The first byte.
        byte: u8,
    },
    /// The sidecar's blobs, commitments and proofs do not fit each other or the transaction.
    #[error("the sidecar's blobs, commitments and proofs are not those of the transaction; build both together")]
    WrongSidecar,
    /// A half of a signature that is 0, or not below the order of the group.
    #[error("r and s must be at least 1 and below the order of secp256k1; sign again")]
    SignatureOutOfRange,
    /// The larger of the two s that verify.
    #[error("s is above half the order of secp256k1 (EIP-2); negate it, and its parity with it")]
    HighS,
    /// Not an address with its checksum.
    #[error("an address is 0x and 40 hexadecimal digits in the case that EIP-55 demands; copy all of it")]
    BadAddress,
    /// Not a number, or one that is too large.
    #[error("not a number in decimal digits that fits; write it without a sign and without zeros in front")]
    BadNumber,
    /// A message above [`limits::ETHEREUM_MESSAGE`].
    #[error("the message has {length} bytes, at most {limit} are taken; sign its hash in hexadecimal instead", limit = limits::ETHEREUM_MESSAGE)]
    MessageTooLong {
        /// Its length.
        length: usize,
    },
    /// A message of 32 bytes.
    #[error(
        "the message has 32 bytes: it may be the hash of an order, which nobody can see; sign the order itself, or another text"
    )]
    MessageIsHash,
    /// Types that are not in ascending order of their names, or one twice.
    #[error("type {position} is named before or like the one in front of it; sort the types by name, each once")]
    TypeOrder {
        /// Position of the type.
        position: usize,
    },
    /// A field of a struct that there is not.
    #[error("a field of type {position} names a struct that is not among the types; add that struct")]
    UnknownStruct {
        /// Position of the type that has the field.
        position: usize,
    },
    /// A type that the message cannot contain.
    #[error("type {position} is not part of the primary type; leave it out")]
    UnusedType {
        /// Position of the type.
        position: usize,
    },
    /// The primary type is not declared.
    #[error("the primary type is not among the types; add it")]
    NoPrimaryType,
    /// A domain without fields.
    #[error("the domain says nothing, so that every application would take the signature; name at least one field")]
    NoDomain,
    /// Structs and arrays in each other beyond the bound.
    #[error("structs and arrays are nested more than {limit} deep; flatten the message", limit = limits::ETHEREUM_TYPED_DATA_DEPTH)]
    TooDeep,
}

impl Unsignable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::UnknownType { .. } => "ethereum_unknown_type",
            Self::NoChainId => "ethereum_no_chain_id",
            Self::BadChainId { .. } => "ethereum_bad_chain_id",
            Self::NonceTooLarge => "ethereum_nonce_too_large",
            Self::PriorityAboveMax { .. } => "ethereum_priority_above_max",
            Self::FeeTooLarge => "ethereum_fee_too_large",
            Self::NoRecipient => "ethereum_no_recipient",
            Self::NoBlobs => "ethereum_no_blobs",
            Self::BlobHashVersion { .. } => "ethereum_blob_hash_version",
            Self::NoAuthorizations => "ethereum_no_authorizations",
            Self::EntryPoint { .. } => "ethereum_entry_point",
            Self::UserOperationField { .. } => "ethereum_user_operation_field",
            Self::NotABlobTransaction { .. } => "ethereum_not_a_blob_transaction",
            Self::WrongSidecar => "ethereum_wrong_sidecar",
            Self::SignatureOutOfRange => "ethereum_signature_out_of_range",
            Self::HighS => "ethereum_high_s",
            Self::BadAddress => "ethereum_bad_address",
            Self::BadNumber => "ethereum_bad_number",
            Self::MessageTooLong { .. } => "ethereum_message_too_long",
            Self::MessageIsHash => "ethereum_message_is_hash",
            Self::TypeOrder { .. } => "ethereum_type_order",
            Self::UnknownStruct { .. } => "ethereum_unknown_struct",
            Self::UnusedType { .. } => "ethereum_unused_type",
            Self::NoPrimaryType => "ethereum_no_primary_type",
            Self::NoDomain => "ethereum_no_domain",
            Self::TooDeep => "ethereum_too_deep",
        }
    }
}
