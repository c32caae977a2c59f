//! Ethereum transactions, messages, typed data, authorisations and user operations.

use cloister_chains::ethereum::{
    AuthorizationRequest, Signature, SignedTransaction, Transaction, TypedData, UserOperation, YParity,
    personal_message_digest,
};
use cloister_wire::request::Purpose;

use super::{Finished, Form, broken, one, rejected};
use crate::problem::Problem;

/// What wallets add to the parity of the nonce point.
pub(super) const V: u8 = 27;

pub(super) fn read(purpose: Purpose, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let (digest, form) = match purpose {
        Purpose::Transaction => {
            let digest = Transaction::parse(payload).map_err(rejected)?.signing_hash();
            (digest, Form::Ethereum(payload.to_vec()))
        }
        Purpose::Message => (personal_message_digest(payload).map_err(rejected)?, Form::Message),
        Purpose::TypedData => (TypedData::parse(payload).map_err(rejected)?.signing_hash(), Form::Message),
        Purpose::Authorization => {
            (AuthorizationRequest::parse(payload).map_err(rejected)?.signing_hash(), Form::Message)
        }
        Purpose::UserOperation => (UserOperation::parse(payload).map_err(rejected)?.signing_hash(), Form::Message),
    };
    Ok((vec![digest.to_vec()], form))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(payload: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Problem> {
    let transaction = Transaction::parse(payload).map_err(rejected)?;
    let bytes = transaction.with_signature(&signature(one(signatures)?)?);
    let read = SignedTransaction::parse(&bytes).map_err(rejected)?;
    if *read.transaction() != transaction {
        return Err(broken(&"the signed transaction reads back as another one"));
    }
    Ok(Finished {
        signed: Some(format!("0x{}", hex::encode(&bytes))),
        transaction_hash: Some(format!("0x{}", hex::encode(read.hash()))),
        complete: Some(true),
        ..Finished::default()
    })
}

/// From r, s and v.
fn signature(bytes: &[u8]) -> Result<Signature, Problem> {
    let ([r, s], [v]) = bytes.as_chunks::<32>() else {
        return Err(broken(&"a signature is not of 65 bytes"));
    };
    let parity = YParity::try_from(u64::from(v.wrapping_sub(V))).map_err(rejected)?;
    Signature::new(*r, *s, parity).map_err(rejected)
}
