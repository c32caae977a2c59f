//! Ethereum transactions, whose blobs are taken off before they are signed and put back afterwards.

use cloister_chains::ethereum::{Address, Sidecar, Signature, SignedTransaction, Transaction, YParity};

use super::{Finished, Parsed, Rest};
use crate::{account::Account, ecdsa, error::Error, signature::SignatureRejected};

/// The transaction without its sidecar, what is signed of it, and the network form if there is a sidecar.
pub(super) fn read(account: &Account, payload: &[u8]) -> Result<Parsed, Error> {
    account.ecdsa()?;
    let (transaction, rest) = if Sidecar::is_attached(payload) {
        let (transaction, _) = Sidecar::detach(payload)?;
        (transaction, Rest::WithSidecar(payload.to_vec()))
    } else {
        (payload.to_vec(), Rest::Nothing)
    };
    let digest = Transaction::parse(&transaction)?.signing_hash().to_vec();
    Ok(Parsed { payload: transaction, messages: vec![digest], rest })
}

/// A transaction with its signature.
pub(super) struct Sent {
    transaction: Vec<u8>,
    hash: [u8; 32],
    sender: Address,
}

/// Puts a signature into its transaction, and reads back that it is the one.
pub(super) fn finish(account: &Account, payload: &[u8], digest: &[u8], signature: &[u8]) -> Result<Sent, Error> {
    let requested = Transaction::parse(payload)?;
    let verified = ecdsa::verify(account.public_key(), digest, signature).ok_or(SignatureRejected::Invalid(0))?;
    let parity = YParity::try_from(u64::from(verified.parity))?;
    let transaction = requested.with_signature(&Signature::new(verified.r, verified.s, parity)?);
    let read = SignedTransaction::parse(&transaction)?;
    if *read.transaction() != requested {
        return Err(SignatureRejected::AnotherTransaction.into());
    }
    Ok(Sent { hash: read.hash(), sender: account.ethereum_address()?, transaction })
}

impl Sent {
    pub(super) fn without_sidecar(self) -> Result<Finished, Error> {
        let Self { transaction, hash, sender } = self;
        Ok(Finished::Ethereum { transaction, hash, sender })
    }

    /// In the network form, with the sidecar of `network`.
    pub(super) fn with_sidecar(self, network: &[u8]) -> Result<Finished, Error> {
        let (_, sidecar) = Sidecar::detach(network)?;
        let transaction = sidecar.attach(&self.transaction)?;
        Self { transaction, ..self }.without_sidecar()
    }
}
