//! Cosmos transactions of `SIGN_MODE_DIRECT`.

use cloister_chains::cosmos::{SignDoc, SignedTransaction};

use super::Finished;
use crate::{account::Account, ecdsa, error::Error, signature::SignatureRejected};

/// What is signed: the document's one signer has to be the account.
pub(super) fn digest(account: &Account, payload: &[u8]) -> Result<[u8; 32], Error> {
    Ok(SignDoc::parse(payload)?.digest_for(account.ecdsa()?.as_bytes())?)
}

pub(super) fn finish(account: &Account, payload: &[u8], digest: &[u8], signature: &[u8]) -> Result<Finished, Error> {
    let document = SignDoc::parse(payload)?;
    let verified = ecdsa::verify(account.public_key(), digest, signature).ok_or(SignatureRejected::Invalid(0))?;
    let transaction = document.with_signature(verified.compact()).to_bytes();
    let read = SignedTransaction::parse(&transaction)?;
    if read.sign_doc(document.chain_id(), document.account_number())? != document {
        return Err(SignatureRejected::AnotherTransaction.into());
    }
    Ok(Finished::Cosmos { txid: hex::encode_upper(read.hash()), transaction })
}
