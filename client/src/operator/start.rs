//! Orders that start a group.

use cloister_wire::{
    endorsement::Endorsed,
    ids::Incarnation,
    manifest::ValidManifest,
    order::{RosterEntry, StartKind, StartOrder},
    policy::Policy,
};

use super::{PlanError, list};
use crate::{
    boot::{self, AttestedBoot},
    error::Error,
};

/// An order that names `boots`, which were attested just now, as the group.
///
/// # Errors
/// [`PlanError::TwoBoots`]; [`PlanError::Incomplete`] at genesis.
///
/// # Security
/// Every boot named here is given shares or opens them. Name each signer's newest boot, and never two starts with one incarnation.
pub fn start_order(
    manifest: &ValidManifest,
    kind: StartKind,
    incarnation: Incarnation,
    boots: &[AttestedBoot],
    policy: &Endorsed<Policy>,
) -> Result<StartOrder, PlanError> {
    let mut roster: Vec<_> =
        boots.iter().map(|boot| RosterEntry { signer: boot.signer(), boot: boot.boot() }).collect();
    roster.sort_by_key(|entry| entry.signer);
    if let Some([twice, _]) = roster.array_windows().find(|[a, b]| a.signer == b.signer) {
        return Err(PlanError::TwoBoots(twice.signer));
    }
    let signers = manifest.signers.len();
    if kind == StartKind::Genesis && roster.len() != signers {
        return Err(PlanError::Incomplete { named: roster.len(), signers });
    }
    Ok(StartOrder {
        group: manifest.group,
        manifest: manifest.hash(),
        kind,
        incarnation,
        roster: list("boots", roster)?,
        policy: policy.hash(),
        issued_at: boot::now(),
    })
}

/// A restart of the group that `genesis` founded.
///
/// # Errors
/// [`Error::NotEndorsed`] if the order lacks its quorum; [`PlanError::NotGenesis`].
///
/// # Security
/// Signers open nothing that another genesis made. Where more than one was signed, name the one under which the group's keys were made.
pub fn restart_of(manifest: &ValidManifest, genesis: &Endorsed<StartOrder>) -> Result<StartKind, Error> {
    let order = genesis.verify(manifest).map_err(|why| Error::NotEndorsed { what: "genesis order", why })?;
    match order.kind {
        StartKind::Genesis => Ok(StartKind::Restart { genesis: genesis.hash() }),
        StartKind::Restart { .. } => Err(PlanError::NotGenesis.into()),
    }
}
