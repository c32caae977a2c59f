use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};
use cloister_client::{Secret, SecretFile};
use serde::Serialize;

use crate::{failure::Failure, output::Output};

/// `cloister operator`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make an operator's Ed25519 key: the secret goes into a new file (0600), the public key to stdout.
    #[command(after_help = "Example:\n  cloister operator keygen alice.key")]
    Keygen(Keygen),
}

#[derive(Args, Debug)]
pub(crate) struct Keygen {
    /// The new file; an existing one is never overwritten.
    file: PathBuf,
}

pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Keygen(Keygen { file }) = command;
    let secret = Secret::generate()?;
    SecretFile::create(&file, &secret)?;
    output.answer(&View { public_key: secret.public().to_string(), file: file.display().to_string() });
    Ok(())
}

#[derive(Serialize)]
struct View {
    public_key: String,
    file: String,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public_key)
    }
}
