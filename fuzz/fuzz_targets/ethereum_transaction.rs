//! A transaction that parses, signed or not, has one encoding.
#![no_main]

use cloister_chains::ethereum::{SignedTransaction, Transaction};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transaction) = Transaction::parse(bytes) {
        assert_eq!(transaction.to_bytes(), bytes);
        let _ = (transaction.signing_hash(), transaction.max_fee());
        transaction.effects().iter().for_each(|effect| drop(effect.to_string()));
    }
    if let Ok(signed) = SignedTransaction::parse(bytes) {
        assert_eq!(signed.to_bytes(), bytes);
        let unsigned = signed.transaction().to_bytes();
        assert_eq!(Transaction::parse(&unsigned).as_ref(), Ok(signed.transaction()));
    }
});
