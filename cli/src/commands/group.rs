use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};
use cloister_client::{
    Attested, LastStart,
    operator::{self, PlanError},
};
use cloister_wire::{
    endorsement::Endorsed,
    ids::{Hash, Incarnation},
    order::{StartKind, StartOrder},
    policy::Policy,
};
use serde::Serialize;

use crate::{
    context::Connection,
    document,
    draft::{Draft, DraftView, Signing, kind},
    failure::{Exit, Failure},
    output::{Lines, Output},
    progress::Progress,
};

/// `cloister group`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Name the boots that make up the group: at genesis, and again after signers were restarted.
    ///
    /// Attests every signer that answers, signs a start order for exactly those boots with the operators' keys, and has the hosts carry
    /// it out. Safe to repeat.
    #[command(
        after_help = "Examples:\n  cloister group start\n  cloister group start --restart --policy group.policy --operator-key alice.key --operator-key bob.key"
    )]
    Start(Start),
}

#[derive(Args, Debug)]
pub(crate) struct Start {
    /// The first start, in which signer keys are made. Without this or --restart: whatever the host has not done yet.
    #[arg(long, conflicts_with = "restart")]
    genesis: bool,
    /// A later start.
    #[arg(long)]
    restart: bool,
    /// At a restart: hash of the genesis order, as its `group start` printed it. By default that of the folder's `genesis.cbor`, else the
    /// host's.
    #[arg(long, value_name = "HEX", conflicts_with = "genesis")]
    genesis_order: Option<Hash>,
    /// Number of this start; has to be higher than every one before. By default one more than the highest that any host or signer shows.
    #[arg(long)]
    incarnation: Option<u64>,
    /// The policy that is to be in force. By default the folder's `policy.cbor`, else the host's; at genesis one that allows nothing yet.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Start(start) = command;
    let operators = start.signing.operators(&start.connection)?;
    let progress = Progress::new(output);
    progress.doing("verifying every signer's attestation");
    let attested = start.connection.attest().await?;
    let (order, policy) = start.order(&attested, output).await?;
    let draft = Draft::start(&attested, &order, policy)?;
    let order_hash = draft.hash();
    progress.doing("the signers start");
    let draft = operators.carry_out(draft, &attested, &start.connection).await?;
    drop(progress);
    output.answer(&View::new(&order, order_hash, draft, &attested, start.connection.is_simulated()?));
    Ok(())
}

impl Start {
    async fn order(&self, attested: &Attested, output: &Output) -> Result<(StartOrder, Endorsed<Policy>), Failure> {
        let manifest = attested.manifest();
        let (state, last) = (attested.state().await?, attested.last_start().await?);
        let started = last.incarnation().is_some();
        let kind = if self.genesis || !(self.restart || started) {
            StartKind::Genesis
        } else {
            self.restart_of(attested, state.genesis, output)?
        };
        check_present(kind, attested, output)?;
        let policy = match (self.stored_policy()?, state.policy) {
            (Some(policy), _) => policy,
            (None, Some(policy)) => {
                output.note("The policy is the one that the host shows; it bears the operators' quorum, but only you know whether it is the newest.");
                policy
            }
            (None, None) => Draft::unsigned(&operator::PolicyDraft::first(manifest).build()?)?,
        };
        let incarnation = self.number(&last, output)?;
        Ok((operator::start_order(manifest, kind, incarnation, attested.boots(), &policy)?, policy))
    }

    /// One that no start has had, as far as hosts and signers show.
    fn number(&self, last: &LastStart, output: &Output) -> Result<Incarnation, Failure> {
        if !last.unreachable().is_empty() {
            let hosts: Vec<_> = last.unreachable().iter().map(ToString::to_string).collect();
            let hosts = hosts.join(", ");
            output.note(format!(
                "These signers' hosts cannot be asked for the starts that they know of: {hosts}. Make sure that there was none which only they have seen."
            ));
        }
        let newest = last.incarnation().unwrap_or_default();
        match self.incarnation.map(Incarnation) {
            Some(given) if given <= newest => Err(PlanError::IncarnationTaken { given, last: newest }.into()),
            Some(given) => Ok(given),
            None => Ok(newest.next().ok_or(PlanError::NoNextVersion)?),
        }
    }

