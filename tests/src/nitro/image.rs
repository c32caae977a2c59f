//! Image files, taken apart and tampered with. The format: a header of 548 bytes that ends in a CRC-32 of everything else; sections,
//! each with a header of its own (type, flags, length). All numbers are big-endian.

use std::{io::Read as _, ops::Range};

use flate2::read::MultiGzDecoder;

const HEADER: usize = 548;
const RAMDISK: u16 = 3;

/// The files of an image's application, unpacked.
///
/// # Panics
/// If this is no image.
#[must_use]
pub fn application(eif: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(&eif[last_ramdisk(eif)]).read_to_end(&mut unpacked).expect("compressed with gzip");
    unpacked
}

/// Turns a bit of a byte that nothing reads, the time in the header of the application ramdisk's gzip, and mends the checksum.
///
/// # Panics
/// If this is no image.
pub fn flip_in_application(eif: &mut [u8]) {
    let ramdisk = last_ramdisk(eif).start;
    assert_eq!(eif[ramdisk..ramdisk + 3], [0x1f, 0x8b, 8], "the ramdisk is compressed with gzip");
    eif[ramdisk + 4] ^= 1;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&eif[..HEADER - 4]);
    crc.update(&eif[HEADER..]);
    let crc = crc.finalize();
    eif[HEADER - 4..HEADER].copy_from_slice(&crc.to_be_bytes());
}

fn last_ramdisk(eif: &[u8]) -> Range<usize> {
    let (mut at, mut last) = (HEADER, None);
    while let Some(&[t0, t1, _, _, l0, l1, l2, l3, l4, l5, l6, l7]) = eif.get(at..at + 12) {
        let length = usize::try_from(u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7])).expect("a length");
        at += 12;
        if u16::from_be_bytes([t0, t1]) == RAMDISK {
            last = Some(at..at + length);
        }
        at += length;
    }
    last.expect("an image has ramdisks")
}
