//! The stand-in under test, its callers, and the enclaves that it answers to.

use std::path::{Path, PathBuf};

use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region as SdkRegion};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloister_attestation::{Pcr, PcrIndex, RecipientKey};
use cloister_simulator::kms::{Credential, EnvelopeForm, KeyFile, KmsConfig, Running, serve};
use cloister_simulator::nsm::{StandInNsm, TestRoot};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const REGION: &str = "eu-central-1";
pub(crate) const OTHER_REGION: &str = "eu-west-1";
pub(crate) const ACCOUNT: &str = "111122223333";

/// A served key file with three callers: two of the key's account, one of another.
pub(crate) struct Stand {
    folder: TempDir,
    running: Running,
    pub(crate) root: TestRoot,
    pub(crate) admin: Credential,
    pub(crate) host: Credential,
    pub(crate) stranger: Credential,
}

impl Stand {
    pub(crate) async fn start(envelope: EnvelopeForm) -> Stand {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = TestRoot::generate().expect("keys");
        std::fs::write(folder.path().join("root.der"), root.der()).expect("written");
        let mut file = KeyFile::open(&key_file(&folder), 0).expect("a new key file");
        let mut caller = |account: &str, role: &str| {
            let principal = format!("arn:aws:iam::{account}:role/{role}").parse().expect("an ARN");
            file.add_credential(principal).expect("kept")
        };
        let (admin, host) = (caller(ACCOUNT, "signer-1-admin"), caller(ACCOUNT, "signer-1-host"));
        let stranger = caller("444455556666", "signer-2-host");
        drop(file);
        let running = serve(config(&folder, envelope)).await.expect("served");
        Stand { folder, running, root, admin, host, stranger }
    }

    /// Stops serving, and serves the same file again at another port.
    pub(crate) async fn restarted(self) -> Stand {
        let Stand { folder, running, root, admin, host, stranger } = self;
        running.shutdown().await;
        let running = serve(config(&folder, EnvelopeForm::BerV2)).await.expect("served again");
        Stand { folder, running, root, admin, host, stranger }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.running.local_addr())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An `aws-sdk-kms` client with nothing changed but its endpoint.
    pub(crate) fn client(&self, caller: &Credential) -> Client {
        let credentials = Credentials::new(caller.access_key_id(), caller.secret(), None, None, "test");
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(SdkRegion::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url(self.endpoint())
            .build();
        Client::from_conf(config)
    }

    /// What the Python judges need to know.
    pub(crate) fn setting(&self) -> Value {
        let login = |c: &Credential| json!([c.access_key_id(), c.secret()]);
        json!({
            "endpoint": self.endpoint(),
            "region": REGION,
            "other_region": OTHER_REGION,
            "callers": { "admin": login(&self.admin), "host": login(&self.host), "stranger": login(&self.stranger) },
        })
    }
}

fn key_file(folder: &TempDir) -> PathBuf {
    folder.path().join("keys.json")
}

fn config(folder: &TempDir, envelope: EnvelopeForm) -> KmsConfig {
    KmsConfig {
        listen: "127.0.0.1:0".parse().expect("an address"),
        key_file: key_file(folder),
        root: folder.path().join("root.der"),
        regions: [REGION, OTHER_REGION].map(|region| region.parse().expect("a region")).into(),
        envelope,
    }
}

/// The registers that a signer's key policy demands.
pub(crate) const DEMANDED: [u8; 6] = [0, 1, 2, 3, 16, 17];

/// Their values in the signer that the policy is for.
pub(crate) fn registers() -> Vec<(PcrIndex, Pcr)> {
    DEMANDED
        .iter()
        .map(|&i| (PcrIndex::new(i).expect("below 32"), Pcr::ZERO.extended(&measured(i, "signer 1"))))
        .collect()
}

fn measured(index: u8, what: &str) -> Vec<u8> {
    format!("{what} PCR{index}").into_bytes()
}

/// How an enclave differs from the one that the policy is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    None,
    /// This register holds something else.
    Value(u8),
    /// This register was not locked, so that documents lack it.
    Unlocked(u8),
    /// Registers 0 to 2 are zero.
    DebugMode,
}

/// A booted enclave under this root.
pub(crate) fn enclave(root: &TestRoot, difference: Difference) -> StandInNsm {
    let what = |index| if difference == Difference::Value(index) { "signer 2" } else { "signer 1" };
    let image = |index| match difference {
        Difference::DebugMode if index < 3 => Pcr::ZERO,
        _ => Pcr::ZERO.extended(&measured(index, what(index))),
    };
    let mut nsm = StandInNsm::new(root.clone(), &[0, 1, 2, 3].map(|i| (i, image(i)))).expect("in range");
    for index in [16, 17] {
        nsm.extend_pcr(index, &measured(index, what(index))).expect("open");
        if difference != Difference::Unlocked(index) {
            nsm.lock_pcr(index).expect("open");
        }
    }
    nsm
}

/// A document of this enclave for this recipient, dated `age_ms` ago.
pub(crate) fn document(nsm: &mut StandInNsm, recipient: &RecipientKey, age_ms: i64) -> Vec<u8> {
    nsm.attest(None, None, Some(recipient.public_key_der()), now_ms().saturating_add_signed(-age_ms)).expect("signed")
}

pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    since.as_millis().try_into().expect("before the year 584 million")
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}
