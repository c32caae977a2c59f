//! A request to sign: what its signatures are over, and what they are put into. The signers find out the former by themselves; hosts
//! need it to aggregate.

use std::sync::Arc;

use cloister_chains::{
    bitcoin::{Psbt, SighashType},
    message,
    solana::{Message, Transaction},
};
use cloister_wire::{
    ids::{Hash, SignerId},
    refusal::Refusal,
    request::{Chain, Requested, Scheme, SignRequest},
};
use serde::Serialize;

use crate::{
    encoding::base64,
    keyring::Key,
    problem::{HostCode, Problem},
};

/// A request whose payload was read.
pub(super) struct Job {
    pub(super) requested: Requested,
    pub(super) hash: Hash,
    pub(super) key: Arc<Key>,
    pub(super) chain: Chain,
    /// What each signature is over, in order.
    pub(super) digests: Vec<Vec<u8>>,
    form: Form,
}

/// What signatures are put into.
enum Form {
    Message,
    Solana(Vec<u8>),
    Bitcoin(Box<Psbt>, Vec<SighashType>),
}

/// A finished signature as the API shows it.
#[derive(Debug, Serialize)]
struct SignAnswer {
    request_hash: String,
    key: String,
    chain: &'static str,
    signatures: Vec<String>,
    #[serde(flatten)]
    finished: Finished,
    signers: Vec<u16>,
}

/// What the signatures were put into.
#[derive(Debug, Default, Serialize)]
struct Finished {
    /// Solana: the transaction; Bitcoin: the finalised PSBT. Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<String>,
    /// Bitcoin: the PSBT with its signatures, not finalised. Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    psbt: Option<String>,
    /// Bitcoin: the transaction as the network takes it. Hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<String>,
    /// Bitcoin: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    txid: Option<String>,
    /// Whether every signature that the transaction needs is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
}

impl Job {
    /// Reads the payload for this key.
    pub(super) fn read(requested: Requested, request: &SignRequest, key: Arc<Key>) -> Result<Self, Problem> {
        let payload = request.payload.as_slice();
        let (digests, form) = match (request.chain, key.body.scheme) {
            (Chain::Message, Scheme::Ed25519 | Scheme::Secp256k1Schnorr) => {
                (vec![message::signing_bytes(payload).map_err(rejected)?], Form::Message)
            }
            (Chain::Message, Scheme::Secp256k1Taproot) => {
                (vec![message::digest(payload).map_err(rejected)?.to_vec()], Form::Message)
            }
            (Chain::Solana, Scheme::Ed25519) => solana(&key, payload)?,
            (Chain::Bitcoin, Scheme::Secp256k1Taproot) => bitcoin(&key, payload)?,
            (Chain::Solana | Chain::Bitcoin, _) => return Err(Problem::refused(Refusal::SchemeMismatch)),
        };
        Ok(Self { hash: requested.hash::<SignRequest>(), requested, key, chain: request.chain, digests, form })
    }

    /// Puts verified signatures in their places; the answer's JSON.
    pub(super) fn finish(self, signatures: &[Vec<u8>], signers: &[SignerId]) -> Result<Vec<u8>, Problem> {
        let finished = match self.form {
            Form::Message => Finished::default(),
            Form::Solana(message) => finish_solana(&self.key, &message, signatures)?,
            Form::Bitcoin(psbt, types) => finish_bitcoin(*psbt, &types, signatures)?,
        };
        let answer = SignAnswer {
            request_hash: self.hash.to_string(),
            key: self.key.body.key.to_string(),
            chain: chain_name(self.chain),
            signatures: signatures.iter().map(hex::encode).collect(),
            finished,
            signers: signers.iter().map(|signer| signer.get()).collect(),
        };
        serde_json::to_vec(&answer).map_err(|error| broken(&error))
    }
}

fn solana(key: &Key, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let signer = key.solana().ok_or(Problem::refused(Refusal::SchemeMismatch))?;
    let message = Message::parse(payload).map_err(rejected)?;
    let signed = message.signing_bytes_for(&signer).map_err(rejected)?.to_vec();
    Ok((vec![signed.clone()], Form::Solana(signed)))
}

fn bitcoin(key: &Key, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let keys = key.internal_key().zip(key.output_key());
    let (internal, output) = keys.ok_or(Problem::refused(Refusal::SchemeMismatch))?;
    let psbt = Psbt::parse(payload).map_err(rejected)?;
    let inputs = psbt.taproot_key_path_sighashes(&internal, &output).map_err(rejected)?;
    let types = inputs.iter().map(|input| input.sighash_type).collect();
    let digests = inputs.iter().map(|input| input.sighash.to_vec()).collect();
    Ok((digests, Form::Bitcoin(Box::new(psbt), types)))
}

/// What is finished here is read again, as whoever takes it will.
fn finish_solana(key: &Key, message: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Problem> {
    let signer = key.solana().ok_or(Problem::refused(Refusal::SchemeMismatch))?;
    let [signature] = signatures else {
        return Err(broken(&"one signature was expected"));
    };
    let message = Message::parse(message).map_err(rejected)?;
    let mut transaction = Transaction::from_message(&message);
    transaction.insert_signature(&signer, fixed(signature)?).map_err(rejected)?;
    let bytes = transaction.to_bytes();
    let read = Transaction::parse(&bytes).map_err(rejected)?;
    let complete = read.signatures().iter().all(|signature| *signature != [0; 64]);
    Ok(Finished { signed: Some(base64(&bytes)), complete: Some(complete), ..Finished::default() })
}

fn finish_bitcoin(mut psbt: Psbt, types: &[SighashType], signatures: &[Vec<u8>]) -> Result<Finished, Problem> {
    for (input, (signature, sighash_type)) in signatures.iter().zip(types).enumerate() {
        psbt.insert_taproot_signature(input, fixed(signature)?, *sighash_type).map_err(rejected)?;
    }
    let signed = psbt.to_bytes();
    let finalised = Psbt::parse(&signed).and_then(|read| read.finalise()).map_err(rejected)?;
    Psbt::parse(&finalised.psbt).map_err(rejected)?;
    Ok(Finished {
        signed: Some(base64(&finalised.psbt)),
        psbt: Some(base64(&signed)),
        transaction: Some(hex::encode(&finalised.transaction)),
        txid: Some(finalised.txid.to_string()),
        complete: Some(true),
    })
}

fn fixed(signature: &[u8]) -> Result<[u8; 64], Problem> {
    signature.try_into().map_err(|_| broken(&"a signature is not of 64 bytes"))
}

fn rejected(why: cloister_chains::Rejected) -> Problem {
    Problem::payload(&why)
}

fn broken(why: &dyn std::fmt::Display) -> Problem {
    Problem::host(HostCode::Internal, why.to_string())
}

fn chain_name(chain: Chain) -> &'static str {
    match chain {
        Chain::Message => "message",
        Chain::Solana => "solana",
        Chain::Bitcoin => "bitcoin",
    }
}
