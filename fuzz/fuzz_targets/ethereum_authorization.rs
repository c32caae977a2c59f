//! An authorisation that parses has one encoding.
#![no_main]

use cloister_chains::ethereum::AuthorizationRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = AuthorizationRequest::parse(bytes) {
        assert_eq!(request.to_bytes(), bytes);
        let _ = (request.signing_hash(), request.effects());
    }
});
