use std::{fmt, path::PathBuf};

use clap::{Args, ValueEnum};
use cloister_client::{
    Finished, Signed, SigningJob,
    scheme::{chain_name, scheme_name},
};
use cloister_wire::{ids::KeyName, request};
use serde::Serialize;

use crate::{
    context::{Connection, Identity},
    destination::Destination,
    failure::Failure,
    input::{Payload, ReadAs},
    output::{Lines, Output},
    progress::Progress,
};

/// `cloister sign`.
///
/// The file may be binary, hex, base64 or base58; what it was read as is said. Every signature is verified here under the key's
/// certificate before anything is printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cloister sign --key treasury --chain solana message.b64
  cloister sign --key cold-1 --chain bitcoin transaction.psbt --out signed.psbt
  echo -n 'I am the treasury' | cloister sign --key treasury --chain message -

Without --out, stdout gets the finished transaction or PSBT in base64 (for a text, the signature in hex) and nothing else; what is said \
about it goes to stderr.")]
pub(crate) struct Arguments {
    /// The key's name.
    #[arg(long)]
    key: KeyName,
    /// What the file is for. Texts need a policy that allows `message`, and are signed under a domain prefix.
    #[arg(long, value_enum)]
    chain: Chain,
    /// A Solana message or transaction, a PSBT of version 0, or a text; `-` reads stdin.
    file: PathBuf,
    /// Write here what stdout would get. Nothing is signed if it cannot be written.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Chain {
    Solana,
    Bitcoin,
    Message,
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let chain = arguments.chain.into();
    let payload = Payload::read(&arguments.file, chain)?;
    let destination = arguments.out.as_deref().map(Destination::open).transpose()?;
    let credential = arguments.identity.credential(&arguments.connection)?;
    let progress = Progress::new(output);
    progress.doing("verifying every signer's attestation");
    let client = arguments.connection.connect().await?;
    let key = client.key(&credential.tenant, &arguments.key).await?;
    let job = SigningJob::new(&key, chain, &payload.bytes)?;
    progress.doing("the signers check the request and sign");
    let signed = client.sign(&credential, &job).await?;
    drop(progress);
    let view = SignedView::new(&job, &signed, payload.read_as, arguments.connection.is_simulated()?);
    if let Some(destination) = destination {
        destination.write(format!("{view}\n").as_bytes())?;
    }
    if !output.is_json() {
        output.note(view.remarks());
    }
    if output.is_json() || arguments.out.is_none() {
        output.answer(&view);
    }
    Ok(())
}

/// What was signed.
#[derive(Serialize)]
pub(crate) struct SignedView {
    key: String,
    name: String,
    scheme: &'static str,
    public_key: String,
    chain: &'static str,
    input: ReadAs,
    request_hash: String,
    /// The first signature; Bitcoin has one for each input.
    signature: String,
    signatures: Vec<String>,
    signed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    txid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_signatures: Option<usize>,
    signers: Vec<u16>,
    simulated: bool,
}

impl SignedView {
    pub(crate) fn new(job: &SigningJob, signed: &Signed, input: ReadAs, simulated: bool) -> Self {
        let body = job.key().body();
        let signatures: Vec<_> = signed.signatures.iter().map(hex::encode).collect();
        let (transaction, txid, missing_signatures) = match &signed.finished {
            Finished::Solana { missing, .. } => (None, None, Some(*missing)),
            Finished::Bitcoin { transaction, txid, .. } => (Some(hex::encode(transaction)), Some(txid.clone()), None),
            Finished::Message => (None, None, None),
        };
        Self {
            key: body.key.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            public_key: hex::encode(job.key().public_key()),
            chain: chain_name(job.chain()),
            input,
            request_hash: signed.request.to_string(),
            signature: signatures.first().cloned().unwrap_or_default(),
            signatures,
            signed: signed.finished.text(),
            transaction,
            txid,
            missing_signatures,
            signers: signed.signers.iter().map(|signer| signer.get()).collect(),
            simulated,
        }
    }

    fn remarks(&self) -> Lines {
        let signers: Vec<_> = self.signers.iter().map(u16::to_string).collect();
        let missing = self.missing_signatures.filter(|missing| *missing > 0);
        Lines::new()
            .line("read", self.input)
            .line("signatures", format!("{}, by signers {}, verified", self.signatures.len(), signers.join(" and ")))
            .maybe("txid", self.txid.as_ref())
            .maybe("missing", missing.map(|missing| format!("{missing} signatures of others")))
            .simulated(self.simulated)
    }
}

impl fmt::Display for SignedView {
    /// What a pipe wants.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signed.as_ref().unwrap_or(&self.signature))
    }
}

impl From<Chain> for request::Chain {
    fn from(chain: Chain) -> Self {
        match chain {
            Chain::Solana => Self::Solana,
            Chain::Bitcoin => Self::Bitcoin,
            Chain::Message => Self::Message,
        }
    }
}
