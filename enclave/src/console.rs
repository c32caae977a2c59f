//! The console: a fixed set of events without payloads. This program writes nothing else to it, for hosts may read it; the kernel's own
//! messages go there as well, and Nitro shows them only of an enclave in debug mode, whose registers are zeros.

use std::io::{self, Write};

macro_rules! events {
    ($($name:ident $line:literal)+) => {
        /// All that the console ever says. None can be caused by a message, so nobody can flood it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Event {
            $(#[doc = $line] $name,)+
        }

        impl Event {
            const fn line(self) -> &'static str {
                match self { $(Self::$name => concat!("cloister: ", $line, "\n"),)+ }
            }
        }
    };
}

events! {
    NotTheFirstProcess "this program runs as the first process of a Nitro enclave and nowhere else"
    NotBegunAgain "stopped: this program is not at /init, so it cannot begin again without arguments and environment"
    MountFailed "stopped: /sys or /dev cannot be mounted"
    NotConfined "stopped: core dumps cannot be forbidden, privileges not given up or system calls not restricted"
    MemoryNotLocked "stopped: memory cannot be locked; give the enclave more of it"
    NsmMissing "stopped: there is no /dev/nsm"
    RandomnessForeign "stopped: the kernel's hardware generator is not nsm-hwrng"
    ClockForeign "stopped: the kernel's clock is another than the hypervisor's or the processor's"
    RandomnessFailed "stopped: the NSM gives no randomness"
    BootKeysFailed "stopped: the boot keys cannot be made"
    VsockFailed "stopped: vsock port 5000 cannot be listened on"
    Serving "serving on vsock port 5000"
    ServerFailed "stopped: no more connections can be accepted"
    SignerHalted "stopped: the NSM failed, or the signer met a state that it should never be in"
}

/// Writes one line. A console that takes none is no reason to stop.
pub(crate) fn say(event: Event) {
    drop(io::stdout().write_all(event.line().as_bytes()));
}
