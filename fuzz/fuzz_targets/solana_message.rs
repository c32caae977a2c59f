//! A message that parses is signed as it arrived.
#![no_main]

use cloister_chains::solana::Message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = Message::parse(bytes) {
        assert_eq!(message.signing_bytes(), bytes);
        assert!(message.required_signers().contains(&message.fee_payer()));
    }
});
