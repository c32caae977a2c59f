//! `cargo eif`: builds the enclave image and signs it.

use std::{
    env,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use cloister_eif::{
    failure::{Code, Failure, Result},
    image::{self, Order},
    kernel::processors,
    progress::Progress,
    recipe::{Checkout, Firmware},
    signature,
};
use serde_json::{Value, json};

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
    match Arguments::try_parse() {
        Ok(Arguments { command, json }) => ended(run(command).and_then(|answer| print(&answer, json)), json),
        Err(why) if why.use_stderr() && env::args_os().any(|argument| argument == "--json") => {
            ended(Err(unusable(&why)), true)
        }
        Err(why) => why.exit(),
    }
}

/// Says why it failed: JSON on stdout, text on stderr.
fn ended(result: Result<()>, json: bool) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if json {
        // A reader who has gone away knows that.
        drop(writeln!(io::stdout(), "{:#}", json!({"error": failure})));
    } else {
        eprintln!("error: {failure} ({})\n hint: {}", failure.code, failure.hint);
    }
    failure.into()
}

/// Arguments that cannot be read, in one sentence.
fn unusable(why: &clap::Error) -> Failure {
    let rendered = why.render().to_string();
    let sentence = rendered.split("\n\n").next().unwrap_or_default();
    let sentence = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
    let (code, hint) = (Code::Usage, "See cargo eif --help.".to_owned());
    Failure { code, message: sentence.trim_start_matches("error: ").to_owned(), hint }
}

fn run(command: Command) -> Result<Value> {
    let answer = match command {
        Command::Build(build) => serde_json::to_value(self::build(build)?),
        Command::Digest(Digest { eif, certificate }) => {
            serde_json::to_value(signature::to_be_signed(&eif, certificate.as_deref())?)
        }
        Command::AttachSignature(Attach { eif, certificate, signature, output }) => {
            serde_json::to_value(signature::attach(&eif, &certificate, &signature, &output)?)
        }
        Command::Sign(Sign { eif, certificate, key, output }) => {
            serde_json::to_value(signature::sign(&eif, &certificate, &key, &output)?)
        }
    };
    Ok(answer.map_err(io::Error::from)?)
}

fn print(answer: &Value, json: bool) -> Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |(name, value): (&String, &Value)| format!("{name:13} {}\n", text(value));
    let said =
        if json { format!("{answer:#}\n") } else { answer.as_object().into_iter().flatten().map(line).collect() };
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
