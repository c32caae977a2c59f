//! The domain of typed data: which application, chain and contract it is meant for.

use crate::{
    Rejected, U256,
    ethereum::{Address, keccak256, rlp::Reader, unsignable::Unsignable},
    rejected::{Fault, Malformed},
};

/// The fields of `EIP712Domain`, at least one of which is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
    chain_id: Option<U256>,
    verifying_contract: Option<Address>,
    salt: Option<[u8; 32]>,
}

impl<'a> Domain<'a> {
    pub(super) fn read(parts: &mut Reader<'a>) -> Result<Self, Rejected> {
        let mut fields = parts.list("domain")?;
        let domain = Self {
            name: optional(&mut fields, "domain's name", |field| read_text(field, "domain's name"))?,
            version: optional(&mut fields, "domain's version", |field| read_text(field, "domain's version"))?,
            chain_id: optional(&mut fields, "domain's chain id", |field| field.number("domain's chain id"))?,
            verifying_contract: optional(&mut fields, "verifying contract", |field| {
                field.address("verifying contract")
            })?,
            salt: optional(&mut fields, "domain's salt", |field| field.array("domain's salt"))?,
        };
        fields.finish()?;
        if domain.present().next().is_none() { Err(Unsignable::NoDomain.into()) } else { Ok(domain) }
    }

    /// `name`: the application.
    pub fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// `version`: that of the application.
    pub fn version(&self) -> Option<&'a str> {
        self.version
    }

    /// `chainId`: the chain.
    pub fn chain_id(&self) -> Option<U256> {
        self.chain_id
    }

    /// `verifyingContract`: the contract.
    pub fn verifying_contract(&self) -> Option<Address> {
        self.verifying_contract
    }

    /// `salt`.
    pub fn salt(&self) -> Option<[u8; 32]> {
        self.salt
    }

    /// `hashStruct` of the domain.
    pub(super) fn separator(&self) -> [u8; 32] {
        let (fields, words): (Vec<_>, Vec<_>) = self.present().unzip();
        let type_hash = keccak256(format!("EIP712Domain({})", fields.join(",")));
        keccak256([&[type_hash], words.as_slice()].concat().concat())
    }

    /// The fields that are there: each as declared, and its value's 32 bytes.
    fn present(&self) -> impl Iterator<Item = (&'static str, [u8; 32])> {
        let address = |address: Address| U256::from_be_slice(address.as_bytes()).expect("20 bytes are fewer than 32");
        [
            ("string name", self.name.map(keccak256)),
            ("string version", self.version.map(keccak256)),
            ("uint256 chainId", self.chain_id.map(|id| id.to_be_bytes())),
            ("address verifyingContract", self.verifying_contract.map(|contract| address(contract).to_be_bytes())),
            ("bytes32 salt", self.salt),
        ]
        .into_iter()
        .filter_map(|(field, word)| Some((field, word?)))
    }
}

/// `[]` or `[value]`.
fn optional<'a, T>(
    fields: &mut Reader<'a>,
    field: &'static str,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    let mut list = fields.list(field)?;
    if list.rest().is_empty() {
        return Ok(None);
    }
    let value = read(&mut list)?;
    list.finish()?;
    Ok(Some(value))
}

/// The next item, a string of UTF-8.
pub(super) fn read_text<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a str, Malformed> {
    let wrong = reader.fault(Fault::WrongForm { field });
    core::str::from_utf8(reader.string(field)?).map_err(|_| wrong)
}
