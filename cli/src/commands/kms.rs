//! `cloister kms`.

mod policy;

use clap::Subcommand;

pub(super) use policy::Member;

use crate::{failure::Failure, output::Output};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Key policies: what lets one signer's enclave open its shares, and nobody else.
    #[command(subcommand)]
    Policy(policy::Command),
}

pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Policy(command) => policy::run(command, output),
    }
}
