//! What a host is told at start.

use std::{collections::BTreeMap, fmt, net::SocketAddr, num::NonZeroU64, path::PathBuf, time::Duration};

use cloister_attestation::TrustRoot;
use cloister_wire::{endorsement::Endorsed, ids::SignerId, manifest::Manifest};

/// Everything that a host needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The signer that this host serves.
    pub signer: SignerId,
    /// The group, signed by its operators.
    pub manifest: Endorsed<Manifest>,
    /// Where to serve the API. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the signer is.
    pub enclave: Endpoint,
    /// The SQLite file.
    pub store: PathBuf,
    /// The largest size of that file, bytes; unlimited if absent.
    pub storage_limit: Option<NonZeroU64>,
    /// Where the other signers' hosts are.
    pub peers: PeerBook,
    /// What attestation documents have to chain to: AWS's root, and another only in a simulator's host. Hosts need not be trusted and
    /// check documents only to say early and clearly what is wrong.
    pub root: TrustRoot,
    /// How to reach KMS.
    pub kms: KmsAccess,
    /// Commitments kept ready.
    pub pool: PoolSizes,
    /// Presignatures kept ready.
    pub presignatures: PresignatureSizes,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// Requests to sign that may be under way at once; more are told to come back.
    pub capacity: usize,
}

/// Where a signer listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// A vsock address: the enclave's context id and port.
    Vsock {
        /// Context id.
        cid: u32,
        /// Port.
        port: u32,
    },
    /// A Nitro enclave of this machine, found by its name through `nitro-cli` whenever it has to be connected to.
    Nitro {
        /// The name it is started under.
        name: String,
        /// Port.
        port: u32,
    },
}

/// Base URLs of the hosts, by signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerBook {
    /// Known at start.
    Fixed(BTreeMap<SignerId, String>),
    /// A JSON file, `{"1": "http://…", …}`, read when it is first needed and again when a host cannot be reached.
    File(PathBuf),
}

/// How to reach KMS. What is absent comes from the standard AWS environment and configuration files.
#[derive(Clone, Default)]
pub struct KmsAccess {
    /// An endpoint instead of the regions' own.
    pub endpoint: Option<String>,
    /// An access key instead of the environment's.
    pub credentials: Option<AccessKey>,
}

/// An AWS access key.
#[derive(Clone)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// Commitments kept ready, for each key that is in use and each signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSizes {
    /// To begin with; also the least that is asked for at a time.
    pub low: usize,
    /// Under load.
    pub high: usize,
}

/// Presignatures of ECDSA keys kept ready, for each key or child key that is in use and each set of signers that takes turns. Also the
/// options of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct PresignatureSizes {
    /// Presignatures kept ready to begin with, for each ECDSA key or child key in use and each set of signers.
    #[arg(long = "presignatures-low", value_name = "COUNT", default_value_t = Self::default().low)]
    pub low: usize,
    /// Presignatures kept ready under load.
    #[arg(long = "presignatures-high", value_name = "COUNT", default_value_t = Self::default().high)]
    pub high: usize,
    /// More are made when no more than this part of them is left, percent.
    #[arg(long = "presignatures-refill", value_name = "PERCENT", default_value_t = Self::default().refill,
        value_parser = clap::value_parser!(u8).range(0..=100))]
    pub refill: u8,
    /// Seconds after which unused ones are thrown away, at most 3300; signers keep them for 3600.
    #[arg(long = "presignatures-life", value_name = "SECONDS", default_value = "1800", value_parser = life)]
    pub life: Duration,
}

fn life(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().filter(|seconds| (1..=3300).contains(seconds));
    seconds.map(Duration::from_secs).ok_or("write a number of seconds from 1 to 3300")
}

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Where a signer stands and who it is, before it counts as unreachable.
    pub glance: Duration,
    /// One request to a signer, and one call of KMS.
    pub step: Duration,
    /// A signer's share, before another signer is asked instead.
    pub share: Duration,
    /// A signature.
    pub signature: Duration,
    /// A batch of presignatures; a signature that has to wait for some may take as much longer.
    pub presigning: Duration,
    /// A key generation.
    pub keygen: Duration,
    /// A start of the group.
    pub start: Duration,
}

impl Default for PoolSizes {
    fn default() -> Self {
        Self { low: 8, high: 256 }
    }
}

impl Default for PresignatureSizes {
    fn default() -> Self {
        Self { low: 4, high: 64, refill: 50, life: Duration::from_secs(30 * 60) }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            glance: Duration::from_secs(4),
            step: Duration::from_secs(10),
            share: Duration::from_secs(3),
            signature: Duration::from_secs(15),
            presigning: Duration::from_secs(30),
            keygen: Duration::from_secs(60),
            start: Duration::from_secs(120),
        }
    }
}

impl fmt::Debug for KmsAccess {
    /// Without the access key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsAccess").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
