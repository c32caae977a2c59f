//! Solana transactions.

use cloister_chains::solana::{LookupTable, Message, Pubkey, Transaction};
use cloister_wire::{ids::Hash, policy};

use super::{Finished, Form, fixed, mismatch, one, rejected};
use crate::{child::Child, encoding::base64, problem::Problem};

pub(super) fn read(
    child: &Child,
    payload: &[u8],
    tables: &[policy::LookupTable],
) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let signer = child.solana().ok_or_else(mismatch)?;
    let tables: Vec<_> = tables.iter().map(pinned).collect();
    let message = Message::parse_with_tables(payload, &tables).map_err(rejected)?;
    let signed = message.signing_bytes_for(&signer).map_err(rejected)?.to_vec();
    Ok((vec![signed.clone()], Form::Solana(signed, tables)))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(
    child: &Child,
    (message, tables): (&[u8], &[LookupTable]),
    signatures: &[Vec<u8>],
) -> Result<Finished, Problem> {
    let signer = child.solana().ok_or_else(mismatch)?;
    let message = Message::parse_with_tables(message, tables).map_err(rejected)?;
    let mut transaction = Transaction::from_message(&message);
    transaction.insert_signature(&signer, fixed(one(signatures)?)?).map_err(rejected)?;
    let bytes = transaction.to_bytes();
    let read = Transaction::parse_with_tables(&bytes, tables).map_err(rejected)?;
    let complete = read.signatures().iter().all(|signature| *signature != [0; 64]);
    Ok(Finished { signed: Some(base64(&bytes)), complete: Some(complete), ..Finished::default() })
}

fn pinned(table: &policy::LookupTable) -> LookupTable {
    let account = |address: &Hash| Pubkey::from(*address.as_bytes());
    LookupTable { address: account(&table.address), addresses: table.addresses.iter().map(account).collect() }
}
