mod view;

use clap::{Args, Subcommand};
use cloister_client::{Client, requests::Pending};
use cloister_wire::{approval::Stance, ids::Hash};

use super::sign::SignedView;
use crate::{
    context::{Connection, Identity},
    failure::Failure,
    output::Output,
    progress::Progress,
};
use view::ListView;
pub(crate) use view::PendingView;

/// `cloister requests`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Requests that wait: what each does, who has approved it, what is missing, and when it expires.
    List(ListArguments),
    /// One request, as every signer sees it.
    Show(ShowArguments),
    /// Say that a request may be signed.
    #[command(after_help = "Example:
  cloister requests approve 6f1c…  --requester bob --tenant acme --requester-key bob.key

Look at what it does first: cloister requests show HASH. The approval names that request and the policy in force, and is void under the \
next one.")]
    Approve(WordArguments),
    /// Say that a request may never be signed.
    Reject(WordArguments),
    /// Take back a request of your own.
    Cancel(WordArguments),
    /// Have a request that has its approvals signed.
    Sign(ShowArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    /// The request's hash.
    request: Hash,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct WordArguments {
    /// The request's hash.
    request: Hash,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::List(arguments) => list(&arguments, output).await,
        Command::Show(arguments) => show(&arguments, output).await,
        Command::Approve(arguments) => say(&arguments, Stance::Approve, output).await,
        Command::Reject(arguments) | Command::Cancel(arguments) => say(&arguments, Stance::Withdraw, output).await,
        Command::Sign(arguments) => sign(&arguments, output).await,
    }
}

async fn list(arguments: &ListArguments, output: &Output) -> Result<(), Failure> {
    let waiting = connect(&arguments.connection, output).await?.waiting().await?;
    output.answer(&ListView::new(&waiting, arguments.connection.is_simulated()?));
    Ok(())
}

async fn show(arguments: &ShowArguments, output: &Output) -> Result<(), Failure> {
    let pending = connect(&arguments.connection, output).await?.pending(&arguments.request).await?;
    output.answer(&PendingView::new(&pending, arguments.connection.is_simulated()?));
    Ok(())
}

async fn say(arguments: &WordArguments, stance: Stance, output: &Output) -> Result<(), Failure> {
    let credential = arguments.identity.credential(&arguments.connection)?;
    let client = connect(&arguments.connection, output).await?;
    let pending = client.pending(&arguments.request).await?;
    output.note(&pending.rendering);
    let word = pending.word(&credential.name, stance)?.prove(&credential.secret)?;
    let pending = client.say(&arguments.request, &word).await?;
    output.answer(&PendingView::new(&pending, arguments.connection.is_simulated()?));
    Ok(())
}

async fn sign(arguments: &ShowArguments, output: &Output) -> Result<(), Failure> {
    let client = connect(&arguments.connection, output).await?;
    let pending: Pending = client.pending(&arguments.request).await?;
    let job = pending.job()?;
    output.note(&pending.rendering);
    let progress = Progress::new(output);
    progress.doing("the signers check the request and its approvals, and sign");
    let signed = client.sign_requested(&pending.requested, &job).await?;
    drop(progress);
    output.answer(&SignedView::new(&job, &signed, None, arguments.connection.is_simulated()?));
    Ok(())
}

async fn connect(connection: &Connection, output: &Output) -> Result<Client, Failure> {
    let progress = Progress::new(output);
    progress.doing("verifying every signer's attestation");
    connection.connect().await
}
