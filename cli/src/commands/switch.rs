use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};
use cloister_client::switches::{self, Closed};
use cloister_wire::{
    ids::{Hash, KeyName, Tenant},
    switch::Scope,
};
use serde::Serialize;

use crate::{
    context::Connection,
    failure::Failure,
    output::{Lines, Output},
};

/// `cloister switch`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Stop signatures at once: of the whole group, of a tenant, or with one key. One operator is enough.
    #[command(after_help = "Examples:
  cloister switch close --everything --operator-key operator-1.key
  cloister switch close --of-tenant acme
  cloister switch close --of-tenant acme --with-key hot-1

A signer that is restarted forgets what was closed. The host that starts the group again closes what it knows of; look at `switch list`.")]
    Close(CloseArguments),
    /// Lift what was closed, each by its hash. That takes the quorum of operators.
    Open(OpenArguments),
    /// What is closed, as far as the host that answers knows.
    List(ListArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CloseArguments {
    /// The whole group.
    #[arg(long, required_unless_present = "of_tenant", conflicts_with = "of_tenant")]
    everything: bool,
    /// All that this tenant asks for.
    #[arg(long, value_name = "TENANT")]
    of_tenant: Option<Tenant>,
    /// Of that tenant, signatures with this key and its children alone.
    #[arg(long, value_name = "KEY", requires = "of_tenant")]
    with_key: Option<KeyName>,
    /// The operator's secret key file. By default the folder's first.
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct OpenArguments {
    /// Hashes of closings.
    #[arg(required = true, value_name = "HASH")]
    closings: Vec<Hash>,
    /// An operator's secret key file; repeated for the quorum. By default the folder's.
    #[arg(long = "operator-key", value_name = "FILE")]
    operator_keys: Vec<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Close(arguments) => output.answer(&arguments.run().await?),
        Command::Open(arguments) => output.answer(&arguments.run().await?),
        Command::List(arguments) => output.answer(&arguments.run().await?),
    }
    Ok(())
}

impl CloseArguments {
    async fn run(&self) -> Result<ChangedView, Failure> {
        let keys: Vec<_> = self.operator_key.iter().cloned().collect();
        let operators = self.connection.operators(&keys)?;
        let operator = operators.first();
        let operator =
            operator.ok_or_else(|| Failure::usage("the folder has no operator key", "Give --operator-key."))?;
        let attested = self.connection.attest().await?;
        let scope = match (&self.of_tenant, &self.with_key) {
            (None, _) => Scope::Group,
            (Some(tenant), None) => Scope::Tenant(tenant.clone()),
            (Some(tenant), Some(name)) => {
                let fits = |key: &cloister_client::Key| key.body().tenant == *tenant && key.body().name == *name;
                let key = attested.keys().await?.into_iter().find(fits);
                let unknown = || cloister_client::Error::NoSuchKey(format!("{tenant}/{name}"));
                Scope::Key(key.ok_or_else(unknown)?.id())
            }
        };
        let closing = switches::closing(attested.manifest(), scope, operator)?;
        let signers = attested.close(&closing).await?;
        Ok(ChangedView {
            closings: vec![closing.hash().to_string()],
            signers,
            simulated: self.connection.is_simulated()?,
        })
    }
}

impl OpenArguments {
    async fn run(&self) -> Result<ChangedView, Failure> {
        let operators = self.connection.operators(&self.operator_keys)?;
        let attested = self.connection.attest().await?;
        let opening = switches::opening(attested.manifest(), self.closings.clone(), &operators)?;
        let signers = attested.open(&opening).await?;
        let closings = self.closings.iter().map(ToString::to_string).collect();
        Ok(ChangedView { closings, signers, simulated: self.connection.is_simulated()? })
    }
}

impl ListArguments {
    async fn run(&self) -> Result<ListView, Failure> {
        let closed = self.connection.attest().await?.switches().await?;
        let closings = closed.iter().map(ClosedView::new).collect();
        Ok(ListView { closings, simulated: self.connection.is_simulated()? })
    }
}

/// What was closed or lifted, and which signers took it.
#[derive(Serialize)]
struct ChangedView {
    closings: Vec<String>,
    signers: Vec<u16>,
    simulated: bool,
}

#[derive(Serialize)]
struct ListView {
    closings: Vec<ClosedView>,
    simulated: bool,
}

#[derive(Serialize)]
struct ClosedView {
    closing: String,
    stops: String,
}

impl ClosedView {
    fn new(closed: &Closed) -> Self {
        let stops = match &closed.scope {
            Scope::Group => "the whole group".to_owned(),
            Scope::Tenant(tenant) => format!("tenant {tenant}"),
            Scope::Key(key) => format!("key {key}"),
        };
        Self { closing: closed.hash.to_string(), stops }
    }
}

impl fmt::Display for ChangedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signers: Vec<_> = self.signers.iter().map(ToString::to_string).collect();
        let lines = self.closings.iter().fold(Lines::new(), |lines, closing| lines.line("closing", closing));
        write!(f, "{}", lines.line("taken by signers", signers.join(", ")).simulated(self.simulated))
    }
}

impl fmt::Display for ListView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.closings.is_empty() {
            return f.write_str("nothing is closed, as far as this host knows");
        }
        let line = |lines: Lines, closed: &ClosedView| {
            lines.line("closed", format!("{}, by {}", closed.stops, closed.closing))
        };
        write!(f, "{}", self.closings.iter().fold(Lines::new(), line).simulated(self.simulated))
    }
}
