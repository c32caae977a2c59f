//! Unsigned transactions: the bytes whose hash is signed, and what they say.

use super::{
    Address, RlpList, keccak256,
    rlp::{FIRST_LIST, Reader},
    unsignable::Unsignable,
};
use crate::{
    Rejected, U256, limits,
    rejected::{Encoding, Fault, Malformed},
};

/// A transaction that a key may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'a> {
    pub(super) chain_id: u64,
    pub(super) body: Body<'a>,
}

/// What a transaction says besides its chain id, whose place depends on the type and on whether it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body<'a> {
    pub(super) kind: TransactionType,
    nonce: u64,
    fees: Fees,
    gas_limit: u64,
    to: Option<Address>,
    value: U256,
    data: &'a [u8],
    access_list: Vec<AccessListItem>,
    blob_hashes: Vec<[u8; 32]>,
    authorizations: Vec<Authorization>,
}

/// The kinds of transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionType {
    /// Without a type byte, with a chain id (EIP-155).
    Legacy,
    /// Type 1: with an access list (EIP-2930).
    AccessList,
    /// Type 2: with a base fee and a priority fee (EIP-1559).
    DynamicFee,
    /// Type 3: with blobs (EIP-4844).
    Blob,
    /// Type 4: sets the code of accounts (EIP-7702).
    SetCode,
}

/// What the sender pays for each unit of gas, in wei.
///
/// Each price is below 2^128, which is more ether than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fees {
    /// Exactly this (legacy, EIP-2930).
    GasPrice(u128),
    /// At most this (EIP-1559, EIP-7702).
    Dynamic {
        /// `max_priority_fee_per_gas`, at most `max`.
        max_priority: u128,
        /// `max_fee_per_gas`.
        max: u128,
    },
    /// At most this, and something for the gas of blobs (EIP-4844).
    Blob {
        /// `max_priority_fee_per_gas`, at most `max`.
        max_priority: u128,
        /// `max_fee_per_gas`.
        max: u128,
        /// `max_fee_per_blob_gas`.
        max_per_blob_gas: u128,
    },
}

/// An account of an access list, and slots of its storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessListItem {
    /// The account.
    pub address: Address,
    /// The slots.
    pub storage_keys: Vec<[u8; 32]>,
}

/// An authorisation to run another contract's code as the code of the account that signed it
/// (EIP-7702). It is neither verified here nor demanded to be valid: nodes skip those that are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization {
    /// The chain it is for; 0 stands for every chain.
    pub chain_id: U256,
    /// The contract whose code it is.
    pub address: Address,
    /// The signing account's nonce.
    pub nonce: u64,
    /// The signature's parity.
    pub y_parity: u8,
    /// The signature's half r.
    pub r: U256,
    /// The signature's half s.
    pub s: U256,
}

