//! ECDSA signatures: what the network takes, and putting them into PSBTs.

use core::fmt;

use der::{
    Decode, Encode,
    asn1::{SequenceOf, UintRef},
};
use k256::{NonZeroScalar, elliptic_curve::scalar::IsHigh};

use super::{Psbt, fields::PARTIAL_SIG, unsignable::Unsignable};
use crate::{Rejected, hash160};

/// A secp256k1 public key in SEC1's compressed form, shown in hex. Whether it is a point of the curve
/// is for the caller to know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompressedKey([u8; 33]);

impl CompressedKey {
    /// The 33 bytes.
    pub fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    pub(super) fn hash(&self) -> [u8; 20] {
        hash160(&self.0)
    }
}

impl From<[u8; 33]> for CompressedKey {
    fn from(bytes: [u8; 33]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for CompressedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CompressedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CompressedKey({self})")
    }
}

/// An ECDSA signature with `r` in 1..n and `s` in 1..=n/2. Nodes do not relay the other `s`, which
/// verifies as well, so that of each signature there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcdsaSignature {
    r: [u8; 32],
    s: [u8; 32],
}

impl EcdsaSignature {
    /// From `r` and `s`, big-endian.
    pub fn new(r: [u8; 32], s: [u8; 32]) -> Result<Self, Rejected> {
        let scalar = |bytes: &[u8; 32]| NonZeroScalar::try_from(bytes.as_slice());
        match (scalar(&r), scalar(&s)) {
            (Ok(_), Ok(scalar)) if bool::from(!scalar.is_high()) => Ok(Self { r, s }),
            _ => Err(Unsignable::BadSignature.into()),
        }
    }

    /// From DER, in its only form.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Rejected> {
        let numbers = SequenceOf::<UintRef<'_>, 2>::from_der(bytes).map_err(|_| Unsignable::BadSignature)?;
        match (numbers.len(), numbers.get(0), numbers.get(1)) {
            (2, Some(r), Some(s)) => Self::new(padded(r)?, padded(s)?),
            _ => Err(Unsignable::BadSignature.into()),
        }
    }

    /// In DER: a sequence of two integers, at most 72 bytes.
    pub fn to_der(&self) -> Vec<u8> {
        let mut numbers = SequenceOf::<UintRef<'_>, 2>::new();
        for number in [&self.r, &self.s] {
            let number = UintRef::new(number).expect("32 bytes");
            numbers.add(number).expect("the second of two");
        }
        numbers.to_der().expect("two numbers of 32 bytes")
    }
}

/// A number of at most 32 bytes, with zeros in front.
fn padded(number: &UintRef<'_>) -> Result<[u8; 32], Unsignable> {
    let digits = number.as_bytes();
    let mut bytes = [0; 32];
    let zeros = bytes.len().checked_sub(digits.len()).ok_or(Unsignable::BadSignature)?;
    let (_, end) = bytes.split_at_mut(zeros);
    end.copy_from_slice(digits);
    Ok(bytes)
}

impl Psbt {
    /// Puts `key`'s ECDSA signature into an input as a partial signature of type ALL. It is not
    /// verified here: callers have done that. Refused unless the input's output is the key's, and
    /// the input asks for ALL and has no signature.
    pub fn insert_ecdsa_signature(
        &mut self,
        input: usize,
        key: &CompressedKey,
        signature: &EcdsaSignature,
    ) -> Result<(), Rejected> {
        let slot = self.inputs.get_mut(input).ok_or(Unsignable::NoSuchInput { input })?;
        let utxo = slot.utxo.as_ref().ok_or(Unsignable::NoUtxo { input })?;
        slot.ecdsa_spend(input, utxo, key)?.ok_or(Unsignable::NotOurs { input })?;
        let mut value = signature.to_der();
        value.push(SIGHASH_ALL);
        slot.pairs.insert([&[PARTIAL_SIG][..], key.as_bytes()].concat(), value);
        self.close();
        Ok(())
    }
}

/// As it stands behind a signature.
const SIGHASH_ALL: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(hex: &str) -> [u8; 32] {
        hex::decode(format!("{hex:0>64}")).unwrap().try_into().unwrap()
    }

    #[test]
    fn takes_scalars_up_to_the_order_and_s_up_to_half_of_it() {
        let order =
            |last: &str| number(&format!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd03641{last}"));
        let half =
            |last: &str| number(&format!("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20{last}"));
        assert!(EcdsaSignature::new(order("40"), half("a0")).is_ok());
        assert!(EcdsaSignature::new(number("1"), number("1")).is_ok());
        for (r, s) in [
            (order("41"), half("a0")),
            (order("40"), half("a1")),
            (number("0"), number("1")),
            (number("1"), number("0")),
            (number("1"), order("40")),
            ([0xff; 32], number("1")),
        ] {
            assert_eq!(EcdsaSignature::new(r, s).unwrap_err().code(), "bitcoin_bad_signature");
        }
    }

    #[test]
    fn refuses_any_der_but_the_only_one() {
        let good = hex::decode("300702020080020101").unwrap();
        assert_eq!(EcdsaSignature::from_der(&good).unwrap(), EcdsaSignature::new(number("80"), number("1")).unwrap());
        for bad in [
            "",
            "3006020180020101",         // r is negative
            "30080203000080020101",     // a zero too many
            "30810702020080020101",     // the length in two bytes
            "30070202008002010100",     // a byte behind
            "300a02020080020101020101", // three numbers
            "300402020080",             // one number
            "3006020100020101",         // r is zero
            "310702020080020101",       // a set
        ] {
            let refused = EcdsaSignature::from_der(&hex::decode(bad).unwrap()).unwrap_err();
            assert_eq!(refused.code(), "bitcoin_bad_signature", "{bad}");
        }
        for length in 0..good.len() {
            assert!(EcdsaSignature::from_der(&good[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn reads_the_der_that_it_writes(r: [u8; 32], s: [u8; 32], zeros in 0..32usize) {
            let mut s = s;
            s[..zeros].fill(0);
            let Ok(signature) = EcdsaSignature::new(r, s) else { return Ok(()) };
            prop_assert_eq!(EcdsaSignature::from_der(&signature.to_der()).unwrap(), signature);
        }
    }
}
