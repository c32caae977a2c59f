//! Addresses: the end of a public key's hash, written with the checksum of EIP-55.

use core::{fmt, str::FromStr};

use super::{keccak256, unsignable::Unsignable};
use crate::Rejected;

/// An account or contract, shown with the checksum of EIP-55.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 20]);

impl Address {
    /// The address of a secp256k1 public key: its coordinates, x before y, each 32 bytes
    /// big-endian (SEC1's uncompressed form without the `0x04` in front). Whether that is a point
    /// of the curve is for the caller to know.
    pub fn of_public_key(coordinates: &[u8; 64]) -> Self {
        let hash = keccak256(coordinates);
        Self(*hash.last_chunk().expect("a hash has 32 bytes"))
    }

    /// The 20 bytes.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl From<[u8; 20]> for Address {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nibbles = |bytes: &[u8]| bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]).collect::<Vec<_>>();
        let digits = nibbles(&self.0).into_iter().filter_map(|nibble| char::from_digit(nibble.into(), 16));
        let lower: String = digits.collect();
        f.write_str("0x")?;
        for (digit, checksum) in lower.chars().zip(nibbles(&keccak256(lower.as_bytes()))) {
            write!(f, "{}", if checksum >= 8 { digit.to_ascii_uppercase() } else { digit })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// `0x` and 40 hexadecimal digits whose case is EIP-55's checksum; nothing else is taken.
impl FromStr for Address {
    type Err = Rejected;

    fn from_str(text: &str) -> Result<Self, Rejected> {
        let address = decode(text).ok_or(Unsignable::BadAddress)?;
        if address.to_string() == text { Ok(address) } else { Err(Unsignable::BadAddress.into()) }
    }
}

fn decode(text: &str) -> Option<Address> {
    let (pairs, []) = text.strip_prefix("0x")?.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |&[high, low]: &[u8; 2]| u8::try_from(digit(high)? << 4 | digit(low)?).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    Some(Address(bytes?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EIP-55, "Test Cases".
    const EIP_55: [&str; 8] = [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn reads_and_writes_the_addresses_of_eip_55() {
        for text in EIP_55 {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_every_digit_in_the_other_case_and_every_other_length() {
        for text in EIP_55 {
            for at in 2..text.len() {
                let mut other = text.as_bytes().to_vec();
                if !other[at].is_ascii_alphabetic() {
                    continue;
                }
                other[at] ^= 0x20;
                let other = String::from_utf8(other).unwrap();
                assert_eq!(other.parse::<Address>(), Err(Unsignable::BadAddress.into()), "{other}");
            }
            for length in 0..text.len() {
                assert!(text[..length].parse::<Address>().is_err());
            }
            let wrong = [&text[2..], &format!("{text}0"), &format!(" {text}"), &text.replacen('x', "X", 1)];
            assert!(wrong.iter().all(|text| text.parse::<Address>().is_err()));
        }
        assert!("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed".parse::<Address>().is_err(), "no checksum");
        assert!("0x+aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".parse::<Address>().is_err());
        assert!("0xäAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".parse::<Address>().is_err());
    }
}
