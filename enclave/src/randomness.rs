//! Where the kernel's randomness comes from: the NSM, beside the processor's generator, which the kernel counts as enough to begin with
//! (`random.trust_cpu=on`, as AWS has it). What is mixed in here and by the NSM's driver takes effect when the kernel seeds anew, each
//! second at first.

use std::{fs, io};

use crate::{device::DeviceFailed, nsm::NitroNsm};

/// Checks that the kernel's hardware generator is the NSM's.
pub(crate) fn check_source() -> Result<(), DeviceFailed> {
    let rng_current = fs::read(CURRENT).map_err(|_| DeviceFailed)?;
    if names_the_nsm(&rng_current) { Ok(()) } else { Err(DeviceFailed) }
}

/// Whether this is the name of the NSM's driver, as the kernel writes it: with one line feed behind it.
fn names_the_nsm(rng_current: &[u8]) -> bool {
    rng_current.strip_suffix(b"\n").unwrap_or(rng_current) == b"nsm-hwrng"
}

/// Mixes randomness of the NSM into the kernel's generator, besides what its driver feeds by itself.
pub(crate) fn mix(nsm: &NitroNsm) -> io::Result<()> {
    let random = nsm.random().map_err(io::Error::other)?;
    fs::write("/dev/random", random)
}

const CURRENT: &str = "/sys/devices/virtual/misc/hw_random/rng_current";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nsms_generator_alone_is_taken_for_the_nsms() {
        for name in [b"nsm-hwrng\n".as_slice(), b"nsm-hwrng"] {
            assert!(names_the_nsm(name), "{name:?}");
        }
        let others: [&[u8]; 15] = [
            b"",
            b"\n",
            b"none\n",
            b"virtio_rng.0\n",
            b"tpm-rng-0\n",
            b"timeriomem_rng\n",
            b"nsm-hwrn",
            b"nsm-hwrng0\n",
            b"nsm-hwrng.0\n",
            b"NSM-HWRNG\n",
            b" nsm-hwrng\n",
            b"nsm-hwrng \n",
            b"nsm-hwrng\n\n",
            b"nsm-hwrng\0",
            b"virtio_rng.0\nnsm-hwrng\n",
        ];
        for name in others {
            assert!(!names_the_nsm(name), "{name:?}");
        }
    }
}
