//! Solana: legacy and v0 messages, and the transactions around them.
//!
//! A message that parses here passes the sanitisation of the Solana SDK (`solana-message`,
//! `legacy::Message::sanitize`, `v0::Message::sanitize`), and then some: no account twice (the
//! runtime refuses it), compact-u16 lengths in their shortest form, and no address table lookups,
//! whose contents cannot be seen from here.

use core::fmt;

use crate::{
    Rejected,
    cursor::Cursor,
    limits,
    rejected::{Encoding, Fault, Malformed},
};

/// An Ed25519 public key or another account address, shown in base58.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pubkey([u8; 32]);

impl Pubkey {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Pubkey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Pubkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).into_string())
    }
}

impl fmt::Debug for Pubkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pubkey({self})")
    }
}

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
        count: u8,
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
    #[error(
        "{found} signatures where the message requires {required}; serialise the transaction again"
    )]
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

/// The two message formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Without a version byte.
    Legacy,
    /// Version byte `0x80`.
    V0,
}

/// A message: what every signer of a transaction signs, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    bytes: &'a [u8],
    version: Version,
    header: Header,
    accounts: Vec<Pubkey>,
    recent_blockhash: [u8; 32],
    instructions: Vec<Instruction<'a>>,
}

/// One call of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// The program.
    pub program: Pubkey,
    /// Positions of its accounts in [`Message::accounts`], each of which exists.
    pub accounts: &'a [u8],
    /// What the program is told.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a whole legacy or v0 message that a validator would accept in a packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let mut cursor = Cursor::new(Encoding::SolanaMessage, bytes);
        let version = Version::read(&mut cursor)?;
        let header = Header::read(&mut cursor)?;
        let accounts = read_accounts(&mut cursor)?;
        header.check(&accounts)?;
        check_packet_size(bytes.len(), header.signers)?;
        let recent_blockhash = cursor.array("recent blockhash")?;
        let instructions = read_instructions(&mut cursor, &accounts)?;
        if version == Version::V0 {
            refuse_lookup_tables(&mut cursor)?;
        }
        cursor.finish()?;
        Ok(Self {
            bytes,
            version,
            header,
            accounts,
            recent_blockhash,
            instructions,
        })
    }

    /// What each signer signs: the message itself.
    pub fn signing_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What `signer` signs, provided that the message requires its signature.
    pub fn signing_bytes_for(&self, signer: &Pubkey) -> Result<&'a [u8], Rejected> {
        match self.signer_position(signer) {
            Some(_) => Ok(self.bytes),
            None => Err(Unsignable::NotASigner { key: *signer }.into()),
        }
    }

    /// Where `signer`'s signature stands in the transaction, if the message requires one.
    pub fn signer_position(&self, signer: &Pubkey) -> Option<usize> {
        self.required_signers().iter().position(|key| key == signer)
    }

    /// The accounts that have to sign, the fee payer first.
    pub fn required_signers(&self) -> &[Pubkey] {
        let signers = usize::from(self.header.signers);
        self.accounts
            .get(..signers)
            .expect("Header::check counted the signers")
    }

    /// The account that pays the fee: the first signer.
    pub fn fee_payer(&self) -> Pubkey {
        *self
            .accounts
            .first()
            .expect("Header::check demands a writable signer")
    }

    /// All accounts of the message, in its order.
    pub fn accounts(&self) -> &[Pubkey] {
        &self.accounts
    }

    /// Legacy or v0.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The blockhash that limits the message's life, or a durable nonce.
    pub fn recent_blockhash(&self) -> &[u8; 32] {
        &self.recent_blockhash
    }

    /// The calls, in the order in which they run.
    pub fn instructions(&self) -> &[Instruction<'a>] {
        &self.instructions
    }
}

/// A message with the signatures that it has so far (64 zero bytes stand for a missing one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'a> {
    signatures: Vec<[u8; 64]>,
    message: Message<'a>,
}

impl<'a> Transaction<'a> {
    /// Reads a whole transaction. Its signatures are not verified.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let mut cursor = Cursor::new(Encoding::SolanaTransaction, bytes);
        let found = read_compact_u16(&mut cursor, "number of signatures")?;
        let mut signatures = Vec::new();
        for _ in 0..found {
            signatures.push(cursor.array("signature")?);
        }
        let message = Message::parse(cursor.rest())?;
        let required = message.required_signers().len();
        if signatures.len() != required {
            return Err(Unsignable::SignatureCount { found, required }.into());
        }
        Ok(Self {
            signatures,
            message,
        })
    }

    /// The transaction of `message` that nobody has signed.
    pub fn from_message(message: &Message<'a>) -> Self {
        let signatures = vec![NO_SIGNATURE; message.required_signers().len()];
        Self {
            signatures,
            message: message.clone(),
        }
    }

    /// The message.
    pub fn message(&self) -> &Message<'a> {
        &self.message
    }

    /// One per required signer, in their order; 64 zero bytes where one is missing.
    pub fn signatures(&self) -> &[[u8; 64]] {
        &self.signatures
    }

    /// Puts `signer`'s signature in its place. It is not verified here: callers have done that.
    pub fn insert_signature(
        &mut self,
        signer: &Pubkey,
        signature: [u8; 64],
    ) -> Result<(), Rejected> {
        let key = *signer;
        let position = self.message.signer_position(signer);
        let slot = position.and_then(|position| self.signatures.get_mut(position));
        let slot = slot.ok_or(Unsignable::NotASigner { key })?;
        if *slot != NO_SIGNATURE && *slot != signature {
            return Err(Unsignable::AlreadySigned { key }.into());
        }
        *slot = signature;
        Ok(())
    }

    /// The transaction as the network takes it once every signature is there.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A packet holds fewer than 128 signatures, so their number is one byte.
        let mut bytes = vec![self.message.header.signers];
        bytes.extend(self.signatures.iter().flatten());
        bytes.extend(self.message.bytes);
        bytes
    }
}

