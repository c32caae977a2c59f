//! `cloister image`: what an enclave image is, before it runs.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use cloister_attestation::PcrIndex;
use cloister_client::image::{Image, Measurements};
use console::style;
use serde::Serialize;

use super::{attest::rfc3339, manifest::measurements};
use crate::{
    failure::{Exit, Failure},
    output::Output,
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
    let file = read(&verify.eif)?;
    let image = Image::parse(&file)
        .map_err(|why| Failure::content(&verify.eif, why, "Give an enclave image, whole and unchanged."))?;
    let different = verify.against.as_deref().map(|against| different(image.measurements(), against)).transpose()?;
    let view = View::new(&image, different.as_deref());
    match different {
        Some(different) if !different.is_empty() => {
            Err(output.answer_failed(&view, another(&different, verify.against.as_deref())))
        }
        Some(_) | None => {
            output.answer(&view);
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(Image::LONGEST as u64 + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|why| Failure::file(path, why))
}

/// The registers of an image that are others than in the file, or are named in one of the two alone.
fn different(measured: &Measurements, against: &Path) -> Result<Vec<PcrIndex>, Failure> {
    let expected = measurements::read(against)?;
    let measured = [
        (PcrIndex::IMAGE, Some(measured.pcr0)),
        (PcrIndex::KERNEL, Some(measured.pcr1)),
        (PcrIndex::APPLICATION, Some(measured.pcr2)),
        (PcrIndex::IMAGE_SIGNER, measured.pcr8),
    ];
    Ok(measured
        .into_iter()
        .filter(|(index, value)| expected.get(index) != value.as_ref())
        .map(|(index, _)| index)
        .collect())
}

fn another(different: &[PcrIndex], against: Option<&Path>) -> Failure {
    let names: Vec<_> = different.iter().map(|index| format!("PCR{}", index.get())).collect();
    let message = format!(
        "the image is another than in {}: {} differ",
        against.unwrap_or(Path::new("")).display(),
        names.join(", ")
    );
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
    signed_until: Option<String>,
    expired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    equal: Option<bool>,
}

impl<'a> View<'a> {
    fn new(image: &'a Image, different: Option<&[PcrIndex]>) -> Self {
        let until = image.signed_until();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            measurements: image.measurements(),
            command_line: image.command_line(),
            signed: until.is_some(),
            signed_until: until.map(|seconds| rfc3339(seconds.saturating_mul(1000))),
            expired: until.is_some_and(|until| until < now),
            equal: different.map(<[_]>::is_empty),
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
        writeln!(f, "command line  {}", self.command_line.trim_end_matches('\0'))?;
        match (&self.signed_until, self.expired) {
            (None, _) => write!(f, "signature     none")?,
            (Some(until), false) => write!(f, "signature     good, certificate valid until {until}")?,
            (Some(until), true) => write!(
                f,
                "signature     good, {}",
                style(format!("but its certificate ended at {until}: Nitro will not start it")).red()
            )?,
        }
        match self.equal {
            Some(true) => write!(f, "\n{}", style("the image is the one that was named").green()),
            Some(false) | None => Ok(()),
        }
    }
}
