//! Key certificates: what every signer of a key generation agrees the key is.

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    codec,
    ids::{BootId, CeremonyId, Epoch, GroupId, Hash, KeyId, KeyName, SignerId, Tenant},
    limits,
    request::Scheme,
    signature::Signature,
    tag::Tag,
};

/// A key, as all signers of its ceremony saw it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CertificateBody {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// Its manifest.
    #[n(1)]
    pub manifest: Hash,
    /// The key: tagged hash of ceremony and group public key.
    #[n(2)]
    pub key: KeyId,
    /// Its tenant.
    #[n(3)]
    pub tenant: Tenant,
    /// Its name.
    #[n(4)]
    pub name: KeyName,
    /// Its scheme.
    #[n(5)]
    pub scheme: Scheme,
    /// Its sharing.
    #[n(6)]
    pub epoch: Epoch,
    /// *t*.
    #[n(7)]
    pub threshold: u16,
    /// The ceremony that made this sharing.
    #[n(8)]
    pub ceremony: CeremonyId,
    /// Hash of all its public messages.
    #[n(9)]
    pub transcript: Hash,
    /// Group public key in the scheme's own encoding: 32 bytes for Ed25519, 33 (SEC1 compressed) for secp256k1. For Taproot this is
    /// the *internal* key; addresses are its BIP-86 tweak.
    #[n(10)]
    pub public_key: Bytes<33>,
    /// Public key and verifying shares as the FROST library serialises its `PublicKeyPackage`.
    #[n(11)]
    pub public_package: Bytes<{ limits::PUBLIC_PACKAGE }>,
    /// Joint chain code for derivation (BIP-32), from the transcript.
    #[n(12)]
    pub chain_code: Hash,
}

/// A certificate's exact bytes, with the signatures of every signer of the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Certificate {
    /// Canonical encoding of a [`CertificateBody`].
    #[n(0)]
    pub body: Bytes<{ limits::CERTIFICATE }>,
    /// One for each signer, by id.
    #[n(1)]
    pub signatures: List<CertificateSignature, { limits::SIGNERS }>,
}

/// One signer's word for a certificate, given only after it has read its sealed share back and opened it through each KMS key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct CertificateSignature {
    /// The signer.
    #[n(0)]
    pub signer: SignerId,
    /// The boot that took part.
    #[n(1)]
    pub boot: BootId,
    /// By that boot's identity: clients check it against the boot's attestation.
    #[n(2)]
    pub by_boot: Signature,
    /// By the signer key: later boots of the group check it.
    #[n(3)]
    pub by_signer: Signature,
}

impl CertificateBody {
    /// The id of the key that `ceremony` made.
    #[must_use]
    pub fn key_id(ceremony: &CeremonyId, public_key: &[u8]) -> KeyId {
        let preimage = [ceremony.as_bytes().as_slice(), public_key].concat();
        KeyId::from_bytes(*Tag::KEY_ID.hash(&preimage).as_bytes())
    }
}

impl Certificate {
    /// What was agreed on, without regard to the signatures.
    ///
    /// # Errors
    /// [`codec::DecodeError`].
    pub fn unverified(&self) -> Result<CertificateBody, codec::DecodeError> {
        codec::decode(self.body.as_slice())
    }
}
