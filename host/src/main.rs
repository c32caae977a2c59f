//! `cloister-host`: the host beside one signer. It pins AWS's attestation root; a simulator's host is another binary.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    net::SocketAddr,
    num::NonZeroU64,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Parser;
use cloister_attestation::TrustRoot;
use cloister_host::{
    config::{Config, Deadlines, Endpoint, KmsAccess, PeerBook, PoolSizes, PresignatureSizes},
    serve,
};
use cloister_wire::{codec, endorsement::Endorsed, ids::SignerId, manifest::Manifest};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The untrusted host beside one signer: API, coordinator, store and KMS relay. KMS credentials come from the standard AWS
/// environment. RUST_LOG sets what is logged, to standard error.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The signer that this host serves.
    #[arg(long)]
    signer: SignerId,
    /// The signed manifest: a file of canonical CBOR, or base64 of it.
    #[arg(long)]
    manifest: PathBuf,
    /// Where to serve the API. It has no authentication of its own yet: keep it on a private network.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The signer: `unix:PATH`, `vsock:CID:PORT`, or `nitro:NAME`: the enclave of that name, which `nitro-cli` is asked for whenever it
    /// has to be connected to.
    #[arg(long, value_parser = endpoint)]
    enclave: Endpoint,
    /// The SQLite file; it is made if it is not there.
    #[arg(long)]
    store: PathBuf,
    /// The largest size of that file, MiB.
    #[arg(long)]
    storage_limit: Option<NonZeroU64>,
    /// Another signer's host: `ID=URL`. Once for each.
    #[arg(long = "peer", value_parser = peer, conflicts_with = "peers")]
    peer: Vec<(SignerId, String)>,
    /// A JSON file of all hosts instead: `{"1": "http://…", …}`.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// A KMS endpoint instead of the regions' own.
    #[arg(long)]
    kms_endpoint: Option<String>,
    /// Requests to sign that may be under way at once.
    #[arg(long, default_value_t = 1024)]
    capacity: usize,
    #[command(flatten)]
    presignatures: PresignatureSizes,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // A log on a full disk would otherwise panic.
        .log_internal_errors(false)
        .init();
    let running = serve(config(Arguments::parse())?).await?;
    writeln!(std::io::stdout(), r#"{{"listening":"http://{}"}}"#, running.local_addr())?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.shutdown().await;
    Ok(())
}

fn config(arguments: Arguments) -> anyhow::Result<Config> {
    let peers = match arguments.peers {
        Some(file) => PeerBook::File(file),
        None => PeerBook::Fixed(arguments.peer.into_iter().collect::<BTreeMap<_, _>>()),
    };
    Ok(Config {
        signer: arguments.signer,
        manifest: read_manifest(&arguments.manifest)?,
        listen: arguments.listen,
        enclave: arguments.enclave,
        store: arguments.store,
        storage_limit: arguments.storage_limit.map(|mib| mib.saturating_mul(MIB)),
        peers,
        root: TrustRoot::aws(),
        kms: KmsAccess { endpoint: arguments.kms_endpoint, credentials: None },
        pool: PoolSizes::default(),
        presignatures: arguments.presignatures,
        deadlines: Deadlines::default(),
        capacity: arguments.capacity,
    })
}

fn read_manifest(path: &Path) -> anyhow::Result<Endorsed<Manifest>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the manifest {}", path.display()))?;
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| STANDARD.decode(text.trim()).ok());
    codec::decode(&text.unwrap_or(bytes)).with_context(|| format!("{} is no signed manifest", path.display()))
}

fn endpoint(text: &str) -> anyhow::Result<Endpoint> {
    match text.split(':').collect::<Vec<_>>()[..] {
        ["unix", path] => Ok(Endpoint::Unix(path.into())),
        ["vsock", cid, port] => Ok(Endpoint::Vsock { cid: cid.parse()?, port: port.parse()? }),
        ["nitro", name] if !name.is_empty() => Ok(Endpoint::Nitro { name: name.to_owned(), port: SIGNER_PORT }),
        _ => bail!("write unix:PATH, vsock:CID:PORT or nitro:NAME"),
    }
}

fn peer(text: &str) -> anyhow::Result<(SignerId, String)> {
    let (id, url) = text.split_once('=').context("write ID=URL")?;
    Ok((id.parse()?, url.to_owned()))
}

/// Where signers listen.
const SIGNER_PORT: u32 = 5000;

const MIB: NonZeroU64 = NonZeroU64::new(1024 * 1024).expect("not zero");
