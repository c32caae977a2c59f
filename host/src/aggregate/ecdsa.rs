//! Puts ECDSA shares together: step 10 of protocol 3.6 of DKLs23 (ePrint 2023/765), from public values alone.
//!
//! ```text
//! share = R ‖ uᵢ ‖ wᵢ        s = Σ wᵢ / Σ uᵢ        signature = r ‖ s ‖ recovery id
//! ```
//! A share that spoils the signature cannot be told from the others: only one that is none names its signer.

use cloister_wire::{
    ids::SignerId,
    message::{Package, SignerCommitment},
};
use k256::{
    AffinePoint, EncodedPoint, FieldBytes, Scalar, U256,
    ecdsa::{RecoveryId, Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _},
    elliptic_curve::{PrimeField as _, ops::Reduce, sec1::FromEncodedPoint as _},
};

use super::{Aggregator, Unsigned};

/// The aggregator of a compressed public key.
pub(super) fn read(public_key: &[u8]) -> Option<Box<dyn Aggregator>> {
    let key = VerifyingKey::from_sec1_bytes(public_key).ok()?;
    Some(Box::new(Ecdsa { key, compressed: public_key.to_vec() }))
}

struct Ecdsa {
    key: VerifyingKey,
    compressed: Vec<u8>,
}

/// One signer's share.
struct Share {
    point: [u8; POINT],
    u: Scalar,
    w: Scalar,
}

impl Aggregator for Ecdsa {
    fn aggregate(&self, digest: &[u8], _: &Package, shares: &[(SignerId, &[u8])]) -> Result<Vec<u8>, Unsigned> {
        let read = |(signer, share): &(SignerId, &[u8])| Share::read(share).ok_or(Unsigned::Blame(*signer));
        let shares = shares.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let (signature, recovery) = combine(&shares).ok_or(Unsigned::Suspect)?;
        self.key.verify_prehash(digest, &signature).map_err(|_| Unsigned::Suspect)?;
        Ok([&signature.to_bytes()[..], &[recovery.to_byte()]].concat())
    }

    /// Presignatures have ids, and any 32 bytes are one.
    fn bad_commitment(&self, package: &Package) -> Option<SignerId> {
        let is_bad = |entry: &&SignerCommitment| entry.commitment.as_slice().len() != ID;
        package.iter().find(is_bad).map(|entry| entry.signer)
    }

    fn verifying_key(&self) -> &[u8] {
        &self.compressed
    }
}

impl Share {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (point, scalars) = bytes.split_first_chunk::<POINT>()?;
        let (u, w) = scalars.split_first_chunk::<SCALAR>()?;
        let [2 | 3, ..] = point else { return None };
        let encoded = EncodedPoint::from_bytes(point).ok()?;
        Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded))?;
        Some(Self { point: *point, u: scalar(u)?, w: scalar(w.try_into().ok()?)? })
    }
}

/// r, s and the recovery id, with the lower s, which is the only one that chains take. Nothing is verified yet.
fn combine(shares: &[Share]) -> Option<(Signature, RecoveryId)> {
    let point = &shares.first()?.point;
    if shares.iter().any(|share| share.point != *point) {
        return None;
    }
    let (parity, x) = point.split_first_chunk::<1>()?;
    let x = FieldBytes::from(<[u8; SCALAR]>::try_from(x).ok()?);
    let r = <Scalar as Reduce<U256>>::reduce_bytes(&x);
    let u: Scalar = shares.iter().map(|share| share.u).sum();
    let w: Scalar = shares.iter().map(|share| share.w).sum();
    let s = w * Option::<Scalar>::from(u.invert())?;
    let signature = Signature::from_scalars(r, s).ok()?;
    let lower = signature.normalize_s();
    let is_odd = (*parity == [3]) != lower.is_some();
    let recovery = RecoveryId::new(is_odd, r.to_repr() != x);
    Some((lower.unwrap_or(signature), recovery))
}

fn scalar(bytes: &[u8; SCALAR]) -> Option<Scalar> {
    Scalar::from_repr((*bytes).into()).into()
}

/// A compressed point, bytes.
const POINT: usize = 33;
/// A scalar or coordinate, bytes.
const SCALAR: usize = 32;
/// A presignature's id, bytes.
const ID: usize = 32;

#[cfg(test)]
mod tests {
    use k256::{ProjectivePoint, elliptic_curve::sec1::ToEncodedPoint as _};

    use super::*;

