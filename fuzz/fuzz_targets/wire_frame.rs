//! A header that is read has one encoding and announces no more than the limit.
#![no_main]

use cloister_wire::{frame::Header, limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: [u8; Header::LEN]| {
    if let Ok(header) = Header::from_bytes(&bytes) {
        assert_eq!(header.to_bytes(), bytes);
        assert!(header.length() <= limits::FRAME);
    }
});