impl Version {
    /// The first byte is a version if its top bit is set, and else the header's first.
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Rejected> {
        match cursor.peek() {
            Some(0x80) => {
                cursor.byte("version")?;
                Ok(Self::V0)
            }
            Some(versioned @ 0x81..) => Err(Unsignable::UnknownVersion {
                version: versioned & 0x7f,
            }
            .into()),
            Some(0..0x80) | None => Ok(Self::Legacy),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    signers: u8,
    readonly_signers: u8,
    readonly_others: u8,
}

impl Header {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let [signers, readonly_signers, readonly_others] = cursor.array("message header")?;
        Ok(Self {
            signers,
            readonly_signers,
            readonly_others,
        })
    }

    /// A writable signer pays, the groups fit the accounts, and no account is there twice.
    fn check(self, accounts: &[Pubkey]) -> Result<(), Unsignable> {
        let grouped = usize::from(self.signers).saturating_add(usize::from(self.readonly_others));
        if self.readonly_signers >= self.signers || grouped > accounts.len() {
            return Err(Unsignable::BadHeader {
                signers: self.signers,
                readonly_signers: self.readonly_signers,
                readonly_others: self.readonly_others,
                accounts: accounts.len(),
            });
        }
        let mut sorted = accounts.to_vec();
        sorted.sort_unstable();
        match sorted.array_windows().find(|[a, b]| a == b) {
            Some([account, _]) => Err(Unsignable::DuplicateAccount { account: *account }),
            None => Ok(()),
        }
    }
}

fn read_accounts(cursor: &mut Cursor<'_>) -> Result<Vec<Pubkey>, Malformed> {
    let count = read_compact_u16(cursor, "number of accounts")?;
    let mut accounts = Vec::new();
    for _ in 0..count {
        accounts.push(Pubkey(cursor.array("account")?));
    }
    Ok(accounts)
}

fn read_instructions<'a>(
    cursor: &mut Cursor<'a>,
    accounts: &[Pubkey],
) -> Result<Vec<Instruction<'a>>, Rejected> {
    let count = read_compact_u16(cursor, "number of instructions")?;
    let mut instructions = Vec::new();
    for instruction in 0..usize::from(count) {
        instructions.push(read_instruction(cursor, accounts, instruction)?);
    }
    Ok(instructions)
}

fn read_instruction<'a>(
    cursor: &mut Cursor<'a>,
    accounts: &[Pubkey],
    instruction: usize,
) -> Result<Instruction<'a>, Rejected> {
    let bad_index = |index| Unsignable::BadAccountIndex { instruction, index };
    let index = cursor.byte("program index")?;
    let program = match accounts.get(usize::from(index)) {
        Some(program) if index != FEE_PAYER => *program,
        _ => return Err(bad_index(index).into()),
    };
    let count = read_compact_u16(cursor, "number of instruction accounts")?;
    let indices = cursor.take(usize::from(count), "instruction accounts")?;
    if let Some(&index) = indices
        .iter()
        .find(|&&index| usize::from(index) >= accounts.len())
    {
        return Err(bad_index(index).into());
    }
    let length = read_compact_u16(cursor, "length of instruction data")?;
    let data = cursor.take(usize::from(length), "instruction data")?;
    Ok(Instruction {
        program,
        accounts: indices,
        data,
    })
}

fn refuse_lookup_tables(cursor: &mut Cursor<'_>) -> Result<(), Rejected> {
    match cursor.byte("number of address table lookups")? {
        0 => Ok(()),
        count => Err(Unsignable::LookupTables { count }.into()),
    }
}

fn check_packet_size(message: usize, signers: u8) -> Result<(), Unsignable> {
    let signatures = 64usize.saturating_mul(usize::from(signers));
    let length = message.saturating_add(signatures).saturating_add(1);
    if length > limits::SOLANA_TRANSACTION {
        Err(Unsignable::TooLong { length })
    } else {
        Ok(())
    }
}

/// A compact-u16: seven bits a byte, low ones first, in the fewest bytes.
fn read_compact_u16(cursor: &mut Cursor<'_>, field: &'static str) -> Result<u16, Malformed> {
    let low = cursor.byte(field)?;
    if low < 0x80 {
        return Ok(u16::from(low));
    }
    let middle = cursor.byte(field)?;
    let value = u16::from(low & 0x7f) | u16::from(middle & 0x7f) << 7;
    match middle {
        0 => Err(cursor.fault(Fault::NotMinimal { field })),
        1..0x80 => Ok(value),
        0x80.. => match cursor.byte(field)? {
            high @ 1..=3 => Ok(value | u16::from(high) << 14),
            _ => Err(cursor.fault(Fault::NotMinimal { field })),
        },
    }
}

/// Index of the fee payer, which cannot be a program.
const FEE_PAYER: u8 = 0;
const NO_SIGNATURE: [u8; 64] = [0; 64];
