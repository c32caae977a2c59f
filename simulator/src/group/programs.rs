//! Which programs a group's processes run.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::host;
use crate::{
    kms,
    nsm::TestRoot,
    signer::{self, end_when_stdin_closes, image::Image},
};

/// A program and the first of its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// What comes before the arguments that the launcher gives.
    pub arguments: Vec<OsString>,
}

/// A program for each part of a group.
#[derive(Clone, Debug)]
pub struct Programs {
    /// What a signer runs in.
    pub enclave: Enclave,
    /// [`crate::kms::run`].
    pub kms: Program,
    /// [`super::run_host`].
    pub host: Program,
}

/// What a signer runs in, and what is measured of it.
#[derive(Clone, Debug)]
pub enum Enclave {
    /// A process of [`crate::signer::run`]: its executable is the image that is measured.
    Process(Program),
    /// A guest of an emulator.
    Guest {
        /// An enclave image whose firmware is [`crate::nsm::Rehearsal`]'s.
        eif: PathBuf,
        /// Starts `--image` on a parent with `--role`, prints `{"listening":"PATH"}` once it serves at the Unix socket `--socket`, and
        /// ends when its standard input is closed.
        launcher: Program,
    },
}

impl Enclave {
    /// What is measured.
    #[must_use]
    pub fn file(&self) -> &Path {
        match self {
            Self::Process(Program { path, .. }) => path,
            Self::Guest { eif, .. } => eif,
        }
    }

    /// Measures a copy of it.
    pub(super) fn measure(&self, copy: &Path) -> anyhow::Result<Image> {
        match self {
            Self::Process(_) => Ok(Image::measure(copy)?),
            Self::Guest { .. } => {
                let measured = cloister_client::image::Image::parse(&fs::read(copy)?)?;
                let registers = measured.measurements();
                Ok(Image { pcr0: registers.pcr0, pcr1: registers.pcr1, pcr2: registers.pcr2 })
            }
        }
    }

    /// What its documents chain to.
    pub(super) fn root(&self) -> anyhow::Result<TestRoot> {
        match self {
            Self::Process(_) => Ok(TestRoot::generate()?),
            Self::Guest { .. } => Ok(TestRoot::of_rehearsals()),
        }
    }
}

impl Programs {
    /// One executable that calls [`run_hidden`] before it does anything else.
    #[must_use]
    pub fn within(executable: &Path) -> Self {
        let part = |name: &str| Program { path: executable.into(), arguments: vec![name.into()] };
        Self { enclave: Enclave::Process(part(SIGNER)), kms: part(KMS), host: part(HOST) }
    }
}

/// Runs a part of a group if these are the arguments for one (`PROGRAM sim-signer …`, `sim-kms`, `sim-host`), and returns nothing
/// if they aren't. Every part ends when its standard input is closed.
pub fn run_hidden(mut arguments: impl Iterator<Item = OsString>) -> Option<anyhow::Result<()>> {
    let _program = arguments.next()?;
    let part = arguments.next()?;
    let arguments = std::iter::once(part.clone()).chain(arguments);
    match part.to_str()? {
        SIGNER => Some(signer::run(arguments)),
        KMS => {
            end_when_stdin_closes();
            Some(kms::run(arguments).map_err(Into::into))
        }
        HOST => Some(host::run(arguments)),
        _ => None,
    }
}

const SIGNER: &str = "sim-signer";
const KMS: &str = "sim-kms";
const HOST: &str = "sim-host";
