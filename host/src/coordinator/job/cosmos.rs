//! Cosmos transactions of `SIGN_MODE_DIRECT`.

use cloister_chains::cosmos::{SignDoc, SignedTransaction};

use super::{Finished, Form, broken, fixed, mismatch, one, rejected};
use crate::{child::Child, encoding::base64, problem::Problem};

/// The document's one signer has to be the key.
pub(super) fn read(child: &Child, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let key = child.ecdsa().ok_or_else(mismatch)?;
    let digest = SignDoc::parse(payload).and_then(|document| document.digest_for(&key)).map_err(rejected)?;
    Ok((vec![digest.to_vec()], Form::Cosmos(payload.to_vec())))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(payload: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Problem> {
    let document = SignDoc::parse(payload).map_err(rejected)?;
    let bytes = document.with_signature(fixed(one(signatures)?)?).to_bytes();
    let read = SignedTransaction::parse(&bytes).map_err(rejected)?;
    if read.sign_doc(document.chain_id(), document.account_number()).map_err(rejected)? != document {
        return Err(broken(&"the signed transaction reads back as another one"));
    }
    let txid = Some(hex::encode_upper(read.hash()));
    Ok(Finished { signed: Some(base64(&bytes)), txid, complete: Some(true), ..Finished::default() })
}
