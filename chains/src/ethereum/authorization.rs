//! Authorisations to be signed (EIP-7702): that another contract's code becomes an account's own.
//!
//! Whoever has such a signature can put it into a transaction of type 4, and the account does from then on what that code says. So it is a
//! payload of its own kind, whose digest nothing else has: it begins with `0x05`, where transactions begin with 1 to 4 or a list.

use super::{Address, RlpList, keccak256, rlp::Reader, transaction::refuse_other_encoding, unsignable::Unsignable};
use crate::{Rejected, U256, effect::Effect, rejected::Encoding};

/// An authorisation that nobody has signed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthorizationRequest {
    chain_id: U256,
    address: Address,
    nonce: u64,
}

impl AuthorizationRequest {
    /// Reads `rlp([chain_id, address, nonce])`, all of it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let mut outer = Reader::new(Encoding::EthereumAuthorization, bytes, 0);
        let mut fields = outer.list("authorisation")?;
        outer.finish()?;
        let chain_id = fields.number("chain id")?;
        let request = Self { chain_id, address: fields.address("address")?, nonce: fields.small("nonce")? };
        fields.finish()?;
        if request.nonce == u64::MAX {
            return Err(Unsignable::NonceTooLarge.into());
        }
        refuse_other_encoding(Encoding::EthereumAuthorization, bytes, &request.to_bytes())?;
        Ok(request)
    }

    /// What [`Self::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        RlpList::new().number(self.chain_id).string(self.address.as_bytes()).number(self.nonce).finish()
    }

    /// What is signed: the Keccak-256 of `0x05` and [`Self::to_bytes`].
    pub fn signing_hash(&self) -> [u8; 32] {
        keccak256([&[MAGIC][..], &self.to_bytes()].concat())
    }

    /// The chain on which it holds; 0 for all.
    pub fn chain_id(&self) -> U256 {
        self.chain_id
    }

    /// The contract whose code the account gets; the zero address takes all code from it.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The nonce at which the account has to be.
    pub fn nonce(&self) -> u64 {
        self.nonce
    }

    /// What it does once somebody uses the signature.
    pub fn effects(&self) -> Vec<Effect> {
        vec![Effect::Delegation { code: self.address, chain_id: self.chain_id, nonce: self.nonce }]
    }
}

/// EIP-7702, `MAGIC`.
const MAGIC: u8 = 0x05;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethereum::tests::{array, bytes, list, unsignable, vectors};

    #[test]
    fn eth_account_signs_the_same_hashes() {
        let cases = vectors("authorizations");
        assert!(list(&cases).len() > 3);
        for case in list(&cases) {
            let encoded = bytes(&case["encoded"]);
            let request = AuthorizationRequest::parse(&encoded).unwrap();
            assert_eq!(request.signing_hash(), array::<32>(&case["hash"]));
            assert_eq!(request.address().to_string(), case["address"].as_str().unwrap());
            assert_eq!(request.chain_id().to_string(), case["chain_id"].as_str().unwrap());
            assert_eq!(request.nonce(), case["nonce"].as_u64().unwrap());
            let said = format!(
                "makes the code of {} an account's own at nonce {}, on chain {}",
                case["address"].as_str().unwrap(),
                case["nonce"],
                case["chain_id"].as_str().unwrap()
            );
            assert_eq!(request.effects().iter().map(ToString::to_string).collect::<Vec<_>>(), [said]);
        }
    }

    #[test]
    fn refuses_every_truncation_and_hashes_every_flipped_bit_otherwise() {
        let request = RlpList::new().number(1_u64).string(&[0xcc; 20]).number(300_u64).finish();
        let hash = AuthorizationRequest::parse(&request).unwrap().signing_hash();
        for length in 0..request.len() {
            assert!(AuthorizationRequest::parse(&request[..length]).is_err(), "{length}");
        }
        assert!(AuthorizationRequest::parse(&[&request[..], &[0]].concat()).is_err());
        for bit in 0..request.len() * 8 {
            let mut flipped = request.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(read) = AuthorizationRequest::parse(&flipped) else { continue };
            assert_eq!(read.to_bytes(), flipped);
            assert_ne!(read.signing_hash(), hash);
        }
    }

    #[test]
    fn refuses_what_no_account_can_use_or_another_form() {
        let of = |list: RlpList| AuthorizationRequest::parse(&list.finish());
        let start = || RlpList::new().number(1_u64).string(&[0xcc; 20]);
        assert_eq!(unsignable(of(start().number(u64::MAX))), Unsignable::NonceTooLarge);
        assert!(of(start().number(u64::MAX - 1)).is_ok());
        assert!(of(start()).is_err());
        assert!(of(start().number(1_u64).number(1_u64)).is_err());
        assert!(of(start().string(&[0, 1])).is_err());
        assert!(of(RlpList::new().number(1_u64).string(b"").number(1_u64)).is_err(), "nobody's code");
        assert!(of(RlpList::new().string(&[1; 33]).string(&[0xcc; 20]).number(1_u64)).is_err());
    }
}
