//! An enclave image file (EIF), measured by whoever wants to know what it is before it runs. This code shares nothing with the builder,
//! so that one judges the other.
//!
//! ```text
//!   header 548 bytes: ".eif", version, flags, memory, CPUs, sections with offset and length, CRC-32 of everything else
//!   sections, each behind 12 bytes of type, flags, length: kernel, command line, metadata, ramdisks, signature
//!
//!   PCR0 = kernel ‖ command line ‖ ramdisks    PCR1 = kernel ‖ command line ‖ first ramdisk    PCR2 = other ramdisks
//!   PCR8 = the signing certificate, DER         each: SHA-384 of it, extended into a register of zeros
//! ```
//!
//! Nothing but contents is measured, one behind the other: PCRs alone do not say where the kernel ends and the command line, or where that
//! ends and a ramdisk begins, and an image that is cut elsewhere boots another way. So PCR0, PCR1 and PCR2 count together only, and this
//! reader takes an image in one form alone:
//!
//! - sections stand where the header says, one behind the other, and what has no meaning (flags, reserved fields, the table behind the last
//!   section) is zero, as AWS's builder writes it;
//! - a bzImage is as long as it says of itself, wherever a section may pretend that it ends; the command line behind it is one line of printable
//!   ASCII, and the ramdisks behind that are gzip, which begins with a byte that is none. Then PCR0 and PCR1 fix those boundaries too;
//! - no ramdisk is empty. Where one of several others ends and the next begins is not fixed, and loads the same bytes all the same.
//!
//! What stays free is what Nitro does not load: metadata, and the header's defaults of memory and CPUs. The file's own digest covers those.
//! The format is that of AWS's `aws-nitro-enclaves-image-format`.

mod header;
mod signature;

use aws_lc_rs::digest::{Context, SHA384, SHA384_OUTPUT_LEN, digest};
use cloister_attestation::Pcr;
use serde::{Serialize, Serializer};

use header::{Header, Section};
pub use signature::SigningCertificate;

/// An image whose form, checksum and signature, if it has one, are right. What it does is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    measurements: Measurements,
    command_line: String,
    signer: Option<SigningCertificate>,
    sha384: [u8; SHA384_OUTPUT_LEN],
    bytes: usize,
}

/// What a hypervisor measures when it loads an image. Serialised as `nitro-cli` writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measurements {
    #[serde(rename = "HashAlgorithm")]
    algorithm: &'static str,
    /// The whole image.
    #[serde(rename = "PCR0", serialize_with = "hexadecimal")]
    pub pcr0: Pcr,
    /// Kernel, command line and first ramdisk.
    #[serde(rename = "PCR1", serialize_with = "hexadecimal")]
    pub pcr1: Pcr,
    /// The other ramdisks: the application.
    #[serde(rename = "PCR2", serialize_with = "hexadecimal")]
    pub pcr2: Pcr,
    /// The signing certificate, where the image is signed.
    #[serde(rename = "PCR8", serialize_with = "optional", skip_serializing_if = "Option::is_none")]
    pub pcr8: Option<Pcr>,
}

