//! Values in the JSON of Ethereum: each in its type, or where it stands and what would be right.

use std::collections::BTreeMap;

use cloister_chains::{U256, ethereum::Address};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// A JSON value with its numbers as they were written: `serde_json`'s own rounds those of 2^64 and more.
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::read(raw.get(), DEPTH).map_err(D::Error::custom)
    }
}

impl Json {
    fn read(text: &str, depth: usize) -> serde_json::Result<Self> {
        let depth = depth.checked_sub(1).ok_or_else(|| serde_json::Error::custom("nested too deep"))?;
        let inner = |raw: &RawValue| Self::read(raw.get(), depth);
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
                let members = members.into_iter().map(|(name, raw)| Ok((name, inner(raw)?)));
                Self::Object(members.collect::<serde_json::Result<_>>()?)
            }
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(text)?;
                Self::Array(elements.into_iter().map(inner).collect::<serde_json::Result<_>>()?)
            }
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b't' | b'f') => Self::Bool(serde_json::from_str(text)?),
            Some(b'n') => Self::Null,
            _ => Self::Number(text.to_owned()),
        })
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

/// How deep values may be nested, as in `serde_json`.
const DEPTH: usize = 128;

/// A part of a document that does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Misfit {
    /// Where in the document.
    pub path: String,
    /// What is wrong, and what would be right.
    pub reason: &'static str,
}

pub(crate) fn misfit<T>(path: &str, reason: &'static str) -> Result<T, Misfit> {
    Err(Misfit { path: path.to_owned(), reason })
}

/// Bytes in hexadecimal, with `0x` in front.
pub(crate) fn hexadecimal(value: &Json, path: &str) -> Result<Vec<u8>, Misfit> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    match digits.and_then(|digits| hex::decode(digits).ok()) {
        Some(bytes) => Ok(bytes),
        None => misfit(path, "must be bytes in hexadecimal, with 0x in front"),
    }
}

/// An address in one case, or with the checksum of EIP-55.
pub(crate) fn address(value: &Json, path: &str) -> Result<Address, Misfit> {
    let wrong =
        || misfit(path, "must be an address: 0x and 40 hexadecimal digits, whose case is EIP-55's or all the same");
    let Ok(bytes) = <[u8; 20]>::try_from(hexadecimal(value, path)?) else { return wrong() };
    let text = value.as_str().unwrap_or_default();
    let digits = text.trim_start_matches("0x");
    let one_case = digits.to_lowercase() == digits || digits.to_uppercase() == digits;
    let address = Address::from(bytes);
    if one_case || address.to_string() == text { Ok(address) } else { wrong() }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Unsigned,
    Signed,
}

/// A number as JSON or in a string, in decimal or hexadecimal; negative ones as their complement to
/// 2^256.
pub(crate) fn number(value: &Json, sign: Sign, path: &str) -> Result<U256, Misfit> {
    let text = match value {
        Json::Number(text) | Json::String(text) => text.clone(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            return misfit(path, "must be a number, or a string with one");
        }
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    let Some(magnitude) = magnitude(digits) else {
        return misfit(path, "must be a whole number below 2^256, in decimal or in hexadecimal with 0x in front");
    };
    let complement = if negative { negate(magnitude) } else { magnitude };
    let below_zero = complement.to_be_bytes()[0] >= 0x80;
    match sign {
        Sign::Unsigned if negative => misfit(path, "must not be negative"),
        Sign::Signed if magnitude != U256::default() && below_zero != negative => {
            misfit(path, "is too large for its type")
        }
        Sign::Unsigned | Sign::Signed => Ok(complement),
    }
}

/// Whether the number, as [`number`] gives it, has a place in so many bits.
pub(crate) fn fits(number: U256, sign: Sign, bits: usize) -> bool {
    let bytes = number.to_be_bytes();
    let (above, kept) = bytes.split_at(32 - bits / 8);
    let negative = sign == Sign::Signed && kept[0] >= 0x80;
    above.iter().all(|byte| *byte == if negative { 0xff } else { 0 })
}

fn magnitude(digits: &str) -> Option<U256> {
    let Some(digits) = digits.strip_prefix("0x") else { return digits.parse().ok() };
    let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    let bytes = hex::decode(even).ok().filter(|bytes| !bytes.is_empty())?;
    U256::from_be_slice(&bytes)
}

/// `2^256 - number`, and 0 for 0: every bit turned, plus one.
fn negate(number: U256) -> U256 {
    let mut carry = true;
    let mut word = number.to_be_bytes();
    for byte in word.iter_mut().rev() {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
    U256::from(word)
}
