//! A signed transaction that parses has one encoding.
#![no_main]

use cloister_chains::cosmos::SignedTransaction;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transaction) = SignedTransaction::parse(bytes) {
        assert_eq!(transaction.to_bytes(), bytes);
    }
});
