//! Checks who a boot is: its statement, and the attestation document that carries the statement's hash.

use cloister_attestation::{Expected, Mode, Pcr, PcrIndex, Release, TrustRoot, Unverified};
use cloister_wire::{
    codec,
    identity::{BootKeys, BootStatement, Introduction},
    ids,
    manifest::{Measurements, SignerSlot, ValidManifest},
    refusal::Refusal,
};

/// A statement whose attestation document was verified for its signer's slot in the manifest.
#[derive(Clone, Debug)]
pub(crate) struct Attested(BootStatement);

impl Attested {
    /// Verifies an introduction: release, PCR3, PCR16, PCR17, the statement's hash, its recipient key and, where present, the signer
    /// key's proof. The only constructor.
    pub(crate) fn verify(
        manifest: &ValidManifest,
        root: &TrustRoot,
        introduction: &Introduction,
        mode: Mode<'_>,
    ) -> Result<Self, Refusal> {
        let statement: BootStatement =
            codec::decode(introduction.statement.as_slice()).map_err(|_| Refusal::Malformed)?;
        if statement.group != manifest.group || statement.manifest != manifest.hash() {
            return Err(Refusal::WrongGroup);
        }
        let slot = manifest.slot(statement.signer).ok_or(Refusal::UnknownSigner)?;
        verify_document(manifest, slot, root, introduction, &statement, mode).ok_or(Refusal::AttestationRejected)?;
        if statement.proof.is_some() && statement.proved_key().is_none() {
            return Err(Refusal::AttestationRejected);
        }
        Ok(Self(statement))
    }

    pub(crate) fn statement(&self) -> &BootStatement {
        &self.0
    }
}

fn verify_document(
    manifest: &ValidManifest,
    slot: &SignerSlot,
    root: &TrustRoot,
    introduction: &Introduction,
    statement: &BootStatement,
    mode: Mode<'_>,
) -> Option<()> {
    let user_data = statement.user_data();
    let pcrs = [
        (PcrIndex::PARENT_ROLE, pcr(&slot.pcr3)),
        (PcrIndex::MANIFEST, Pcr::ZERO.extended(manifest.hash().as_bytes())),
        (PcrIndex::SIGNER, Pcr::ZERO.extended(manifest.slot_hash(slot.id).as_bytes())),
    ];
    let expected =
        Expected { releases: &[release(&manifest.release)], pcrs: &pcrs, user_data: Some(user_data.as_bytes()) };
    let document = Unverified::parse(introduction.document.as_slice())
        .ok()?
        .authenticate(root, mode)
        .ok()?
        .accept(&expected)
        .ok()?;
    let recipient = BootKeys::recipient_hash(document.public_key()?);
    (recipient == statement.keys.recipient).then_some(())
}

fn release(measurements: &Measurements) -> Release {
    Release {
        pcr0: pcr(&measurements.pcr0),
        pcr1: pcr(&measurements.pcr1),
        pcr2: pcr(&measurements.pcr2),
        pcr8: measurements.pcr8.as_ref().map(pcr),
    }
}

fn pcr(value: &ids::Pcr) -> Pcr {
    Pcr::from(*value.as_bytes())
}
