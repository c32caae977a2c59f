//! The emulated Nitro machine in which tests boot the enclave's image: QEMU's `nitro-enclave` machine, and `vhost-device-vsock` as
//! its parent's end of vsock.
//!
//! Debian's binary packages leave that machine out, so QEMU is built once from Debian's source package into the cache.

mod qemu;
mod source;

use std::{fmt, path::PathBuf};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::install::{self, VHOST_DEVICE_VSOCK};

/// Where its parts are installed.
#[derive(Clone, Debug)]
pub struct Emulator {
    /// `qemu-system-x86_64` with the machine.
    pub qemu: PathBuf,
    /// The folder of firmware that it boots with (`-L`).
    pub firmware: PathBuf,
    /// `vhost-device-vsock`.
    pub vsock: PathBuf,
}

impl Emulator {
    /// Builds and installs what is missing, with the Debian packages that this takes.
    ///
    /// # Errors
    /// The cause: a package, the source or the network that is not there, or the end of what the build printed.
    pub fn install(sh: &Shell) -> Result<Self> {
        install::debian_packages(sh)?;
        qemu::install(sh)
            .context("the emulator of Nitro machines cannot be built, and without it nothing is booted")?;
        VHOST_DEVICE_VSOCK.path(sh)?;
        Self::installed()
    }

    /// What [`Emulator::install`] has installed.
    ///
    /// # Errors
    /// If a part is missing; the sentence says what to run.
    pub fn installed() -> Result<Self> {
        let qemu::Build { program, firmware } = qemu::Build::in_cache()?;
        let emulator = Self { qemu: program, firmware, vsock: VHOST_DEVICE_VSOCK.program()? };
        for program in [&emulator.qemu, &emulator.vsock] {
            ensure!(program.is_file(), "{} is missing; run: cargo xtask emulator", program.display());
        }
        Ok(emulator)
    }
}

impl fmt::Display for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { qemu, firmware, vsock } = self;
        write!(f, "{}\n{}\n{}", qemu.display(), firmware.display(), vsock.display())
    }
}
