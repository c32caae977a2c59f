use std::{fmt, path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use cloister_client::{Attested, Secret, SecretFile, operator, operator::PolicyDraft, scheme::CHAINS};
use cloister_wire::{
    endorsement::Endorsed,
    ids::{KeyName, Requester, Tenant},
    policy::Policy,
    request::Chain,
    signature::PublicKey,
};
use serde::Serialize;

use crate::{
    context::Connection,
    failure::Failure,
    output::{Lines, Output},
};

/// `cloister requester`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Let somebody ask: adds the key to the policy, signs the next version with the operators' keys and puts it into force.
    ///
    /// Naming a requester again adds to what it may do.
    #[command(after_help = "Examples:
  cloister requester add demo --allow treasury=solana,message
  cloister requester add alice --key alice.key --create-keys --allow treasury=solana,message
  cloister requester add bob --public-key 3f1c... --allow cold-1=bitcoin")]
    Add(Add),
}

#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Its name in the policy.
    name: Requester,
    /// Its tenant.
    #[arg(long, env = "CLOISTER_TENANT", value_name = "NAME")]
    tenant: Option<Tenant>,
    /// Its secret key file; made if it does not exist. By default NAME.key; for the folder's own requester, its file there.
    #[arg(long, value_name = "FILE", conflicts_with = "public_key")]
    key: Option<PathBuf>,
    /// Its public key, where the secret is elsewhere.
    #[arg(long, value_name = "HEX")]
    public_key: Option<String>,
    /// It may make keys for its tenant.
    #[arg(long)]
    create_keys: bool,
    /// It may sign with this key on these chains: KEY=CHAIN or KEY=CHAIN,CHAIN; may be repeated. The key need not exist yet.
    #[arg(long, value_name = "KEY=CHAINS")]
    allow: Vec<Permission>,
    /// An operator's secret key file; may be repeated. By default the folder's.
    #[arg(long = "operator-key", value_name = "FILE")]
    operator_keys: Vec<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Debug)]
struct Permission {
    key: KeyName,
    chains: Vec<Chain>,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    let Command::Add(add) = command;
    let tenant = add.connection.tenant(add.tenant.as_ref())?;
    let operators = add.connection.operators(&add.operator_keys)?;
    let attested = add.connection.attest().await?;
    let (public_key, file) = add.public_key()?;
    let policy = add.policy(&attested, &operators, &tenant, public_key).await?;
    attested.apply_policy(&policy).await?;
    add.connection.keep_policy(&policy)?;
    let version = policy.verify(attested.manifest()).map(|policy| policy.version.0).unwrap_or_default();
    output.answer(&View {
        requester: add.name.to_string(),
        tenant: tenant.to_string(),
        public_key: public_key.to_string(),
        key_file: file.map(|file| file.display().to_string()),
        policy_version: version,
        policy_hash: policy.hash().to_string(),
    });
    Ok(())
}

impl Add {
    /// The public key given, or that of the file, which is made if need be.
    fn public_key(&self) -> Result<(PublicKey, Option<PathBuf>), Failure> {
        if let Some(text) = &self.public_key {
            let bytes = hex::decode(text).unwrap_or_default();
            let key = PublicKey::from_bytes(&bytes)
                .map_err(|_| Failure::usage("this is no Ed25519 public key", "Give 64 hex digits."))?;
            return Ok((key, None));
        }
        let path = self.key.clone().map_or_else(|| self.usual_file(), Ok)?;
        if path.exists() {
            return Ok((SecretFile::read(&path)?.public(), Some(path)));
        }
        let secret = Secret::generate()?;
        SecretFile::create(&path, &secret)?;
        Ok((secret.public(), Some(path)))
    }

    /// The folder's own requester has its key there; others have it in NAME.key.
    fn usual_file(&self) -> Result<PathBuf, Failure> {
        let known =
            self.connection.is_folder().then(|| self.connection.group()).transpose()?.map(|group| group.requester);
        Ok(match known {
            Some(known) if known.name == self.name.as_str() => self.connection.dir.join(known.key_file),
            _ => PathBuf::from(format!("{}.key", self.name)),
        })
    }

    async fn policy(
        &self,
        attested: &Attested,
        operators: &[Secret],
        tenant: &Tenant,
        key: PublicKey,
    ) -> Result<Endorsed<Policy>, Failure> {
        let current = attested.state().await?.policy;
        let current = current
            .ok_or_else(|| Failure::usage("the group has no policy yet", "Start it first: cloister group start"))?;
        let mut draft = PolicyDraft::following(attested.manifest(), &current)?;
        draft.add_requester(self.name.clone(), tenant.clone(), key)?;
        if self.create_keys {
            draft.allow_key_creation(&self.name)?;
        }
        for permission in &self.allow {
            draft.allow_signing(&self.name, &permission.key, &permission.chains)?;
        }
        Ok(operator::endorsed_by(&draft.build()?, attested.manifest(), operators)?)
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, chains) = text.split_once('=').ok_or("expected KEY=CHAIN[,CHAIN]")?;
        let chain = |name: &str| CHAINS.iter().find(|(_, known)| *known == name).map(|(chain, _)| *chain);
        let chains = chains
            .split(',')
            .map(|name| chain(name).ok_or_else(|| format!("{name} is none of solana, bitcoin, message")));
        Ok(Self { key: key.parse().map_err(|why| format!("{why}"))?, chains: chains.collect::<Result<_, _>>()? })
    }
}

#[derive(Serialize)]
struct View {
    requester: String,
    tenant: String,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<String>,
    policy_version: u64,
    policy_hash: String,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("requester", format!("{} of tenant {}", self.requester, self.tenant))
            .line("public key", &self.public_key)
            .maybe("secret key", self.key_file.as_ref())
            .line("policy", format!("version {} is in force", self.policy_version));
        write!(f, "{lines}")
    }
}
