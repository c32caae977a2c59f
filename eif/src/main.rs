//! `cargo eif`: builds the enclave image and signs it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use cloister_eif::{
    image::{self, Order},
    kernel::processors,
    progress::Progress,
    recipe::{Checkout, Firmware},
    signature,
};

/// Cloister's enclave image: built from this checkout, measured, signed.
///
/// Two builds of one checkout with the same compilers are equal byte for byte, wherever they are made.
#[derive(Parser)]
#[command(name = "cargo eif", bin_name = "cargo eif", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Answer with one JSON object on stdout.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Build cloister.eif, pcr.json (measurements, sizes, inputs) and sbom.json (CycloneDX).
    Build(Build),
    /// Print what a key has to sign for an image: the first step where the key is kept offline.
    Digest(Digest),
    /// Put a certificate, and a signature that was made elsewhere, into an image: the second step.
    AttachSignature(Attach),
    /// Sign an image with a key in a file or in KMS.
    Sign(Sign),
}

#[derive(Args)]
struct Build {
    /// Build the image for rehearsals in an emulator instead. SIMULATED: anyone can sign its attestation documents, so no group that
    /// guards anything may accept it.
    #[arg(long)]
    rehearsal: bool,
    /// The folder for the three files [default: target/eif/production, or target/eif/rehearsal].
    #[arg(long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// The kernel source's Debian package, where apt-get cannot download it.
    #[arg(long, value_name = "FILE")]
    kernel_source: Option<PathBuf>,
    /// Another checkout to build from.
    #[arg(long, value_name = "FOLDER")]
    checkout: Option<PathBuf>,
    /// Compilers at work at once.
    #[arg(long, default_value_t = processors())]
    jobs: usize,
}

#[derive(Args)]
struct Digest {
    /// The image.
    #[arg(long, value_name = "FILE")]
    eif: PathBuf,
    /// The certificate, PEM, to foretell PCR8.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

#[derive(Args)]
struct Attach {
    /// The image.
    #[arg(long, value_name = "FILE")]
    eif: PathBuf,
    /// The certificate of the P-384 key, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The signature: 96 bytes r ‖ s, or DER.
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
    /// The signed image; its pcr.json is put beside it. Neither may be there already, so take another folder than the build's.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

#[derive(Args)]
struct Sign {
    /// The image.
    #[arg(long, value_name = "FILE")]
    eif: PathBuf,
    /// The certificate of the P-384 key, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The key: a PEM file, or the ARN of a key in KMS, for which AWS's usual settings are used.
    #[arg(long, value_name = "FILE|ARN")]
    key: String,
    /// The signed image; its pcr.json is put beside it. Neither may be there already, so take another folder than the build's.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { command, json }: Arguments) -> Result<()> {
    let answer = match command {
        Command::Build(build) => serde_json::to_value(self::build(build)?)?,
        Command::Digest(digest) => {
            serde_json::to_value(signature::to_be_signed(&digest.eif, digest.certificate.as_deref())?)?
        }
        Command::AttachSignature(attach) => serde_json::to_value(signature::attach(
            &attach.eif,
            &attach.certificate,
            &attach.signature,
            &attach.output,
        )?)?,
        Command::Sign(sign) => {
            serde_json::to_value(signature::sign(&sign.eif, &sign.certificate, &sign.key, &sign.output)?)?
        }
    };
    let mut said = String::new();
    if json {
        writeln!(said, "{answer:#}")?;
    } else {
        for (name, value) in answer.as_object().into_iter().flatten() {
            writeln!(said, "{name:13} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))?;
        }
    }
    match io::stdout().write_all(said.as_bytes()) {
        // Whoever reads has read enough.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn build(arguments: Build) -> Result<image::Summary> {
    let checkout = arguments.checkout.map_or_else(Checkout::own, Checkout::at)?;
    let folder = checkout.root().join("target/eif");
    let firmware = if arguments.rehearsal { Firmware::Rehearsal } else { Firmware::Production };
    let order = Order {
        output: arguments.output.unwrap_or_else(|| folder.join(firmware.folder())),
        firmware,
        target: folder.join("cargo"),
        kernel_source: arguments.kernel_source,
        jobs: arguments.jobs,
        checkout,
    };
    let progress = Progress::shown();
    let summary = image::build(&order, &progress);
    progress.end();
    summary
}

const EXAMPLES: &str = "Examples:
  cargo eif build
  cargo eif digest --eif target/eif/production/cloister.eif --certificate signer.pem
  cargo eif attach-signature --eif target/eif/production/cloister.eif --certificate signer.pem --signature image.sig --output signed/cloister.eif
  cargo eif sign --eif target/eif/production/cloister.eif --certificate signer.pem --key signer.key --output signed/cloister.eif
  cloister image verify --eif target/eif/production/cloister.eif --against target/eif/production/pcr.json";
