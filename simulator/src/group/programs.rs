//! Which programs a group's processes run.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::host;
use crate::{
    kms,
    signer::{self, end_when_stdin_closes},
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
    /// [`crate::signer::run`]: its executable is the image that is measured.
    pub signer: Program,
    /// [`crate::kms::run`].
    pub kms: Program,
    /// [`super::run_host`].
    pub host: Program,
}

impl Programs {
    /// One executable that calls [`run_hidden`] before it does anything else.
    #[must_use]
    pub fn within(executable: &Path) -> Self {
        let part = |name: &str| Program { path: executable.into(), arguments: vec![name.into()] };
        Self { signer: part(SIGNER), kms: part(KMS), host: part(HOST) }
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
