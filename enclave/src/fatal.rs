//! The end of the process, where going on would be worse. A stopped signer costs one restart; a half-changed one could cost a key.

use std::{panic, process};

/// The status with which the process ends: `EX_SOFTWARE` of sysexits.h.
pub const STATUS: i32 = 70;

/// Makes every panic, in any thread, the end of the process. Nothing of its message is written: it may quote a secret.
pub fn end_on_panic() {
    panic::set_hook(Box::new(|_| end()));
}

/// Ends the process. As PID 1 of an enclave, that ends the enclave.
pub fn end() -> ! {
    process::exit(STATUS)
}
