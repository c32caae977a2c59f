//! Sign documents and signed transactions: one transaction, with what binds it to a chain and
//! account, or with its signature.

use prost::Message;
use sha2::{Digest, Sha256};

use super::{
    Transaction,
    protobuf::{self, decode},
    unsignable::{Part, Unsignable},
};
use crate::{Rejected, limits};

/// What a key signs for a transaction on one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignDoc {
    transaction: Transaction,
    chain_id: String,
    account_number: u64,
}

impl SignDoc {
    /// Reads a whole `SignDoc` of at most [`limits::COSMOS_SIGN_DOC`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        check_length(bytes)?;
        let document: protobuf::SignDoc = decode(Part::SignDoc, bytes)?;
        let transaction = Transaction::parse(document.body_bytes, document.auth_info_bytes)?;
        Self::new(transaction, document.chain_id, document.account_number)
    }

    fn new(transaction: Transaction, chain_id: String, account_number: u64) -> Result<Self, Rejected> {
        let bounded = (1..=limits::COSMOS_CHAIN_ID).contains(&chain_id.len());
        if bounded && chain_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self { transaction, chain_id, account_number })
        } else {
            Err(Unsignable::BadChainId.into())
        }
    }

    /// The digest that ECDSA signs, provided that the document's signer is `public_key`.
    ///
    /// # Security
    /// That the key is a point of the curve is for the caller to know; the network takes no
    /// signature whose `s` is above half the order.
    pub fn digest_for(&self, public_key: &[u8; 33]) -> Result<[u8; 32], Rejected> {
        if self.transaction.public_key() != public_key {
            return Err(Unsignable::OtherKey.into());
        }
        Ok(Sha256::digest(self.to_bytes()).into())
    }

    /// The transaction with its signature, `r` and `s`. It is not verified here: callers have done that.
    #[must_use]
    pub fn with_signature(&self, signature: [u8; 64]) -> SignedTransaction {
        SignedTransaction { transaction: self.transaction.clone(), signature }
    }

    /// The `SignDoc`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let document = protobuf::SignDoc {
            body_bytes: self.transaction.body_bytes().to_vec(),
            auth_info_bytes: self.transaction.auth_info_bytes().to_vec(),
            chain_id: self.chain_id.clone(),
            account_number: self.account_number,
        };
        document.encode_to_vec()
    }

    /// What is asked of the chain.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// The chain that alone takes the signature: printable ASCII.
    pub fn chain_id(&self) -> &str {
        &self.chain_id
    }

    /// The signer's account on the chain.
    pub fn account_number(&self) -> u64 {
        self.account_number
    }
}

/// A transaction and its signature: what the network takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedTransaction {
    transaction: Transaction,
    signature: [u8; 64],
}

impl SignedTransaction {
    /// Reads a whole `TxRaw` of at most [`limits::COSMOS_SIGN_DOC`] bytes. Its signature is not verified.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        check_length(bytes)?;
        let raw: protobuf::TxRaw = decode(Part::TxRaw, bytes)?;
        let [signature] = raw.signatures.as_slice() else { return Err(Unsignable::BadSignature.into()) };
        let signature = signature.as_slice().try_into().map_err(|_| Unsignable::BadSignature)?;
        let transaction = Transaction::parse(raw.body_bytes, raw.auth_info_bytes)?;
        Ok(Self { transaction, signature })
    }

    /// What the signature signs, if it is for this chain and account.
    pub fn sign_doc(&self, chain_id: &str, account_number: u64) -> Result<SignDoc, Rejected> {
        SignDoc::new(self.transaction.clone(), chain_id.to_owned(), account_number)
    }

    /// What is asked of the chain.
    pub fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// `r` and `s`, big-endian.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// The `TxRaw`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let raw = protobuf::TxRaw {
            body_bytes: self.transaction.body_bytes().to_vec(),
            auth_info_bytes: self.transaction.auth_info_bytes().to_vec(),
            signatures: vec![self.signature.to_vec()],
        };
        raw.encode_to_vec()
    }

    /// The hash by which the network knows the transaction.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.to_bytes()).into()
    }
}

fn check_length(bytes: &[u8]) -> Result<(), Unsignable> {
    let length = bytes.len();
    if length > limits::COSMOS_SIGN_DOC { Err(Unsignable::TooLong { length }) } else { Ok(()) }
}
