//! 256-bit numbers: amounts in wei, chain ids of domains, halves of signatures.

use core::{fmt, str::FromStr};

use super::unsignable::Unsignable;
use crate::Rejected;

/// A number below 2^256, shown in decimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct U256([u8; 32]);

impl U256 {
    /// The number as 32 bytes, big-endian.
    pub fn as_be_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The number that fewer bytes say, big-endian; `None` for more than 32.
    pub fn from_be_slice(bytes: &[u8]) -> Option<Self> {
        let mut word = [0; 32];
        let start = word.len().checked_sub(bytes.len())?;
        word.get_mut(start..)?.copy_from_slice(bytes);
        Some(Self(word))
    }

    /// Its big-endian bytes without zeros in front; none at all for zero.
    pub(super) fn significant(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|&&byte| byte == 0).count();
        self.0.get(zeros..).unwrap_or_default()
    }

    /// `self * 10 + digit`, unless that is too large.
    fn push_digit(self, digit: u32) -> Option<Self> {
        let mut carry = digit;
        let mut product = self;
        for byte in product.0.iter_mut().rev() {
            let [_, _, high, low] = u32::from(*byte).saturating_mul(10).saturating_add(carry).to_be_bytes();
            *byte = low;
            carry = u32::from(high);
        }
        (carry == 0).then_some(product)
    }

    /// `self / 10` and the remainder.
    fn pop_digit(self) -> (Self, u32) {
        let mut remainder = 0;
        let quotient = self.0.map(|byte| {
            let dividend = remainder << 8 | u32::from(byte);
            remainder = dividend % 10;
            u8::try_from(dividend / 10).expect("the remainder is below 10, so that the quotient is below 256")
        });
        (Self(quotient), remainder)
    }
}

impl From<[u8; 32]> for U256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<u128> for U256 {
    fn from(number: u128) -> Self {
        let mut word = [0; 32];
        let (_, low) = word.split_at_mut(16);
        low.copy_from_slice(&number.to_be_bytes());
        Self(word)
    }
}

impl From<u64> for U256 {
    fn from(number: u64) -> Self {
        Self::from(u128::from(number))
    }
}

impl TryFrom<U256> for u128 {
    type Error = Rejected;

    fn try_from(number: U256) -> Result<Self, Rejected> {
        match number.0.split_first_chunk::<16>() {
            Some(([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], low)) => {
                let low = low.try_into().expect("32 bytes less 16");
                Ok(Self::from_be_bytes(low))
            }
            _ => Err(Unsignable::BadNumber.into()),
        }
    }
}

impl TryFrom<U256> for u64 {
    type Error = Rejected;

    fn try_from(number: U256) -> Result<Self, Rejected> {
        Self::try_from(u128::try_from(number)?).map_err(|_| Unsignable::BadNumber.into())
    }
}

impl TryFrom<U256> for u8 {
    type Error = Rejected;

    fn try_from(number: U256) -> Result<Self, Rejected> {
        Self::try_from(u128::try_from(number)?).map_err(|_| Unsignable::BadNumber.into())
    }
}

/// Decimal digits without a sign, and without zeros in front.
impl FromStr for U256 {
    type Err = Rejected;

    fn from_str(text: &str) -> Result<Self, Rejected> {
        let padded = text.is_empty() || text.len() > 1 && text.starts_with('0');
        let digits = |number: Self, digit: char| number.push_digit(digit.to_digit(10)?);
        let number = if padded { None } else { text.chars().try_fold(Self::default(), digits) };
        Ok(number.ok_or(Unsignable::BadNumber)?)
    }
}

impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, last) = self.pop_digit();
        let mut digits = vec![last];
        while rest != Self::default() {
            let (quotient, digit) = rest.pop_digit();
            digits.push(digit);
            rest = quotient;
        }
        digits.iter().rev().try_for_each(|digit| write!(f, "{digit}"))
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U256({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: &str = "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn shows_and_reads_decimal() {
        for (bytes, text) in [([0; 32], "0"), ([0xff; 32], MAX)] {
            assert_eq!(U256::from(bytes).to_string(), text);
            assert_eq!(text.parse(), Ok(U256::from(bytes)));
        }
        for number in [9, 10, 255, 256, 1_000_000_007, u128::MAX] {
            assert_eq!(U256::from(number).to_string(), number.to_string());
            assert_eq!(number.to_string().parse(), Ok(U256::from(number)));
            assert_eq!(u128::try_from(U256::from(number)), Ok(number));
        }
    }

    #[test]
    fn refuses_what_is_no_number_below_2_to_the_256() {
        let above = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for text in ["", "-1", "+1", "01", "00", "1.0", "0x1", "1 ", above, &format!("{MAX}0")] {
            assert_eq!(text.parse::<U256>(), Err(Unsignable::BadNumber.into()), "{text}");
        }
        assert!(u64::try_from(U256::from(1_u128 << 64)).is_err());
        assert!(u128::try_from(U256::from([1; 32])).is_err());
    }
}
