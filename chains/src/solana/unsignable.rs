//! Why a Solana message or transaction is refused.

use super::Pubkey;
use crate::limits;

/// Why a message or transaction may not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// A message version other than legacy and 0.
    #[error("message version {version} is not known; build a legacy or a v0 message")]
    UnknownVersion {
        /// The version that the first byte names.
        version: u8,
    },
    /// A v0 message that takes accounts from lookup tables.
    #[error(
        "{count} address table lookups: what a table holds cannot be seen in the message; \
         build it with all accounts in the message itself"
    )]
    LookupTables {
        /// How many.
        count: u16,
    },
    /// A lookup table of which nobody has said what it holds.
    #[error(
        "what lookup table {table} holds is not known; name tables that the policy knows, or put its accounts into the message"
    )]
    UnknownLookupTable {
        /// The table.
        table: Pubkey,
    },
    /// A position behind what is known of a table.
    #[error(
        "lookup table {table} is not known to hold an account number {index}; put that account into the message itself"
    )]
    BeyondLookupTable {
        /// The table.
        table: Pubkey,
        /// The position.
        index: u8,
    },
    /// A lookup that takes nothing, which no validator accepts.
    #[error("nothing is taken from lookup table {table}; build the message without it")]
    EmptyLookup {
        /// The table.
        table: Pubkey,
    },
    /// More accounts than instructions can name.
    #[error("{count} accounts with those from lookup tables, at most 256 can be named; use fewer")]
    TooManyAccounts {
        /// How many.
        count: usize,
    },
    /// Counts of the header that no validator accepts.
    #[error(
        "the header claims {signers} signers ({readonly_signers} of them read-only) and \
         {readonly_others} read-only others among {accounts} accounts; build the message again"
    )]
    BadHeader {
        /// `num_required_signatures`.
        signers: u8,
        /// `num_readonly_signed_accounts`.
        readonly_signers: u8,
        /// `num_readonly_unsigned_accounts`.
        readonly_others: u8,
        /// Accounts that the message lists.
        accounts: usize,
    },
    /// An account is listed twice.
    #[error("account {account} is listed twice; build the message again")]
    DuplicateAccount {
        /// That account.
        account: Pubkey,
    },
    /// An instruction names a program or account that the message does not list, or the fee payer as program.
    #[error(
        "instruction {instruction} names account number {index}, which cannot stand there; build the message again"
    )]
    BadAccountIndex {
        /// Position of the instruction.
        instruction: usize,
        /// The index.
        index: u8,
    },
    /// With its signatures the message would not fit a packet.
    #[error(
        "with its signatures the transaction would be {length} bytes, a packet holds {limit}; use fewer accounts or instructions",
        limit = limits::SOLANA_TRANSACTION
    )]
    TooLong {
        /// Bytes of the whole transaction.
        length: usize,
    },
    /// The key is not among the message's signers.
    #[error("{key} is not among the required signers; sign with a key that the message names")]
    NotASigner {
        /// That key.
        key: Pubkey,
    },
    /// The transaction carries as many signatures as its message does not ask for.
    #[error("{found} signatures where the message requires {required}; serialise the transaction again")]
    SignatureCount {
        /// Signatures that the transaction carries.
        found: u16,
        /// Signatures that its message requires.
        required: usize,
    },
    /// Another signature of the same signer is there already.
    #[error("the transaction has another signature of {key} already; send it without")]
    AlreadySigned {
        /// That signer.
        key: Pubkey,
    },
}

impl Unsignable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::UnknownVersion { .. } => "solana_unknown_version",
            Self::LookupTables { .. } => "solana_lookup_tables",
            Self::UnknownLookupTable { .. } => "solana_unknown_lookup_table",
            Self::BeyondLookupTable { .. } => "solana_beyond_lookup_table",
            Self::EmptyLookup { .. } => "solana_empty_lookup",
            Self::TooManyAccounts { .. } => "solana_too_many_accounts",
            Self::BadHeader { .. } => "solana_bad_header",
            Self::DuplicateAccount { .. } => "solana_duplicate_account",
            Self::BadAccountIndex { .. } => "solana_bad_account_index",
            Self::TooLong { .. } => "solana_too_long",
            Self::NotASigner { .. } => "solana_not_a_signer",
            Self::SignatureCount { .. } => "solana_signature_count",
            Self::AlreadySigned { .. } => "solana_already_signed",
        }
    }
}