impl<'a> Transaction<'a> {
    /// Reads a whole unsigned transaction: exactly the bytes whose hash is signed.
    ///
    /// A legacy transaction has nine fields, the last of them its chain id, 0 and 0 (EIP-155).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let (kind, mut fields) = open(Encoding::EthereumTransaction, bytes, limits::ETHEREUM_TRANSACTION)?;
        let (typed_chain_id, body) = read_body(kind, &mut fields)?;
        let chain_id = match typed_chain_id {
            Some(chain_id) => chain_id,
            None => read_legacy_chain_id(&mut fields)?,
        };
        fields.finish()?;
        let transaction = Self { chain_id, body };
        refuse_other_encoding(Encoding::EthereumTransaction, bytes, &transaction.to_bytes())?;
        Ok(transaction)
    }

    /// The unsigned transaction: what [`Self::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let fields = self.fields();
        let fields = match self.body.kind {
            TransactionType::Legacy => fields.number(self.chain_id).number(0_u64).number(0_u64),
            TransactionType::AccessList
            | TransactionType::DynamicFee
            | TransactionType::Blob
            | TransactionType::SetCode => fields,
        };
        self.enclose(fields)
    }

    /// What is signed: the Keccak-256 of [`Self::to_bytes`].
    pub fn signing_hash(&self) -> [u8; 32] {
        keccak256(self.to_bytes())
    }

    /// The type.
    pub fn transaction_type(&self) -> TransactionType {
        self.body.kind
    }

    /// The chain: at least 1, and at most what leaves room for EIP-155's arithmetic (EIP-2294).
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The sender's nonce, below 2^64 - 1 (EIP-2681).
    pub fn nonce(&self) -> u64 {
        self.body.nonce
    }

    /// The prices of gas.
    pub fn fees(&self) -> Fees {
        self.body.fees
    }

    /// The most gas that it may use, blobs aside.
    pub fn gas_limit(&self) -> u64 {
        self.body.gas_limit
    }

    /// The most that it may cost in fees, in wei: all gas at the highest price, and the blobs at theirs.
    pub fn max_fee(&self) -> u128 {
        self.body.max_fee().expect("read_body has added it up")
    }

    /// The account that is called or paid; `None` where a contract is created.
    pub fn to(&self) -> Option<Address> {
        self.body.to
    }

    /// What is paid to it, in wei.
    pub fn value(&self) -> U256 {
        self.body.value
    }

    /// What it is called with, or the code that creates a contract.
    pub fn data(&self) -> &'a [u8] {
        self.body.data
    }

    /// The access list; empty for legacy transactions.
    pub fn access_list(&self) -> &[AccessListItem] {
        &self.body.access_list
    }

    /// The versioned hashes of its blobs, each of version 1; empty for every type but blobs'.
    pub fn blob_hashes(&self) -> &[[u8; 32]] {
        &self.body.blob_hashes
    }

    /// The authorisations that it carries; empty for every type but EIP-7702's.
    pub fn authorizations(&self) -> &[Authorization] {
        &self.body.authorizations
    }

    /// The fields that the signed and the unsigned transaction begin with.
    pub(super) fn fields(&self) -> RlpList {
        let fields = match self.body.kind {
            TransactionType::Legacy => RlpList::new(),
            TransactionType::AccessList
            | TransactionType::DynamicFee
            | TransactionType::Blob
            | TransactionType::SetCode => RlpList::new().number(self.chain_id),
        };
        self.body.write(fields)
    }

    /// The transaction of `fields`: its type byte, if it has one, and their list.
    pub(super) fn enclose(&self, fields: RlpList) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.body.kind.byte().into_iter().collect();
        bytes.extend(fields.finish());
        bytes
    }
}

impl TransactionType {
    /// The byte in front of the transaction; legacy ones have none.
    pub fn byte(self) -> Option<u8> {
        match self {
            Self::Legacy => None,
            Self::AccessList => Some(1),
            Self::DynamicFee => Some(2),
            Self::Blob => Some(3),
            Self::SetCode => Some(4),
        }
    }

    fn of_byte(byte: u8) -> Result<Self, Unsignable> {
        match byte {
            FIRST_LIST.. => Ok(Self::Legacy),
            1 => Ok(Self::AccessList),
            2 => Ok(Self::DynamicFee),
            3 => Ok(Self::Blob),
            4 => Ok(Self::SetCode),
            byte => Err(Unsignable::UnknownType { byte }),
        }
    }
}

impl Fees {
    /// The highest price of a unit of gas, blobs' aside.
    pub fn max_per_gas(self) -> u128 {
        match self {
            Self::GasPrice(max) | Self::Dynamic { max, .. } | Self::Blob { max, .. } => max,
        }
    }

    fn read(kind: TransactionType, fields: &mut Reader<'_>) -> Result<Self, Rejected> {
        if matches!(kind, TransactionType::Legacy | TransactionType::AccessList) {
            return Ok(Self::GasPrice(fields.small("gas price")?));
        }
        let max_priority = fields.small("maximal priority fee")?;
        let max = fields.small("maximal fee")?;
        if max_priority > max {
            return Err(Unsignable::PriorityAboveMax { max_priority, max }.into());
        }
        Ok(Self::Dynamic { max_priority, max })
    }

    /// The same prices, and one for the gas of blobs.
    fn with_blobs(self, max_per_blob_gas: u128) -> Self {
        match self {
            Self::Dynamic { max_priority, max } | Self::Blob { max_priority, max, .. } => {
                Self::Blob { max_priority, max, max_per_blob_gas }
            }
            Self::GasPrice(price) => Self::GasPrice(price),
        }
    }

