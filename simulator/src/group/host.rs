//! `cloister-sim-host`: the production host, told where the simulated signer, KMS and root are.

use std::{ffi::OsString, fs, io::IsTerminal as _, net::Ipv4Addr, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use cloister_attestation::TrustRoot;
use cloister_host::config::{
    AccessKey, Config, Deadlines, Endpoint, KmsAccess, PeerBook, PoolSizes, PresignatureSizes,
};
use cloister_wire::ids::SignerId;

use crate::{kms::Credential, signer::end_when_stdin_closes};

/// The host of one simulated signer. SIMULATED: it takes a test root for AWS's.
#[derive(Parser)]
#[command(name = "cloister-sim-host")]
struct Arguments {
    /// The signer that it serves.
    #[arg(long)]
    signer: SignerId,
    /// The manifest with the operators' signatures.
    #[arg(long)]
    manifest: PathBuf,
    /// The signer's Unix socket.
    #[arg(long)]
    enclave: PathBuf,
    /// The SQLite file.
    #[arg(long)]
    store: PathBuf,
    /// The file that says where the other hosts are.
    #[arg(long)]
    peers: PathBuf,
    /// The test root's certificate.
    #[arg(long)]
    root: PathBuf,
    /// URL of the KMS stand-in.
    #[arg(long)]
    kms: String,
    /// A file with this host's access key.
    #[arg(long)]
    credential: PathBuf,
    #[command(flatten)]
    presignatures: PresignatureSizes,
}

/// Runs the program until standard input is closed. Prints one line of JSON, `{"listening":"URL"}`, once it serves.
///
/// # Errors
/// A file is missing or damaged, or the store cannot be opened.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<()> {
    let arguments = Arguments::try_parse_from(arguments)?;
    end_when_stdin_closes();
    // A log on a full disk would panic if it could not say so.
    tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .init();
    let config = config(arguments)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let running = cloister_host::serve(config).await?;
        println!("{}", serde_json::json!({ "listening": format!("http://{}", running.local_addr()) }));
        // Whoever started it ends it; what was acknowledged is on disk.
        std::future::pending().await
    })
}

fn config(arguments: Arguments) -> anyhow::Result<Config> {
    let root = fs::read(&arguments.root).context("the test root cannot be read")?;
    let credential: Credential = serde_json::from_slice(&fs::read(&arguments.credential)?)?;
    let credentials = AccessKey { id: credential.access_key_id().into(), secret: credential.secret().into() };
    Ok(Config {
        signer: arguments.signer,
        manifest: super::read(&arguments.manifest)?,
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        enclave: Endpoint::Unix(arguments.enclave),
        store: arguments.store,
        storage_limit: None,
        peers: PeerBook::File(arguments.peers),
        root: TrustRoot::from_der(&root)?,
        kms: KmsAccess { endpoint: Some(arguments.kms), credentials: Some(credentials) },
        pool: PoolSizes::default(),
        presignatures: arguments.presignatures,
        deadlines: Deadlines::default(),
        capacity: CAPACITY,
    })
}

/// Requests to sign that a host takes on at once.
const CAPACITY: usize = 256;
