//! The production image, byte for byte as it would be released, booted in an emulated Nitro machine and asked over vsock.
//!
//! What judges here nobody wrote for us: QEMU parses the image, measures it and keeps the registers. Its module leaves documents
//! unsigned, so this image believes none of them; groups that sign run elsewhere.

mod broken;
mod command_line;
mod document;
mod enclave;
mod flood;
mod image;
mod measurements;
mod serving;
mod signed;
mod unsigned;
