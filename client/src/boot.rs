//! Checks who a boot is: its statement, and the attestation document that carries the statement's hash.

use std::time::{SystemTime, UNIX_EPOCH};

use cloister_attestation::{
    Expected, Millis, Mode, Pcr, PcrIndex, Rejected, Release, RootKind, TrustRoot, UnixMillis, Unverified,
};
use cloister_wire::{
    codec,
    identity::{BootKeys, BootStatement, Introduction},
    ids::{self, BootId, Nonce, SignerId},
    manifest::{Measurements, SignerSlot, ValidManifest},
    signature::PublicKey,
};

use crate::error::Error;

/// A boot whose statement is backed by an attestation document for its signer's slot in the manifest.
#[derive(Clone, Debug)]
pub struct AttestedBoot {
    statement: BootStatement,
    introduction: Introduction,
    signer_key: Option<PublicKey>,
    attested_at: UnixMillis,
    root: RootKind,
}

/// Why a boot is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootRejected {
    /// The statement cannot be read.
    #[error("its boot statement cannot be read")]
    Statement,
    /// Another group or manifest.
    #[error("it belongs to another group or obeys another manifest")]
    WrongGroup,
    /// Not the signer that was asked.
    #[error("it is another signer than the one that was asked, or none of the manifest's")]
    WrongSigner,
    /// The attestation document does not verify.
    #[error("{0}")]
    Document(Rejected),
    /// The document's recipient key is not the statement's.
    #[error("its attestation document carries another recipient key than its statement")]
    RecipientKey,
    /// The proof by the signer key does not verify.
    #[error("its signer key's proof does not verify")]
    Proof,
    /// A status that the boot did not sign, or over another nonce.
    #[error("its status is not signed by the attested boot over our nonce")]
    Status,
}

impl BootRejected {
    /// The stable code, in snake case.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Statement => "boot_statement_unreadable",
            Self::WrongGroup => "boot_wrong_group",
            Self::WrongSigner => "boot_wrong_signer",
            Self::Document(why) => why.code(),
            Self::RecipientKey => "boot_recipient_key",
            Self::Proof => "boot_proof",
            Self::Status => "boot_status",
        }
    }
}

/// A nonce that this process drew for one question and never uses again.
pub struct Challenge(Nonce);

impl Challenge {
    /// Draws 32 bytes from the operating system.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn draw() -> Result<Self, Error> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce)?;
        Ok(Self(Nonce::from_bytes(nonce)))
    }

    /// The nonce, to be sent.
    #[must_use]
    pub fn nonce(&self) -> Nonce {
        self.0
    }

    /// Verifies the answer: a live document, over this nonce, at most five minutes old.
    ///
    /// # Errors
    /// [`BootRejected`].
    pub fn verify(
        &self,
        manifest: &ValidManifest,
        root: &TrustRoot,
        introduction: &Introduction,
    ) -> Result<AttestedBoot, BootRejected> {
        let now = UnixMillis(now().0);
        AttestedBoot::verify(
            manifest,
            root,
            introduction,
            Mode::Live { now, max_age: MAX_AGE, nonce: self.0.as_bytes() },
        )
    }
}

impl AttestedBoot {
    /// Verifies an archived introduction as of its document's own time.
    ///
    /// # Errors
    /// [`BootRejected`].
    ///
    /// # Security
    /// Says that the boot existed once, not that anyone talks to it now.
    pub fn archived(
        manifest: &ValidManifest,
        root: &TrustRoot,
        introduction: &Introduction,
    ) -> Result<Self, BootRejected> {
        Self::verify(manifest, root, introduction, Mode::Archival)
    }

    /// Release, PCR3, PCR16, PCR17, the statement's hash, its recipient key and, where present, the signer key's proof.
    fn verify(
        manifest: &ValidManifest,
        root: &TrustRoot,
        introduction: &Introduction,
        mode: Mode<'_>,
    ) -> Result<Self, BootRejected> {
        let statement: BootStatement =
            codec::decode(introduction.statement.as_slice()).map_err(|_| BootRejected::Statement)?;
        if statement.group != manifest.group || statement.manifest != manifest.hash() {
            return Err(BootRejected::WrongGroup);
        }
        let slot = manifest.slot(statement.signer).ok_or(BootRejected::WrongSigner)?;
        let user_data = statement.user_data();
        let expected = Expected {
            releases: &[release(&manifest.release)],
            pcrs: &registers(manifest, slot),
            user_data: Some(user_data.as_bytes()),
        };
        let document =
            Unverified::parse(introduction.document.as_slice())?.authenticate(root, mode)?.accept(&expected)?;
        if document.public_key().map(BootKeys::recipient_hash) != Some(statement.keys.recipient) {
            return Err(BootRejected::RecipientKey);
        }
        let signer_key = statement.proved_key();
        if statement.proof.is_some() && signer_key.is_none() {
            return Err(BootRejected::Proof);
        }
        let (attested_at, root) = (document.timestamp(), document.root_kind());
        Ok(Self { statement, introduction: introduction.clone(), signer_key, attested_at, root })
    }

    /// One that nobody has attested, whose identity has this secret.
    #[cfg(test)]
    pub(crate) fn believed(identity: &ed25519_dalek::SigningKey) -> Self {
        let hash = ids::Hash::from_bytes([1; 32]);
        let keys = BootKeys { identity: PublicKey::of(identity), channel: hash, recipient: hash };
        let (group, signer) = (ids::GroupId::from_bytes([1; 16]), 1.try_into().expect("a signer"));
        let statement = BootStatement { group, manifest: hash, signer, keys, proof: None };
        let introduction = Introduction {
            statement: codec::encode(&statement).try_into().expect("short enough"),
            document: Default::default(),
        };
        Self { statement, introduction, signer_key: None, attested_at: UnixMillis(0), root: RootKind::Other }
    }

    /// Which signer it is.
    #[must_use]
    pub fn signer(&self) -> SignerId {
        self.statement.signer
    }

    /// Which boot it is.
    #[must_use]
    pub fn boot(&self) -> BootId {
        self.statement.boot()
    }

    /// Verifies its receipts, certificates and status.
    #[must_use]
    pub fn identity(&self) -> PublicKey {
        self.statement.keys.identity
    }

    /// The signer key, if the boot has made or opened it.
    #[must_use]
    pub fn signer_key(&self) -> Option<PublicKey> {
        self.signer_key
    }

    /// Statement and document as they came.
    #[must_use]
    pub fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// When the hypervisor made the document, Unix milliseconds.
    #[must_use]
    pub fn attested_at(&self) -> u64 {
        self.attested_at.0
    }

    /// Whose root that rests on.
    #[must_use]
    pub fn root_kind(&self) -> RootKind {
        self.root
    }
}

/// The registers that a signer of this slot has to show.
fn registers(manifest: &ValidManifest, slot: &SignerSlot) -> [(PcrIndex, Pcr); 3] {
    [
        (PcrIndex::PARENT_ROLE, pcr(&slot.pcr3)),
        (PcrIndex::MANIFEST, Pcr::ZERO.extended(manifest.hash().as_bytes())),
        (PcrIndex::SIGNER, Pcr::ZERO.extended(manifest.slot_hash(slot.id).as_bytes())),
    ]
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

/// This machine's clock.
pub(crate) fn now() -> ids::UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ids::UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The oldest document taken as an answer to a challenge.
const MAX_AGE: Millis = Millis(5 * 60 * 1000);
