//! From a payload to the finished transaction: parsed here, signed by the group, verified and put together here.

mod bitcoin;
mod cosmos;
mod ethereum;
mod solana;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_chains::{
    bitcoin::ToSign,
    ethereum::{Address, AuthorizationRequest, TypedData, UserOperation, personal_message_digest},
    message,
    solana::LookupTable,
};
use cloister_wire::{
    ids::{Hash, SignerId},
    request::Scheme,
};

pub(crate) use solana::is_about_tables;

use crate::{
    account::Account,
    ecdsa,
    error::Error,
    scheme::Kind,
    signature::{SignatureRejected, verify_signature},
};

/// Something to be signed by one account: what is sent, and what the signatures will be over.
#[derive(Clone, Debug)]
pub struct SigningJob {
    account: Account,
    kind: Kind,
    parsed: Parsed,
}

/// A payload that was read.
#[derive(Clone, Debug)]
struct Parsed {
    /// Of the request.
    payload: Vec<u8>,
    messages: Vec<Vec<u8>>,
    rest: Rest,
}

/// What finishing takes besides the payload.
#[derive(Clone, Debug)]
enum Rest {
    Nothing,
    /// A Solana transaction, signed in part or not at all, of which the message is sent; with the lookup tables that it may use.
    Transaction(Vec<u8>, Vec<LookupTable>),
    /// The inputs of a PSBT that are signed, and those of others.
    Inputs(ToSign),
    /// An Ethereum transaction in its network form, of which all but the sidecar is sent.
    WithSidecar(Vec<u8>),
}

/// What came of a job: every signature verified under the account's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The request's hash, which the signers' receipts name.
    pub request: Hash,
    /// One for each message, in order; for ECDSA `r ‖ s ‖ v` with v 27 or 28.
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
        /// Inputs of others, of which the signatures are taken as they came.
        unverified: Vec<usize>,
    },
    /// A PSBT that others have to sign, too.
    BitcoinInPart {
        /// The PSBT with our signatures.
        psbt: Vec<u8>,
        /// Inputs of others that are not finished.
        missing: usize,
    },
    /// An Ethereum transaction.
    Ethereum {
        /// As the network takes it, with its sidecar if it has one.
        transaction: Vec<u8>,
        /// Its hash, as explorers show it.
        hash: [u8; 32],
        /// Who sends it: recovered from the signature.
        sender: Address,
    },
    /// A Cosmos transaction.
    Cosmos {
        /// `TxRaw`, as the network takes it.
        transaction: Vec<u8>,
        /// Its hash, as explorers show it.
        txid: String,
    },
    /// A text, typed data, an authorisation or a user operation has no form but its signature.
    Message,
}

impl Finished {
    /// In the chain's usual text form: base64 of a Solana or Cosmos transaction or PSBT, `0x` and hex of an Ethereum transaction.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Solana { transaction, .. } | Self::Cosmos { transaction, .. } => Some(STANDARD.encode(transaction)),
            Self::Bitcoin { psbt, .. } | Self::BitcoinInPart { psbt, .. } => Some(STANDARD.encode(psbt)),
            Self::Ethereum { transaction, .. } => Some(format!("0x{}", hex::encode(transaction))),
            Self::Message => None,
        }
    }
}

impl SigningJob {
    /// Parses `payload`, which is what `kind` says: for Solana a message or a whole transaction, for Ethereum an unsigned transaction
    /// with its sidecar or without, for typed data its canonical bytes.
    ///
    /// # Errors
    /// [`Error::Payload`] says what cannot be signed and where; [`Error::SchemeMismatch`].
    pub fn new(account: impl Into<Account>, kind: Kind, payload: &[u8]) -> Result<Self, Error> {
        Self::with_tables(account, kind, payload, &[])
    }

    /// The same for a Solana message that may take accounts from these lookup tables; [`crate::Client::job`] takes those that the policy
    /// pins.
    ///
    /// # Errors
    /// As [`SigningJob::new`].
    pub fn with_tables(
        account: impl Into<Account>,
        kind: Kind,
        payload: &[u8],
        tables: &[LookupTable],
    ) -> Result<Self, Error> {
        let account = account.into();
        let whole = |message| Ok(Parsed { payload: payload.to_vec(), messages: vec![message], rest: Rest::Nothing });
        let parsed = match kind {
            Kind::Message => whole(text(account.scheme(), payload)?),
            Kind::Solana => solana::read(&account, payload, tables),
            Kind::Bitcoin => bitcoin::read(&account, payload),
            Kind::Ethereum => ethereum::read(&account, payload),
            Kind::EthereumMessage => {
                account.ecdsa()?;
                whole(personal_message_digest(payload)?.to_vec())
            }
            Kind::TypedData => {
                account.ecdsa()?;
                whole(TypedData::parse(payload)?.signing_hash().to_vec())
            }
            Kind::Authorization => {
                account.ecdsa()?;
                whole(AuthorizationRequest::parse(payload)?.signing_hash().to_vec())
            }
            Kind::UserOperation => {
                account.ecdsa()?;
                whole(UserOperation::parse(payload)?.signing_hash().to_vec())
            }
            Kind::Cosmos => whole(cosmos::digest(&account, payload)?.to_vec()),
        }?;
        Ok(Self { account, kind, parsed })
    }

