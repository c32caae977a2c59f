//! The manifest: what is fixed for a group's life, and what operators sign.

use core::ops::Deref;
use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    codec::{self, DecodeError},
    endorsement::Endorsable,
    ids::{Arn, GroupId, Hash, Pcr, SignerId},
    limits,
    signature::PublicKey,
    tag::Tag,
};

/// What is fixed for a group's life. Its hash is measured into PCR16, and clients pin it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Manifest {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// *t*: how many signers make a signature; at least 2.
    #[n(1)]
    pub threshold: u16,
    /// The *n* signers, ids 1 to *n* in order.
    #[n(2)]
    pub signers: List<SignerSlot, { limits::SIGNERS }>,
    /// Operator keys; an operator is named by its position here.
    #[n(3)]
    pub operators: List<PublicKey, { limits::OPERATORS }>,
    /// How many operators have to sign an order.
    #[n(4)]
    pub quorum: u16,
    /// The first accepted release.
    #[n(5)]
    pub release: Measurements,
}

/// One signer's place in the group.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignerSlot {
    /// Its number.
    #[n(0)]
    pub id: SignerId,
    /// PCR3: SHA-384 chain of its parent's IAM role ARN.
    #[n(1)]
    pub pcr3: Pcr,
    /// Its own KMS keys, two or more, shared with no other signer.
    #[n(2)]
    pub kms: List<KmsKey, { limits::KMS_KEYS }>,
}

/// A KMS key that a signer seals to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KmsKey {
    /// Full ARN.
    #[n(0)]
    pub arn: Arn,
    /// RSA-4096 public key, SubjectPublicKeyInfo in DER.
    #[n(1)]
    pub spki: Bytes<{ limits::SPKI }>,
}

/// The measurements of one release of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Measurements {
    /// The whole image.
    #[n(0)]
    pub pcr0: Pcr,
    /// Kernel and boot ramdisk.
    #[n(1)]
    pub pcr1: Pcr,
    /// Application.
    #[n(2)]
    pub pcr2: Pcr,
    /// The image's signing certificate, where signed images are demanded.
    #[n(3)]
    pub pcr8: Option<Pcr>,
}

/// Why a manifest describes no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not the canonical encoding of a manifest.
    #[error("the manifest cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// *t* below 2 or above *n*.
    #[error(
        "threshold {threshold} does not fit {signers} signers: it must be at least 2 and at most the number of signers"
    )]
    Threshold {
        /// *t*.
        threshold: u16,
        /// *n*.
        signers: usize,
    },
    /// Ids are not 1 to *n* in order.
    #[error("signer ids must be 1 to n, in order")]
    SignerIds,
    /// A signer with fewer than two KMS keys.
    #[error("signer {0} needs two KMS keys or more, so that losing one loses nothing")]
    TooFewKmsKeys(SignerId),
    /// A KMS key that stands twice.
    #[error("a KMS key of signer {0} stands twice: no two signers may share one")]
    SharedKmsKey(SignerId),
    /// A quorum of zero or more than there are operators.
    #[error("quorum {quorum} does not fit {operators} operators")]
    Quorum {
        /// Signatures needed.
        quorum: u16,
        /// Operators named.
        operators: usize,
    },
    /// An operator key that stands twice.
    #[error("an operator key stands twice: each operator counts once")]
    DuplicateOperator,
}

/// A manifest that describes a possible group, with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidManifest {
    manifest: Manifest,
    hash: Hash,
}

impl ValidManifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] names the first thing wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest = codec::decode::<Manifest>(bytes)?;
        manifest.check()?;
        Ok(Self { hash: Tag::MANIFEST.hash(bytes), manifest })
    }

    /// The tagged hash that PCR16 measures and clients pin.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The slot of `signer`, if the group has it.
    #[must_use]
    pub fn slot(&self, signer: SignerId) -> Option<&SignerSlot> {
        self.manifest.signers.iter().find(|slot| slot.id == signer)
    }

    /// What PCR17 measures for `signer`: H(group, signer id).
    #[must_use]
    pub fn slot_hash(&self, signer: SignerId) -> Hash {
        Tag::SIGNER_SLOT.hash(&codec::encode(&(self.manifest.group, signer)))
    }
}

impl Deref for ValidManifest {
    type Target = Manifest;

    fn deref(&self) -> &Manifest {
        &self.manifest
    }
}

impl TryFrom<Manifest> for ValidManifest {
    type Error = ManifestError;

    fn try_from(manifest: Manifest) -> Result<Self, ManifestError> {
        Self::from_bytes(&codec::encode(&manifest))
    }
}

impl Manifest {
    fn check(&self) -> Result<(), ManifestError> {
        let signers = self.signers.len();
        if self.threshold < 2 || usize::from(self.threshold) > signers {
            return Err(ManifestError::Threshold { threshold: self.threshold, signers });
        }
        if !self.signers.iter().map(|slot| slot.id.get()).eq(1..=u16::try_from(signers).unwrap_or(u16::MAX)) {
            return Err(ManifestError::SignerIds);
        }
        self.check_kms_keys()?;
        self.check_operators()
    }

    fn check_kms_keys(&self) -> Result<(), ManifestError> {
        let (mut arns, mut keys) = (BTreeSet::new(), BTreeSet::new());
        for slot in &self.signers {
            if slot.kms.len() < 2 {
                return Err(ManifestError::TooFewKmsKeys(slot.id));
            }
            if !slot.kms.iter().all(|key| arns.insert(&key.arn) && keys.insert(key.spki.as_slice())) {
                return Err(ManifestError::SharedKmsKey(slot.id));
            }
        }
        Ok(())
    }

    fn check_operators(&self) -> Result<(), ManifestError> {
        let operators = self.operators.len();
        if self.quorum == 0 || usize::from(self.quorum) > operators {
            return Err(ManifestError::Quorum { quorum: self.quorum, operators });
        }
        let distinct: BTreeSet<_> = self.operators.iter().map(PublicKey::as_bytes).collect();
        if distinct.len() == operators { Ok(()) } else { Err(ManifestError::DuplicateOperator) }
    }
}

impl Endorsable for Manifest {
    const TAG: Tag = Tag::MANIFEST;
}
