//! Solana transactions.

use cloister_chains::{
    Rejected,
    solana::{LookupTable, Message, Transaction, Unsignable},
};

use super::{Finished, Parsed, Rest, fixed};
use crate::{account::Account, error::Error};

/// The message, what is signed of it, and the whole transaction.
pub(super) fn read(account: &Account, payload: &[u8], tables: &[LookupTable]) -> Result<Parsed, Error> {
    let signer = account.solana_address()?;
    let transaction = match Transaction::parse_with_tables(payload, tables) {
        Ok(transaction) => transaction,
        Err(why) if is_about_tables(&why) => return Err(why.into()),
        Err(_) => Transaction::from_message(&Message::parse_with_tables(payload, tables)?),
    };
    let message = transaction.message().signing_bytes_for(&signer)?.to_vec();
    let rest = Rest::Transaction(transaction.to_bytes(), tables.to_vec());
    Ok(Parsed { payload: message.clone(), messages: vec![message], rest })
}

/// Whether all but what lookup tables hold could be read.
pub(crate) fn is_about_tables(why: &Rejected) -> bool {
    use Unsignable as U;
    let about =
        |why: &U| matches!(why, U::LookupTables { .. } | U::UnknownLookupTable { .. } | U::BeyondLookupTable { .. });
    matches!(why, Rejected::Solana(why) if about(why))
}

pub(super) fn finish(
    account: &Account,
    (transaction, tables): (&[u8], &[LookupTable]),
    signatures: &[Vec<u8>],
) -> Result<Finished, Error> {
    let mut transaction = Transaction::parse_with_tables(transaction, tables)?;
    let signer = account.solana_address()?;
    for signature in signatures {
        transaction.insert_signature(&signer, fixed(signature)?)?;
    }
    let missing = transaction.signatures().iter().filter(|signature| **signature == [0; 64]).count();
    Ok(Finished::Solana { transaction: transaction.to_bytes(), missing })
}
