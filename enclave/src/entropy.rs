//! Randomness: the kernel's generator, through `getrandom(2)`.
//!
//! In an enclave the NSM feeds that generator: its driver is the kernel's `nsm-hwrng`, PID 1 refuses to start with any other source
//! and mixes in more from the NSM before the first key is made. A generator of our own in user space would add state to protect and
//! nothing to trust: the kernel's reseeds itself, blocks until it is seeded, and is the one that the RSA library draws from as well.

#![expect(unexpected_cfgs, reason = "`getrandom_backend` is that crate's, which Cargo doesn't know of")]

use rand_core::{CryptoRng, Error, RngCore};

use crate::fatal;

// Without this, `getrandom` and `rand` look for the call by name as the program runs. A static program has no names to look for, so
// they would read /dev/urandom, which a booted enclave doesn't have.
#[cfg(all(target_feature = "crt-static", not(getrandom_backend = "linux_getrandom")))]
compile_error!("a static enclave needs RUSTFLAGS with --cfg getrandom_backend=\"linux_getrandom\"");

/// The kernel's generator as FROST and Ed25519 take it. Without randomness there is no going on: failure ends the process.
#[derive(Debug)]
pub(crate) struct KernelRng;

impl RngCore for KernelRng {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            fatal::end();
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for KernelRng {}
