//! `cargo deny`: what our dependencies may be.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{install::CARGO_DENY, step::Outcome};

/// Checks bans, licences and sources, and the advisories where their database can be had.
pub fn check(sh: &Shell) -> Result<Outcome> {
    let deny = CARGO_DENY.path(sh)?;
    cmd!(sh, "{deny} --locked check --hide-inclusion-graph -A duplicate bans licenses sources").run()?;
    if cmd!(sh, "{deny} fetch db").run().is_err() {
        return Ok(Outcome::NotChecked("advisories, for the RustSec database could not be fetched".into()));
    }
    cmd!(sh, "{deny} --locked check --hide-inclusion-graph advisories").run()?;
    Ok(Outcome::Passed)
}
