//! `cloister image`: what an enclave image is, before it runs.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use cloister_attestation::{Pcr, PcrIndex};
use cloister_client::image::{Image, Measurements, SigningCertificate};
use console::style;
use serde::{Deserialize, Serialize};

use super::{attest::rfc3339, manifest::measurements};
use crate::{
    failure::{Exit, Failure},
    input,
    output::Output,
    printable::line,
};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Measure an enclave image and compare it with what a release says.
    ///
    /// Reads the file as an enclave's hypervisor would, with code that shares nothing with the image builder: form, checksum, signature, PCR0,
    /// PCR1, PCR2 and, if it is signed, PCR8. To check a release, build the same checkout with `cargo eif build` and compare its
    /// pcr.json: builds are the same byte for byte.
    #[command(after_help = "Examples:
  cloister image verify --eif cloister.eif
  cloister image verify --eif cloister.eif --against pcr.json")]
    Verify(Verify),
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// The image.
    #[arg(long, value_name = "FILE")]
    eif: PathBuf,
    /// What it has to measure: a release's pcr.json, or what `nitro-cli` prints.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Verify(verify) = command;
    let image = read(&verify.eif)?;
    let compared = match &verify.against {
        Some(path) => Some((path, Release::read(path)?.compare(&image))),
        None => None,
    };
    let view = View::new(&image, compared.as_ref().map(|(_, compared)| compared));
    let failure = match &compared {
        Some((against, compared)) if !compared.different.is_empty() => Some(another(&compared.different, against)),
        _ => does_not_start(&image),
    };
    match failure {
        Some(failure) => Err(output.answer_failed(&view, failure)),
        None => {
            output.answer(&view);
            Ok(())
        }
    }
}

/// Reads and measures an image.
pub(crate) fn read(path: &Path) -> Result<Image, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(Image::LONGEST as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|why| Failure::file(path, why))?;
    Image::parse(&bytes).map_err(|why| Failure::content(path, why, "Give an enclave image, whole and unchanged."))
}

/// Why Nitro would not start an image of the right form.
pub(crate) fn does_not_start(image: &Image) -> Option<Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let ended = image.signer().is_some_and(|signer| !signer.valid().contains(&now));
    let hint = "Sign the image that `cargo eif build` made with a certificate that is valid; PCR8 will be another, and with it what key policies have to name.";
    let message = "the certificate by which it is signed is not valid now, so Nitro does not start it";
    ended.then(|| Failure::new(Exit::Unverified, "image_certificate", message, hint))
}

/// What a release says of its image.
struct Release {
    registers: BTreeMap<PcrIndex, Pcr>,
    /// Not in what `nitro-cli` prints.
    file: Option<Digest>,
}

/// The whole file, with what is not measured.
#[derive(Deserialize)]
struct Digest {
    sha384: String,
    bytes: usize,
}

impl Release {
    fn read(path: &Path) -> Result<Self, Failure> {
        let registers = measurements::read(path)?;
        let hint = "Give a release's pcr.json, or what `nitro-cli` prints.";
        let named: Named =
            serde_json::from_slice(&input::read_file(path)?).map_err(|why| Failure::content(path, why, hint))?;
        Ok(Self { registers, file: named.image })
    }

    fn compare(&self, image: &Image) -> Compared {
        let measured = image.measurements();
        let registers = [
            (PcrIndex::IMAGE, Some(measured.pcr0)),
            (PcrIndex::KERNEL, Some(measured.pcr1)),
            (PcrIndex::APPLICATION, Some(measured.pcr2)),
            (PcrIndex::IMAGE_SIGNER, measured.pcr8),
        ];
        let differs = |(index, value): &(PcrIndex, Option<Pcr>)| self.registers.get(index) != value.as_ref();
        let mut different: Vec<_> = registers.into_iter().filter(differs).map(|(index, _)| index.to_string()).collect();
        // A signature makes another file of the same image, of which PCR8 has told.
        let same_signer = self.registers.get(&PcrIndex::IMAGE_SIGNER) == measured.pcr8.as_ref();
        let file = self.file.as_ref().filter(|_| same_signer);
        let same = |file: &Digest| file.bytes == image.bytes() && file.sha384 == hex::encode(image.sha384());
        different.extend(file.is_some_and(|file| !same(file)).then(|| "the file's SHA-384".to_owned()));
        Compared { different, file: file.is_some() }
    }
}

/// What of a release's description is read here beside the registers.
#[derive(Deserialize)]
struct Named {
    image: Option<Digest>,
}

struct Compared {
    /// What differs, or is named in one of the two alone.
    different: Vec<String>,
    /// Whether the file as a whole was compared.
    file: bool,
}

fn another(different: &[String], against: &Path) -> Failure {
    let message = format!("the image is another than in {}: {} differ", against.display(), different.join(", "));
    Failure::new(
        Exit::Unverified,
        "image_differs",
        message,
        "Do not run it: get the image and its pcr.json from the release again, or build both.",
    )
}

#[derive(Serialize)]
struct View<'a> {
    #[serde(rename = "Measurements")]
    measurements: &'a Measurements,
    command_line: &'a str,
    signed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_until: Option<String>,
    /// The time is not one in which the certificate is valid.
    expired: bool,
    image: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    equal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_compared: Option<bool>,
}

/// The file, as a release's pcr.json says it.
#[derive(Serialize)]
struct Shown {
    sha384: String,
    bytes: usize,
}

impl<'a> View<'a> {
    fn new(image: &'a Image, compared: Option<&Compared>) -> Self {
        let signer = image.signer();
        let moment = |seconds: &u64| rfc3339(seconds.saturating_mul(1000));
        Self {
            measurements: image.measurements(),
            command_line: image.command_line(),
            signed: signer.is_some(),
            signed_by: signer.map(SigningCertificate::subject),
            signed_from: signer.map(|signer| moment(signer.valid().start())),
            signed_until: signer.map(|signer| moment(signer.valid().end())),
            expired: does_not_start(image).is_some(),
            image: Shown { sha384: hex::encode(image.sha384()), bytes: image.bytes() },
            equal: compared.map(|compared| compared.different.is_empty()),
            file_compared: compared.map(|compared| compared.file),
        }
    }
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measurements { pcr0, pcr1, pcr2, pcr8, .. } = self.measurements;
        writeln!(f, "PCR0          {pcr0}\nPCR1          {pcr1}\nPCR2          {pcr2}")?;
        if let Some(pcr8) = pcr8 {
            writeln!(f, "PCR8          {pcr8}")?;
        }
        writeln!(f, "command line  {}", line(self.command_line))?;
        writeln!(f, "file          {} bytes, SHA-384 {}", self.image.bytes, self.image.sha384)?;
        match (self.signed_by, &self.signed_from, &self.signed_until) {
            (Some(by), Some(from), Some(until)) => {
                let valid = format!("certificate valid from {from} until {until}");
                let valid = if self.expired { style(valid).red() } else { style(valid) };
                write!(f, "signature     good, by {}; {valid}", line(by))?;
            }
            _ => write!(f, "signature     none")?,
        }
        match (self.equal, self.file_compared) {
            (Some(true), Some(true)) => {
                write!(f, "\n{}", style("the image is the one that was named, byte for byte").green())
            }
            (Some(true), _) => {
                let rest = "its SHA-384 as a file was not named, so what is not measured was not compared";
                write!(f, "\n{}; {rest}", style("the image measures what was named").green())
            }
            (Some(false) | None, _) => Ok(()),
        }
    }
}
