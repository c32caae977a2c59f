//! Signatures of FROST(secp256k1, SHA-256), RFC 9591 section 6.5, by the RFC's own equation: `z·G = R + c·Y`.

use k256::{
    AffinePoint, ProjectivePoint, Scalar,
    elliptic_curve::{
        PrimeField as _,
        hash2curve::{ExpandMsgXmd, hash_to_field},
        sec1::FromEncodedPoint as _,
    },
};
use sha2::Sha256;

/// Length of a signature: the compressed point R, then the scalar z.
pub(crate) const LENGTH: usize = 65;

/// Whether `signature` signs `message` under the compressed point `key`.
pub(crate) fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    check(key, message, signature).is_some()
}

fn check(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let (r, z) = (signature.len() == LENGTH).then(|| signature.split_at(33))?;
    let challenge = challenge(&[r, key, message].concat())?;
    let (key, r) = (point(key)?, point(r)?);
    let z = Option::<Scalar>::from(Scalar::from_repr(<[u8; 32]>::try_from(z).ok()?.into()))?;
    (ProjectivePoint::GENERATOR * z == r + key * challenge).then_some(())
}

/// H2 of the ciphersuite: `hash_to_field` (RFC 9380) into the scalar field.
fn challenge(input: &[u8]) -> Option<Scalar> {
    let mut challenge = [Scalar::ZERO];
    hash_to_field::<ExpandMsgXmd<Sha256>, Scalar>(&[input], &[b"FROST-secp256k1-SHA256-v1chal"], &mut challenge)
        .ok()?;
    let [challenge] = challenge;
    Some(challenge)
}

/// A compressed point other than the identity.
fn point(bytes: &[u8]) -> Option<ProjectivePoint> {
    let encoded = k256::EncodedPoint::from_bytes(bytes).ok().filter(k256::EncodedPoint::is_compressed)?;
    Option::<AffinePoint>::from(AffinePoint::from_encoded_point(&encoded)).map(ProjectivePoint::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9591, appendix E.5: group public key, message "test" and signature.
    #[test]
    fn verifies_the_signature_of_rfc_9591_and_no_other() {
        let key = hex::decode("02f37c34b66ced1fb51c34a90bdae006901f10625cc06c4f64663b0eae87d87b4f").unwrap();
        let signature = concat!(
            "024c1ad4e031872661fa6ebd05dfc7fb30db08b38d79f0edbc82051ae931381bc6",
            "a46881e25c7989d3816eae32074f1ab0d49ee908a59713ed5284c6bade7cfb02",
        );
        let signature = hex::decode(signature).unwrap();
        assert!(verifies(&key, b"test", &signature));
        assert!(!verifies(&key, b"tess", &signature));
        assert!(!verifies(&key, b"test", &signature[1..]));
        for byte in 0..LENGTH {
            let mut altered = signature.clone();
            altered[byte] ^= 1;
            assert!(!verifies(&key, b"test", &altered), "byte {byte} altered");
        }
    }
}
