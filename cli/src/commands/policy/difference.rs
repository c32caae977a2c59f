//! `cloister policy diff`, and changes as they are shown.

use std::{fmt, path::PathBuf};

use clap::Args;
use cloister_client::policy_file::{Change, compare};
use cloister_wire::policy::TenantPolicy;
use serde::Serialize;

use super::source;
use crate::{
    commands::requester::in_force,
    context::Connection,
    failure::Failure,
    output::{Lines, Output},
};

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The first policy; or, alone, what is to be compared with the policy in force.
    first: PathBuf,
    /// The second policy.
    second: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Diff {
    pub(super) async fn run(self, output: &Output) -> Result<(), Failure> {
        let first = source::any(&self.first)?;
        let changes = match &self.second {
            Some(second) => compare(&first, &source::any(second)?),
            None => {
                let (policy, _) = in_force(&self.connection.attest().await?).await?;
                let before = policy.tenants.into_vec();
                compare(&before, &replaced(&before, first))
            }
        };
        output.answer(&View { changes: changes.into_iter().map(ChangeView::new).collect() });
        Ok(())
    }
}

/// What is in force once these tenants took the place of theirs.
fn replaced(before: &[TenantPolicy], mut file: Vec<TenantPolicy>) -> Vec<TenantPolicy> {
    let kept = before.iter().filter(|old| file.iter().all(|new| new.tenant != old.tenant));
    let kept: Vec<_> = kept.cloned().collect();
    file.extend(kept);
    file
}

#[derive(Serialize)]
struct View {
    changes: Vec<ChangeView>,
}

/// A change, as it is shown.
#[derive(Serialize)]
pub(super) struct ChangeView {
    /// `added`, `removed` or `changed`.
    change: &'static str,
    tenant: String,
    /// What kind of thing it is.
    kind: &'static str,
    /// Which.
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl ChangeView {
    pub(super) fn new(change: Change) -> Self {
        let Change { tenant, subject, before, after } = change;
        let said = match (&before, &after) {
            (None, _) => "added",
            (Some(_), None) => "removed",
            (Some(_), Some(_)) => "changed",
        };
        Self { change: said, tenant, kind: subject.kind(), what: subject.to_string(), before, after }
    }

    /// Adds what it says.
    pub(super) fn show(&self, lines: Lines) -> Lines {
        let lines = lines.line(self.change, format!("tenant {}, {}", self.tenant, self.what));
        if self.kind == "listed" || self.kind == "list" {
            return lines;
        }
        lines.maybe("  -", self.before.as_ref()).maybe("  +", self.after.as_ref())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return f.write_str("Both say the same.");
        }
        write!(f, "{}", self.changes.iter().fold(Lines::new(), |lines, change| change.show(lines)))
    }
}
