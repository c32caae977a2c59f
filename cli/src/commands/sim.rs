use std::{env, fmt, path::PathBuf};

use clap::{Args, Subcommand};
use cloister_simulator::group::{Group, GroupPlan, Link, Programs};
use serde::Serialize;

use crate::{
    failure::{Exit, Failure},
    output::{Lines, Output},
    progress::Progress,
};

pub(crate) mod words;

/// `cloister sim`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Start a whole group on this machine and run it until interrupted: KMS stand-in, signers, hosts.
    ///
    /// A folder that holds a group already is continued with its keys. SIMULATED: whoever can read the folder holds everything.
    #[command(
        after_help = "Example:\n  cloister sim up --signers 5 --threshold 3 --dir five &\n  until cloister status --dir five > /dev/null 2>&1; do sleep 1; done\n  cloister key create --dir five --scheme ed25519 --name treasury"
    )]
    Up(Up),
}

#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Where everything is kept.
    #[arg(long, env = "CLOISTER_DIR", default_value = "cloister-sim", value_name = "DIR")]
    dir: PathBuf,
    /// How many signers a new group has.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=32))]
    signers: u16,
    /// How many of them sign together.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=32))]
    threshold: u16,
    /// Start the processes and leave the start order to `cloister group start`.
    #[arg(long)]
    no_start: bool,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Up(up) = command;
    if up.threshold > up.signers {
        return Err(Failure::usage(
            "the threshold is higher than the number of signers",
            "Choose a lower --threshold.",
        ));
    }
    let group = tokio::select! {
        group = launch(&up, output) => group?,
        () = interrupted() => return Err(interruption()),
    };
    output.answer(&View::new(&group, !up.no_start));
    interrupted().await;
    Ok(group.stop().await?)
}

async fn launch(up: &Up, output: &Output) -> Result<Group, Failure> {
    let progress = Progress::new(output);
    let mut group =
        Group::up(plan(up.dir.clone(), up.signers, up.threshold)?, &|step| progress.doing(words::of(step))).await?;
    if !up.no_start {
        group.start(&|step| progress.doing(words::of(step))).await?;
    }
    Ok(group)
}

/// A group whose processes are this program under other names.
pub(crate) fn plan(dir: PathBuf, signers: u16, threshold: u16) -> Result<GroupPlan, Failure> {
    let executable = env::current_exe().map_err(anyhow::Error::from)?;
    Ok(GroupPlan { dir, signers, threshold, programs: Programs::within(&executable), link: Link::Direct })
}

/// Returns at Ctrl-C, SIGTERM, or when the terminal is closed.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    let Ok(mut closed) = signal(SignalKind::hangup()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = closed.recv() => {}
        _ = terminate.recv() => {}
    }
}

pub(crate) fn interruption() -> Failure {
    Failure::new(Exit::Failed, "interrupted", "interrupted; all processes were ended", "Run the command again.")
}

#[derive(Serialize)]
struct View {
    dir: PathBuf,
    group: String,
    manifest_hash: String,
    threshold: u16,
    urls: Vec<String>,
    parent_roles: Vec<String>,
    kms: Option<String>,
    requester: String,
    tenant: String,
    simulated: bool,
    /// Whether it has its start order already.
    #[serde(skip)]
    started: bool,
}

impl View {
    fn new(group: &Group, started: bool) -> Self {
        let record = group.record();
        Self {
            dir: group.dir().to_owned(),
            group: record.group.clone(),
            manifest_hash: record.manifest_hash.clone(),
            threshold: record.threshold,
            urls: record.signers.iter().map(|signer| signer.url.clone()).collect(),
            parent_roles: record.signers.iter().map(|signer| signer.parent_role.clone()).collect(),
            kms: record.kms.clone(),
            requester: record.requester.name.clone(),
            tenant: record.requester.tenant.clone(),
            simulated: true,
            started,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("group", format!("{}, {} of {} signers", self.group, self.threshold, self.urls.len()))
            .line("manifest", &self.manifest_hash)
            .line("hosts", self.urls.join(" "))
            .line("roles", self.parent_roles.join(" "))
            .maybe("kms", self.kms.as_ref())
            .line("folder", self.dir.display())
            .simulated(true);
        let (dir, requester) = (self.dir.display(), &self.requester);
        let start = if self.started { "" } else { "  cloister group start\n" };
        write!(
            f,
            "{lines}\n\nIn another terminal, for instance:\n  export CLOISTER_DIR={dir}\n{start}  cloister key create --scheme ed25519 --name treasury\n  \
             cloister requester add {requester} --allow treasury=solana,message\n  echo -n 'I am the treasury' | cloister sign --key treasury \
             --chain message -\n\nRunning; Ctrl-C stops it and keeps the folder."
        )
    }
}
