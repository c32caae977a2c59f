//! `--allow`: what a requester may sign with which key.

use std::{path::Path, str::FromStr};

use cloister_client::permission;
use cloister_wire::{ids::KeyName, policy::Permission};

use crate::{failure::Failure, input};

/// `KEY=WHAT,WHAT` as it was given.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    key: KeyName,
    permissions: Vec<String>,
}

/// What it means.
pub(super) struct Allowed {
    pub(super) key: KeyName,
    pub(super) permissions: Vec<Permission>,
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, permissions) = text.split_once('=').ok_or("expected KEY=WHAT[,WHAT]")?;
        let key = key.parse().map_err(|why| format!("{why}"))?;
        let permissions: Vec<String> = permissions.split(',').map(str::to_owned).collect();
        permissions
            .iter()
            .filter(|text| domain_file(text).is_none())
            .try_for_each(|text| permission::parse(text).map(drop).map_err(|why| why.to_string()))?;
        Ok(Self { key, permissions })
    }
}

impl Allowance {
    /// Reads the files that it names.
    pub(super) fn read(&self) -> Result<Allowed, Failure> {
        let permission = |text: &String| match domain_file(text) {
            Some(file) => Ok(permission::for_domain_of(&input::read(file)?)?),
            None => permission::parse(text).map_err(|why| Failure::usage(why, "See `cloister requester add --help`.")),
        };
        let permissions = self.permissions.iter().map(permission).collect::<Result<_, Failure>>()?;
        Ok(Allowed { key: self.key.clone(), permissions })
    }
}

/// The file of typed data, where not the domain's separator itself is given.
fn domain_file(text: &str) -> Option<&Path> {
    text.strip_prefix("typed-data:").filter(|which| !which.starts_with("0x") && !which.is_empty()).map(Path::new)
}
