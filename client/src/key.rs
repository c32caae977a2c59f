//! Keys, read from certificates that their signers signed.

use std::collections::BTreeMap;

use cloister_wire::{
    certificate::{Certificate, CertificateBody},
    ids::{KeyId, SignerId},
    manifest::ValidManifest,
    request::Scheme,
    signature::PublicKey,
    tag::Tag,
};

use crate::{account::Account, taproot::TaprootKey};

/// A key whose certificate was checked against the signers' own keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    certificate: Certificate,
    body: CertificateBody,
}

/// Why a certificate does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRejected {
    /// It cannot be read.
    #[error("it cannot be read")]
    Unreadable,
    /// Another group, manifest or threshold.
    #[error("it belongs to another group, manifest or threshold")]
    Foreign,
    /// The key id is not that of ceremony and public key, or the public key is no point of its curve.
    #[error("its key id does not follow from its ceremony and public key, or the key is none of its scheme")]
    KeyId,
    /// Not signed by each signer of the group once.
    #[error("it is not signed by each signer of the group once, in order")]
    Signers,
    /// A signature that does not verify.
    #[error("signer {0}'s signature does not verify under the signer key that it has proved")]
    Signature(SignerId),
    /// Fewer signers than the threshold could be asked for their keys.
    #[error("fewer signers than the threshold have proved their keys, so that it cannot be checked")]
    TooFewSignerKeys,
    /// Another key than the one that was asked for.
    #[error("it is another key's than the one that was asked for")]
    AnotherKey,
}

impl Key {
    /// Checks `certificate`. `signer_keys` are those that attested boots have proved; at least *t* are needed, and every one of them
    /// has to have signed.
    ///
    /// # Errors
    /// [`CertificateRejected`].
    pub fn verify(
        manifest: &ValidManifest,
        signer_keys: &BTreeMap<SignerId, PublicKey>,
        certificate: Certificate,
    ) -> Result<Self, CertificateRejected> {
        let body = certificate.unverified().map_err(|_| CertificateRejected::Unreadable)?;
        if body.group != manifest.group || body.manifest != manifest.hash() || body.threshold != manifest.threshold {
            return Err(CertificateRejected::Foreign);
        }
        let key = Self { certificate, body };
        key.check_public_key()?;
        key.check_signatures(manifest, signer_keys)?;
        Ok(key)
    }

    fn check_public_key(&self) -> Result<(), CertificateRejected> {
        let public_key = self.public_key();
        let usable = match self.body.scheme {
            Scheme::Ed25519 => PublicKey::from_bytes(public_key).is_ok(),
            Scheme::Secp256k1Taproot => TaprootKey::from_compressed(public_key).is_some(),
            Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => secp256k1::PublicKey::from_slice(public_key).is_ok(),
        };
        let follows = CertificateBody::key_id(&self.body.ceremony, public_key) == self.body.key;
        if usable && follows { Ok(()) } else { Err(CertificateRejected::KeyId) }
    }

    fn check_signatures(
        &self,
        manifest: &ValidManifest,
        signer_keys: &BTreeMap<SignerId, PublicKey>,
    ) -> Result<(), CertificateRejected> {
        let signatures = &self.certificate.signatures;
        if !signatures.iter().map(|signature| signature.signer).eq(manifest.signers.iter().map(|slot| slot.id)) {
            return Err(CertificateRejected::Signers);
        }
        let mut checked = 0;
        for signature in signatures {
            let Some(key) = signer_keys.get(&signature.signer) else { continue };
            key.verify(Tag::CERTIFICATE, self.certificate.body.as_slice(), &signature.by_signer)
                .map_err(|_| CertificateRejected::Signature(signature.signer))?;
            checked += 1;
        }
        if checked < usize::from(manifest.threshold) { Err(CertificateRejected::TooFewSignerKeys) } else { Ok(()) }
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.body.key
    }

    /// Everything that the signers agreed on.
    #[must_use]
    pub fn body(&self) -> &CertificateBody {
        &self.body
    }

    /// The certificate, to be archived.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// In the scheme's own encoding: 32 bytes for Ed25519, 33 for secp256k1; Taproot's *internal* key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.body.public_key.as_slice()
    }

    /// The key that signatures verify under, 32 bytes, where that is the BIP-86 output key.
    #[must_use]
    pub fn output_key(&self) -> Option<[u8; 32]> {
        Account::from(self).output_key()
    }
}

#[cfg(test)]
impl Key {
    /// A key of a certificate that nobody signed.
    pub(crate) fn unchecked(scheme: Scheme, public_key: &[u8], chain_code: [u8; 32]) -> Self {
        use cloister_wire::ids::{CeremonyId, Epoch, GroupId, Hash};
        let body = CertificateBody {
            group: GroupId::from_bytes([1; 16]),
            manifest: Hash::from_bytes([2; 32]),
            key: KeyId::from_bytes([3; 32]),
            tenant: "acme".parse().expect("a name"),
            name: "hot-1".parse().expect("a name"),
            scheme,
            epoch: Epoch(0),
            threshold: 2,
            ceremony: CeremonyId::from_bytes([4; 32]),
            transcript: Hash::from_bytes([5; 32]),
            public_key: public_key.try_into().expect("short enough"),
            public_package: [].as_slice().try_into().expect("short enough"),
            chain_code: Hash::from_bytes(chain_code),
        };
        let bytes = cloister_wire::codec::encode(&body).try_into().expect("short enough");
        Self { certificate: Certificate { body: bytes, signatures: Vec::new().try_into().expect("none") }, body }
    }
}
