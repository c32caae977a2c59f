//! Which key, or child of it, a command is about.

use clap::Args;
use cloister_chains::derivation::ChildPath;
use cloister_client::{Account, Client, Error};
use cloister_wire::ids::{KeyName, Tenant};

use crate::failure::Failure;

/// A key, and the path to a child.
#[derive(Args, Debug)]
pub(crate) struct Chosen {
    /// The key's name.
    #[arg(long)]
    key: KeyName,
    /// A child of the key (BIP-32), such as m/0/5; for secp256k1-taproot and secp256k1-ecdsa keys. No step can be hardened.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
}

impl Chosen {
    /// The path, before anything is asked of a host.
    pub(crate) fn path(&self) -> Result<ChildPath, Failure> {
        let path = self.path.as_deref().map(str::parse).transpose().map_err(Error::from)?;
        Ok(path.unwrap_or_default())
    }

    /// The account, by the key's certificate.
    pub(crate) async fn account(&self, client: &Client, tenant: &Tenant, path: ChildPath) -> Result<Account, Failure> {
        Ok(Account::new(&client.key(tenant, &self.key).await?, path)?)
    }
}
