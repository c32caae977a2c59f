//! Image files, taken apart and tampered with. The format: a header of 548 bytes, with the sections' offsets and lengths, that ends in a
//! CRC-32 of everything else; sections, each with a header of its own (type, flags, length). All numbers are big-endian.

use std::{io::Read as _, ops::Range};

use flate2::read::MultiGzDecoder;

const HEADER: usize = 548;
const OFFSETS: usize = 28;
const LENGTHS: usize = 284;
const SECTION_HEADER: usize = 12;
const COMMAND_LINE: u16 = 2;
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
    mend_checksum(eif);
}

/// The same image with another command line.
///
/// # Panics
/// If this is no image.
#[must_use]
pub fn with_command_line(eif: &[u8], alter: impl Fn(&str) -> String) -> Vec<u8> {
    let mut altered = eif[..HEADER].to_vec();
    for (number, (kind, body)) in sections(eif).into_iter().enumerate() {
        let mut content = eif[body.clone()].to_vec();
        if kind == COMMAND_LINE {
            content = alter(str::from_utf8(&content).expect("text")).into_bytes();
        }
        let (offset, length) = (altered.len() as u64, content.len() as u64);
        for (table, value) in [(OFFSETS, offset), (LENGTHS, length)] {
            altered[table + 8 * number..][..8].copy_from_slice(&value.to_be_bytes());
        }
        altered.extend(&eif[body.start - SECTION_HEADER..body.start - 8]);
        altered.extend(length.to_be_bytes());
        altered.extend(content);
    }
    mend_checksum(&mut altered);
    altered
}

fn last_ramdisk(eif: &[u8]) -> Range<usize> {
    let ramdisk = sections(eif).into_iter().rfind(|(kind, _)| *kind == RAMDISK);
    ramdisk.expect("an image has ramdisks").1
}

/// Types and bodies.
fn sections(eif: &[u8]) -> Vec<(u16, Range<usize>)> {
    let (mut at, mut sections) = (HEADER, Vec::new());
    while let Some(&[t0, t1, _, _, l0, l1, l2, l3, l4, l5, l6, l7]) = eif.get(at..at + SECTION_HEADER) {
        let length = usize::try_from(u64::from_be_bytes([l0, l1, l2, l3, l4, l5, l6, l7])).expect("a length");
        at += SECTION_HEADER;
        sections.push((u16::from_be_bytes([t0, t1]), at..at + length));
        at += length;
    }
    sections
}

fn mend_checksum(eif: &mut [u8]) {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&eif[..HEADER - 4]);
    crc.update(&eif[HEADER..]);
    let crc = crc.finalize();
    eif[HEADER - 4..HEADER].copy_from_slice(&crc.to_be_bytes());
}
