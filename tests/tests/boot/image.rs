//! The image under test.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cloister_wire::{ids::Pcr, manifest::Measurements};

/// An image file, and what its build said that it measures.
pub(crate) struct Image {
    pub(crate) eif: PathBuf,
    pub(crate) measurements: Measurements,
}

impl Image {
    /// The one that would be released.
    pub(crate) fn production() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/eif/production");
        let (eif, predicted) = (folder.join("cloister.eif"), folder.join("pcr.json"));
        for file in [&eif, &predicted] {
            assert!(file.is_file(), "{} is missing; run: cargo eif build", file.display());
        }
        let predicted = fs::read(predicted).expect("pcr.json");
        let predicted: serde_json::Value = serde_json::from_slice(&predicted).expect("JSON");
        let pcr = |name: &str| {
            let digits = predicted["Measurements"][name].as_str().unwrap_or_else(|| panic!("pcr.json has no {name}"));
            Pcr::try_from(hex::decode(digits).expect("hexadecimal").as_slice()).expect("48 bytes")
        };
        Self { eif, measurements: Measurements { pcr0: pcr("PCR0"), pcr1: pcr("PCR1"), pcr2: pcr("PCR2"), pcr8: None } }
    }
}
