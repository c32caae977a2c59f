//! What operators make: the manifest, start orders and policies, each signed by a quorum.
//!
//! Everything here is a pure function of what it is given, so that it runs on an offline machine: documents are files that operators
//! hand round, and each adds a signature with [`endorse`].

mod draft;
mod grant;
mod manifest;
mod plan_error;
mod start;
#[cfg(test)]
mod tests;

use cloister_wire::{
    bounded::List,
    endorsement::{Endorsable, Endorsed},
    manifest::ValidManifest,
};

pub use draft::PolicyDraft;
pub(crate) use draft::in_order;
pub use grant::Grant;
pub use manifest::{ManifestPlan, new_group, read_manifest};
pub use plan_error::PlanError;
pub use start::{restart_of, start_order};

use crate::{error::Error, secret::Secret};

/// Adds an operator's signature to a document of `manifest`'s group.
///
/// # Errors
/// [`PlanError::NotAnOperator`], [`PlanError::SignedAlready`].
pub fn endorse<T: Endorsable>(
    document: &mut Endorsed<T>,
    manifest: &ValidManifest,
    operator: &Secret,
) -> Result<(), Error> {
    let key = operator.public();
    let position = manifest.operators.iter().position(|known| *known == key);
    let number =
        position.and_then(|position| u16::try_from(position).ok()).ok_or(PlanError::NotAnOperator(Box::new(key)))?;
    if document.signatures.iter().any(|signature| signature.operator == number) {
        return Err(PlanError::SignedAlready(number).into());
    }
    operator.endorse(document, number)
}

/// A document signed by all of `operators`.
///
/// # Errors
/// As [`endorse`]; [`Error::TooLarge`].
pub fn endorsed_by<'a, T: Endorsable>(
    document: &T,
    manifest: &ValidManifest,
    operators: impl IntoIterator<Item = &'a Secret>,
) -> Result<Endorsed<T>, Error> {
    let mut endorsed = Endorsed::new(document).map_err(|why| Error::TooLarge { what: "document", why })?;
    operators.into_iter().try_for_each(|operator| endorse(&mut endorsed, manifest, operator))?;
    Ok(endorsed)
}

pub(crate) fn list<T, const MAX: usize>(what: &'static str, values: Vec<T>) -> Result<List<T, MAX>, PlanError> {
    values.try_into().map_err(|why| PlanError::TooMany { what, why })
}
