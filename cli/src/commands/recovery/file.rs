//! The file that goes round between guardians.

use std::path::Path;

use cloister_client::recoveries::Proposal;

use crate::{
    destination::{self, Destination},
    failure::Failure,
    input,
};

pub(super) fn read(path: &Path) -> Result<Proposal, Failure> {
    let invalid = |why| Failure::content(path, why, "Get the draft again, unaltered.");
    Proposal::from_json(&input::read_file(path)?).map_err(invalid)
}

/// Writes a file that must not be there yet.
pub(super) fn create(path: &Path, proposal: &Proposal) -> Result<(), Failure> {
    destination::write_new(path, &proposal.to_json())
}

/// Puts it in place of the file that it was read from.
pub(super) fn replace(path: &Path, proposal: &Proposal) -> Result<(), Failure> {
    Destination::open(path)?.write(&proposal.to_json())
}
