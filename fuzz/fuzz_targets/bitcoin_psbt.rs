//! What a PSBT is written as parses again to the same bytes; asking for its parts does not panic.
#![no_main]

use cloister_chains::bitcoin::Psbt;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(psbt) = Psbt::parse(bytes) {
        let written = psbt.to_bytes();
        let again = Psbt::parse(&written).expect("our own encoding parses");
        assert_eq!(again.to_bytes(), written);
        let _ = (psbt.fee(), psbt.finalise());
    }
});
