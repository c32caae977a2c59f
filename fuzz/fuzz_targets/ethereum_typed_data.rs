//! Typed data that parses names a domain and a type, and hashes without a panic.
#![no_main]

use cloister_chains::ethereum::TypedData;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(data) = TypedData::parse(bytes) {
        assert!(!data.primary_type().is_empty());
        assert_ne!(data.signing_hash(), data.domain_separator());
        data.effects().iter().for_each(|effect| drop(effect.to_string()));
    }
});
