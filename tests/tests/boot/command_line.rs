//! What the kernel would make arguments, environment and devices of. The line is measured, so no host can write it; the image must
//! be none the weaker for an unlucky one.

use std::fs;

use cloister_tests::nitro::{BOOT, SERVING, Vm, image::with_command_line};

use crate::{enclave::Enclave, image::Image};

/// The production image with another command line, and what its console says last.
fn boot(alter: impl Fn(&str) -> String, sentence: &str) -> Vm {
    let eif = fs::read(Image::production().eif).expect("an image");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("other.eif");
    fs::write(&file, with_command_line(&eif, alter)).expect("written");
    let vm = Vm::boot(&file, Enclave::MEMORY, "nobody").unwrap_or_else(|error| panic!("{error:#}"));
    vm.wait_for_console(sentence, BOOT).unwrap_or_else(|error| panic!("{error:#}"));
    vm
}

#[test]
fn words_that_the_kernel_does_not_know_are_no_settings() {
    // With this in its environment, Rust could start no thread.
    boot(|line| format!("{line} RUST_MIN_STACK=99999999999999 anything"), SERVING);
}

#[test]
fn without_the_module_it_ends() {
    // The hypervisor announces devices at the line's end, which here are arguments.
    let vm = boot(|line| format!("{line} --"), "cloister: stopped: there is no /dev/nsm");
    assert!(!vm.console().contains(SERVING));
}
