mod view;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cloister_client::{
    Client, passkey,
    requests::{Pending, Unsaid},
};
use cloister_wire::{
    approval::{Approval, Stance},
    ids::Hash,
};

use super::sign::{ChallengeView, SignedView};
use crate::{
    context::{Connection, Identity},
    destination,
    failure::Failure,
    input,
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
  cloister requests approve 6f1c…  --requester carol --tenant acme --challenge word.cbor
  cloister requests approve 6f1c…  --word word.cbor --assertion assertion.json

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
    /// For a passkey: write your word to this new file, and print the challenge for the browser. Nothing is said yet.
    #[arg(long, value_name = "FILE", conflicts_with = "word", requires = "requester")]
    challenge: Option<PathBuf>,
    /// The word that --challenge wrote.
    #[arg(long, value_name = "FILE", requires = "assertion")]
    word: Option<PathBuf>,
    /// What the browser answered: the toJSON() of what navigator.credentials.get() returned.
    #[arg(long, value_name = "FILE", requires = "word")]
    assertion: Option<PathBuf>,
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
    if let Some(file) = &arguments.challenge {
        return challenge(arguments, stance, file, output).await;
    }
    let said = arguments.said(stance)?;
    let credential = match &said {
        Some(_) => None,
        None => Some(arguments.identity.credential(&arguments.connection)?),
    };
    let client = connect(&arguments.connection, output).await?;
    let pending = client.pending(&arguments.request).await?;
    output.note(&pending.rendering);
    let word = match (said, credential) {
        (Some(word), _) => word,
        (None, Some(credential)) => pending.word(&credential.name, stance)?.prove(&credential.secret)?,
        (None, None) => {
            return Err(Failure::usage("nobody says it", "Give --requester-key, or --word and --assertion."));
        }
    };
    let pending = client.say(&arguments.request, &word).await?;
    output.answer(&PendingView::new(&pending, arguments.connection.is_simulated()?));
    Ok(())
}

/// The first of two runs: the word without its proof, for a person to confirm in a browser.
async fn challenge(arguments: &WordArguments, stance: Stance, file: &Path, output: &Output) -> Result<(), Failure> {
    let (member, _) = arguments.identity.absent()?;
    let client = connect(&arguments.connection, output).await?;
    let pending = client.pending(&arguments.request).await?;
    output.note(&pending.rendering);
    let word = pending.word(member, stance)?;
    destination::write_new(file, word.bytes())?;
    output.answer(&ChallengeView::new(passkey::challenge(&word.challenge()), file));
    Ok(())
}

impl WordArguments {
    /// The word of an earlier run, with what the browser made of it.
    fn said(&self, stance: Stance) -> Result<Option<Approval>, Failure> {
        let (Some(word), Some(assertion)) = (&self.word, &self.assertion) else { return Ok(None) };
        let hint = "Give what --challenge wrote for the same request and command.";
        let (unsaid, says) = Unsaid::read(input::read(word)?).map_err(|why| Failure::content(word, why, hint))?;
        if says.request != self.request || says.stance != stance {
            return Err(Failure::usage("the word that was confirmed is another one", hint));
        }
        let hint = "Give the toJSON() of what navigator.credentials.get() returned.";
        let proof =
            passkey::assertion(&input::read(assertion)?).map_err(|why| Failure::content(assertion, why, hint))?;
        Ok(Some(unsaid.assemble(proof)?))
    }
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
