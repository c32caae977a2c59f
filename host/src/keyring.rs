//! The keys that this host knows, by their certificates.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use cloister_wire::{
    certificate::{Certificate, CertificateBody},
    codec,
    ids::{KeyId, KeyName, Tenant},
    refusal::Refusal,
    request::Scheme,
};
use serde::Serialize;

use crate::{child::Child, encoding::base64};

/// A key.
pub(crate) struct Key {
    pub(crate) certificate: Certificate,
    pub(crate) body: CertificateBody,
    root: Arc<Child>,
    /// Those that were asked for lately: deriving one takes longer than checking a signature.
    children: Mutex<HashMap<Vec<u32>, Arc<Child>>>,
}

/// A key as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyObject {
    key: String,
    tenant: String,
    name: String,
    scheme: &'static str,
    public_key: String,
    chain_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    addresses: BTreeMap<&'static str, String>,
    threshold: u16,
    ceremony: String,
    certificate: String,
}

/// All keys.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: RwLock<HashMap<KeyId, Arc<Key>>>,
}

impl Key {
    /// Reads a certificate. Its signatures are the signers' and the clients' to check.
    pub(crate) fn read(certificate: Certificate) -> Option<Self> {
        let body = certificate.unverified().ok()?;
        let root = Arc::new(Child::of(&body, &[]).ok()?);
        Some(Self { certificate, body, root, children: Mutex::default() })
    }

    /// The key as the API shows it.
    pub(crate) fn object(&self) -> KeyObject {
        let body = &self.body;
        let addresses = self.root.addresses();
        KeyObject {
            key: body.key.to_string(),
            tenant: body.tenant.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            public_key: hex::encode(body.public_key.as_slice()),
            chain_code: body.chain_code.to_string(),
            output_key: self.root.output_key().map(|key| key.to_string()),
            address: ["solana", "ethereum", "bitcoin"].iter().find_map(|chain| addresses.get(chain)).cloned(),
            addresses,
            threshold: body.threshold,
            ceremony: body.ceremony.to_string(),
            certificate: base64(&codec::encode(&self.certificate)),
        }
    }

    /// The key itself, or the child at `path`.
    pub(crate) fn child(&self, path: &[u32]) -> Result<Arc<Child>, Refusal> {
        if path.is_empty() {
            return Ok(self.root.clone());
        }
        if let Some(child) = self.children().get(path) {
            return Ok(child.clone());
        }
        let child = Arc::new(Child::of(&self.body, path)?);
        let mut children = self.children();
        if children.len() >= CHILDREN {
            children.clear();
        }
        children.insert(path.to_vec(), child.clone());
        Ok(child)
    }

    fn children(&self) -> MutexGuard<'_, HashMap<Vec<u32>, Arc<Child>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyObject {
    /// Whether tenant and name are these, where they matter.
    pub(crate) fn is_of(&self, tenant: Option<&str>, name: Option<&str>) -> bool {
        tenant.is_none_or(|tenant| tenant == self.tenant) && name.is_none_or(|name| name == self.name)
    }
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Ed25519 => "ed25519",
        Scheme::Secp256k1Taproot => "secp256k1-taproot",
        Scheme::Secp256k1Schnorr => "secp256k1-schnorr",
        Scheme::Secp256k1Ecdsa => "secp256k1-ecdsa",
    }
}

impl Keyring {
    /// Takes a key in, unless it is there.
    pub(crate) fn insert(&self, certificate: Certificate) {
        if let Some(key) = Key::read(certificate) {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            keys.entry(key.body.key).or_insert_with(|| Arc::new(key));
        }
    }

    /// The key of this id.
    pub(crate) fn get(&self, key: &KeyId) -> Option<Arc<Key>> {
        self.read().get(key).cloned()
    }

    /// The key of this name.
    pub(crate) fn named(&self, tenant: &Tenant, name: &KeyName) -> Option<Arc<Key>> {
        self.read().values().find(|key| key.body.tenant == *tenant && key.body.name == *name).cloned()
    }

    /// All keys, by tenant and name.
    pub(crate) fn all(&self) -> Vec<Arc<Key>> {
        let mut keys: Vec<_> = self.read().values().cloned().collect();
        keys.sort_by(|a, b| (&a.body.tenant, &a.body.name).cmp(&(&b.body.tenant, &b.body.name)));
        keys
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<KeyId, Arc<Key>>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Children of one key that are remembered.
const CHILDREN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::tests::certificate;

    fn key(scheme: Scheme) -> Option<Key> {
        let body = codec::encode(&certificate(scheme)).try_into().unwrap();
        Key::read(Certificate { body, signatures: Default::default() })
    }

    #[test]
    fn a_child_is_derived_once_and_no_more_are_remembered_than_the_bound() {
        let key = key(Scheme::Secp256k1Ecdsa).unwrap();
        let first = key.child(&[0, 0]).unwrap();
        assert!(Arc::ptr_eq(&first, &key.child(&[0, 0]).unwrap()));
        for step in 0..300 {
            key.child(&[1, step]).unwrap();
        }
        assert!(key.children().len() <= CHILDREN);
        assert_eq!(key.child(&[1 << 31]).err(), Some(Refusal::PathInvalid));
    }

    #[test]
    fn an_ecdsa_key_shows_its_accounts_and_what_its_children_follow_from() {
        let object = serde_json::to_value(key(Scheme::Secp256k1Ecdsa).unwrap().object()).unwrap();
        assert_eq!(object["scheme"], "secp256k1-ecdsa");
        assert_eq!(object["chain_code"], "4a53a0ab21b9dc95869c4e92a161194e03c0ef3ff5014ac692f433c4765490fc");
        assert!(object["addresses"]["regtest"].as_str().unwrap().starts_with("bcrt1q"));
        assert_eq!(object["address"], object["addresses"]["ethereum"]);
    }
}
