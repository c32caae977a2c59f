//! Solana transactions.

use cloister_chains::solana::{Message, Transaction};

use super::{Finished, Parsed, Rest, fixed};
use crate::{account::Account, error::Error};

/// The message, what is signed of it, and the whole transaction.
pub(super) fn read(account: &Account, payload: &[u8]) -> Result<Parsed, Error> {
    let signer = account.solana_address()?;
    let transaction = match Transaction::parse(payload) {
        Ok(transaction) => transaction,
        Err(_) => Transaction::from_message(&Message::parse(payload)?),
    };
    let message = transaction.message().signing_bytes_for(&signer)?.to_vec();
    let rest = Rest::Transaction(transaction.to_bytes());
    Ok(Parsed { payload: message.clone(), messages: vec![message], rest })
}

pub(super) fn finish(account: &Account, transaction: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Error> {
    let mut transaction = Transaction::parse(transaction)?;
    let signer = account.solana_address()?;
    for signature in signatures {
        transaction.insert_signature(&signer, fixed(signature)?)?;
    }
    let missing = transaction.signatures().iter().filter(|signature| **signature == [0; 64]).count();
    Ok(Finished::Solana { transaction: transaction.to_bytes(), missing })
}