    /// The genesis named, or else the folder's, or else the one that the host shows.
    fn restart_of(
        &self,
        attested: &Attested,
        shown: Option<Endorsed<StartOrder>>,
        output: &Output,
    ) -> Result<StartKind, Failure> {
        let file = self.connection.genesis_file();
        let genesis = match (self.genesis_order, shown) {
            (Some(genesis), _) => return Ok(StartKind::Restart { genesis }),
            (None, _) if self.connection.is_folder() && file.exists() => document::read(&file)?,
            (None, Some(shown)) => {
                output.note("The genesis order is the one that the host shows; it bears the operators' quorum, but only you know whether you signed another.");
                shown
            }
            (None, None) => {
                return Err(Failure::usage(
                    "no genesis order is known",
                    "Give --genesis-order, or start with --genesis.",
                ));
            }
        };
        Ok(operator::restart_of(attested.manifest(), &genesis)?)
    }

    fn stored_policy(&self) -> Result<Option<Endorsed<Policy>>, Failure> {
        let folder = self.connection.policy_file();
        match &self.policy {
            Some(path) => document::read(path).map(Some),
            None if self.connection.is_folder() && folder.exists() => document::read(&folder).map(Some),
            None => Ok(None),
        }
    }
}

/// Genesis takes every signer, a restart as many as sign together. Those that are left out are named.
fn check_present(kind: StartKind, attested: &Attested, output: &Output) -> Result<(), Failure> {
    let absent: Vec<_> = attested.absent().iter().map(|(signer, why)| format!("signer {signer} ({why})")).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let (manifest, present) = (attested.manifest(), attested.boots().len());
    let (what, needed) = match kind {
        StartKind::Genesis => ("a genesis", manifest.signers.len()),
        StartKind::Restart { .. } => ("a restart", usize::from(manifest.threshold)),
    };
    let missing = format!("missing: {}", absent.join(", "));
    if present < needed {
        let message = format!("{what} needs {needed} signers and {present} attest; {missing}");
        return Err(Failure::new(
            Exit::Failed,
            "not_enough_signers",
            message,
            "Start these signers and their hosts first.",
        ));
    }
    output.note(format!("The group starts without some signers, which need another start to take part; {missing}"));
    Ok(())
}

#[derive(Serialize)]
struct View {
    incarnation: u64,
    kind: &'static str,
    order_hash: String,
    policy_hash: String,
    boots: Vec<BootView>,
    /// Signers that take no part.
    absent: Vec<u16>,
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<DraftView>,
}

#[derive(Serialize)]
struct BootView {
    signer: u16,
    boot: String,
}

impl View {
    fn new(order: &StartOrder, hash: Hash, draft: Option<DraftView>, attested: &Attested, simulated: bool) -> Self {
        let boots =
            order.roster.iter().map(|entry| BootView { signer: entry.signer.get(), boot: entry.boot.to_string() });
        Self {
            incarnation: order.incarnation.0,
            kind: kind(order),
            order_hash: hash.to_string(),
            policy_hash: order.policy.to_string(),
            boots: boots.collect(),
            absent: attested.absent().iter().map(|(signer, _)| signer.get()).collect(),
            simulated,
            draft,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(draft) = &self.draft {
            return draft.fmt(f);
        }
        let mut lines = Lines::new().line("started", format!("{}, incarnation {}", self.kind, self.incarnation));
        for boot in &self.boots {
            lines = lines.line("signer", format!("{}, boot {}", boot.signer, boot.boot));
        }
        write!(f, "{}", lines.simulated(self.simulated))
    }
}
