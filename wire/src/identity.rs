//! Boot statements: which signer a boot is, under which keys, obeying which manifest.

use minicbor::{Decode, Encode};

use crate::{
    bounded::Bytes,
    codec,
    ids::{BootId, GroupId, Hash, SignerId},
    limits,
    signature::{PublicKey, Signature},
    tag::Tag,
};

/// What a boot says of itself. Its tagged hash is the attestation document's `user_data`; nothing in it changes while the boot lives,
/// but that the signer key's proof joins it once that key has been made or opened.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BootStatement {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The manifest that PCR16 measures.
    #[n(1)]
    pub manifest: Hash,
    /// The signer that PCR17 measures.
    #[n(2)]
    pub signer: SignerId,
    /// The public keys that this boot made.
    #[n(3)]
    pub keys: BootKeys,
    /// By the signer key; absent until it has been made or opened, and such a boot gets nothing but its own blobs.
    #[n(4)]
    pub proof: Option<SignerProof>,
}

/// The public keys of one boot. Their hash is its [`BootId`], so that naming a boot names its keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BootKeys {
    /// Ed25519: receipts, blobs, certificates, status.
    #[n(0)]
    pub identity: PublicKey,
    /// X25519: Noise channels between signers.
    #[n(1)]
    pub channel: Hash,
    /// Tagged hash of the RSA recipient key's SubjectPublicKeyInfo.
    #[n(2)]
    pub recipient: Hash,
}

/// The signer key's word that this boot is its signer's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignerProof {
    /// The signer key, for the group's life.
    #[n(0)]
    pub key: PublicKey,
    /// Over the tagged hash of the statement without its proof.
    #[n(1)]
    pub signature: Signature,
}

/// A statement with the attestation document that carries its hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Introduction {
    /// Canonical encoding of a [`BootStatement`].
    #[n(0)]
    pub statement: Bytes<{ limits::STATEMENT }>,
    /// COSE_Sign1 by the NSM.
    #[n(1)]
    pub document: Bytes<{ limits::DOCUMENT }>,
}

impl BootKeys {
    /// How a statement names the recipient key that an attestation document carries as `public_key`.
    #[must_use]
    pub fn recipient_hash(spki: &[u8]) -> Hash {
        Tag::RECIPIENT_KEY.hash(spki)
    }

    /// The boot that made these keys.
    #[must_use]
    pub fn boot(&self) -> BootId {
        BootId::from_bytes(*Tag::BOOT_ID.hash(&codec::encode(self)).as_bytes())
    }
}

impl BootStatement {
    /// The boot.
    #[must_use]
    pub fn boot(&self) -> BootId {
        self.keys.boot()
    }

    /// What an attestation document's `user_data` has to be.
    #[must_use]
    pub fn user_data(&self) -> Hash {
        Tag::BOOT_STATEMENT.hash(&codec::encode(self))
    }

    /// The bytes that the signer key signs: this statement without a proof.
    #[must_use]
    pub fn unproved(&self) -> Vec<u8> {
        codec::encode(&Self { proof: None, ..self.clone() })
    }

    /// The signer key, if the statement carries one and its signature is good.
    #[must_use]
    pub fn proved_key(&self) -> Option<PublicKey> {
        let proof = self.proof.as_ref()?;
        proof.key.verify(Tag::SIGNER_PROOF, &self.unproved(), &proof.signature).ok()?;
        Some(proof.key)
    }
}
