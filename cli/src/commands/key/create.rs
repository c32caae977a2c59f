//! `cloister key create`.

use clap::{Args, ValueEnum};
use cloister_client::{Client, requester::Credential};
use cloister_wire::{ids::KeyName, refusal::Refusal, request};

use super::{KeyView, view::KeyList};
use crate::{
    context::{Connection, Identity},
    failure::{Exit, Failure},
    network::Shown,
    output::Output,
    progress::Progress,
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// What it is for: ed25519 signs for Solana, secp256k1-taproot for Bitcoin, secp256k1-ecdsa for Ethereum, Cosmos and Bitcoin before
    /// Taproot, secp256k1-schnorr texts only.
    #[arg(long)]
    scheme: Scheme,
    /// What you will call it; 1 to 64 printable characters, unique within the tenant.
    #[arg(long)]
    name: KeyName,
    /// Make this many, called NAME-1, NAME-2 and so on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    count: Option<u16>,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Scheme {
    Ed25519,
    #[value(name = "secp256k1-taproot")]
    Taproot,
    #[value(name = "secp256k1-schnorr")]
    Schnorr,
    #[value(name = "secp256k1-ecdsa")]
    Ecdsa,
}

impl Arguments {
    pub(super) async fn run(self, output: &Output) -> Result<(), Failure> {
        let names = self.count.map(|count| numbered(&self.name, count)).transpose()?;
        let credential = self.identity.credential(&self.connection)?;
        let simulated = self.connection.is_simulated()?;
        let progress = Progress::new(output);
        progress.doing("verifying every signer's attestation");
        let client = self.connection.connect().await?;
        match names {
            Some(names) => self.make_all(&names, &client, &credential, simulated, (progress, output)).await,
            None => {
                progress.doing(MAKING);
                let key = client.create_key(&credential, self.name, self.scheme.into()).await?;
                drop(progress);
                output.answer(&KeyView::new(&key, self.shown, simulated));
                Ok(())
            }
        }
    }

    /// One after the other. What was made before a failure is shown with it.
    async fn make_all(
        &self,
        names: &[KeyName],
        client: &Client,
        credential: &Credential,
        simulated: bool,
        (progress, output): (Progress, &Output),
    ) -> Result<(), Failure> {
        refuse_taken(names, client, credential).await?;
        let mut made = KeyList { keys: Vec::new(), if_none: "No key was made." };
        for (name, number) in names.iter().zip(1..) {
            progress.doing(format!("{name}, {number} of {}: {MAKING}", names.len()));
            match client.create_key(credential, name.clone(), self.scheme.into()).await {
                Ok(key) => made.keys.push(KeyView::new(&key, self.shown, simulated)),
                Err(why) => {
                    drop(progress);
                    return Err(output.answer_failed(&made, why.into()));
                }
            }
        }
        drop(progress);
        output.answer(&made);
        Ok(())
    }
}

fn numbered(name: &KeyName, count: u16) -> Result<Vec<KeyName>, Failure> {
    let name = |number| {
        let name = format!("{name}-{number}");
        name.parse().map_err(|why| Failure::usage(format!("{name}: {why}"), "Choose a shorter name."))
    };
    (1..=count).map(name).collect()
}

/// Before anything is made.
async fn refuse_taken(names: &[KeyName], client: &Client, credential: &Credential) -> Result<(), Failure> {
    let keys = client.keys().await?;
    let taken =
        |name: &&KeyName| keys.iter().any(|key| key.body().tenant == credential.tenant && key.body().name == **name);
    match names.iter().find(taken) {
        Some(name) => {
            let message = format!("the tenant already has a key {name}");
            let hint = "Choose another name; none of these keys was made.";
            Err(Failure::new(Exit::Refused, Refusal::KeyNameTaken.code(), message, hint))
        }
        None => Ok(()),
    }
}

impl From<Scheme> for request::Scheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Ed25519 => Self::Ed25519,
            Scheme::Taproot => Self::Secp256k1Taproot,
            Scheme::Schnorr => Self::Secp256k1Schnorr,
            Scheme::Ecdsa => Self::Secp256k1Ecdsa,
        }
    }
}

const MAKING: &str = "the signers make the key, seal their shares and read them back through KMS";
