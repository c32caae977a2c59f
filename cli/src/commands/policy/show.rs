//! `cloister policy show`.

use std::{fmt, path::PathBuf};

use clap::Args;
use cloister_client::policy_file;
use cloister_wire::{endorsement::Endorsed, ids::Tenant, policy::Policy};
use serde::Serialize;
use serde_json::Value;

use crate::{
    commands::requester::in_force,
    context::Connection,
    destination::Destination,
    document,
    failure::Failure,
    output::{Lines, Output},
};

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// This tenant's part alone.
    #[arg(long, value_name = "NAME")]
    tenant: Option<Tenant>,
    /// A signed policy, such as the folder's policy.cbor, in place of the one in force. Needs no group; signatures are not looked at.
    #[arg(long, value_name = "FILE")]
    version: Option<PathBuf>,
    /// Write the policy file here.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Show {
    pub(super) async fn run(self, output: &Output) -> Result<(), Failure> {
        let destination = self.out.as_deref().map(Destination::open).transpose()?;
        let (policy, hash, simulated) = match &self.version {
            Some(path) => {
                let endorsed: Endorsed<Policy> = document::read(path)?;
                let policy = endorsed.unverified();
                let policy = policy.map_err(|why| Failure::content(path, why, "Get the document again, unaltered."))?;
                (policy, endorsed.hash(), None)
            }
            None => {
                let (policy, endorsed) = in_force(&self.connection.attest().await?).await?;
                (policy, endorsed.hash(), Some(self.connection.is_simulated()?))
            }
        };
        let chosen = |name: &Tenant| self.tenant.as_ref().is_none_or(|tenant| tenant == name);
        let tenants: Vec<_> = policy.tenants.iter().filter(|tenant| chosen(&tenant.tenant)).cloned().collect();
        if let (Some(tenant), []) = (&self.tenant, &tenants[..]) {
            return Err(Failure::usage(format!("the policy has no tenant {tenant}"), "Leave --tenant out to see all."));
        }
        let view = View {
            toml: policy_file::to_toml(&tenants),
            policy: policy_file::to_json(&tenants),
            policy_version: policy.version.0,
            policy_hash: hash.to_string(),
            simulated,
        };
        output.note(view.remarks());
        let written = destination.is_some();
        destination.map(|destination| destination.write(view.toml.as_bytes())).transpose()?;
        if output.is_json() || !written {
            output.answer(&view);
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct View {
    #[serde(skip)]
    toml: String,
    /// The fields of a policy file.
    policy: Value,
    policy_version: u64,
    policy_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<bool>,
}

impl View {
    fn remarks(&self) -> Lines {
        Lines::new()
            .line("policy", format!("version {}", self.policy_version))
            .line("hash", &self.policy_hash)
            .simulated(self.simulated.unwrap_or_default())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.toml.trim_end())
    }
}