    fn write(self, fields: RlpList) -> RlpList {
        match self {
            Self::GasPrice(price) => fields.number(price),
            Self::Dynamic { max_priority, max } | Self::Blob { max_priority, max, .. } => {
                fields.number(max_priority).number(max)
            }
        }
    }
}

impl Body<'_> {
    fn max_fee(&self) -> Option<u128> {
        let execution = self.fees.max_per_gas().checked_mul(self.gas_limit.into())?;
        let blobs = match self.fees {
            Fees::GasPrice(_) | Fees::Dynamic { .. } => 0,
            Fees::Blob { max_per_blob_gas, .. } => {
                let gas = GAS_PER_BLOB.checked_mul(self.blob_hashes.len() as u128)?;
                gas.checked_mul(max_per_blob_gas)?
            }
        };
        execution.checked_add(blobs)
    }

    /// What no node would take, or what would cost more than there is.
    fn check(&self) -> Result<(), Unsignable> {
        let kind = self.kind;
        if self.nonce == u64::MAX {
            return Err(Unsignable::NonceTooLarge);
        }
        if self.to.is_none() && matches!(kind, TransactionType::Blob | TransactionType::SetCode) {
            return Err(Unsignable::NoRecipient);
        }
        if kind == TransactionType::Blob && self.blob_hashes.is_empty() {
            return Err(Unsignable::NoBlobs);
        }
        if let Some(blob) = self.blob_hashes.iter().position(|hash| !hash.starts_with(&[BLOB_HASH_VERSION])) {
            return Err(Unsignable::BlobHashVersion { blob });
        }
        if kind == TransactionType::SetCode && self.authorizations.is_empty() {
            return Err(Unsignable::NoAuthorizations);
        }
        self.max_fee().map(drop).ok_or(Unsignable::FeeTooLarge)
    }

    fn write(&self, fields: RlpList) -> RlpList {
        let to = self.to.as_ref().map_or(&[][..], |to| to.as_bytes());
        let fields = self.fees.write(fields.number(self.nonce));
        let fields = fields.number(self.gas_limit).string(to).number(self.value).string(self.data);
        if self.kind == TransactionType::Legacy {
            return fields;
        }
        let fields = fields.items(&self.access_list, |list, item| list.list(item.write()));
        match (self.kind, self.fees) {
            (TransactionType::SetCode, _) => {
                fields.items(&self.authorizations, |list, authorization| list.list(authorization.write()))
            }
            (_, Fees::Blob { max_per_blob_gas, .. }) => {
                fields.number(max_per_blob_gas).items(&self.blob_hashes, |list, hash| list.string(hash))
            }
            _ => fields,
        }
    }
}

impl AccessListItem {
    fn read(list: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut fields = list.list("access list item")?;
        let address = fields.address("address of the access list")?;
        let storage_keys =
            fields.items("storage keys", limits::ETHEREUM_STORAGE_KEYS, |keys| keys.array("storage key"))?;
        fields.finish()?;
        Ok(Self { address, storage_keys })
    }

    fn write(&self) -> RlpList {
        RlpList::new().string(self.address.as_bytes()).items(&self.storage_keys, |list, key| list.string(key))
    }
}

impl Authorization {
    fn read(list: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut fields = list.list("authorisation")?;
        let authorization = Self {
            chain_id: fields.number("chain id of the authorisation")?,
            address: fields.address("address of the authorisation")?,
            nonce: fields.small("nonce of the authorisation")?,
            y_parity: fields.small("parity of the authorisation")?,
            r: fields.number("r of the authorisation")?,
            s: fields.number("s of the authorisation")?,
        };
        fields.finish()?;
        Ok(authorization)
    }

    fn write(&self) -> RlpList {
        let signed = RlpList::new().number(self.chain_id).string(self.address.as_bytes()).number(self.nonce);
        signed.number(u64::from(self.y_parity)).number(self.r).number(self.s)
    }
}

