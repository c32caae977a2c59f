//! `cloister attest`: the group's signers live, and documents from anywhere.

mod live;
mod verify;

pub(crate) use verify::{moment, rfc3339};

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cloister_wire::ids::SignerId;

use crate::{context::Connection, failure::Failure, output::Output};

/// `cloister attest`.
///
/// Has every signer attest its boot over a fresh nonce and checks it against the pinned manifest: release, parent role, manifest,
/// signer number, keys.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  cloister attest
  cloister attest --signer 1 --save signer-1.cose
  cloister attest verify signer-1.cose --at document --root cloister-sim/test-root.der
  cloister attest verify genuine.cose --at 2024-05-01T12:00:00Z --pcrs measurements.json --nonce 00ff"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this signer.
    #[arg(long, value_name = "NUMBER")]
    signer: Option<SignerId>,
    /// Keep the signer's attestation document in this file.
    #[arg(long, value_name = "FILE", requires = "signer")]
    save: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Verify an attestation document of any Nitro enclave, AWS's own included.
    Verify(verify::Arguments),
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    match arguments.command {
        Some(Command::Verify(verify)) => verify::run(&verify, output),
        None => live::run(arguments, output).await,
    }
}
