//! A transaction that parses has one encoding.
#![no_main]

use cloister_chains::solana::Transaction;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transaction) = Transaction::parse(bytes) {
        assert_eq!(transaction.to_bytes(), bytes);
    }
});
