//! Which group a command talks to, and as whom: a simulator's folder, or everything on the command line.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use cloister_attestation::{RootKind, TrustRoot};
use cloister_client::{Attested, Client, Pin, Secret, SecretFile, Unverified, requester::Credential};
use cloister_simulator::group::Record;
use cloister_wire::{
    endorsement::Endorsed,
    ids::{Hash, Malformed, Requester, Tenant},
    order::{StartKind, StartOrder},
    policy::Policy,
};

use crate::{
    document,
    failure::{Exit, Failure},
    input,
};

/// Where the group is and what is pinned.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connection {
    /// Folder of a simulated group, as `sim up` makes it.
    #[arg(long, env = "CLOISTER_DIR", default_value = "cloister-sim", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// A host of the group, in place of the folder's.
    #[arg(long, env = "CLOISTER_URL", value_name = "URL", requires = "manifest_hash")]
    url: Option<String>,
    /// The group's manifest hash, which you got from the operators and not from a host.
    #[arg(long, env = "CLOISTER_MANIFEST_HASH", value_name = "HEX", value_parser = manifest_hash)]
    manifest_hash: Option<Hash>,
    /// Root certificate (DER) in place of AWS's: everything then is SIMULATED.
    #[arg(long, env = "CLOISTER_ROOT", value_name = "FILE")]
    root: Option<PathBuf>,
}

/// Who asks.
#[derive(Args, Clone, Debug)]
pub(crate) struct Identity {
    /// Your name in the policy.
    #[arg(long = "requester", env = "CLOISTER_REQUESTER", value_name = "NAME", requires = "tenant")]
    requester: Option<Requester>,
    /// Your tenant in the policy.
    #[arg(long, env = "CLOISTER_TENANT", value_name = "NAME")]
    tenant: Option<Tenant>,
    /// Your secret key file: 64 hex digits (Ed25519), or PKCS #8 in PEM (P-256).
    #[arg(long, env = "CLOISTER_REQUESTER_KEY", value_name = "FILE", requires = "requester")]
    requester_key: Option<PathBuf>,
}

impl Connection {
    /// What is pinned.
    pub(crate) fn pin(&self) -> Result<Pin, Failure> {
        let manifest_hash = match self.manifest_hash {
            Some(hash) => hash,
            None => parse(&self.group()?.manifest_hash)?,
        };
        Ok(Pin { manifest_hash, root: self.trust_root()? })
    }

    /// The options that pin the same without a host, each with a space before it; none for a folder's group.
    pub(crate) fn pinning(&self) -> String {
        let hash = self.manifest_hash.map(|hash| format!(" --manifest-hash {hash}"));
        let root = self.root.as_ref().map(|root| format!(" --root {}", root.display()));
        [hash, root].into_iter().flatten().collect()
    }

    /// AWS's root, unless another is named or the group is a simulated one.
    fn trust_root(&self) -> Result<TrustRoot, Failure> {
        match &self.root {
            Some(path) => read_root(path),
            None if self.manifest_hash.is_some() => Ok(TrustRoot::aws()),
            None => read_root(&self.dir.join(self.group()?.root)),
        }
    }

    /// Whether the group is the folder's.
    pub(crate) fn is_folder(&self) -> bool {
        self.url.is_none()
    }

    /// Whether everything rests on a root that is not AWS's.
    pub(crate) fn is_simulated(&self) -> Result<bool, Failure> {
        Ok(self.trust_root()?.kind() != RootKind::Aws)
    }

    /// The group, every signer attested. A host that is away is passed over for the next.
    pub(crate) async fn attest(&self) -> Result<Attested, Failure> {
        let pin = self.pin()?;
        let urls = match &self.url {
            Some(url) if url.contains('@') => {
                let message = "the URL holds a user name or password, which no host asks for";
                return Err(Failure::new(Exit::Usage, "address_invalid", message, "Give it as http://HOST:PORT."));
            }
            Some(url) => vec![url.clone()],
            None => self.group()?.signers.into_iter().map(|signer| signer.url).collect(),
        };
        let mut failed = None;
        for url in &urls {
            match Unverified::new(url, pin.clone())?.attest().await {
                Err(why) if why.is_silence() => failed = Some(why),
                other => return Ok(other?),
            }
        }
        Err(failed
            .map_or_else(|| Failure::usage("the folder's group.json names no host", "Give --url."), Failure::from))
    }

