//! The keys whose shares are in memory.

use std::collections::BTreeMap;

use cloister_wire::{
    certificate::CertificateBody,
    ids::{KeyId, KeyName, Tenant},
    limits,
    refusal::Refusal,
    request::Scheme,
};

use crate::share::Share;

/// A key with a share that this signer can use.
pub(crate) struct Key {
    certificate: CertificateBody,
    share: Box<dyn Share>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: BTreeMap<KeyId, Key>,
}

impl Key {
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.certificate.tenant
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.certificate.name
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.certificate.scheme
    }

    /// The key's own public key: for Taproot the internal one.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.certificate.public_key.as_slice()
    }

    /// What signatures verify under: for Taproot the output key.
    pub(crate) fn verifying_key(&self) -> &[u8] {
        self.share.verifying_key()
    }

    pub(crate) fn share(&mut self) -> &mut dyn Share {
        self.share.as_mut()
    }
}

impl Keyring {
    /// Adds a key that is certified. A key that is there already stays as it is, with its unused commitments.
    pub(crate) fn insert(&mut self, certificate: CertificateBody, share: Box<dyn Share>) -> Result<(), Refusal> {
        if self.keys.contains_key(&certificate.key) {
            return Ok(());
        }
        if self.keys.len() >= limits::KEYS {
            return Err(Refusal::Busy);
        }
        self.keys.insert(certificate.key, Key { certificate, share });
        Ok(())
    }

    pub(crate) fn get(&self, key: KeyId) -> Option<&Key> {
        self.keys.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: KeyId) -> Option<&mut Key> {
        self.keys.get_mut(&key)
    }

    /// Whether the tenant has a key of this name.
    pub(crate) fn has_name(&self, tenant: &Tenant, name: &KeyName) -> bool {
        self.keys.values().any(|key| key.tenant() == tenant && key.name() == name)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}
