//! Signed transactions, as the network takes them.

use super::{
    Signature, Transaction, TransactionType, YParity, keccak256,
    rlp::Reader,
    transaction::{check_chain_id, open, read_body, refuse_other_encoding},
    unsignable::Unsignable,
};
use crate::{Rejected, limits, rejected::Encoding};

/// A transaction and its signature, which is not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction<'a> {
    transaction: Transaction<'a>,
    signature: Signature,
}

impl Transaction<'_> {
    /// The signed transaction as the network takes it, blobs' sidecar aside. The signature is not
    /// verified here: callers have done that.
    pub fn with_signature(&self, signature: &Signature) -> Vec<u8> {
        let parity = u64::from(signature.y_parity());
        let v = match self.body.kind {
            TransactionType::Legacy => u128::from(self.chain_id)
                .saturating_mul(2)
                .saturating_add(EIP_155_OFFSET.into())
                .saturating_add(parity.into()),
            TransactionType::AccessList
            | TransactionType::DynamicFee
            | TransactionType::Blob
            | TransactionType::SetCode => parity.into(),
        };
        self.enclose(self.fields().number(v).number(*signature.r()).number(*signature.s()))
    }
}

impl<'a> SignedTransaction<'a> {
    /// Reads a whole signed transaction without a sidecar. Its signature is not verified.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let (kind, mut fields) = open(Encoding::EthereumSignedTransaction, bytes, limits::ETHEREUM_SIGNED_TRANSACTION)?;
        let (typed_chain_id, body) = read_body(kind, &mut fields)?;
        let (chain_id, y_parity) = match typed_chain_id {
            Some(chain_id) => (chain_id, fields.small("parity")?),
            None => read_legacy_v(&mut fields)?,
        };
        let [r, s] = [fields.number("r")?, fields.number("s")?].map(|half| half.to_be_bytes());
        fields.finish()?;
        let signature = Signature::new(r, s, y_parity)?;
        let signed = Self { transaction: Transaction { chain_id, body }, signature };
        refuse_other_encoding(Encoding::EthereumSignedTransaction, bytes, &signed.to_bytes())?;
        Ok(signed)
    }

    /// The transaction that was signed.
    pub fn transaction(&self) -> &Transaction<'a> {
        &self.transaction
    }

    /// The signature.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The transaction's id: the Keccak-256 of [`Self::to_bytes`].
    pub fn hash(&self) -> [u8; 32] {
        keccak256(self.to_bytes())
    }

    /// What [`Self::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.transaction.with_signature(&self.signature)
    }
}

/// A legacy signature's first field: the parity, and the chain id with it (EIP-155).
fn read_legacy_v(fields: &mut Reader<'_>) -> Result<(u64, YParity), Rejected> {
    let v: u64 = fields.small("v")?;
    let chain = v.checked_sub(EIP_155_OFFSET).ok_or(Unsignable::NoChainId)?;
    Ok((check_chain_id(chain / 2)?, YParity::try_from(chain % 2)?))
}

/// EIP-155: v is twice the chain id, the parity, and this.
const EIP_155_OFFSET: u64 = 35;
