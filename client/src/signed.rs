//! From a payload to the finished transaction: parsed here, signed by the group, verified and put together here.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_chains::{
    bitcoin::{Psbt, TaprootSighash},
    message,
    solana::{Message, Pubkey, Transaction},
};
use cloister_wire::{
    ids::{Hash, SignerId},
    request::{Chain, Scheme},
};

use crate::{
    error::Error,
    key::Key,
    signature::{SignatureRejected, verify_signature},
};

/// Something to be signed with one key: what is sent, and what the signatures will be over.
#[derive(Clone, Debug)]
pub struct SigningJob {
    key: Key,
    payload: Payload,
    messages: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Payload {
    /// A whole transaction's bytes, signed in part or not at all, of which the message is sent.
    Solana {
        transaction: Vec<u8>,
        message: Vec<u8>,
    },
    Bitcoin {
        psbt: Vec<u8>,
        sighashes: Vec<TaprootSighash>,
    },
    Text(Vec<u8>),
}

/// What came of a job: every signature verified under the certified key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The request's hash, which the signers' receipts name.
    pub request: Hash,
    /// One for each message, in order.
    pub signatures: Vec<Vec<u8>>,
    /// What the signatures were for, with them in it.
    pub finished: Finished,
    /// Who signed, as the host says.
    pub signers: Vec<SignerId>,
}

/// A payload with its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// A Solana transaction.
    Solana {
        /// As the network takes it, once nothing is missing.
        transaction: Vec<u8>,
        /// Signatures of others that are still missing.
        missing: usize,
    },
    /// A Bitcoin transaction.
    Bitcoin {
        /// The finalised PSBT.
        psbt: Vec<u8>,
        /// As the network takes it.
        transaction: Vec<u8>,
        /// Its id, as explorers show it.
        txid: String,
    },
    /// A text has no form but its signature.
    Message,
}

impl Finished {
    /// In the chain's usual text form: base64 of the transaction or PSBT.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Solana { transaction, .. } => Some(STANDARD.encode(transaction)),
            Self::Bitcoin { psbt, .. } => Some(STANDARD.encode(psbt)),
            Self::Message => None,
        }
    }
}

impl SigningJob {
    /// Parses `payload`: for Solana a message or a whole transaction, for Bitcoin a PSBT of version 0, else a text.
    ///
    /// # Errors
    /// [`Error::Payload`] says what cannot be signed and where; [`Error::SchemeMismatch`].
    pub fn new(key: &Key, chain: Chain, payload: &[u8]) -> Result<Self, Error> {
        let (payload, messages) = match (chain, key.body().scheme) {
            (Chain::Solana, Scheme::Ed25519) => solana(key, payload)?,
            (Chain::Bitcoin, Scheme::Secp256k1Taproot) => bitcoin(key, payload)?,
            (Chain::Message, Scheme::Ed25519 | Scheme::Secp256k1Schnorr) => {
                (Payload::Text(payload.to_vec()), vec![message::signing_bytes(payload)?])
            }
            (Chain::Message, Scheme::Secp256k1Taproot) => {
                (Payload::Text(payload.to_vec()), vec![message::digest(payload)?.to_vec()])
            }
            (Chain::Solana, Scheme::Secp256k1Taproot | Scheme::Secp256k1Schnorr)
            | (Chain::Bitcoin, Scheme::Ed25519 | Scheme::Secp256k1Schnorr) => return Err(Error::SchemeMismatch),
        };
        Ok(Self { key: key.clone(), payload, messages })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> Chain {
        match self.payload {
            Payload::Solana { .. } => Chain::Solana,
            Payload::Bitcoin { .. } => Chain::Bitcoin,
            Payload::Text(_) => Chain::Message,
        }
    }

    /// The payload of the request.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            Payload::Solana { message, .. } => message,
            Payload::Bitcoin { psbt, .. } => psbt,
            Payload::Text(text) => text,
        }
    }

    /// What the signatures are over: the Solana message, one BIP-341 digest for each input, or the prefixed text (for Taproot keys its
    /// digest).
    #[must_use]
    pub fn messages(&self) -> &[Vec<u8>] {
        &self.messages
    }

    /// Verifies the signatures and puts them in.
    ///
    /// # Errors
    /// [`SignatureRejected`]; [`Error::Payload`] if a transaction already holds another signature of this key.
    pub fn finish(&self, signatures: &[Vec<u8>]) -> Result<Finished, Error> {
        let (got, needed) = (signatures.len(), self.messages.len());
        if got != needed {
            return Err(SignatureRejected::Count { got, needed }.into());
        }
        for (position, (message, signature)) in self.messages.iter().zip(signatures).enumerate() {
            verify_signature(&self.key, message, signature).map_err(|_| SignatureRejected::Invalid(position))?;
        }
        match &self.payload {
            Payload::Solana { transaction, .. } => finish_solana(&self.key, transaction, signatures),
            Payload::Bitcoin { psbt, sighashes } => finish_bitcoin(psbt, sighashes, signatures),
            Payload::Text(_) => Ok(Finished::Message),
        }
    }
}

fn solana(key: &Key, payload: &[u8]) -> Result<(Payload, Vec<Vec<u8>>), Error> {
    let transaction = match Transaction::parse(payload) {
        Ok(transaction) => transaction,
        Err(_) => Transaction::from_message(&Message::parse(payload)?),
    };
    let message = transaction.message().signing_bytes_for(&pubkey(key)?)?.to_vec();
    let payload = Payload::Solana { transaction: transaction.to_bytes(), message: message.clone() };
    Ok((payload, vec![message]))
}

fn bitcoin(key: &Key, payload: &[u8]) -> Result<(Payload, Vec<Vec<u8>>), Error> {
    let taproot = key.taproot().ok_or(Error::SchemeMismatch)?;
    let sighashes = Psbt::parse(payload)?.taproot_key_path_sighashes(&taproot.internal(), &taproot.output())?;
    let messages = sighashes.iter().map(|input| input.sighash.to_vec()).collect();
    Ok((Payload::Bitcoin { psbt: payload.to_vec(), sighashes }, messages))
}

fn finish_solana(key: &Key, transaction: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Error> {
    let mut transaction = Transaction::parse(transaction)?;
    let signer = pubkey(key)?;
    for signature in signatures {
        transaction.insert_signature(&signer, fixed(signature)?)?;
    }
    let missing = transaction.signatures().iter().filter(|signature| **signature == [0; 64]).count();
    Ok(Finished::Solana { transaction: transaction.to_bytes(), missing })
}

fn finish_bitcoin(psbt: &[u8], sighashes: &[TaprootSighash], signatures: &[Vec<u8>]) -> Result<Finished, Error> {
    let mut psbt = Psbt::parse(psbt)?;
    for (input, signature) in sighashes.iter().zip(signatures) {
        psbt.insert_taproot_signature(input.input, fixed(signature)?, input.sighash_type)?;
    }
    let finalised = psbt.finalise()?;
    Ok(Finished::Bitcoin { psbt: finalised.psbt, transaction: finalised.transaction, txid: finalised.txid.to_string() })
}

fn pubkey(key: &Key) -> Result<Pubkey, Error> {
    <[u8; 32]>::try_from(key.public_key()).map(Pubkey::from).map_err(|_| Error::SchemeMismatch)
}

fn fixed(signature: &[u8]) -> Result<[u8; 64], SignatureRejected> {
    signature.try_into().map_err(|_| SignatureRejected::Invalid(0))
}
