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

/// The program that is PID 1, and the package that it is in.
pub const PROGRAM: &str = "cloister-enclave";
/// What `nitro-cli` is to give the enclave, MiB and CPUs.
pub const MEMORY_MIB: u64 = 128;
/// CPUs; on machines with hyperthreads whole cores go to enclaves, two at a time.
pub const CPUS: u64 = 2;
