//! Where the kernel's randomness comes from: the NSM and nothing else.

use std::{fs, io};

use cloister_enclave::{device::DeviceFailed, nsm::NitroNsm};

/// Checks that the kernel's hardware generator is the NSM's.
pub(crate) fn check_source() -> Result<(), DeviceFailed> {
    match fs::read_to_string(CURRENT) {
        Ok(name) if name.trim_end() == "nsm-hwrng" => Ok(()),
        Ok(_) | Err(_) => Err(DeviceFailed),
    }
}

/// Mixes randomness of the NSM into the kernel's generator, besides what its driver feeds by itself.
pub(crate) fn mix(nsm: &NitroNsm) -> io::Result<()> {
    let random = nsm.random().map_err(io::Error::other)?;
    fs::write("/dev/random", random)
}

const CURRENT: &str = "/sys/devices/virtual/misc/hw_random/rng_current";
