//! `cloister policy apply`.

use std::{fmt, path::PathBuf};

use clap::Args;
use cloister_client::policy_file::compare;
use serde::Serialize;

use super::{difference::ChangeView, source};
use crate::{
    commands::requester::{in_force, is_missed, next},
    context::Connection,
    draft::{DraftView, Operators, Signing, put_into_force},
    failure::Failure,
    output::{Lines, Output},
};

#[derive(Args, Debug)]
pub(crate) struct Apply {
    /// The policy file.
    file: PathBuf,
    /// The file is the whole policy: tenants that it does not have are removed.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    connection: Connection,
}

impl Apply {
    pub(super) async fn run(self, output: &Output) -> Result<(), Failure> {
        let file = source::file(&self.file)?;
        let operators = self.signing.operators(&self.connection)?;
        let attested = self.connection.attest().await?;
        let (before, current) = in_force(&attested).await?;
        let (policy, draft) = next(&attested, |draft| {
            let named = |name: &_| file.iter().any(|tenant| tenant.tenant == *name);
            draft.keep_tenants(|name| !self.all || named(name));
            draft.replace_tenants(file.iter().cloned());
            Ok(())
        })
        .await?;
        let changes = compare(before.tenants.as_slice(), policy.tenants.as_slice());
        let simulated = self.connection.is_simulated()?;
        if changes.is_empty() {
            // An earlier run may have got to some of the signers only: the others get the same version.
            if matches!(operators, Operators::Here(_)) && is_missed(&attested, before.version).await? {
                put_into_force(&current, &attested, &self.connection).await?;
            }
            let (policy_version, policy_hash) = (before.version.0, current.hash().to_string());
            output.answer(&View { changes: Vec::new(), policy_version, policy_hash, simulated, draft: None });
            return Ok(());
        }
        let policy_hash = draft.hash().to_string();
        let draft = operators.carry_out(draft, &attested, &self.connection).await?;
        let changes = changes.into_iter().map(ChangeView::new).collect();
        output.answer(&View { changes, policy_version: policy.version.0, policy_hash, simulated, draft });
        Ok(())
    }
}

#[derive(Serialize)]
struct View {
    /// None if the policy in force says the same already.
    changes: Vec<ChangeView>,
    policy_version: u64,
    policy_hash: String,
    simulated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<DraftView>,
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines =
            self.changes.iter().fold(Lines::new(), |lines, change| change.show(lines)).simulated(self.simulated);
        if let Some(draft) = &self.draft {
            return write!(f, "{lines}\n{draft}");
        }
        let state = if self.changes.is_empty() { "is in force and says the same already" } else { "is in force" };
        write!(f, "{}", lines.line("policy", format!("version {} {state}", self.policy_version)))
    }
}
