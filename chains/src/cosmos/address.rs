//! Addresses: 20 or 32 bytes in bech32, behind the prefix that a chain chose for itself.

use core::fmt;

use bech32::{Bech32, Hrp, primitives::decode::CheckedHrpstring};

use super::unsignable::Unsignable;
use crate::{Rejected, hash160, limits};

/// An address, as its chain writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// The address of a compressed secp256k1 key (`RIPEMD160(SHA256(key))`) on the chain with
    /// this prefix: at most [`limits::COSMOS_PREFIX`] lowercase letters and digits. Whether the key
    /// is a point of the curve is for the caller to know.
    pub fn of_key(public_key: &[u8; 33], prefix: &str) -> Result<Self, Rejected> {
        let hrp = read_prefix(prefix).ok_or(Unsignable::BadPrefix)?;
        Ok(Self::encode(hrp, &hash160(public_key)))
    }

    /// Reads the address of an account or contract, as it would be written here.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > limits::COSMOS_ADDRESS {
            return None;
        }
        let decoded = CheckedHrpstring::new::<Bech32>(text).ok()?;
        let hrp = read_prefix(decoded.hrp().as_str())?;
        let bytes: Vec<u8> = decoded.byte_iter().collect();
        let address = matches!(bytes.len(), 20 | 32).then(|| Self::encode(hrp, &bytes))?;
        (address.0 == text).then_some(address)
    }

    /// At most 32 bytes behind a prefix that [`read_prefix`] let pass.
    fn encode(hrp: Hrp, bytes: &[u8]) -> Self {
        Self(bech32::encode::<Bech32>(hrp, bytes).expect("short enough for bech32's checksum"))
    }

    /// The address, as its chain writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands in front of the separator.
    pub fn prefix(&self) -> &str {
        self.0.rsplit_once('1').expect("bech32 has a separator").0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn read_prefix(prefix: &str) -> Option<Hrp> {
    let bounded = prefix.len() <= limits::COSMOS_PREFIX;
    let plain = prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if bounded && plain { Hrp::parse(prefix).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(prefix: &str, bytes: &[u8]) -> String {
        bech32::encode::<Bech32>(Hrp::parse(prefix).unwrap(), bytes).unwrap()
    }

    #[test]
    fn writes_the_address_of_a_key() {
        // The key and address of CosmJS's own tests (packages/amino/src/addresses.spec.ts).
        let key = hex::decode("02d41a0aa167b21699429eab224bc03f2cd386f0af5d20cefbd0336f1544aea24f").unwrap();
        let address = Address::of_key(&key.try_into().unwrap(), "cosmos").unwrap();
        assert_eq!(address.as_str(), "cosmos1h806c7khnvmjlywdrkdgk2vrayy2mmvf9rxk2r");
        assert_eq!(address.prefix(), "cosmos");
        assert_eq!(Address::read(address.as_str()), Some(address));
    }

    #[test]
    fn refuses_prefixes_that_no_chain_has() {
        for prefix in ["", "Cosmos", "COSMOS", "cos mos", "cosmös", "cos-mos", &"a".repeat(limits::COSMOS_PREFIX + 1)]
        {
            assert_eq!(Address::of_key(&[2; 33], prefix), Err(Unsignable::BadPrefix.into()), "{prefix}");
        }
        let longest = "a".repeat(limits::COSMOS_PREFIX);
        assert!(Address::of_key(&[2; 33], &longest).is_ok());
        assert_eq!(encode(&longest, &[7; 32]).len(), limits::COSMOS_ADDRESS);
    }

    #[test]
    fn reads_accounts_and_contracts_and_nothing_that_looks_alike() {
        let account = encode("osmo", &[7; 20]);
        assert!(Address::read(&account).is_some());
        assert!(Address::read(&encode("osmo", &[7; 32])).is_some());
        let bech32m = bech32::encode::<bech32::Bech32m>(Hrp::parse("osmo").unwrap(), &[7; 20]).unwrap();
        let other = |length| encode("osmo", &vec![7; length]);
        for bad in [account.to_uppercase(), bech32m, other(0), other(19), other(21), other(33), format!("{account} ")] {
            assert_eq!(Address::read(&bad), None, "{bad}");
        }
        for length in 0..account.len() {
            assert_eq!(Address::read(&account[..length]), None);
        }
        assert_eq!(Address::read(&"1".repeat(100_000)), None);
    }
}
