//! A document that parses is authenticated too, which parses its certificates; neither may panic.
#![no_main]

use cloister_attestation::{Mode, TrustRoot, Unverified};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Unverified::parse(bytes) {
        let _ = document.authenticate(&TrustRoot::aws(), Mode::Archival);
    }
});
