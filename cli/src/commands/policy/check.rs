//! `cloister policy check`.

use std::{fmt, path::PathBuf};

use clap::Args;
use cloister_wire::policy::TenantPolicy;
use serde::Serialize;

use super::source;
use crate::{
    failure::Failure,
    output::{Lines, Output},
};

#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The policy file, in TOML or JSON.
    file: PathBuf,
}

impl Check {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let tenants = source::file(&self.file)?;
        output.answer(&View {
            file: self.file.display().to_string(),
            tenants: tenants.iter().map(TenantView::new).collect(),
        });
        Ok(())
    }
}

#[derive(Serialize)]
struct View {
    file: String,
    tenants: Vec<TenantView>,
}

#[derive(Serialize)]
struct TenantView {
    tenant: String,
    members: usize,
    sets: usize,
    lists: usize,
    limits: usize,
    tables: usize,
    /// Names, in the order in which they are read.
    rules: Vec<String>,
}

impl TenantView {
    fn new(tenant: &TenantPolicy) -> Self {
        Self {
            tenant: tenant.tenant.to_string(),
            members: tenant.members.len(),
            sets: tenant.sets.len(),
            lists: tenant.lists.len(),
            limits: tenant.limits.len(),
            tables: tenant.tables.len(),
            rules: tenant.rules.iter().map(|rule| rule.name.to_string()).collect(),
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenant = |lines: Lines, tenant: &TenantView| {
            let TenantView { tenant: name, members, sets, lists, limits, tables, rules } = tenant;
            let has = format!(
                "{name}: {members} members, {sets} sets, {lists} lists, {limits} limits, {tables} lookup tables, {} rules",
                rules.len()
            );
            lines.line("tenant", has).maybe("rules", Some(rules.join(", ")).filter(|rules| !rules.is_empty()))
        };
        let lines = Lines::new().line("file", format!("{} is in order", self.file));
        write!(f, "{}", self.tenants.iter().fold(lines, tenant))
    }
}