/// Why a file is no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageRejected {
    /// It is longer than [`Image::LONGEST`].
    #[error("it is longer than 268435456 bytes, which no image is")]
    TooLong,
    /// It ends too early.
    #[error("it is cut off: {what} would end at byte {end}, and the file has {length}")]
    Truncated {
        /// The part that is not there in full.
        what: &'static str,
        /// Where it would end.
        end: usize,
        /// Bytes of the file.
        length: usize,
    },
    /// Another kind of file.
    #[error("it is no enclave image: it does not begin with \".eif\"")]
    Foreign,
    /// A version of the format that is not known.
    #[error("it is an image of version {0}; versions 3 and 4 are known")]
    Version(u16),
    /// For another kind of machine, or with flags that are not known.
    #[error("its flags are {0:#06x}; those of an image for x86-64 are 0")]
    Flags(u16),
    /// Something that has no meaning, and that builders write as zero.
    #[error("{0} is not zero, as every builder writes it")]
    NotZero(&'static str),
    /// More sections than there is room for, or none.
    #[error("it claims to have {0} sections; an image has 3 to 32")]
    Sections(u16),
    /// A section does not stand where the header says, or is longer or shorter.
    #[error("section {0} does not stand where the header says")]
    Boundary(usize),
    /// A section of a type that is not known, or one that comes twice or in the wrong place.
    #[error("section {position} is of type {found}, which cannot stand there")]
    Section {
        /// Which, from 0.
        position: usize,
        /// The type.
        found: u16,
    },
    /// Something that every image has is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// The kernel's section is cut elsewhere than the kernel's own header says.
    #[error("its kernel has {found} bytes, and {said} by the kernel's own header")]
    Kernel {
        /// Bytes of the section.
        found: u64,
        /// What the kernel says.
        said: u64,
    },
    /// Another text than kernels are booted with.
    #[error("its command line is not one line of printable ASCII")]
    CommandLine,
    /// A ramdisk that holds nothing, or does not begin as one.
    #[error("ramdisk {0} is empty or no gzip")]
    Ramdisk(usize),
    /// Bytes behind the last section.
    #[error("{0} bytes stand behind its last section")]
    Trailing(usize),
    /// The checksum is another.
    #[error("its CRC-32 is {found:08x}, and its header says {said:08x}: it was damaged or changed")]
    Checksum {
        /// Of the bytes.
        found: u32,
        /// In the header.
        said: u32,
    },
    /// The signature section is not one, or holds another signature.
    #[error("its signature: {0}")]
    Signature(&'static str),
}

impl Image {
    /// Bytes of the longest image that is read, 256 MiB.
    pub const LONGEST: usize = 256 << 20;

    /// Reads and measures an image.
    ///
    /// # Errors
    /// What is wrong with it. Time and memory are proportional to its length, which is at most 256 MiB.
    pub fn parse(file: &[u8]) -> Result<Self, ImageRejected> {
        if file.len() > Self::LONGEST {
            return Err(ImageRejected::TooLong);
        }
        let header = Header::parse(file)?;
        let sections = header.sections(file)?;
        header.check_sum(file)?;
        let parts = Parts::sort(&sections)?;
        parts.check_boundaries()?;
        let (measurements, signer) = parts.measure()?;
        let command_line = String::from_utf8_lossy(parts.command_line).into_owned();
        let sha384 = digest(&SHA384, file).as_ref().try_into().expect("SHA-384 has 48 bytes");
        Ok(Self { measurements, command_line, signer, sha384, bytes: file.len() })
    }

    /// What it measures.
    #[must_use]
    pub fn measurements(&self) -> &Measurements {
        &self.measurements
    }

    /// The kernel's command line.
    #[must_use]
    pub fn command_line(&self) -> &str {
        &self.command_line
    }

    /// The file's own digest, which covers what is not measured too.
    #[must_use]
    pub fn sha384(&self) -> &[u8; SHA384_OUTPUT_LEN] {
        &self.sha384
    }

    /// Bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The certificate by which it is signed.
    #[must_use]
    pub fn signer(&self) -> Option<&SigningCertificate> {
        self.signer.as_ref()
    }
}

/// The sections by what they are.
struct Parts<'a> {
    kernel: &'a [u8],
    command_line: &'a [u8],
    ramdisks: Vec<&'a [u8]>,
    signature: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn sort(sections: &[Section<'a>]) -> Result<Self, ImageRejected> {
        let (mut kernel, mut command_line, mut metadata, mut signature) = (None, None, None, None);
        let mut ramdisks = Vec::new();
        for (position, section) in sections.iter().enumerate() {
            // The order is that in which the contents are measured.
            let before = match section.kind {
                KERNEL => kernel.replace(section.content).is_some() || command_line.is_some() || !ramdisks.is_empty(),
                COMMAND_LINE => command_line.replace(section.content).is_some() || !ramdisks.is_empty(),
                METADATA => metadata.replace(section.content).is_some(),
                SIGNATURE => signature.replace(section.content).is_some(),
                RAMDISK => {
                    ramdisks.push(section.content);
                    false
                }
                _ => true,
            };
            if before {
                return Err(ImageRejected::Section { position, found: section.kind });
            }
        }
        let kernel = kernel.ok_or(ImageRejected::Missing("kernel"))?;
        let command_line = command_line.ok_or(ImageRejected::Missing("command line"))?;
        if ramdisks.is_empty() {
            return Err(ImageRejected::Missing("ramdisk"));
        }
        Ok(Self { kernel, command_line, ramdisks, signature })
    }

    /// Whether the sections begin and end where what is measured has its own boundaries.
    fn check_boundaries(&self) -> Result<(), ImageRejected> {
        if self.command_line.is_empty() || !self.command_line.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Err(ImageRejected::CommandLine);
        }
        // Read where it is measured, so that a section which ends before it hides nothing.
        let measured = [self.kernel, self.command_line].into_iter().chain(self.ramdisks.iter().copied()).flatten();
        let kernel = kernel_length(&measured.take(KERNEL_HEADER).copied().collect::<Vec<_>>());
        let found = self.kernel.len() as u64;
        if let Some(said) = kernel.filter(|said| *said != found) {
            return Err(ImageRejected::Kernel { found, said });
        }
        let begins = |ramdisk: &[u8]| if kernel.is_some() { ramdisk.starts_with(GZIP) } else { !ramdisk.is_empty() };
        match self.ramdisks.iter().position(|ramdisk| !begins(ramdisk)) {
            Some(position) => Err(ImageRejected::Ramdisk(position)),
            None => Ok(()),
        }
    }

    fn measure(&self) -> Result<(Measurements, Option<SigningCertificate>), ImageRejected> {
        let (first, others) = self.ramdisks.split_first().ok_or(ImageRejected::Missing("ramdisk"))?;
        let platform = [self.kernel, self.command_line, first];
        let pcr0 = register(platform.into_iter().chain(others.iter().copied()));
        let signer = self.signature.map(|section| signature::signer(section, &pcr0)).transpose()?;
        let measurements = Measurements {
            algorithm: "Sha384 { ... }",
            pcr0,
            pcr1: register(platform),
            pcr2: register(others.iter().copied()),
            pcr8: signer.as_ref().map(SigningCertificate::register),
        };
        Ok((measurements, signer))
    }
}