    /// Who signs.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// What the payload is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The payload of the request.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.parsed.payload
    }

    /// The lookup tables that it was read with.
    #[must_use]
    pub fn tables(&self) -> &[LookupTable] {
        match &self.parsed.rest {
            Rest::Transaction(_, tables) => tables,
            Rest::Nothing | Rest::Inputs(_) | Rest::WithSidecar(_) => &[],
        }
    }

    /// What the signatures are over: the Solana message, the prefixed text, or a digest; one for each of the account's Bitcoin inputs.
    #[must_use]
    pub fn messages(&self) -> &[Vec<u8>] {
        &self.parsed.messages
    }

    /// Verifies the signatures and puts them in.
    ///
    /// # Errors
    /// [`SignatureRejected`]; [`Error::Payload`] if a transaction already holds another signature of this key.
    pub fn finish(&self, signatures: &[Vec<u8>]) -> Result<Finished, Error> {
        let (got, needed) = (signatures.len(), self.parsed.messages.len());
        if got != needed {
            return Err(SignatureRejected::Count { got, needed }.into());
        }
        for (position, (message, signature)) in self.parsed.messages.iter().zip(signatures).enumerate() {
            verify_signature(&self.account, message, signature).map_err(|_| SignatureRejected::Invalid(position))?;
        }
        match (&self.parsed.rest, signatures) {
            (Rest::Transaction(transaction, tables), _) => {
                solana::finish(&self.account, (transaction, tables), signatures)
            }
            (Rest::Inputs(inputs), _) => bitcoin::finish(&self.account, &self.parsed.payload, inputs, signatures),
            (Rest::Nothing | Rest::WithSidecar(_), [signature]) => self.finish_one(signature),
            (Rest::Nothing | Rest::WithSidecar(_), _) => Err(SignatureRejected::Count { got, needed }.into()),
        }
    }

    /// A signature as it is usually written: `r ‖ s ‖ v` for ECDSA, with v 27 or 28.
    pub(crate) fn usual_form(&self, message: &[u8], signature: Vec<u8>) -> Vec<u8> {
        let verified = match self.account.scheme() {
            Scheme::Secp256k1Ecdsa => ecdsa::verify(self.account.public_key(), message, &signature),
            Scheme::Ed25519 | Scheme::Secp256k1Taproot | Scheme::Secp256k1Schnorr => None,
        };
        verified.map_or(signature, |verified| verified.with_v())
    }

    fn finish_one(&self, signature: &[u8]) -> Result<Finished, Error> {
        let digest = self.parsed.messages.first().map(Vec::as_slice).unwrap_or_default();
        match (self.kind, &self.parsed.rest) {
            (Kind::Ethereum, Rest::WithSidecar(network)) => {
                ethereum::finish(&self.account, &self.parsed.payload, digest, signature)?.with_sidecar(network)
            }
            (Kind::Ethereum, _) => {
                ethereum::finish(&self.account, &self.parsed.payload, digest, signature)?.without_sidecar()
            }
            (Kind::Cosmos, _) => cosmos::finish(&self.account, &self.parsed.payload, digest, signature),
            (
                Kind::EthereumMessage
                | Kind::TypedData
                | Kind::Authorization
                | Kind::UserOperation
                | Kind::Message
                | Kind::Solana
                | Kind::Bitcoin,
                _,
            ) => Ok(Finished::Message),
        }
    }
}

/// What a scheme signs for a text.
fn text(scheme: Scheme, text: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(match scheme {
        Scheme::Ed25519 | Scheme::Secp256k1Schnorr => message::signing_bytes(text)?,
        Scheme::Secp256k1Taproot | Scheme::Secp256k1Ecdsa => message::digest(text)?.to_vec(),
    })
}

fn fixed(signature: &[u8]) -> Result<[u8; 64], SignatureRejected> {
    signature.try_into().map_err(|_| SignatureRejected::Invalid(0))
}
