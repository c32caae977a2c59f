//! Blobs travel beside their transaction: the network form of EIP-4844 and its successor in EIP-7594.
//!
//! ```text
//! network form = 0x03 || rlp([fields of the transaction, blobs, commitments, proofs])          EIP-4844
//!              | 0x03 || rlp([fields of the transaction, 1, blobs, commitments, cell proofs])  EIP-7594
//! ```
//!
//! Nobody signs a blob, but its hash in the transaction. A sidecar is taken off before a
//! transaction is signed and put back afterwards; its proofs are for nodes to verify.

use sha2::{Digest, Sha256};

use super::{
    RlpList, SignedTransaction, Transaction, TransactionType, rlp::Reader, transaction::BLOB_HASH_VERSION,
    unsignable::Unsignable,
};
use crate::{
    Rejected, limits,
    rejected::{Encoding, Fault, Malformed},
};

/// What travels with a blob transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar<'a> {
    /// The items behind the transaction's fields, as they came.
    encoded: &'a [u8],
    blob_hashes: Vec<[u8; 32]>,
}

impl<'a> Sidecar<'a> {
    /// Whether `bytes` begin as a network form does, and not as a blob transaction alone.
    pub fn is_attached(bytes: &[u8]) -> bool {
        network_items(bytes).is_ok_and(|items| items.at_list())
    }

    /// Takes the network form of a transaction, signed or not, apart: the transaction alone, and
    /// its sidecar.
    pub fn detach(bytes: &'a [u8]) -> Result<(Vec<u8>, Self), Rejected> {
        let mut items = network_items(bytes)?;
        let fields = items.raw_list("transaction's fields")?;
        let encoded = items.rest();
        let blob_hashes = read_sidecar(items)?;
        let sidecar = Self { encoded, blob_hashes };
        let transaction = [&[BLOB_TYPE], fields].concat();
        sidecar.check(&transaction)?;
        Ok((transaction, sidecar))
    }

    /// The network form of `transaction`, signed or not, with this sidecar, which must hold its blobs.
    pub fn attach(&self, transaction: &[u8]) -> Result<Vec<u8>, Rejected> {
        self.check(transaction)?;
        let fields = transaction.get(1..).unwrap_or_default();
        let mut bytes = vec![BLOB_TYPE];
        bytes.extend(RlpList::new().encoded(fields).encoded(self.encoded).finish());
        Ok(bytes)
    }

    /// The versioned hashes of the commitments, in their order.
    pub fn blob_hashes(&self) -> &[[u8; 32]] {
        &self.blob_hashes
    }

    fn check(&self, transaction: &[u8]) -> Result<(), Rejected> {
        let transaction = unsigned_part(transaction)?;
        let fits = transaction.transaction_type() == TransactionType::Blob;
        if fits && transaction.blob_hashes() == self.blob_hashes {
            Ok(())
        } else {
            Err(Unsignable::WrongSidecar.into())
        }
    }
}

/// What a transaction says, signed or not. A signed one has more fields behind those of the unsigned.
fn unsigned_part(bytes: &[u8]) -> Result<Transaction<'_>, Rejected> {
    match Transaction::parse(bytes) {
        Err(Rejected::Malformed(Malformed { fault: Fault::TrailingBytes { .. }, .. })) => {
            Ok(SignedTransaction::parse(bytes)?.transaction().clone())
        }
        parsed => parsed,
    }
}

fn network_items(bytes: &[u8]) -> Result<Reader<'_>, Rejected> {
    let encoding = Encoding::EthereumNetworkTransaction;
    let start = Reader::new(encoding, bytes, 0);
    let limit = limits::ETHEREUM_NETWORK_TRANSACTION;
    if bytes.len() > limit {
        return Err(start.fault(Fault::TooMany { field: "bytes", count: bytes.len() as u64, limit }).into());
    }
    let list = match bytes.split_first() {
        Some((&BLOB_TYPE, list)) => list,
        Some((&byte, _)) => return Err(Unsignable::NotABlobTransaction { byte }.into()),
        None => return Err(start.fault(Fault::Truncated { field: "type" }).into()),
    };
    let mut outer = Reader::new(encoding, list, 1);
    let items = outer.list("network form")?;
    outer.finish()?;
    Ok(items)
}

/// The versioned hashes of the commitments of a sidecar in either version.
fn read_sidecar(mut items: Reader<'_>) -> Result<Vec<[u8; 32]>, Rejected> {
    let proofs_per_blob = if items.at_list() {
        1
    } else {
        let wrong = items.fault(Fault::WrongForm { field: "sidecar version" });
        match items.small("sidecar version")? {
            1_u64 => CELLS_PER_BLOB,
            _ => return Err(wrong.into()),
        }
    };
    let blobs = items.items("blobs", limits::ETHEREUM_BLOBS, |blobs| {
        let wrong = blobs.fault(Fault::WrongForm { field: "blob" });
        if blobs.string("blob")?.len() == BLOB { Ok(()) } else { Err(wrong) }
    })?;
    let hash = |list: &mut Reader<'_>| list.array("commitment").map(|commitment| versioned_hash(&commitment));
    let hashes = items.items("commitments", limits::ETHEREUM_BLOBS, hash)?;
    let limit = limits::ETHEREUM_BLOBS.saturating_mul(CELLS_PER_BLOB);
    let proofs = items.items("proofs", limit, |list| list.array::<48>("proof"))?;
    items.finish()?;
    let fit = hashes.len() == blobs.len() && proofs.len() == blobs.len().saturating_mul(proofs_per_blob);
    if fit { Ok(hashes) } else { Err(Unsignable::WrongSidecar.into()) }
}

/// EIP-4844, `kzg_to_versioned_hash`.
fn versioned_hash(commitment: &[u8; 48]) -> [u8; 32] {
    let mut hash: [u8; 32] = Sha256::digest(commitment).into();
    let [version, ..] = &mut hash;
    *version = BLOB_HASH_VERSION;
    hash
}

const BLOB_TYPE: u8 = 3;
/// Bytes of a blob: 4096 field elements.
const BLOB: usize = 131_072;
/// EIP-7594, `CELLS_PER_EXT_BLOB`.
const CELLS_PER_BLOB: usize = 128;
