//! `cloister key address`.

use std::fmt;

use clap::{Args, ValueEnum};
use cloister_chains::bitcoin::{Branch, ScriptKind};
use cloister_client::{Account, Error, scheme::scheme_name};
use serde::Serialize;

use crate::{
    account::Chosen,
    context::{Connection, Identity},
    failure::{Exit, Failure},
    network::Shown,
    output::{Lines, Output},
};

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["chain", "xpub", "descriptor"]))]
pub(crate) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// The chain that the address is for.
    #[arg(long, value_enum)]
    chain: Option<Chain>,
    /// What kind of Bitcoin output: p2tr for secp256k1-taproot keys; for secp256k1-ecdsa keys one of the others, by default p2wpkh.
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    kind: Option<Kind>,
    /// What the Cosmos chain writes in front of its addresses, such as cosmos or osmo.
    #[arg(long)]
    prefix: Option<String>,
    /// Show the extended public key (BIP-32), of which everybody can derive the children's addresses.
    #[arg(long)]
    xpub: bool,
    /// Show the output descriptors for a Bitcoin wallet that watches: receiving addresses (/0/*), then change (/1/*).
    #[arg(long)]
    descriptor: bool,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Chain {
    Ethereum,
    Bitcoin,
    Cosmos,
    Solana,
}

#[derive(ValueEnum, Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    P2wpkh,
    #[value(name = "p2sh-p2wpkh")]
    #[serde(rename = "p2sh-p2wpkh")]
    P2shP2wpkh,
    P2pkh,
    P2tr,
}

impl Arguments {
    pub(super) async fn run(self, output: &Output) -> Result<(), Failure> {
        self.check()?;
        let path = self.chosen.path()?;
        let tenant = self.identity.tenant(&self.connection)?;
        let client = self.connection.connect().await?;
        let account = self.chosen.account(&client, &tenant, path).await?;
        let view = View::new(&account, &self)?;
        output.note(view.remarks());
        output.answer(&view);
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        if self.kind.is_some() && self.chain != Some(Chain::Bitcoin) && !self.descriptor {
            return Err(Failure::usage("only Bitcoin's outputs have a type", "Give --type with --chain bitcoin."));
        }
        if self.prefix.is_some() && self.chain != Some(Chain::Cosmos) {
            return Err(Failure::usage(
                "only Cosmos chains have a prefix of their own",
                "Give --prefix with --chain cosmos.",
            ));
        }
        let bitcoin = self.chain == Some(Chain::Bitcoin) || self.descriptor || self.xpub;
        if bitcoin { Ok(()) } else { self.shown.refuse() }
    }
}

/// What was asked for, and what of.
#[derive(Serialize)]
struct View {
    key: String,
    name: String,
    scheme: &'static str,
    path: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<Chain>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xpub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    descriptors: Option<Descriptors>,
    simulated: bool,
}

#[derive(Serialize)]
struct Descriptors {
    receiving: String,
    change: String,
}

impl View {
    fn new(account: &Account, asked: &Arguments) -> Result<Self, Failure> {
        let body = account.key().body();
        let (network, named) = (asked.shown.network(), asked.kind);
        let kind = || match (named, account.usual_script()) {
            (Some(named), Some(usual)) if (named.script() == ScriptKind::P2tr) != (usual == ScriptKind::P2tr) => {
                Err(other_kind(named, account))
            }
            (named, usual) => Ok(named.or_else(|| usual.map(Kind::from)).ok_or(Error::SchemeMismatch)?),
        };
        let (mut address, mut script, mut descriptors) = (None, None, None);
        if let Some(chain) = asked.chain {
            address = Some(match chain {
                Chain::Ethereum => account.ethereum_address()?.to_string(),
                Chain::Solana => account.solana_address()?.to_string(),
                Chain::Cosmos => account.cosmos_address(asked.prefix.as_deref().unwrap_or("cosmos"))?.to_string(),
                Chain::Bitcoin => account.bitcoin_address(script.insert(kind()?).script(), network)?,
            });
        }
        if asked.descriptor {
            let kind = script.insert(kind()?).script();
            let branch = |branch| account.descriptor(kind, network, branch);
            descriptors = Some(Descriptors { receiving: branch(Branch::Receiving)?, change: branch(Branch::Change)? });
        }
        Ok(Self {
            key: body.key.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            path: account.path().to_string(),
            public_key: hex::encode(account.public_key()),
            chain: asked.chain,
            network: (script.is_some() || asked.xpub).then(|| asked.shown.name()),
            kind: script,
            address,
            xpub: asked.xpub.then(|| account.xpub(network)).transpose()?,
            descriptors,
            simulated: asked.connection.is_simulated()?,
        })
    }

    fn remarks(&self) -> Lines {
        Lines::new()
            .line("key", format!("{} ({}), {}", self.name, self.scheme, self.path))
            .line("public key", &self.public_key)
            .simulated(self.simulated)
    }
}

impl fmt::Display for View {
    /// What a pipe wants.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let descriptors = self.descriptors.iter().flat_map(|both| [&both.receiving, &both.change]);
        let lines: Vec<&str> = self.address.iter().chain(&self.xpub).chain(descriptors).map(String::as_str).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Taproot's outputs are for Taproot's keys, and all others for ECDSA's.
fn other_kind(kind: Kind, account: &Account) -> Failure {
    let (scheme, kind) = (scheme_name(account.scheme()), kind.to_possible_value());
    let kind = kind.as_ref().map_or("such", |kind| kind.get_name());
    Failure::new(
        Exit::Usage,
        Error::SchemeMismatch.code(),
        format!("a {scheme} key spends no {kind} outputs"),
        "Leave --type out, or name a secp256k1-taproot key for p2tr and a secp256k1-ecdsa key for the others.",
    )
}

impl Kind {
    fn script(self) -> ScriptKind {
        match self {
            Self::P2wpkh => ScriptKind::P2wpkh,
            Self::P2shP2wpkh => ScriptKind::P2shP2wpkh,
            Self::P2pkh => ScriptKind::P2pkh,
            Self::P2tr => ScriptKind::P2tr,
        }
    }
}

impl From<ScriptKind> for Kind {
    fn from(kind: ScriptKind) -> Self {
        match kind {
            ScriptKind::P2wpkh => Self::P2wpkh,
            ScriptKind::P2shP2wpkh => Self::P2shP2wpkh,
            ScriptKind::P2pkh => Self::P2pkh,
            ScriptKind::P2tr => Self::P2tr,
        }
    }
}
