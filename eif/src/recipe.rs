//! What an image is made of.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A checkout to build from.
#[derive(Clone, Debug)]
pub struct Checkout(PathBuf);

impl Checkout {
    /// The checkout that this program was built in.
    ///
    /// # Errors
    /// It is no longer there.
    pub fn own() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Ok(Self(root.canonicalize().context("the checkout is no longer where this program was built")?))
    }

    /// A checkout elsewhere.
    ///
    /// # Errors
    /// There is none.
    pub fn at(root: PathBuf) -> Result<Self> {
        let root = root.canonicalize().with_context(|| format!("there is no checkout at {}", root.display()))?;
        ensure!(root.join("eif/cmdline.txt").is_file(), "{} is no checkout of Cloister", root.display());
        Ok(Self(root))
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The content of a file in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, path: &str) -> Result<String> {
        let path = self.0.join(path);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The kernel's command line.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn command_line(&self) -> Result<String> {
        Ok(self.read("eif/cmdline.txt")?.trim_end().to_owned())
    }
}

/// What is PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// The signer. It believes AWS's root, and the module of its machine.
    Production,
    /// SIMULATED: the same signer, believing and signing under a root whose key is public, for machines whose module cannot sign.
    Rehearsal,
}

impl Firmware {
    /// The package that it is in.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Production => "cloister-enclave",
            Self::Rehearsal => "cloister-stand-in-nsm",
        }
    }

    /// The program.
    #[must_use]
    pub fn program(self) -> &'static str {
        match self {
            Self::Production => "cloister-enclave",
            Self::Rehearsal => "cloister-rehearsal",
        }
    }

    /// The name in the image's metadata, and of its file.
    #[must_use]
    pub fn image(self) -> &'static str {
        match self {
            Self::Production => "cloister",
            Self::Rehearsal => "cloister-rehearsal",
        }
    }

    /// The folder below `target/eif`.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Rehearsal => "rehearsal",
        }
    }
}

/// What `nitro-cli` is to give the enclave, MiB and CPUs.
pub const MEMORY_MIB: u64 = 128;
/// CPUs; on machines with hyperthreads whole cores go to enclaves, two at a time.
pub const CPUS: u64 = 2;