/// The type of a transaction of at most `limit` bytes, and its fields.
pub(super) fn open(encoding: Encoding, bytes: &[u8], limit: usize) -> Result<(TransactionType, Reader<'_>), Rejected> {
    let start = Reader::new(encoding, bytes, 0);
    if bytes.len() > limit {
        return Err(start.fault(Fault::TooMany { field: "bytes", count: bytes.len() as u64, limit }).into());
    }
    let Some((&first, rest)) = bytes.split_first() else {
        return Err(start.fault(Fault::Truncated { field: "type" }).into());
    };
    let kind = TransactionType::of_byte(first)?;
    let mut outer = match kind.byte() {
        None => start,
        Some(_) => Reader::new(encoding, rest, 1),
    };
    let fields = outer.list("transaction")?;
    outer.finish()?;
    Ok((kind, fields))
}

/// The fields that the signed and the unsigned transaction begin with. A legacy one's chain id comes later.
pub(super) fn read_body<'a>(
    kind: TransactionType,
    fields: &mut Reader<'a>,
) -> Result<(Option<u64>, Body<'a>), Rejected> {
    let chain_id = match kind {
        TransactionType::Legacy => None,
        TransactionType::AccessList
        | TransactionType::DynamicFee
        | TransactionType::Blob
        | TransactionType::SetCode => Some(check_chain_id(fields.small("chain id")?)?),
    };
    let mut body = Body {
        kind,
        nonce: fields.small("nonce")?,
        fees: Fees::read(kind, fields)?,
        gas_limit: fields.small("gas limit")?,
        to: read_recipient(fields)?,
        value: fields.number("value")?,
        data: fields.string("data")?,
        access_list: Vec::new(),
        blob_hashes: Vec::new(),
        authorizations: Vec::new(),
    };
    if kind != TransactionType::Legacy {
        body.access_list = fields.items("access list items", limits::ETHEREUM_ACCESS_LIST, AccessListItem::read)?;
    }
    if kind == TransactionType::Blob {
        body.fees = body.fees.with_blobs(fields.small("maximal blob fee")?);
        body.blob_hashes = fields.items("blob hashes", limits::ETHEREUM_BLOBS, |list| list.array("blob hash"))?;
    }
    if kind == TransactionType::SetCode {
        body.authorizations = fields.items("authorisations", limits::ETHEREUM_AUTHORIZATIONS, Authorization::read)?;
    }
    body.check()?;
    Ok((chain_id, body))
}

fn read_recipient(fields: &mut Reader<'_>) -> Result<Option<Address>, Malformed> {
    let wrong = fields.fault(Fault::WrongForm { field: "recipient" });
    match fields.string("recipient")? {
        [] => Ok(None),
        bytes => <[u8; 20]>::try_from(bytes).map(|bytes| Some(bytes.into())).map_err(|_| wrong),
    }
}

/// What stands behind an unsigned legacy transaction's body: its chain id, 0 and 0.
fn read_legacy_chain_id(fields: &mut Reader<'_>) -> Result<u64, Rejected> {
    if fields.rest().is_empty() {
        return Err(Unsignable::NoChainId.into());
    }
    let chain_id = check_chain_id(fields.small("chain id")?)?;
    for field in ["first zero behind the chain id", "second zero behind the chain id"] {
        let wrong = fields.fault(Fault::WrongForm { field });
        if fields.number(field)? != U256::default() {
            return Err(wrong.into());
        }
    }
    Ok(chain_id)
}

pub(super) fn check_chain_id(chain_id: u64) -> Result<u64, Unsignable> {
    if (1..=MAX_CHAIN_ID).contains(&chain_id) { Ok(chain_id) } else { Err(Unsignable::BadChainId { chain_id }) }
}

/// Nothing that parses has two encodings; whatever slipped through the reader ends here.
pub(super) fn refuse_other_encoding(encoding: Encoding, bytes: &[u8], written: &[u8]) -> Result<(), Malformed> {
    let fault = Fault::NotMinimal { field: "transaction" };
    if bytes == written { Ok(()) } else { Err(Malformed { encoding, at: 0, fault }) }
}

/// EIP-2294: `chain_id * 2 + 36` must fit 64 bits.
const MAX_CHAIN_ID: u64 = u64::MAX / 2 - 36;
/// EIP-4844, `GAS_PER_BLOB`.
const GAS_PER_BLOB: u128 = 1 << 17;
/// EIP-4844, `VERSIONED_HASH_VERSION_KZG`.
pub(super) const BLOB_HASH_VERSION: u8 = 0x01;
