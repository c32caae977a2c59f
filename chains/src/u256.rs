//! 256-bit numbers: amounts, chain ids of domains, halves of signatures.

use core::{fmt, str::FromStr};

use k256::elliptic_curve::bigint::{ArrayEncoding, CheckedAdd, CheckedMul, CheckedSub, NonZero};

/// A number below 2^256, shown in decimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct U256(k256::U256);

/// What is no number below 2^256, or does not fit where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a number has to be in decimal digits, without zeros in front, and small enough for its place")]
pub struct NotANumber;

impl U256 {
    /// Nothing.
    pub const ZERO: Self = Self(k256::U256::ZERO);
    /// 2^256 - 1, which token contracts take for an unlimited amount.
    pub const MAX: Self = Self(k256::U256::MAX);

    /// The number as 32 bytes, big-endian.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_byte_array().into()
    }

    /// The number that fewer bytes say, big-endian; `None` for more than 32.
    pub fn from_be_slice(bytes: &[u8]) -> Option<Self> {
        let mut word = [0; 32];
        let start = word.len().checked_sub(bytes.len())?;
        word.get_mut(start..)?.copy_from_slice(bytes);
        Some(word.into())
    }

    /// The sum, if it has 256 bits.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Option::from(self.0.checked_add(&other.0)).map(Self)
    }

    /// The difference, if it is not below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        Option::from(self.0.checked_sub(&other.0)).map(Self)
    }

    fn with_digit(self, digit: char) -> Option<Self> {
        let digit = Self(k256::U256::from(digit.to_digit(10)?));
        let tens: Option<k256::U256> = self.0.checked_mul(&TEN).into();
        Self(tens?).plus(digit)
    }
}

impl From<[u8; 32]> for U256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(k256::U256::from_be_byte_array(bytes.into()))
    }
}

impl From<u128> for U256 {
    fn from(number: u128) -> Self {
        Self(number.into())
    }
}

impl From<u64> for U256 {
    fn from(number: u64) -> Self {
        Self(number.into())
    }
}

impl TryFrom<U256> for u128 {
    type Error = NotANumber;

    fn try_from(number: U256) -> Result<Self, NotANumber> {
        match number.to_be_bytes().as_chunks::<16>() {
            ([[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], low], []) => Ok(Self::from_be_bytes(*low)),
            _ => Err(NotANumber),
        }
    }
}

impl TryFrom<U256> for u64 {
    type Error = NotANumber;

    fn try_from(number: U256) -> Result<Self, NotANumber> {
        Self::try_from(u128::try_from(number)?).map_err(|_| NotANumber)
    }
}

impl TryFrom<U256> for u8 {
    type Error = NotANumber;

    fn try_from(number: U256) -> Result<Self, NotANumber> {
        Self::try_from(u128::try_from(number)?).map_err(|_| NotANumber)
    }
}

/// Decimal digits without a sign, and without zeros in front.
impl FromStr for U256 {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let padded = text.is_empty() || text.len() > 1 && text.starts_with('0');
        let number = if padded { None } else { text.chars().try_fold(Self::ZERO, Self::with_digit) };
        number.ok_or(NotANumber)
    }
}

impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ten = NonZero::from_uint(TEN);
        let mut digits = Vec::new();
        let mut rest = self.0;
        while rest != k256::U256::ZERO || digits.is_empty() {
            let (quotient, digit) = rest.div_rem(&ten);
            digits.push(digit.to_be_byte_array().last().map_or('0', |&digit| char::from(b'0' | digit)));
            rest = quotient;
        }
        f.write_str(&digits.iter().rev().collect::<String>())
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U256({self})")
    }
}

const TEN: k256::U256 = k256::U256::from_u8(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn shows_and_reads_decimal() {
        for (bytes, text) in [([0; 32], "0"), ([0xff; 32], MOST)] {
            assert_eq!(U256::from(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(U256::from(bytes)));
        }
        assert_eq!((U256::MAX.to_string().as_str(), U256::ZERO), (MOST, U256::default()));
        assert_eq!(U256::MAX.plus(1_u64.into()), None);
        assert_eq!(U256::from(1_u64).minus(2_u64.into()), None);
        assert_eq!(U256::MAX.minus(U256::MAX), Some(U256::ZERO));
        assert!(U256::from(9_u64) < U256::from(10_u64) && U256::from(1_u128 << 64) > U256::from(u64::MAX));
    }

    #[test]
    fn refuses_what_is_no_number_below_2_to_the_256() {
        let above = MOST.replace("9935", "9936");
        for text in ["", "-1", "+1", "01", "00", "1.0", "0x1", "1 ", " 1", "1e3", "١", &above, &"9".repeat(10_000)] {
            assert_eq!(text.parse::<U256>(), Err(NotANumber), "{text}");
        }
        assert!(u64::try_from(U256::from(1_u128 << 64)).is_err());
        assert!(u128::try_from(U256::from([1; 32])).is_err());
        assert_eq!(U256::from_be_slice(&[0; 33]), None);
    }

    proptest! {
        #[test]
        fn shows_every_number_as_it_is_read(number: u128) {
            let text = number.to_string();
            let read: U256 = text.parse().unwrap();
            prop_assert_eq!(read, U256::from(number));
            prop_assert_eq!(u128::try_from(read), Ok(number));
            prop_assert_eq!(read.to_string(), text);
            prop_assert_eq!(U256::from_be_slice(&number.to_be_bytes()), Some(read));
        }
    }
}
