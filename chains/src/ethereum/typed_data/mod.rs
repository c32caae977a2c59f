//! Typed data (EIP-712) in a canonical binary form, and the digest that a key signs for it.
//!
//! JSON has many encodings of one document. What is signed here comes in RLP, which has one:
//!
//! ```text
//! typed data = [types, primary type, domain, message]
//! types      = [[name, [[field name, field type], ...]], ...]     ascending by name, each of them used
//! domain     = [name, version, chainId, verifyingContract, salt]  each [] (absent) or [value]
//! message    = a struct of the primary type
//!
//! struct     = [value of each field, in order]
//! array      = [elements]
//! uintN, intN, bool   a number as EIP-712 encodes it in 256 bits (two's complement), without zeros in front
//! address, bytesN     20 or N bytes
//! bytes, string       bytes, UTF-8
//! ```
//!
//! The types are those of the message; `EIP712Domain` follows from the domain's fields, which stand
//! in the order of EIP-712. Every value is checked against its type. A struct that contains itself
//! other than through an array has no finite value, and so none that parses.

mod domain;
mod effects;
mod field_type;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use domain::Domain;

use self::{types::Types, value::Hasher};
use super::{keccak256, rlp::Reader, unsignable::Unsignable};
use crate::{
    Rejected, limits,
    rejected::{Encoding, Fault},
};

/// Typed data that a key may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedData<'a> {
    domain: Domain<'a>,
    primary_type: &'a str,
    type_hash: [u8; 32],
    message_hash: [u8; 32],
    /// The message itself: a list, as it was read.
    message: &'a [u8],
}

impl<'a> TypedData<'a> {
    /// Reads typed data in its canonical form, and hashes its message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let mut outer = Reader::new(Encoding::EthereumTypedData, bytes, 0);
        let limit = limits::ETHEREUM_TYPED_DATA;
        if bytes.len() > limit {
            return Err(outer.fault(Fault::TooMany { field: "bytes", count: bytes.len() as u64, limit }).into());
        }
        let mut parts = outer.list("typed data")?;
        outer.finish()?;
        let types = Types::read(&mut parts)?;
        let primary_type = types::read_name(&mut parts, "primary type")?;
        let primary = types.position(primary_type).ok_or(Unsignable::NoPrimaryType)?;
        types.refuse_unused(primary)?;
        let domain = Domain::read(&mut parts)?;
        let message = parts.rest();
        let mut hasher = Hasher::new(&types);
        let message_hash = hasher.message(&mut parts, primary)?;
        parts.finish()?;
        Ok(Self { domain, primary_type, type_hash: hasher.type_hash(primary), message_hash, message })
    }

    /// What is signed: `keccak256(0x19 0x01 domain-separator message-hash)`.
    pub fn signing_hash(&self) -> [u8; 32] {
        keccak256([b"\x19\x01", &self.domain_separator()[..], &self.message_hash].concat())
    }

    /// For what and whom it is signed.
    pub fn domain(&self) -> &Domain<'a> {
        &self.domain
    }

    /// `hashStruct` of the domain.
    pub fn domain_separator(&self) -> [u8; 32] {
        self.domain.separator()
    }

    /// The name of the message's type.
    pub fn primary_type(&self) -> &'a str {
        self.primary_type
    }

    /// `typeHash` of the message's type: two types of one name differ in it.
    pub fn type_hash(&self) -> &[u8; 32] {
        &self.type_hash
    }

    /// `hashStruct` of the message.
    pub fn message_hash(&self) -> &[u8; 32] {
        &self.message_hash
    }
}
