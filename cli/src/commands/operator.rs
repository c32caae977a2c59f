use std::{fmt, path::PathBuf};

use clap::{Args, Subcommand};
use cloister_client::{Secret, SecretFile};
use serde::Serialize;

use crate::{
    context::Connection,
    draft::{Draft, DraftView},
    failure::{Exit, Failure},
    output::Output,
    progress::Progress,
};

/// `cloister operator`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make an operator's Ed25519 key: the secret goes into a new file (0600), the public key to stdout.
    #[command(after_help = "Example:\n  cloister operator keygen alice.key")]
    Keygen(Keygen),
    /// Say in plain words what the order or policy in a draft file does, and who has signed it. Needs no network.
    Show(Show),
    /// Add your signature to a draft file, and say what it does. Needs no network.
    #[command(after_help = "Example, each step on another machine:
  cloister group start --draft start.json
  cloister operator show start.json
  cloister operator sign start.json --key alice.key
  cloister operator sign start.json --key bob.key
  cloister operator submit start.json")]
    Sign(Sign),
    /// Have the group carry out a draft that a quorum has signed. Safe to repeat.
    Submit(Submit),
}

#[derive(Args, Debug)]
pub(crate) struct Keygen {
    /// The new file; an existing one is never overwritten.
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The draft, as `--draft` of `group start`, `requester add`, `policy apply` and others wrote it.
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The draft, changed in place.
    file: PathBuf,
    /// Your secret key file.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Submit {
    /// The draft; several copies of it, if operators signed at the same time.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Keygen(Keygen { file }) => {
            let secret = Secret::generate()?;
            SecretFile::create(&file, &secret)?;
            output.answer(&View { public_key: secret.public().to_string(), file: file.display().to_string() });
        }
        Command::Show(Show { file }) => output.answer(&Draft::read(&file)?.view(&file)?),
        Command::Sign(sign) => sign.run(Draft::read(&sign.file)?, output)?,
        Command::Submit(submit) => output.answer(&submit.run(output).await?),
    }
    Ok(())
}

impl Sign {
    fn run(&self, mut draft: Draft, output: &Output) -> Result<(), Failure> {
        draft.sign(&SecretFile::read(&self.key)?)?;
        draft.replace(&self.file)?;
        output.answer(&draft.view(&self.file)?);
        Ok(())
    }

    /// The same, for a policy and nothing else.
    pub(super) fn run_for_policy(&self, output: &Output) -> Result<(), Failure> {
        let draft = Draft::read(&self.file)?;
        if !draft.is_policy() {
            let hint = "Give what `policy apply --draft` wrote, or use `cloister operator sign`.";
            return Err(Failure::usage("this draft starts the group", hint));
        }
        self.run(draft, output)
    }
}

impl Submit {
    async fn run(&self, output: &Output) -> Result<DraftView, Failure> {
        let (first, copies) = self.files.split_first().expect("the command line has one");
        let mut draft = Draft::read(first)?;
        copies.iter().try_for_each(|copy| draft.join(&Draft::read(copy)?))?;
        let view = draft.view(first)?;
        if !view.complete() {
            let hint = "Have more operators sign it: cloister operator sign FILE --key KEY";
            return Err(Failure::new(Exit::Unverified, "not_endorsed", view.state(), hint));
        }
        let progress = Progress::new(output);
        progress.doing("verifying every signer's attestation");
        let attested = self.connection.attest().await?;
        progress.doing("the group carries it out");
        draft.submit(&attested, &self.connection).await?;
        Ok(view.submitted())
    }
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
