//! What an image builder says of its image: `pcr.json`.

use std::path::Path;

use cloister_wire::manifest::Measurements;
use serde::Deserialize;
use serde_json::Value;

use crate::{commands::manifest::measurements, failure::Failure, input};

/// An enclave image: what it measures to, and what it needs to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    pub(crate) release: Measurements,
    pub(crate) needs: Needs,
}

/// What an enclave has to be given; absent where `nitro-cli` wrote the file.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Needs {
    pub(crate) memory_mib: Option<u64>,
    pub(crate) cpus: Option<u64>,
}

impl Image {
    /// Reads `{"Measurements": {"PCR0": "hex", ...}, "memory_mib": 128, "cpus": 2, ...}`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = input::read_file(path)?;
        let invalid = |why: String| Failure::content(path, why, EXPECTED);
        let value: Value = serde_json::from_slice(&text).map_err(|why| invalid(why.to_string()))?;
        let release = measurements::release(&value).map_err(invalid)?;
        let needs = Needs::deserialize(&value).map_err(|why| invalid(why.to_string()))?;
        Ok(Self { release, needs })
    }
}

/// What is said about a file that is something else.
const EXPECTED: &str = "Give the pcr.json that was made with the image.";
