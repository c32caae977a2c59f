//! Which key a signature is for: a certified key itself, or a child of it (BIP-32, not hardened).

use cloister_chains::derivation::{ChildPath, ExtendedKey};
use cloister_wire::{certificate::CertificateBody, refusal::Refusal, request::Scheme};

/// A key with its place below the certified one. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    path: Vec<u32>,
    tweak: [u8; 32],
    public_key: Vec<u8>,
}

impl Child {
    /// The child of a certified key at `path`. An empty path is the key itself, whatever its scheme.
    pub(crate) fn of(certificate: &CertificateBody, path: &[u32]) -> Result<Self, Refusal> {
        let public_key = certificate.public_key.as_slice();
        if path.is_empty() {
            return Ok(Self { path: Vec::new(), tweak: [0; 32], public_key: public_key.to_vec() });
        }
        match certificate.scheme {
            Scheme::Secp256k1Ecdsa | Scheme::Secp256k1Taproot => {}
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr => return Err(Refusal::PathNotSupported),
        }
        let compressed = public_key.try_into().map_err(|_| Refusal::CertificateInvalid)?;
        let root = ExtendedKey::root(compressed, *certificate.chain_code.as_bytes());
        let steps = ChildPath::new(path).map_err(|_| Refusal::PathInvalid)?;
        let derived = root.and_then(|root| root.derive(&steps)).map_err(|_| Refusal::PathInvalid)?;
        let (child, tweak) = derived;
        Ok(Self { path: path.to_vec(), tweak, public_key: child.public_key().to_vec() })
    }

    /// The steps from the certified key; empty for that key itself.
    pub(crate) fn path(&self) -> &[u32] {
        &self.path
    }

    /// Where its children hang, and change may go: the certified key, if it has any.
    pub(crate) fn root(certificate: &CertificateBody) -> Option<ExtendedKey> {
        let compressed = certificate.public_key.as_slice().try_into().ok()?;
        ExtendedKey::root(compressed, *certificate.chain_code.as_bytes()).ok()
    }

    /// What the certified key's secret is shifted by: a scalar, 32 bytes, big-endian.
    pub(crate) fn tweak(&self) -> &[u8; 32] {
        &self.tweak
    }

    /// The child's public key, in the certificate's encoding. For Taproot the internal one.
    pub(crate) fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}