/// Bytes of the bzImage that begins so (`setup_sects` and `syssize` in the Linux/x86 boot protocol); nothing for other kernels.
fn kernel_length(start: &[u8]) -> Option<u64> {
    let [setup, _, _, size @ ..] = start.get(0x1f1..0x1f8)?.first_chunk::<7>()?;
    let setup = if *setup == 0 { 4 } else { u64::from(*setup) };
    let is_one = start.get(0x202..KERNEL_HEADER)? == b"HdrS";
    is_one.then(|| (setup + 1) * 512 + u64::from(u32::from_le_bytes(*size)) * 16)
}

/// A register of zeros, extended with the SHA-384 of these.
fn register<'a>(contents: impl IntoIterator<Item = &'a [u8]>) -> Pcr {
    let mut hash = Context::new(&SHA384);
    contents.into_iter().for_each(|content| hash.update(content));
    Pcr::ZERO.extended(hash.finish().as_ref())
}

fn hexadecimal<S: Serializer>(pcr: &Pcr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(pcr)
}

fn optional<S: Serializer>(pcr: &Option<Pcr>, serializer: S) -> Result<S::Ok, S::Error> {
    match pcr {
        Some(pcr) => serializer.collect_str(pcr),
        None => serializer.serialize_none(),
    }
}

/// Up to the magic number of a bzImage, inclusive.
const KERNEL_HEADER: usize = 0x206;
const GZIP: &[u8] = &[0x1f, 0x8b];

const KERNEL: u16 = 1;
const COMMAND_LINE: u16 = 2;
const RAMDISK: u16 = 3;
const SIGNATURE: u16 = 4;
const METADATA: u16 = 5;

#[cfg(test)]
mod tests;
