//! The keys that this host knows, by their certificates.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use cloister_chains::{
    bitcoin::{Network, XOnlyKey, p2tr_address},
    solana::Pubkey,
};
use cloister_wire::{
    certificate::{Certificate, CertificateBody},
    codec,
    ids::{KeyId, KeyName, Tenant},
    request::Scheme,
};
use serde::Serialize;

use crate::{
    aggregate::{Aggregator, aggregator},
    encoding::base64,
};

/// A key.
pub(crate) struct Key {
    pub(crate) certificate: Certificate,
    pub(crate) body: CertificateBody,
    pub(crate) group: Box<dyn Aggregator>,
}

/// A key as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeyObject {
    key: String,
    tenant: String,
    name: String,
    scheme: &'static str,
    public_key: String,
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
        let group = aggregator(body.scheme, body.public_package.as_slice())?;
        Some(Self { certificate, body, group })
    }

    /// The key as the API shows it.
    pub(crate) fn object(&self) -> KeyObject {
        let body = &self.body;
        let addresses = self.addresses();
        KeyObject {
            key: body.key.to_string(),
            tenant: body.tenant.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            public_key: hex::encode(body.public_key.as_slice()),
            output_key: self.output_key().map(|key| key.to_string()),
            address: addresses.get("solana").or(addresses.get("bitcoin")).cloned(),
            addresses,
            threshold: body.threshold,
            ceremony: body.ceremony.to_string(),
            certificate: base64(&codec::encode(&self.certificate)),
        }
    }

    /// The Solana public key.
    pub(crate) fn solana(&self) -> Option<Pubkey> {
        let bytes = <[u8; 32]>::try_from(self.body.public_key.as_slice()).ok()?;
        (self.body.scheme == Scheme::Ed25519).then(|| Pubkey::from(bytes))
    }

    /// The Taproot internal key, which the certificate is about.
    pub(crate) fn internal_key(&self) -> Option<XOnlyKey> {
        (self.body.scheme == Scheme::Secp256k1Taproot).then(|| x_only(self.body.public_key.as_slice()))?
    }

    /// The Taproot output key, which addresses and signatures are under.
    pub(crate) fn output_key(&self) -> Option<XOnlyKey> {
        (self.body.scheme == Scheme::Secp256k1Taproot).then(|| x_only(self.group.verifying_key()))?
    }

    fn addresses(&self) -> BTreeMap<&'static str, String> {
        const NETWORKS: [(&str, Network); 4] = [
            ("bitcoin", Network::Bitcoin),
            ("testnet", Network::Testnet),
            ("signet", Network::Signet),
            ("regtest", Network::Regtest),
        ];
        let solana = self.solana().map(|key| ("solana", key.to_string()));
        let taproot = self.output_key();
        let bitcoin = taproot.iter().flat_map(|key| NETWORKS.map(|(name, network)| (name, p2tr_address(key, network))));
        solana.into_iter().chain(bitcoin).collect()
    }
}

impl KeyObject {
    /// Whether tenant and name are these, where they matter.
    pub(crate) fn is_of(&self, tenant: Option<&str>, name: Option<&str>) -> bool {
        tenant.is_none_or(|tenant| tenant == self.tenant) && name.is_none_or(|name| name == self.name)
    }
}

/// A compressed point without its sign (BIP-340).
fn x_only(compressed: &[u8]) -> Option<XOnlyKey> {
    let x = compressed.get(1..)?;
    <[u8; 32]>::try_from(x).ok().map(XOnlyKey::from)
}

fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Ed25519 => "ed25519",
        Scheme::Secp256k1Taproot => "secp256k1-taproot",
        Scheme::Secp256k1Schnorr => "secp256k1-schnorr",
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
