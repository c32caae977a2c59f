//! Ethereum and the chains that run its virtual machine: transactions (legacy with EIP-155,
//! EIP-2930, EIP-1559, EIP-4844, EIP-7702), authorisations (EIP-7702), user operations (ERC-4337),
//! messages (EIP-191) and typed data (EIP-712).
//!
//! An ECDSA key over secp256k1 signs the Keccak-256 digest of each. No two kinds share a digest:
//! a legacy transaction begins with a list's first byte (at least `0xc0`), another one with its
//! type (1 to 4), an authorisation with 5, messages and typed data with `0x19` and a version. A user
//! operation alone is signed as a message, of the 32 bytes of its hash; no other message of 32 bytes is. There is no curve arithmetic
//! here: keys come as coordinates, and signatures are neither verified nor recovered from.

mod abi;
mod address;
mod authorization;
mod effects;
mod message;
mod rlp;
mod sidecar;
mod signature;
mod signed;
#[cfg(test)]
mod tests;
mod transaction;
mod typed_data;
mod unsignable;
mod user_operation;

pub use address::Address;
pub use authorization::AuthorizationRequest;
pub use message::personal_message_digest;
pub use rlp::RlpList;
pub use sidecar::Sidecar;
pub use signature::{Signature, YParity};
pub use signed::SignedTransaction;
pub use transaction::{AccessListItem, Authorization, Fees, Transaction, TransactionType};
pub use typed_data::{Domain, TypedData};
pub use unsignable::Unsignable;
pub use user_operation::UserOperation;

pub(crate) fn keccak256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    use sha3::Digest;
    sha3::Keccak256::digest(bytes).into()
}
