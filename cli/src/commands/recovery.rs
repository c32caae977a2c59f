mod file;
mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cloister_client::{
    Attested, SecretFile,
    recoveries::{self, Known, Proposal, guarded},
};
use cloister_wire::{
    approval::Stance,
    credential::Credential,
    ids::{Hash, Requester},
    recovery::Canceller,
};

use super::requester::in_force;
use crate::{
    context::{Connection, Identity},
    failure::Failure,
    input,
    output::Output,
};
use view::{ListView, ProposalView, TakenView};

/// `cloister recovery`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Write down that a member who lost its credential is to have another one. Nothing is sent.
    #[command(after_help = "Examples:
  cloister recovery draft ann --public-key 3f1c... --out ann.json
  cloister recovery draft ann --passkey passkey.json --out ann.json

The policy has to give the member guardians:
  ann = { ed25519 = \"...\", guardians = { approve = 2, of = \"family\", delay = \"48h\" } }

The file then goes round: each guardian runs `recovery approve FILE`, and anybody `recovery submit FILE` within a day. Once the delay \
is over, the new credential counts and the old one does not. Until then whoever still has the old one, or any one operator, stops it: \
`recovery cancel HASH`.

A member who lost a recovered credential again names the recovery that is in force with --after HASH; `recovery list` shows it.")]
    Draft(DraftArguments),
    /// Add a guardian's approval to the file. Ask the member first, by a way that nobody else can answer.
    #[command(after_help = "Example:
  cloister recovery approve ann.json --requester bob --tenant acme --requester-key bob.key

The approval names the policy in force and is void under the next one.")]
    Approve(ApproveArguments),
    /// Send a recovery with its approvals to every signer: the policy's delay begins at each of them. Safe to repeat.
    Submit(SubmitArguments),
    /// Recoveries that have been through the host that answers.
    List(ListArguments),
    /// Stop a recovery that waits: with the credential that it is to replace, or as any one operator.
    #[command(after_help = "Examples:
  cloister recovery cancel 6f1c... --requester ann --tenant acme --requester-key ann.key
  cloister recovery cancel 6f1c... --operator-key operator-1.key

What was cancelled never begins again; guardians can draft another one. What is in force is changed by a policy alone.")]
    Cancel(CancelArguments),
}

#[derive(Args, Debug)]
pub(crate) struct DraftArguments {
    /// The member's name in the policy.
    member: Requester,
    /// Its new public key: 64 hex digits for Ed25519, 66 (a compressed point) for P-256.
    #[arg(long, value_name = "HEX", required_unless_present = "passkey", conflicts_with = "passkey")]
    public_key: Option<String>,
    /// Its new passkey, as `requester add --passkey` takes it.
    #[arg(long, value_name = "FILE")]
    passkey: Option<PathBuf>,
    /// The recovery in force, if it is not the policy's credential that was lost.
    #[arg(long, value_name = "HASH")]
    after: Option<Hash>,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct ApproveArguments {
    /// The draft.
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Args, Debug)]
pub(crate) struct SubmitArguments {
    /// The draft.
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct CancelArguments {
    /// The recovery's hash.
    recovery: Hash,
    /// An operator's secret key file, in place of the member's.
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Draft(arguments) => output.answer(&arguments.run().await?),
        Command::Approve(arguments) => output.answer(&arguments.run(output).await?),
        Command::Submit(arguments) => output.answer(&arguments.run().await?),
        Command::List(arguments) => output.answer(&arguments.run().await?),
        Command::Cancel(arguments) => output.answer(&arguments.run().await?),
    }
    Ok(())
}

impl DraftArguments {
    async fn run(&self) -> Result<ProposalView, Failure> {
        let credential = self.credential()?;
        let attested = self.connection.attest().await?;
        let (policy, _) = in_force(&attested).await?;
        let replaces = match &self.after {
            Some(hash) => Some(known(&attested, hash).await?.proposal.body.credential),
            None => None,
        };
        let proposal = Proposal::draft(&policy, &self.member, replaces.as_ref(), credential)?;
        file::create(&self.out, &proposal)?;
        ProposalView::new(&proposal, &policy, self.connection.is_simulated()?)
    }

    fn credential(&self) -> Result<Credential, Failure> {
        if let Some(path) = &self.passkey {
            return input::passkey(path);
        }
        input::public_key(self.public_key.as_deref().unwrap_or_default())
    }
}

impl ApproveArguments {
    async fn run(&self, output: &Output) -> Result<ProposalView, Failure> {
        let mut proposal = file::read(&self.file)?;
        let guardian = self.identity.credential(&self.connection)?;
        let (policy, endorsed) = in_force(&self.connection.attest().await?).await?;
        let simulated = self.connection.is_simulated()?;
        output.note(ProposalView::new(&proposal, &policy, simulated)?);
        proposal.approve((&policy, endorsed.hash()), &guardian)?;
        file::replace(&self.file, &proposal)?;
        ProposalView::new(&proposal, &policy, simulated)
    }
}

impl SubmitArguments {
    async fn run(&self) -> Result<TakenView, Failure> {
        let proposal = file::read(&self.file)?;
        let attested = self.connection.attest().await?;
        let (policy, _) = in_force(&attested).await?;
        let (_, _, guardians) = guarded(&policy, &proposal.body.member)?;
        let taken = attested.recover(&proposal).await?;
        let simulated = self.connection.is_simulated()?;
        Ok(TakenView::new(&proposal.recovery.hash(), taken, Some(guardians.delay_ms), simulated))
    }
}

impl ListArguments {
    async fn run(&self) -> Result<ListView, Failure> {
        let attested = self.connection.attest().await?;
        let (policy, _) = in_force(&attested).await?;
        Ok(ListView::new(&attested.recoveries().await?, &policy, self.connection.is_simulated()?))
    }
}

impl CancelArguments {
    async fn run(&self) -> Result<TakenView, Failure> {
        let attested = self.connection.attest().await?;
        let by = self.canceller(&attested).await?;
        let taken = attested.cancel_recovery(&self.recovery, &by).await?;
        Ok(TakenView::new(&self.recovery, taken, None, self.connection.is_simulated()?))
    }

    async fn canceller(&self, attested: &Attested) -> Result<Canceller, Failure> {
        if let Some(file) = &self.operator_key {
            return Ok(recoveries::cancellation(attested.manifest(), self.recovery, &SecretFile::read(file)?)?);
        }
        let holder = self.identity.credential(&self.connection)?;
        let known = known(attested, &self.recovery).await?;
        let (_, policy) = in_force(attested).await?;
        let word = known.proposal.word(policy.hash(), &holder.name, Stance::Withdraw);
        Ok(Canceller::Holder(word.prove(&holder.secret)?))
    }
}

/// The recovery of this hash, as the host has it: its hash vouches for what it says.
async fn known(attested: &Attested, hash: &Hash) -> Result<Known, Failure> {
    let mut all = attested.recoveries().await?.into_iter();
    let unknown = || Failure::usage(format!("no recovery {hash} has been through this host"), LOOK);
    all.find(|known| known.proposal.recovery.hash() == *hash).ok_or_else(unknown)
}

const LOOK: &str = "See which have: cloister recovery list, also at another host (--url).";
