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

/// Turns a bit of a byte that nothing reads, the time in the header of the application ramdisk's gzip, and mends the checksum.
///
/// The format: a header of 548 bytes that ends in a CRC-32 of everything else; sections, each with a header of its own (type, flags,
/// length). All numbers are big-endian.
pub(crate) fn flip_in_application(eif: &mut [u8]) {
    const HEADER: usize = 548;
    const RAMDISK: u16 = 3;
    let (mut at, mut last) = (HEADER, None);
    while let Some(&[t0, t1, _, _, l0, l1, l2, l3, l4, l5, l6, l7]) = eif.get(at..at + 12) {
        let length = usize::try_from(u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7])).expect("a length");
        if u16::from_be_bytes([t0, t1]) == RAMDISK {
            last = Some(at + 12);
        }
        at += 12 + length;
    }
    let ramdisk = last.expect("an image has ramdisks");
    assert_eq!(eif[ramdisk..ramdisk + 3], [0x1f, 0x8b, 8], "the ramdisk is compressed with gzip");
    eif[ramdisk + 4] ^= 1;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&eif[..HEADER - 4]);
    crc.update(&eif[HEADER..]);
    let crc = crc.finalize();
    eif[HEADER - 4..HEADER].copy_from_slice(&crc.to_be_bytes());
}
