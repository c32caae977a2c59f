//! An enclave image from anywhere. The checksum is put right, since no mutation would get past it, and what it covers is read.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The module alone, since the rest of the client brings HTTP and chains with it, which nothing here needs. It is formatted where it
// belongs; from here its tests would not be found.
#[path = "../../client/src"]
mod client {
    #[allow(dead_code)]
    #[rustfmt::skip]
    pub mod image;
}

use client::image::Image;

const CHECKSUM: std::ops::Range<usize> = 544..548;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    if let Some((before, after)) = bytes.split_at_checked(CHECKSUM.end) {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&before[..CHECKSUM.start]);
        crc.update(after);
        let crc = crc.finalize().to_be_bytes();
        bytes[CHECKSUM].copy_from_slice(&crc);
    }
    if let Ok(image) = Image::parse(&bytes) {
        assert_eq!(image.bytes(), bytes.len());
        assert!(!image.command_line().is_empty());
        assert_eq!(image.signer().is_some(), image.measurements().pcr8.is_some());
    }
});
