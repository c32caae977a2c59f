//! What a hypervisor would measure of a simulated enclave.
//!
//! | register | of an enclave image | here |
//! |---|---|---|
//! | PCR0 | the whole image | a label for the missing kernel, and the signer's program |
//! | PCR1 | kernel and boot ramdisk | the label |
//! | PCR2 | the application | the program |
//! | PCR3 | the parent's IAM role | its ARN |
//! | PCR4 | the parent's instance id | its id |
//!
//! As on Nitro, PCR0 to PCR2 extend zero with the SHA-384 of the contents, PCR3 and PCR4 with the text.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA384};
use cloister_attestation::Pcr;

/// The measurements of one signer program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// The label and the program.
    pub pcr0: Pcr,
    /// The label.
    pub pcr1: Pcr,
    /// The program.
    pub pcr2: Pcr,
}

impl Image {
    /// Measures the program at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn measure(path: &Path) -> io::Result<Self> {
        let (mut whole, mut kernel, mut application) =
            (Context::new(&SHA384), Context::new(&SHA384), Context::new(&SHA384));
        whole.update(KERNEL);
        kernel.update(KERNEL);
        let mut file = File::open(path)?;
        let mut piece = vec![0; PIECE];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                length => {
                    whole.update(&piece[..length]);
                    application.update(&piece[..length]);
                }
            }
        }
        let register = |context: Context| Pcr::ZERO.extended(context.finish().as_ref());
        Ok(Self { pcr0: register(whole), pcr1: register(kernel), pcr2: register(application) })
    }

    /// PCR0 to PCR4 of an enclave that runs this image on `instance` with the IAM role `role`.
    #[must_use]
    pub fn registers(&self, role: &str, instance: &str) -> [(u8, Pcr); 5] {
        [
            (0, self.pcr0),
            (1, self.pcr1),
            (2, self.pcr2),
            (3, parent_role(role)),
            (4, Pcr::ZERO.extended(instance.as_bytes())),
        ]
    }
}

/// PCR3 of an enclave whose parent has this IAM role.
#[must_use]
pub fn parent_role(arn: &str) -> Pcr {
    Pcr::ZERO.extended(arn.as_bytes())
}

const KERNEL: &[u8] = b"cloister simulator: no kernel of its own";
const PIECE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_has_another_pcr0_and_pcr2_on_the_same_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let measure = |content: &[u8]| {
            let path = folder.path().join("program");
            std::fs::write(&path, content).unwrap();
            Image::measure(&path).unwrap()
        };
        let (one, other) = (measure(&[1; 3 << 20]), measure(b"other"));
        assert_eq!(one, measure(&[1; 3 << 20]));
        assert_eq!(one.pcr1, other.pcr1);
        assert!(one.pcr0 != other.pcr0 && one.pcr2 != other.pcr2);
    }
}
