//! `cloister enclave`: the enclave of this machine, through `nitro-cli`.

mod lock;
mod run;
mod shown;
mod status;
mod stop;
mod supervisor;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use clap::{Args, Subcommand};
use cloister_host::nitro::{NitroCli, NitroError};

use crate::{
    failure::{Exit, Failure},
    output::Output,
};
pub(super) use shown::differs;

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Start this machine's enclave and watch over it, until Ctrl-C or SIGTERM ends both.
    ///
    /// It gets the memory and processors that pcr.json asks for. One that it started and whose measurements are not those of pcr.json, or that
    /// is in debug mode, is ended again. One that runs already under this name, as after a crash of the supervisor, is taken over if it is the
    /// image of pcr.json, and otherwise left alone unless --replace says that it may be ended. A name has one supervisor at a time. One that
    /// ends by itself is started again, after pauses of 1 second up to a minute; it has forgotten everything then, and signs nothing before
    /// operators have named its new boot. `cloister-host --enclave nitro:NAME` finds it again by itself.
    #[command(after_help = "Example:
  cloister enclave run --eif cloister.eif --pcrs pcr.json --cid 16")]
    Run(run::Run),
    /// Say whether the enclave runs, and whether it is the image that it should be.
    Status(status::Status),
    /// End the enclave. One that `enclave run` watches over is started again: end that instead.
    Stop(stop::Stop),
}

/// Which enclave.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// The name that the enclave is started under, unique on this machine.
    #[arg(long, default_value = "cloister", value_name = "NAME")]
    pub(crate) name: String,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let nitro = NitroCli::new(PATIENCE);
    match command {
        Command::Run(run) => run.run(&nitro, output).await,
        Command::Status(status) => status.run(&nitro, output).await,
        Command::Stop(stop) => stop.run(&nitro, output).await,
    }
}

impl From<NitroError> for Failure {
    fn from(error: NitroError) -> Self {
        let code = match &error {
            NitroError::Missing { .. } => "nitro_cli_missing",
            NitroError::Unusable { .. } => "nitro_cli_unusable",
            NitroError::Failed { .. } => "nitro_cli_failed",
            NitroError::Silent { .. } => "nitro_cli_silent",
            NitroError::Unintelligible { .. } => "nitro_cli_unintelligible",
            NitroError::NotRunning(_) => "enclave_not_running",
            NitroError::Several(_) => "enclave_not_unique",
        };
        Self::new(Exit::Failed, code, &error, error.hint())
    }
}

/// An enclave's memory is allocated page by page, which takes its time.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
