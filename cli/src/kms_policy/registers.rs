//! What an enclave has to measure to open a signer's shares.

use std::collections::BTreeMap;

use cloister_attestation::{Pcr, PcrIndex};
use cloister_wire::{
    ids,
    manifest::{Measurements, SignerSlot, ValidManifest},
};

/// Registers and their values, as an attestation document has them.
pub(crate) type Registers = BTreeMap<PcrIndex, Pcr>;

/// Without any one of these, another image, role, manifest or signer could open.
pub(super) const DEMANDED: [PcrIndex; 6] = [
    PcrIndex::IMAGE,
    PcrIndex::KERNEL,
    PcrIndex::APPLICATION,
    PcrIndex::PARENT_ROLE,
    PcrIndex::MANIFEST,
    PcrIndex::SIGNER,
];

/// What the image says.
pub(crate) fn of_release(release: &Measurements) -> Registers {
    let always =
        [(PcrIndex::IMAGE, release.pcr0), (PcrIndex::KERNEL, release.pcr1), (PcrIndex::APPLICATION, release.pcr2)];
    let signed = release.pcr8.map(|value| (PcrIndex::IMAGE_SIGNER, value));
    always.into_iter().chain(signed).map(|(index, value)| (index, pcr(&value))).collect()
}

/// What the manifest says of one signer, whatever image it runs: PCR3, and the registers that the enclave extends and locks.
pub(crate) fn of_signer(manifest: &ValidManifest, slot: &SignerSlot) -> Registers {
    [
        (PcrIndex::PARENT_ROLE, pcr(&slot.pcr3)),
        (PcrIndex::MANIFEST, Pcr::ZERO.extended(manifest.hash().as_bytes())),
        (PcrIndex::SIGNER, Pcr::ZERO.extended(manifest.slot_hash(slot.id).as_bytes())),
    ]
    .into()
}

/// The register that Nitro fills with the parent's role.
pub(crate) fn of_role(arn: &str) -> Pcr {
    Pcr::ZERO.extended(arn.as_bytes())
}

/// A register's value as attestation knows it.
pub(crate) fn pcr(value: &ids::Pcr) -> Pcr {
    Pcr::from(*value.as_bytes())
}

/// The condition key that stands for a register.
pub(super) fn condition_key(index: PcrIndex) -> String {
    format!("kms:RecipientAttestation:{index}")
}

/// The register that a condition key stands for; names of condition keys are compared without regard to case.
pub(super) fn named_by(key: &str) -> Option<PcrIndex> {
    let name = key.to_ascii_lowercase();
    let name = name.strip_prefix("kms:recipientattestation:")?;
    if name == "imagesha384" {
        return Some(PcrIndex::IMAGE);
    }
    let digits = name.strip_prefix("pcr")?;
    let index = PcrIndex::new(digits.parse().ok()?)?;
    (index.get().to_string() == digits).then_some(index)
}
