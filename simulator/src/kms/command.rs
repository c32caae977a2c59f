//! `cloister-sim-kms`: the stand-in as a program.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use super::arn::Region;
use super::envelope::EnvelopeForm;
use super::server::{KmsConfig, StartError, serve};

/// Stands in for AWS KMS: the AWS protocol, and key policies that are enforced on attestation. SIMULATED: its keys lie in
/// a file.
#[derive(Parser)]
#[command(name = "cloister-sim-kms")]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// File that keeps keys and credentials; made when absent.
    #[arg(long)]
    key_file: PathBuf,
    /// Root certificate (DER) of the attestation documents to accept.
    #[arg(long)]
    root: PathBuf,
    /// Region to stand in for; may be repeated.
    #[arg(long = "region", default_value = "eu-central-1")]
    regions: Vec<Region>,
    /// How answers to enclaves are encoded.
    #[arg(long, value_enum, default_value_t)]
    envelope: EnvelopeForm,
}

/// Runs the program until it is interrupted. Prints one line of JSON, `{"listening":"http://ADDRESS"}`, once it serves.
///
/// Ends the process itself when the arguments ask for help or cannot be read.
///
/// # Errors
/// Key file, root or address are unusable.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), StartError> {
    let Arguments { listen, key_file, root, regions, envelope } = Arguments::parse_from(arguments);
    let runtime = tokio::runtime::Runtime::new().map_err(StartError::Runtime)?;
    runtime.block_on(async {
        let running = serve(KmsConfig { listen, key_file, root, regions, envelope }).await?;
        println!("{}", serde_json::json!({ "listening": format!("http://{}", running.local_addr()) }));
        tokio::signal::ctrl_c().await.map_err(StartError::Runtime)?;
        running.shutdown().await;
        Ok(())
    })
}
