//! The end of the process, where going on would be worse. A stopped signer costs one restart; a half-changed one could cost a key.

use std::{panic, process};

use nix::sys::reboot::{RebootMode, reboot};

/// The status with which the process ends: `EX_SOFTWARE` of sysexits.h.
pub const STATUS: i32 = 70;

/// Makes every panic, in any thread, the end of the process. Nothing of its message is written: it may quote a secret.
pub fn end_on_panic() {
    panic::set_hook(Box::new(|_| end()));
}

/// Ends the process, and as the first process of a machine the machine: that is the enclave. A machine without power management ends by
/// being restarted, and a Nitro enclave isn't started again. Where that fails, the kernel does the same when it finds its first process gone.
pub fn end() -> ! {
    if process::id() == 1 {
        let Err(_) = reboot(RebootMode::RB_AUTOBOOT);
    }
    process::exit(STATUS)
}
