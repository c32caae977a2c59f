mod address;
mod create;
mod view;

use clap::{Args, Subcommand};
use cloister_wire::ids::KeyName;

use crate::{
    context::{Connection, Identity},
    failure::Failure,
    network::Shown,
    output::Output,
};
pub(crate) use view::KeyView;
use view::{KeyList, NONE_YET};

/// `cloister key`.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Have the signers make a key, none of them ever holding all of it.
    ///
    /// The policy says who may. Every signer seals its share, reads it back and opens it through each of its KMS keys before the
    /// command ends.
    #[command(after_help = "Examples:
  cloister key create --scheme secp256k1-taproot --name cold-1
  cloister key create --scheme secp256k1-ecdsa --name hot
  cloister key create --scheme ed25519 --name fleet --count 20")]
    Create(create::Arguments),
    /// List the keys whose certificates hold.
    List(List),
    /// Show one key.
    #[command(after_help = "Example:\n  cloister key show cold-1 --network testnet")]
    Show(Show),
    /// Show an address of a key or of one of its children.
    ///
    /// It is computed here, from the certificate that the attested signers signed: no host has a say in it. A child needs no ceremony and
    /// no signer: derive as many as you like, and sign with the same --path.
    #[command(after_help = "Examples:
  cloister key address --key hot --chain ethereum
  cloister key address --key hot --path m/0/5 --chain bitcoin --network testnet
  cloister key address --key hot --chain cosmos --prefix osmo
  cloister key address --key cold-1 --xpub
  cloister key address --key cold-1 --descriptor")]
    Address(address::Arguments),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The key's name.
    name: KeyName,
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    identity: Identity,
}

pub(crate) async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Create(create) => create.run(output).await?,
        Command::Address(address) => address.run(output).await?,
        Command::List(list) => {
            let simulated = list.connection.is_simulated()?;
            let keys = list.connection.connect().await?.keys().await?;
            let keys = keys.iter().map(|key| KeyView::new(key, list.shown, simulated)).collect();
            output.answer(&KeyList { keys, if_none: NONE_YET });
        }
        Command::Show(show) => {
            let tenant = show.identity.tenant(&show.connection)?;
            let key = show.connection.connect().await?.key(&tenant, &show.name).await?;
            output.answer(&KeyView::new(&key, show.shown, show.connection.is_simulated()?));
        }
    }
    Ok(())
}
