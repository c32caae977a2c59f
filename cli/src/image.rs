//! What an image builder says of its image: `pcr.json`.

use std::path::Path;

use cloister_wire::manifest::Measurements;
use serde_json::Value;

use crate::{commands::manifest::measurements, failure::Failure, input};

/// An enclave image: what it measures to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    pub(crate) release: Measurements,
}

impl Image {
    /// Reads `{"Measurements": {"PCR0": "hex", ...}, ...}`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = input::read_file(path)?;
        let invalid = |why: String| Failure::content(path, why, EXPECTED);
        let value: Value = serde_json::from_slice(&text).map_err(|why| invalid(why.to_string()))?;
        let release = measurements::release(&value).map_err(invalid)?;
        Ok(Self { release })
    }
}

/// What is said about a file that is something else.
const EXPECTED: &str = "Give the pcr.json that was made with the image.";
