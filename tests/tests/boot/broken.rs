//! Files that are no image, or no longer one, do not boot, and the error says why.

use std::fs;

use cloister_tests::nitro::{BOOT, SERVING, Vm};

use crate::{enclave::Enclave, image::Image};

fn does_not_boot(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.eif");
    fs::write(&file, bytes).expect("written");
    let vm = Vm::boot(&file, Enclave::MEMORY, "nobody").unwrap_or_else(|error| panic!("{error:#}"));
    let error = vm.wait_for_console(SERVING, BOOT).expect_err("it is broken").to_string();
    assert!(vm.exited() && error.starts_with("the emulator has ended"), "{error}");
    error
}

#[test]
fn a_file_that_is_no_image_does_not_boot() {
    let error = does_not_boot(b"neither fish nor fowl");
    assert!(error.contains("EIF header"), "{error}");
}

#[test]
fn an_image_that_is_cut_off_or_damaged_does_not_boot() {
    let mut bytes = fs::read(Image::production().eif).expect("an image");
    let half = bytes.len() / 2;
    let cut = does_not_boot(&bytes[..half]);
    assert!(cut.contains("EIF"), "{cut}");
    bytes[half] ^= 1;
    let damaged = does_not_boot(&bytes);
    assert!(damaged.to_lowercase().contains("crc"), "{damaged}");
}
