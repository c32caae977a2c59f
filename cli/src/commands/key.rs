use std::fmt;

use clap::{Args, Subcommand, ValueEnum};
use cloister_chains::bitcoin;
use cloister_client::{Key, scheme::scheme_name};
use cloister_wire::{ids::KeyName, request};
use serde::Serialize;

use crate::{
    context::{Connection, Identity},
    failure::Failure,
    output::{Lines, Output},
    progress::Progress,
};

/// `cloister key`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Have the signers make a key, none of them ever holding all of it.
    ///
    /// The policy says who may. Every signer seals its share, reads it back and opens it through each of its KMS keys before the
    /// command ends.
    #[command(after_help = "Example:\n  cloister key create --scheme secp256k1-taproot --name cold-1")]
    Create(Create),
    /// List the keys whose certificates hold.
    List(List),
    /// Show one key.
    #[command(after_help = "Example:\n  cloister key show cold-1 --network testnet")]
    Show(Show),
}

#[derive(Args, Debug)]
pub(crate) struct Create {
    /// What it is for: ed25519 signs for Solana, secp256k1-taproot for Bitcoin, secp256k1-schnorr texts only.
    #[arg(long)]
    scheme: Scheme,
    /// What you will call it; 1 to 64 printable characters, unique within the tenant.
    #[arg(long)]
    name: KeyName,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The key's name.
    name: KeyName,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The Bitcoin network that addresses are shown for.
    #[arg(long, value_enum, default_value = "bitcoin")]
    network: Network,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Scheme {
    Ed25519,
    #[value(name = "secp256k1-taproot")]
    Taproot,
    #[value(name = "secp256k1-schnorr")]
    Schnorr,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Network {
    Bitcoin,
    Testnet,
    Signet,
    Regtest,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create(create) => {
            let credential = create.identity.credential(&create.connection)?;
            let progress = Progress::new(output);
            progress.doing("verifying every signer's attestation");
            let client = create.connection.connect().await?;
            progress.doing("the signers make the key, seal their shares and read them back through KMS");
            let key = client.create_key(&credential, create.name, create.scheme.into()).await?;
            drop(progress);
            output.answer(&KeyView::new(&key, create.shown, create.connection.is_simulated()?));
        }
        Command::List(list) => {
            let simulated = list.connection.is_simulated()?;
            let keys = list.connection.connect().await?.keys().await?;
            output.answer(&KeyList { keys: keys.iter().map(|key| KeyView::new(key, list.shown, simulated)).collect() });
        }
        Command::Show(show) => {
            let tenant = show.identity.tenant(&show.connection)?;
            let key = show.connection.connect().await?.key(&tenant, &show.name).await?;
            output.answer(&KeyView::new(&key, show.shown, show.connection.is_simulated()?));
        }
    }
    Ok(())
}

/// A key, as it is shown.
#[derive(Serialize)]
pub(crate) struct KeyView {
    pub(crate) key: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) scheme: &'static str,
    pub(crate) public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    pub(crate) threshold: u16,
    pub(crate) signers: usize,
    pub(crate) ceremony: String,
    pub(crate) simulated: bool,
}

impl KeyView {
    pub(crate) fn new(key: &Key, shown: Shown, simulated: bool) -> Self {
        let body = key.body();
        Self {
            key: body.key.to_string(),
            tenant: body.tenant.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            public_key: hex::encode(key.public_key()),
            output_key: key.output_key().map(hex::encode),
            address: key.address(shown.network.into()),
            threshold: body.threshold,
            signers: key.certificate().signatures.len(),
            ceremony: body.ceremony.to_string(),
            simulated,
        }
    }
}

impl fmt::Display for KeyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("name", format!("{}/{}", self.tenant, self.name))
            .line("scheme", format!("{}, {} of {} signers", self.scheme, self.threshold, self.signers))
            .maybe("address", self.address.as_ref())
            .line("public key", &self.public_key)
            .line("key id", &self.key);
        write!(f, "{}", lines.simulated(self.simulated))
    }
}

#[derive(Serialize)]
struct KeyList {
    keys: Vec<KeyView>,
}

impl fmt::Display for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.keys.is_empty() {
            return f.write_str("No keys yet. Make one: cloister key create --scheme ed25519 --name NAME");
        }
        for (position, key) in self.keys.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{key}")?;
        }
        Ok(())
    }
}

impl From<Scheme> for request::Scheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Ed25519 => Self::Ed25519,
            Scheme::Taproot => Self::Secp256k1Taproot,
            Scheme::Schnorr => Self::Secp256k1Schnorr,
        }
    }
}

impl From<Network> for bitcoin::Network {
    fn from(network: Network) -> Self {
        match network {
            Network::Bitcoin => Self::Bitcoin,
            Network::Testnet => Self::Testnet,
            Network::Signet => Self::Signet,
            Network::Regtest => Self::Regtest,
        }
    }
}

impl Shown {
    /// Addresses of the private test network, for the demo.
    pub(crate) const REGTEST: Self = Self { network: Network::Regtest };
}
