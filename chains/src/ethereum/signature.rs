//! ECDSA signatures over secp256k1, in the one form of them that Ethereum takes.

use super::unsignable::Unsignable;
use crate::{Rejected, U256};

/// A signature whose halves are in range and whose s is the lower one (EIP-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    r: [u8; 32],
    s: [u8; 32],
    y_parity: YParity,
}

/// Whether the y coordinate of the signature's point is odd: what tells the key from the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YParity {
    /// Even: 0.
    Even,
    /// Odd: 1.
    Odd,
}

impl Signature {
    /// A signature of two halves, big-endian. It is not verified here: callers have done that.
    pub fn new(r: [u8; 32], s: [u8; 32], y_parity: YParity) -> Result<Self, Rejected> {
        let in_range = |half: &[u8; 32]| *half != [0; 32] && *half < ORDER;
        if !in_range(&r) || !in_range(&s) {
            return Err(Unsignable::SignatureOutOfRange.into());
        }
        if s > HALF_ORDER {
            return Err(Unsignable::HighS.into());
        }
        Ok(Self { r, s, y_parity })
    }

    /// The half r, big-endian.
    pub fn r(&self) -> &[u8; 32] {
        &self.r
    }

    /// The half s, big-endian, at most half the order of the group.
    pub fn s(&self) -> &[u8; 32] {
        &self.s
    }

    /// The parity.
    pub fn y_parity(&self) -> YParity {
        self.y_parity
    }
}

impl From<YParity> for u64 {
    fn from(parity: YParity) -> Self {
        match parity {
            YParity::Even => 0,
            YParity::Odd => 1,
        }
    }
}

impl TryFrom<u64> for YParity {
    type Error = Rejected;

    fn try_from(number: u64) -> Result<Self, Rejected> {
        match number {
            0 => Ok(Self::Even),
            1 => Ok(Self::Odd),
            _ => Err(Unsignable::BadNumber.into()),
        }
    }
}

impl TryFrom<U256> for YParity {
    type Error = Rejected;

    fn try_from(number: U256) -> Result<Self, Rejected> {
        Self::try_from(u64::try_from(number).map_err(|_| Unsignable::BadNumber)?)
    }
}

/// The order of secp256k1 (SEC 2).
const ORDER: [u8; 32] = *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\
    \xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x41";

/// Half of it, rounded down: the largest s (EIP-2).
const HALF_ORDER: [u8; 32] = *b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
    \x5d\x57\x6e\x73\x57\xa4\x50\x1d\xdf\xe9\x2f\x46\x68\x1b\x20\xa0";

#[cfg(test)]
mod tests {
    use super::*;

    /// `bytes`, one larger.
    fn after(mut bytes: [u8; 32]) -> [u8; 32] {
        bytes[31] += 1;
        bytes
    }

    fn before(mut bytes: [u8; 32]) -> [u8; 32] {
        bytes[31] -= 1;
        bytes
    }

    #[test]
    fn takes_halves_from_1_to_the_order_and_the_lower_s_alone() {
        let one = after([0; 32]);
        let new = |r, s| Signature::new(r, s, YParity::Even);
        assert!(new(one, one).is_ok());
        assert!(new(before(ORDER), HALF_ORDER).is_ok());
        for (r, s) in [([0; 32], one), (one, [0; 32]), (ORDER, one), (one, ORDER), ([0xff; 32], one)] {
            assert_eq!(new(r, s), Err(Unsignable::SignatureOutOfRange.into()));
        }
        for s in [after(HALF_ORDER), before(ORDER)] {
            assert_eq!(new(one, s), Err(Unsignable::HighS.into()));
        }
    }
}
