//! One KMS key: its name, state, policy and material. Changing a key makes a new one.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arn::{AccountId, KeyArn, Region};
use super::material::{KeySpec, Material};
use super::policy::{Policy, default_for_account};
use super::store::KeyFileError;

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Where it lives.
    pub region: Region,
    /// Whose it is.
    pub account: AccountId,
    /// What it is.
    pub spec: KeySpec,
    /// What its owner calls it.
    pub description: String,
    /// Who may use it; without one, all of its account may do everything.
    pub policy: Option<String>,
}

impl NewKey {
    /// Draws the key. `now` in seconds of Unix time.
    pub(crate) fn generate(self, now: u64) -> Result<Key, KeyFileError> {
        let policy = Policy::parse(&self.policy.unwrap_or_else(|| default_for_account(&self.account)))?;
        let material = Material::generate(self.spec).map_err(|_| KeyFileError::KeyGeneration)?;
        Ok(Key {
            arn: KeyArn::new(self.region, self.account, Uuid::new_v4()),
            spec: self.spec,
            description: self.description,
            created: now,
            state: KeyState::Enabled,
            policy: Arc::new(policy),
            material: Arc::new(material),
        })
    }
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// It may.
    Enabled,
    /// Not until it is enabled again.
    Disabled,
    /// Not any more.
    PendingDeletion {
        /// When it is deleted, in seconds of Unix time.
        due: u64,
    },
}

/// A key as the service holds it.
#[derive(Clone)]
pub struct Key {
    arn: KeyArn,
    spec: KeySpec,
    description: String,
    created: u64,
    state: KeyState,
    policy: Arc<Policy>,
    material: Arc<Material>,
}

impl Key {
    /// Its full name.
    pub fn arn(&self) -> &KeyArn {
        &self.arn
    }

    /// What it is.
    pub fn spec(&self) -> KeySpec {
        self.spec
    }

    /// What its owner calls it.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether it may be used.
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// Who may use it.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The public half as SubjectPublicKeyInfo in DER; nothing for a symmetric key.
    pub fn public_key(&self) -> Option<Vec<u8>> {
        match &*self.material {
            Material::Symmetric(_) => None,
            Material::Rsa(key) => key.public_key().ok(),
        }
    }

    /// Seconds of Unix time at which it was made.
    pub(crate) fn created(&self) -> u64 {
        self.created
    }

    pub(crate) fn material(&self) -> &Material {
        &self.material
    }

    pub(crate) fn is_deleted_at(&self, now: u64) -> bool {
        matches!(self.state, KeyState::PendingDeletion { due } if due <= now)
    }

    /// The same key under another policy.
    #[must_use]
    pub(crate) fn with_policy(&self, policy: Policy) -> Self {
        Self { policy: Arc::new(policy), ..self.clone() }
    }

    /// The same key in another state.
    #[must_use]
    pub(crate) fn with_state(&self, state: KeyState) -> Self {
        Self { state, ..self.clone() }
    }

    pub(crate) fn to_stored(&self) -> Result<StoredKey, KeyFileError> {
        let material = self.material.to_bytes().map_err(|_| KeyFileError::KeyGeneration)?;
        Ok(StoredKey {
            arn: self.arn.clone(),
            spec: self.spec,
            description: self.description.clone(),
            created: self.created,
            state: self.state,
            policy: self.policy.text().into(),
            material: STANDARD.encode(&*material),
        })
    }
}

/// A key as the key file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredKey {
    arn: KeyArn,
    spec: KeySpec,
    description: String,
    created: u64,
    state: KeyState,
    policy: String,
    material: String,
}

impl TryFrom<StoredKey> for Key {
    type Error = KeyFileError;

    fn try_from(stored: StoredKey) -> Result<Self, KeyFileError> {
        let bytes = STANDARD.decode(&stored.material).map_err(|_| KeyFileError::KeyGeneration)?;
        let material = Material::from_bytes(stored.spec, &bytes).map_err(|_| KeyFileError::KeyGeneration)?;
        Ok(Self {
            policy: Arc::new(Policy::parse(&stored.policy)?),
            arn: stored.arn,
            spec: stored.spec,
            description: stored.description,
            created: stored.created,
            state: stored.state,
            material: Arc::new(material),
        })
    }
}
