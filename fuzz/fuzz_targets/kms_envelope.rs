//! An envelope for another key, or none at all: refused without a panic, whatever its lengths claim.
#![no_main]

use std::sync::LazyLock;

use cloister_attestation::RecipientKey;
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<RecipientKey> = LazyLock::new(|| RecipientKey::generate().expect("RSA key"));

fuzz_target!(|bytes: &[u8]| {
    assert!(KEY.open(bytes).is_err());
});
