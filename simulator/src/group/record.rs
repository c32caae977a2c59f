//! `group.json`: where everything of a group is, for tools.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use cloister_client::{SecretFile, requester::Credential};
use cloister_wire::ids::Incarnation;
use serde::{Deserialize, Serialize};

use super::layout;

/// The file's content. Paths are within the group's folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Format of this file; 1.
    pub format: u32,
    /// Always `true`: nothing here rests on hardware.
    pub simulated: bool,
    /// Group id, hex.
    pub group: String,
    /// What clients pin, hex.
    pub manifest_hash: String,
    /// The root of its attestation documents: a DER file.
    pub root: PathBuf,
    /// SHA-256 of that file, hex.
    pub root_fingerprint: String,
    /// *t*.
    pub threshold: u16,
    /// Operators' secret keys.
    pub operators: Vec<PathBuf>,
    /// The requester that the first policy names.
    pub requester: RequesterRecord,
    /// How far the group has come.
    stage: Stage,
    /// The highest incarnation that operators have signed; 0 before the first.
    incarnation: u64,
    /// URL of the KMS stand-in, when the group was last up.
    pub kms: Option<String>,
    /// One for each signer, when the group was last up.
    pub signers: Vec<SignerRecord>,
}

/// How far a group has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It has keys and a manifest.
    Founded,
    /// Genesis is over: its signers have their signer keys.
    Started,
}

/// A requester and its key file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequesterRecord {
    /// Its name in the policy.
    pub name: String,
    /// Its tenant.
    pub tenant: String,
    /// Its secret key.
    pub key_file: PathBuf,
}

/// The processes of one signer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignerRecord {
    /// Its number.
    pub signer: u16,
    /// Its host's URL.
    pub url: String,
    /// The ARN of its parent's role, which PCR3 measures and its host is to KMS.
    #[serde(default)]
    pub parent_role: String,
    /// Its host's process.
    pub host_pid: u32,
    /// Its own socket.
    pub socket: PathBuf,
    /// Its own process, while it runs.
    pub signer_pid: Option<u32>,
}

impl Record {
    /// Reads `group.json`.
    ///
    /// # Errors
    /// If there is none, or it is of another format.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes =
            fs::read(path).with_context(|| format!("cannot read {}: there is no simulated group", path.display()))?;
        let record: Self = serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
        anyhow::ensure!(record.format == FORMAT, "{} is of another version: found a new group", path.display());
        Ok(record)
    }

    /// How far the group has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The highest incarnation that operators have signed.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(self.incarnation)
    }

    pub(super) fn new(group: String, manifest_hash: String, root_fingerprint: String, threshold: u16) -> Self {
        Self {
            format: FORMAT,
            simulated: true,
            group,
            manifest_hash,
            root: layout::ROOT_CERTIFICATE.into(),
            root_fingerprint,
            threshold,
            operators: Vec::new(),
            requester: RequesterRecord::first(),
            stage: Stage::Founded,
            incarnation: 0,
            kms: None,
            signers: Vec::new(),
        }
    }

    pub(super) fn set_stage(&mut self, stage: Stage) {
        self.stage = stage;
    }

    pub(super) fn set_incarnation(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation.0;
    }

    pub(super) fn set_processes(&mut self, kms: &str, signers: Vec<SignerRecord>) {
        (self.kms, self.signers) = (Some(kms.to_owned()), signers);
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        layout::write(path, &serde_json::to_vec_pretty(self)?)
    }
}

impl RequesterRecord {
    /// The requester of a new group.
    pub(super) fn first() -> Self {
        Self { name: "demo".into(), tenant: "demo".into(), key_file: "requester-demo.key".into() }
    }

    /// The requester with its secret key, from the group's folder `dir`.
    ///
    /// # Errors
    /// If the key file cannot be read.
    pub fn credential(&self, dir: &Path) -> anyhow::Result<Credential> {
        let secret = SecretFile::read_of_requester(&dir.join(&self.key_file))?;
        Ok(Credential { name: self.name.parse()?, tenant: self.tenant.parse()?, secret, session: None })
    }
}

const FORMAT: u32 = 1;