    const DIGEST: [u8; 32] = [7; 32];

    /// What shares are made of.
    struct Made {
        key: Vec<u8>,
        shares: Vec<(SignerId, Vec<u8>)>,
    }

    /// Shares of the signature with nonce `k`: the mask of each signer is any number.
    fn made(secret: u64, k: u64) -> Made {
        let (secret, k) = (Scalar::from(secret), Scalar::from(k));
        let point = compressed(k);
        let r = <Scalar as Reduce<U256>>::reduce_bytes(&FieldBytes::from(<[u8; 32]>::try_from(&point[1..]).unwrap()));
        let digest = <Scalar as Reduce<U256>>::reduce_bytes(&DIGEST.into());
        let masks = [Scalar::from(11u64), Scalar::from(13u64)];
        let mask: Scalar = masks.iter().sum();
        let (u, w) = (k * mask, (digest + r * secret) * mask);
        let parts = |sum: Scalar| [sum - Scalar::from(5u64), Scalar::from(5u64)];
        let shares = (1..)
            .zip(parts(u).into_iter().zip(parts(w)))
            .map(|(id, (u, w))| (SignerId::try_from(id).unwrap(), [&point[..], &u.to_repr(), &w.to_repr()].concat()));
        Made { key: compressed(secret), shares: shares.collect() }
    }

    fn compressed(secret: Scalar) -> Vec<u8> {
        (ProjectivePoint::GENERATOR * secret).to_affine().to_encoded_point(true).as_bytes().to_vec()
    }

    fn aggregate(made: &Made) -> Result<Vec<u8>, Unsigned> {
        let shares: Vec<_> = made.shares.iter().map(|(signer, share)| (*signer, share.as_slice())).collect();
        read(&made.key).unwrap().aggregate(&DIGEST, &Package::default(), &shares)
    }

    #[test]
    fn shares_make_a_signature_with_the_lower_s_from_which_the_key_is_recovered() {
        let mut flipped = 0;
        for k in 1..20 {
            let made = made(42, k);
            let bytes = aggregate(&made).unwrap();
            assert_eq!(bytes.len(), 65);
            let signature = Signature::from_slice(&bytes[..64]).unwrap();
            assert_eq!(signature.normalize_s(), None);
            let recovery = RecoveryId::from_byte(bytes[64]).unwrap();
            let recovered = VerifyingKey::recover_from_prehash(&DIGEST, &signature, recovery).unwrap();
            assert_eq!(recovered.to_encoded_point(true).as_bytes(), made.key);
            flipped += usize::from(recovery.is_y_odd() != (compressed(Scalar::from(k))[0] == 3));
        }
        assert!(flipped > 0 && flipped < 19, "{flipped}");
    }

    #[test]
    fn a_wrong_share_spoils_the_signature_and_names_nobody() {
        for at in [64, 96] {
            let mut made = made(42, 9);
            made.shares[1].1[at] ^= 1;
            assert_eq!(aggregate(&made), Err(Unsigned::Suspect));
        }
        let mut other_point = made(42, 9);
        other_point.shares[1].1[..POINT].copy_from_slice(&compressed(Scalar::from(10u64)));
        assert_eq!(aggregate(&other_point), Err(Unsigned::Suspect));
    }

    #[test]
    fn what_is_no_share_names_its_signer() {
        let good = made(42, 9).shares[1].1.clone();
        let mut infinite = good.clone();
        infinite[POINT..POINT + SCALAR].fill(0xff);
        let mut no_point = good.clone();
        no_point[0] = 5;
        for bad in [good[..96].to_vec(), [&good[..], &[0]].concat(), infinite, no_point, Vec::new()] {
            let mut made = made(42, 9);
            made.shares[1].1 = bad;
            assert_eq!(aggregate(&made), Err(Unsigned::Blame(SignerId::try_from(2).unwrap())));
        }
    }

    #[test]
    fn shares_that_cancel_out_make_nothing() {
        let mut made = made(42, 9);
        let zero = Scalar::ZERO.to_repr();
        for (_, share) in &mut made.shares {
            share[POINT..POINT + SCALAR].copy_from_slice(&zero);
        }
        assert_eq!(aggregate(&made), Err(Unsigned::Suspect));
    }

    #[test]
    fn a_key_that_is_no_point_has_no_aggregator() {
        assert!(read(&[2; 32]).is_none());
        assert!(read(&[]).is_none());
    }
}
