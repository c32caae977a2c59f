//! A sidecar that comes off goes back on, and makes the same bytes.
#![no_main]

use cloister_chains::ethereum::Sidecar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((transaction, sidecar)) = Sidecar::detach(bytes) {
        assert!(Sidecar::is_attached(bytes));
        assert_eq!(sidecar.attach(&transaction).as_deref(), Ok(bytes));
    }
});
