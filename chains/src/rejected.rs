//! Why bytes were refused: what was wrong, where, and what the sender can do.

use core::fmt;

use crate::{bitcoin, cosmos, derivation, ethereum, message, solana};

/// Why something was refused. Whoever sent the bytes is to blame; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The bytes are not a well-formed, canonical encoding.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A Solana message or transaction that no key may sign.
    #[error("solana: {0}")]
    Solana(#[from] solana::Unsignable),
    /// A PSBT that no key may sign.
    #[error("bitcoin: {0}")]
    Bitcoin(#[from] bitcoin::Unsignable),
    /// A Cosmos sign document or transaction that no key may sign.
    #[error("cosmos: {0}")]
    Cosmos(#[from] cosmos::Unsignable),
    /// A key that has no such child.
    #[error("derivation: {0}")]
    Derivation(#[from] derivation::Underivable),
    /// An Ethereum transaction, message or typed data that no key may sign.
    #[error("ethereum: {0}")]
    Ethereum(#[from] ethereum::Unsignable),
    /// A text that no key may sign.
    #[error("message: {0}")]
    Message(#[from] message::Unsignable),
}

impl Rejected {
    /// The stable name of this refusal, in `snake_case`. Names are added, never changed.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.fault.code(),
            Self::Solana(unsignable) => unsignable.code(),
            Self::Bitcoin(unsignable) => unsignable.code(),
            Self::Cosmos(unsignable) => unsignable.code(),
            Self::Derivation(underivable) => underivable.code(),
            Self::Ethereum(unsignable) => unsignable.code(),
            Self::Message(unsignable) => unsignable.code(),
        }
    }
}

/// An encoding that was refused at a byte offset of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{encoding}, byte {at}: {fault}")]
pub struct Malformed {
    /// What was being read.
    pub encoding: Encoding,
    /// How many bytes of it had been read.
    pub at: usize,
    /// What was wrong there.
    pub fault: Fault,
}

/// What was being read. Offsets count from its own first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A Solana message.
    SolanaMessage,
    /// A Solana transaction: signatures and message.
    SolanaTransaction,
    /// A whole PSBT.
    Psbt,
    /// The unsigned transaction inside a PSBT.
    UnsignedTransaction,
    /// A key in a PSBT.
    PsbtKey {
        /// In which map.
        map: bitcoin::Map,
    },
    /// How many inputs or outputs a PSBT of version 2 has.
    PsbtCount {
        /// Of which of them.
        field: &'static str,
    },
    /// The witness of a finished input (`PSBT_IN_FINAL_SCRIPTWITNESS`).
    FinalWitness {
        /// The input.
        input: usize,
    },
    /// An output that an input spends (`PSBT_IN_WITNESS_UTXO`).
    WitnessUtxo {
        /// The input.
        input: usize,
    },
    /// A transaction whose output an input spends (`PSBT_IN_NON_WITNESS_UTXO`).
    PreviousTransaction {
        /// The input.
        input: usize,
    },
    /// An unsigned Ethereum transaction.
    EthereumTransaction,
    /// A signed Ethereum transaction.
    EthereumSignedTransaction,
    /// An Ethereum transaction with its sidecar.
    EthereumNetworkTransaction,
    /// Typed data (EIP-712) in canonical form.
    EthereumTypedData,
    /// An authorisation without its signature (EIP-7702).
    EthereumAuthorization,
    /// A user operation (ERC-4337).
    EthereumUserOperation,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SolanaMessage => f.write_str("Solana message"),
            Self::SolanaTransaction => f.write_str("Solana transaction"),
            Self::Psbt => f.write_str("PSBT"),
            Self::UnsignedTransaction => f.write_str("unsigned transaction of the PSBT"),
            Self::PsbtKey { map } => write!(f, "key in {map} of the PSBT"),
            Self::PsbtCount { field } => write!(f, "number of {field} of the PSBT"),
            Self::FinalWitness { input } => write!(f, "final witness of input {input} of the PSBT"),
            Self::WitnessUtxo { input } => write!(f, "witness UTXO of input {input} of the PSBT"),
            Self::PreviousTransaction { input } => {
                write!(f, "non-witness UTXO of input {input} of the PSBT")
            }
            Self::EthereumTransaction => f.write_str("unsigned Ethereum transaction"),
            Self::EthereumSignedTransaction => f.write_str("signed Ethereum transaction"),
            Self::EthereumNetworkTransaction => f.write_str("Ethereum transaction with sidecar"),
            Self::EthereumTypedData => f.write_str("typed data"),
            Self::EthereumAuthorization => f.write_str("authorisation"),
            Self::EthereumUserOperation => f.write_str("user operation"),
        }
    }
}

/// What is wrong with an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end inside a field.
    #[error("ends inside {field}; send all of it")]
    Truncated {
        /// The field that was being read.
        field: &'static str,
    },
    /// Bytes follow the end.
    #[error("{extra} bytes follow the end; send exactly one")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
    /// A number written longer than it need be, or out of its range.
    #[error("{field} is not written in its shortest form; encode it again with a maintained library")]
    NotMinimal {
        /// The number.
        field: &'static str,
    },
    /// A field of another kind, length or range than it must have.
    #[error("{field} has a kind, length or value that it cannot have; encode it again with a maintained library")]
    WrongForm {
        /// The field.
        field: &'static str,
    },
    /// More of something than this crate takes.
    #[error("{count} {field}, at most {limit} are taken; split it into several")]
    TooMany {
        /// What there is too much of.
        field: &'static str,
        /// How many the encoding claims.
        count: u64,
        /// How many are taken.
        limit: usize,
    },
}

impl Fault {
    fn code(self) -> &'static str {
        match self {
            Self::Truncated { .. } => "payload_truncated",
            Self::TrailingBytes { .. } => "payload_trailing_bytes",
            Self::NotMinimal { .. } => "payload_not_minimal",
            Self::WrongForm { .. } => "payload_wrong_form",
            Self::TooMany { .. } => "payload_too_large",
        }
    }
}
