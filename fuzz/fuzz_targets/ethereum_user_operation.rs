//! A user operation that parses has one encoding.
#![no_main]

use cloister_chains::ethereum::UserOperation;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(operation) = UserOperation::parse(bytes) {
        assert_eq!(operation.to_bytes(), bytes);
        let _ = (operation.signing_hash(), operation.max_fee());
        operation.effects().iter().for_each(|effect| drop(effect.to_string()));
    }
});
