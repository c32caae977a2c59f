//! Key certificates: signed by every signer of the ceremony, checked before a key is used.

use std::collections::BTreeMap;

use cloister_wire::{
    blob::Content,
    certificate::{Certificate, CertificateBody, CertificateSignature},
    codec,
    ids::{BootId, SignerId},
    refusal::Refusal,
    signature::{PublicKey, Signature},
    tag::Tag,
};
use ed25519_dalek::SigningKey;

use crate::{authority::Measured, boot::Boot};

/// The public signer keys of the group, by signer.
pub(crate) type SignerKeys = BTreeMap<SignerId, PublicKey>;

/// Signs a certificate, with the boot's and the signer's own key.
pub(crate) fn sign(body: &CertificateBody, me: SignerId, boot: &Boot, signer_key: &SigningKey) -> CertificateSignature {
    let bytes = codec::encode(body);
    CertificateSignature {
        signer: me,
        boot: boot.id(),
        by_boot: boot.sign(Tag::CERTIFICATE, &bytes),
        by_signer: Signature::sign(signer_key, Tag::CERTIFICATE, &bytes),
    }
}

/// A certificate that every signer of the group has signed.
pub(crate) struct Certified(CertificateBody);

impl Certified {
    /// Checks every signer's signature by its signer key, and that the certificate is of this group. `identity` gives the boot identity
    /// key where the signing boot is known; then that signature is checked, too.
    pub(crate) fn verify(
        measured: &Measured,
        signers: &SignerKeys,
        certificate: &Certificate,
        identity: impl Fn(SignerId, BootId) -> Option<PublicKey>,
    ) -> Result<Self, Refusal> {
        let invalid = |_| Refusal::CertificateInvalid;
        if !certificate.signatures.iter().map(|entry| &entry.signer).eq(signers.keys()) {
            return Err(Refusal::CertificateInvalid);
        }
        let hash = Tag::CERTIFICATE.hash(certificate.body.as_slice());
        for (entry, key) in certificate.signatures.iter().zip(signers.values()) {
            key.verify_hash(&hash, &entry.by_signer).map_err(invalid)?;
            if let Some(identity) = identity(entry.signer, entry.boot) {
                identity.verify_hash(&hash, &entry.by_boot).map_err(invalid)?;
            }
        }
        let body = certificate.unverified().map_err(|_| Refusal::CertificateInvalid)?;
        let ours = body.group == measured.manifest.group
            && body.manifest == measured.manifest.hash()
            && body.threshold == measured.manifest.threshold
            && body.key == CertificateBody::key_id(&body.ceremony, body.public_key.as_slice());
        if ours { Ok(Self(body)) } else { Err(Refusal::CertificateInvalid) }
    }

    pub(crate) fn body(&self) -> &CertificateBody {
        &self.0
    }

    /// What a blob with this key's share has to say of itself.
    pub(crate) fn content(&self) -> Content {
        content(&self.0)
    }
}

/// What a blob with the key's share says of itself.
pub(crate) fn content(body: &CertificateBody) -> Content {
    Content::Share { key: body.key, scheme: body.scheme, epoch: body.epoch }
}
