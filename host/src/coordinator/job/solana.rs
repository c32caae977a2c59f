//! Solana transactions.

use cloister_chains::solana::{Message, Transaction};

use super::{Finished, Form, fixed, mismatch, one, rejected};
use crate::{child::Child, encoding::base64, problem::Problem};

pub(super) fn read(child: &Child, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let signer = child.solana().ok_or_else(mismatch)?;
    let message = Message::parse(payload).map_err(rejected)?;
    let signed = message.signing_bytes_for(&signer).map_err(rejected)?.to_vec();
    Ok((vec![signed.clone()], Form::Solana(signed)))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(child: &Child, message: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Problem> {
    let signer = child.solana().ok_or_else(mismatch)?;
    let message = Message::parse(message).map_err(rejected)?;
    let mut transaction = Transaction::from_message(&message);
    transaction.insert_signature(&signer, fixed(one(signatures)?)?).map_err(rejected)?;
    let bytes = transaction.to_bytes();
    let read = Transaction::parse(&bytes).map_err(rejected)?;
    let complete = read.signatures().iter().all(|signature| *signature != [0; 64]);
    Ok(Finished { signed: Some(base64(&bytes)), complete: Some(complete), ..Finished::default() })
}