    /// The group, able to sign.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        Ok(self.attest().await?.verified()?)
    }

    /// The folder's group.
    pub(crate) fn group(&self) -> Result<Record, Failure> {
        let file = self.dir.join("group.json");
        Record::read(&file).map_err(|why| {
            if file.exists() {
                let hint = "Restore it from a copy, or found a new group with `cloister sim up`.";
                return Failure::new(Exit::Usage, "file_invalid", format!("{why:#}"), hint);
            }
            let hint = if self.url.is_some() {
                "Without a simulated group's folder, also say who asks (--requester, --tenant, --requester-key) or who orders \
                 (--operator-key; or --draft, where operators sign elsewhere)."
            } else {
                "Start a group with `cloister sim up`, name its folder with --dir, or give --url and --manifest-hash."
            };
            Failure::new(Exit::Failed, "no_group", format!("{why:#}"), hint)
        })
    }

    /// The tenant named, or else that of the folder's requester.
    pub(crate) fn tenant(&self, named: Option<&Tenant>) -> Result<Tenant, Failure> {
        named.cloned().map_or_else(|| parse(&self.group()?.requester.tenant), Ok)
    }

    /// Where the folder keeps the newest policy, so that operators need not believe a host.
    pub(crate) fn policy_file(&self) -> PathBuf {
        self.dir.join("policy.cbor")
    }

    /// Keeps a policy that is in force, if there is a folder.
    pub(crate) fn keep_policy(&self, policy: &Endorsed<Policy>) -> Result<(), Failure> {
        if self.is_folder() { document::replace(&self.policy_file(), policy) } else { Ok(()) }
    }

    /// Where the folder keeps the genesis order that counts.
    pub(crate) fn genesis_file(&self) -> PathBuf {
        self.dir.join("genesis.cbor")
    }

    /// Keeps an order that was carried out, if it is a genesis and there is a folder.
    pub(crate) fn keep_genesis(&self, order: &Endorsed<StartOrder>) -> Result<(), Failure> {
        let is_genesis = order.unverified().is_ok_and(|order| order.kind == StartKind::Genesis);
        if self.is_folder() && is_genesis { document::replace(&self.genesis_file(), order) } else { Ok(()) }
    }

    /// The operators' secret keys: the files named, or else the folder's.
    pub(crate) fn operators(&self, files: &[PathBuf]) -> Result<Vec<Secret>, Failure> {
        let files = if files.is_empty() {
            self.group()?.operators.iter().map(|file| self.dir.join(file)).collect()
        } else {
            files.to_vec()
        };
        files.iter().map(|file| Ok(SecretFile::read(file)?)).collect()
    }
}

impl Identity {
    /// The requester named, or else the folder's.
    pub(crate) fn credential(&self, connection: &Connection) -> Result<Credential, Failure> {
        if let (Some(name), Some(tenant), Some(key)) = (&self.requester, &self.tenant, &self.requester_key) {
            return Ok(Credential {
                name: name.clone(),
                tenant: tenant.clone(),
                secret: SecretFile::read_of_requester(key)?,
                session: None,
            });
        }
        if self.requester.is_some() {
            return Err(Failure::usage("the requester's secret key is missing", "Name its file with --requester-key."));
        }
        let known = connection.group()?.requester;
        match &self.tenant {
            Some(tenant) if tenant.as_str() != known.tenant => Err(Failure::usage(
                format!("the folder's requester {} is of tenant {}, and not of {tenant}", known.name, known.tenant),
                "Say who asks for that tenant (--requester with --requester-key), or leave --tenant and CLOISTER_TENANT out.",
            )),
            _ => Ok(known.credential(&connection.dir)?),
        }
    }

    /// The requester named, whose key is elsewhere.
    pub(crate) fn absent(&self) -> Result<(&Requester, &Tenant), Failure> {
        self.requester.as_ref().zip(self.tenant.as_ref()).ok_or_else(|| {
            Failure::usage("it is not said whose passkey confirms", "Say who asks with --requester and --tenant.")
        })
    }

    /// The tenant named, or else the folder's requester's.
    pub(crate) fn tenant(&self, connection: &Connection) -> Result<Tenant, Failure> {
        connection.tenant(self.tenant.as_ref())
    }
}

/// Reads a hash. An empty one is more often a variable that was set from nothing than an argument.
fn manifest_hash(text: &str) -> Result<Hash, String> {
    if text.is_empty() {
        return Err("it is empty: set CLOISTER_MANIFEST_HASH to the group's manifest hash, or unset it".into());
    }
    text.parse().map_err(|why: Malformed| why.to_string())
}

/// Reads what `sim up` wrote.
fn parse<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(
            format!("group.json holds {text:?}, which cannot be read"),
            "Found a new group with `cloister sim up`.",
        )
    })
}

/// Reads a root certificate.
pub(crate) fn read_root(path: &Path) -> Result<TrustRoot, Failure> {
    let der = input::read_file(path)?;
    TrustRoot::from_der(&der)
        .map_err(|why| Failure::content(path, why, "Give one root certificate in DER, not in PEM."))
}
