//! The manifest: what is fixed for a group's life.

use cloister_wire::{
    endorsement::Endorsed,
    ids::GroupId,
    manifest::{Manifest, ManifestError, Measurements, SignerSlot, ValidManifest},
    signature::PublicKey,
};

use super::list;
use crate::error::Error;

/// A random group id.
///
/// # Errors
/// [`Error::NoRandomness`].
pub fn new_group() -> Result<GroupId, Error> {
    let mut id = [0; GroupId::LEN];
    getrandom::fill(&mut id)?;
    Ok(GroupId::from_bytes(id))
}

/// What a manifest is made of; see [`Manifest`].
#[derive(Clone, Debug)]
pub struct ManifestPlan {
    /// The group.
    pub group: GroupId,
    /// *t*.
    pub threshold: u16,
    /// Every signer, in order.
    pub signers: Vec<SignerSlot>,
    /// Every operator's key; an operator is named by its position here.
    pub operators: Vec<PublicKey>,
    /// How many operators have to sign.
    pub quorum: u16,
    /// The accepted release.
    pub release: Measurements,
}

impl ManifestPlan {
    /// The manifest, not signed yet, and its checked form.
    ///
    /// # Errors
    /// [`Error::Plan`] or [`Error::Manifest`].
    pub fn build(self) -> Result<(Endorsed<Manifest>, ValidManifest), Error> {
        let manifest = Manifest {
            group: self.group,
            threshold: self.threshold,
            signers: list("signers", self.signers)?,
            operators: list("operators", self.operators)?,
            quorum: self.quorum,
            release: self.release,
        };
        let endorsed = Endorsed::new(&manifest).map_err(|why| Error::TooLarge { what: "manifest", why })?;
        Ok((endorsed, manifest.try_into()?))
    }
}

/// Reads a manifest that may lack signatures.
///
/// # Errors
/// [`ManifestError`].
pub fn read_manifest(endorsed: &Endorsed<Manifest>) -> Result<ValidManifest, ManifestError> {
    ValidManifest::from_bytes(endorsed.body.as_slice())
}
