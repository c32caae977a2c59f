//! What an image is made of.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use crate::failure::{Code, Failure, Result};

/// A checkout to build from.
#[derive(Clone, Debug)]
pub struct Checkout(PathBuf);

impl Checkout {
    /// The checkout that this program was built in.
    ///
    /// # Errors
    /// It is no longer there.
    pub fn own() -> Result<Self> {
        Self::at(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
    }

    /// A checkout elsewhere.
    ///
    /// # Errors
    /// There is none.
    pub fn at(root: PathBuf) -> Result<Self> {
        let canonical = root.canonicalize().map_err(|why| Failure::file(&root, why))?;
        if canonical.join(COMMAND_LINE).is_file() {
            return Ok(Self(canonical));
        }
        let hint = "Name the checkout to build from with --checkout.";
        Err(Failure::new(Code::CheckoutInvalid, format!("{} is no checkout of Cloister", root.display()), hint))
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
        std::fs::read_to_string(&path).map_err(|why| Failure::file(&path, why))
    }

    /// The kernel's command line.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn command_line(&self) -> Result<String> {
        Ok(self.read(COMMAND_LINE)?.trim_end().to_owned())
    }

    /// A file of it that does not say what it should.
    pub(crate) fn invalid(file: &str, why: impl Display) -> Failure {
        Failure::new(Code::CheckoutInvalid, format!("{file}: {why}"), "Take the file from the repository.")
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

const COMMAND_LINE: &str = "eif/cmdline.txt";
/// What `nitro-cli` is to give the enclave, MiB and CPUs.
pub const MEMORY_MIB: u64 = 128;
/// CPUs; on machines with hyperthreads whole cores go to enclaves, two at a time.
pub const CPUS: u64 = 2;
