mod confirmation;
mod shown;
mod view;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cloister_chains::ethereum::Address;
use cloister_client::{Account, scheme::Kind};

use super::requests::PendingView;
use crate::{
    account::Chosen,
    context::{Connection, Identity},
    destination::Destination,
    failure::{Exit, Failure},
    input::Payload,
    network::Shown,
    output::Output,
    progress::Progress,
};
pub(super) use confirmation::ChallengeView;
use confirmation::Confirmation;
pub(super) use view::SignedView;

/// `cloister sign`.
///
/// The file may be binary, hex, base64 or base58, an Ethereum transaction also JSON; what it was read as, and what it says, is shown
/// before it is signed. Every signature is verified here under the key's certificate before anything is printed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cloister sign --key treasury --chain solana message.b64
  cloister sign --key cold-1 --chain bitcoin transaction.psbt --out signed.psbt
  cloister sign --key hot --chain ethereum unsigned.json
  cloister sign --key hot --path m/0/5 --chain ethereum 02ef01...hex
  cloister sign --key hot --chain ethereum-typed-data permit.json
  cloister sign --key hot --chain ethereum-authorization delegate.json
  cloister sign --key owner --chain ethereum-user-operation operation.json
  cloister sign --key hot --chain cosmos sign-doc.b64
  echo -n 'I am the treasury' | cloister sign --key treasury --chain message -
  cloister sign --key treasury --chain solana message.b64 --propose 8
  cloister sign --key treasury --chain solana message.b64 --requester dave --tenant acme --challenge request.cbor
  cloister sign --key treasury --chain solana message.b64 --request request.cbor --assertion assertion.json

Without --out, stdout gets the finished transaction (base64; for Ethereum 0x and hex) or PSBT (base64), for what has no form but its signature the \
signature in hex, and nothing else; what is said about it goes to stderr.

An Ethereum transaction is raw (type 0 with EIP-155 to type 4, not signed) or the JSON that eth_signTransaction takes, from which nothing \
is left out or filled in. One with blobs may come with its sidecar, which is put back behind the signature.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// What the file is for. Texts need a policy that allows `message`, and are signed under a domain prefix.
    #[arg(long, value_enum)]
    chain: Chain,
    /// What is to be signed; `-` reads stdin.
    file: PathBuf,
    /// Write here what stdout would get. Nothing is signed if it cannot be written.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Sign nothing yet: have the request wait so many hours, 1 to 23, for members to approve it.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(1..=23), conflicts_with = "out")]
    propose: Option<u64>,
    #[command(flatten)]
    confirmation: Confirmation,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Chain {
    /// A message or transaction.
    Solana,
    /// A PSBT.
    Bitcoin,
    /// An unsigned transaction.
    Ethereum,
    /// A text as wallets sign it (EIP-191).
    EthereumMessage,
    /// The JSON of eth_signTypedData_v4 (EIP-712).
    EthereumTypedData,
    /// An EIP-7702 authorisation: JSON with chainId, address and nonce.
    EthereumAuthorization,
    /// An ERC-4337 user operation: JSON with userOperation, entryPoint and chainId.
    EthereumUserOperation,
    /// A SignDoc (SIGN_MODE_DIRECT).
    Cosmos,
    /// A text, under Cloister's own prefix.
    Message,
}

pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let (kind, path) = (arguments.chain.into(), arguments.chosen.path()?);
    if kind != Kind::Bitcoin {
        arguments.shown.refuse()?;
    }
    let payload = Payload::read(&arguments.file, kind)?;
    let destination = arguments.out.as_deref().map(Destination::open).transpose()?;
    let asker = arguments.confirmation.asker(&arguments.identity, &arguments.connection)?;
    let progress = Progress::new(output);
    progress.doing("verifying every signer's attestation");
    let client = arguments.connection.connect().await?;
    let account = arguments.chosen.account(&client, asker.tenant(), path).await?;
    payload.from.map(|from| check_sender(&account, from)).transpose()?;
    let job = client.job(account, kind, &payload.bytes).await?;
    drop(progress);
    output.note(shown::lines(&job, &payload, arguments.shown)?);
    let Some(requested) = asker.request(&client, &job, arguments.propose, output).await? else { return Ok(()) };
    if arguments.propose.is_some() {
        let pending = client.propose(&requested).await?;
        output.answer(&PendingView::new(&pending, arguments.connection.is_simulated()?));
        return Ok(());
    }
    let progress = Progress::new(output);
    progress.doing("the signers check the request and sign");
    let signed = client.sign_requested(&requested, &job).await?;
    drop(progress);
    let view = SignedView::new(&job, &signed, Some(payload.read_as), arguments.connection.is_simulated()?);
    if let Some(destination) = destination {
        destination.write(format!("{view}\n").as_bytes())?;
    }
    output.note(view.remarks());
    if output.is_json() || arguments.out.is_none() {
        output.answer(&view);
    }
    Ok(())
}

/// The sender that a document names has to be the account.
fn check_sender(account: &Account, from: Address) -> Result<(), Failure> {
    let address = account.ethereum_address()?;
    if from == address {
        return Ok(());
    }
    let message = format!("the transaction is from {from}, and this key's address is {address}");
    let hint = "Name the key and --path of that address, or build the transaction for this one.";
    Err(Failure::new(Exit::Usage, "from_mismatch", message, hint))
}

impl From<Chain> for Kind {
    fn from(chain: Chain) -> Self {
        match chain {
            Chain::Solana => Self::Solana,
            Chain::Bitcoin => Self::Bitcoin,
            Chain::Ethereum => Self::Ethereum,
            Chain::EthereumMessage => Self::EthereumMessage,
            Chain::EthereumTypedData => Self::TypedData,
            Chain::EthereumAuthorization => Self::Authorization,
            Chain::EthereumUserOperation => Self::UserOperation,
            Chain::Cosmos => Self::Cosmos,
            Chain::Message => Self::Message,
        }
    }
}
