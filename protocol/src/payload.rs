//! From a payload to the messages that are signed, and the permission that they take: parsed here, hashed here, never taken from a caller.

use cloister_chains::{
    bitcoin::{CompressedKey, Foreign, Psbt, Spender, ToSign, XOnlyKey},
    cosmos::SignDoc,
    ethereum::{Transaction, TypedData, personal_message_digest},
    message,
    solana::{Message, Pubkey},
};
use cloister_wire::{
    ids::Hash,
    policy::{ForeignInputs, Permission},
    refusal::Refusal,
    request::{Chain, Purpose, Scheme, SignRequest},
};

use crate::{child::Child, keyring::Key};

/// A payload that was parsed for one key.
pub(crate) struct Payload {
    /// What the policy has to allow.
    pub(crate) needs: Permission,
    /// What is signed: one message, or one for each of the key's Bitcoin inputs.
    pub(crate) digests: Vec<Vec<u8>>,
}

impl Payload {
    fn one(needs: Permission, digest: impl Into<Vec<u8>>) -> Self {
        Self { needs, digests: vec![digest.into()] }
    }
}

/// Reads the payload of a request for `child` of `key`.
pub(crate) fn read(key: &Key, child: &Child, request: &SignRequest) -> Result<Payload, Refusal> {
    use {Chain as C, Purpose as P, Scheme as S};
    let payload = request.payload.as_slice();
    match (request.chain, request.purpose, key.scheme()) {
        (C::Message, P::Message, S::Ed25519 | S::Secp256k1Schnorr) => {
            let message = message::signing_bytes(payload).map_err(rejected)?;
            Ok(Payload::one(Permission::Message, message))
        }
        (C::Message, P::Message, S::Secp256k1Taproot | S::Secp256k1Ecdsa) => {
            Ok(Payload::one(Permission::Message, message::digest(payload).map_err(rejected)?))
        }
        (C::Solana, P::Transaction, S::Ed25519) => solana(child, payload),
        (C::Bitcoin, P::Transaction, S::Secp256k1Taproot) => bitcoin(&taproot(key, child)?, payload),
        (C::Bitcoin, P::Transaction, S::Secp256k1Ecdsa) => bitcoin(&ecdsa(child)?, payload),
        (C::Ethereum, P::Transaction, S::Secp256k1Ecdsa) => ethereum(payload),
        (C::Ethereum, P::Message, S::Secp256k1Ecdsa) => {
            let digest = personal_message_digest(payload).map_err(rejected)?;
            Ok(Payload::one(Permission::EthereumMessage, digest))
        }
        (C::Ethereum, P::TypedData, S::Secp256k1Ecdsa) => typed_data(payload),
        (C::Cosmos, P::Transaction, S::Secp256k1Ecdsa) => cosmos(child, payload),
        (C::Message, P::Transaction | P::TypedData, _)
        | (C::Solana | C::Bitcoin | C::Cosmos, P::Message | P::TypedData, _) => Err(Refusal::PurposeMismatch),
        (C::Solana, P::Transaction, S::Secp256k1Taproot | S::Secp256k1Schnorr | S::Secp256k1Ecdsa)
        | (C::Bitcoin, P::Transaction, S::Ed25519 | S::Secp256k1Schnorr)
        | (C::Ethereum, _, S::Ed25519 | S::Secp256k1Taproot | S::Secp256k1Schnorr)
        | (C::Cosmos, P::Transaction, S::Ed25519 | S::Secp256k1Taproot | S::Secp256k1Schnorr) => {
            Err(Refusal::SchemeMismatch)
        }
    }
}

/// The message itself: Ed25519 signs it whole. The key has to be among its required signers.
fn solana(child: &Child, payload: &[u8]) -> Result<Payload, Refusal> {
    let signer = <[u8; 32]>::try_from(child.public_key()).map(Pubkey::from).map_err(|_| Refusal::SchemeMismatch)?;
    let message = Message::parse(payload).map_err(rejected)?;
    let signed = message.signing_bytes_for(&signer).map_err(rejected)?;
    Ok(Payload::one(Permission::Solana, signed))
}

/// The digest of every input of the key. Inputs of others are the policy's to allow.
fn bitcoin(spender: &Spender, payload: &[u8]) -> Result<Payload, Refusal> {
    let to_sign = Psbt::parse(payload).and_then(|psbt| psbt.sighashes(spender, Foreign::LeaveAlone));
    let ToSign { sighashes, foreign } = to_sign.map_err(rejected)?;
    let foreign = if foreign.is_empty() { ForeignInputs::Refused } else { ForeignInputs::LeftAlone };
    let digests = sighashes.iter().map(|input| input.digest.to_vec()).collect();
    Ok(Payload { needs: Permission::Bitcoin { foreign }, digests })
}

fn taproot(key: &Key, child: &Child) -> Result<Spender, Refusal> {
    let (internal_key, output_key) = (x_only(child.public_key())?, x_only(&key.verifying_key(child)?)?);
    Ok(Spender::Taproot { internal_key, output_key })
}

fn ecdsa(child: &Child) -> Result<Spender, Refusal> {
    let key = <[u8; 33]>::try_from(child.public_key()).map_err(|_| Refusal::SchemeMismatch)?;
    Ok(Spender::Ecdsa(CompressedKey::from(key)))
}

/// The transaction's own chain id says where it counts.
fn ethereum(payload: &[u8]) -> Result<Payload, Refusal> {
    let transaction = Transaction::parse(payload).map_err(rejected)?;
    let needs = Permission::Ethereum { chain_id: transaction.chain_id() };
    Ok(Payload::one(needs, transaction.signing_hash()))
}

fn typed_data(payload: &[u8]) -> Result<Payload, Refusal> {
    let data = TypedData::parse(payload).map_err(rejected)?;
    let needs = Permission::TypedData { domain: Hash::from_bytes(data.domain_separator()) };
    Ok(Payload::one(needs, data.signing_hash()))
}

/// The key has to be the only signer.
fn cosmos(child: &Child, payload: &[u8]) -> Result<Payload, Refusal> {
    let key: &[u8; 33] = child.public_key().try_into().map_err(|_| Refusal::SchemeMismatch)?;
    let sign_doc = SignDoc::parse(payload).map_err(rejected)?;
    let chain_id = sign_doc.chain_id().parse().map_err(|_| Refusal::PayloadRejected)?;
    let digest = sign_doc.digest_for(key).map_err(rejected)?;
    Ok(Payload::one(Permission::Cosmos { chain_id }, digest))
}

/// A compressed point without its sign (BIP-340).
fn x_only(compressed: &[u8]) -> Result<XOnlyKey, Refusal> {
    match compressed.split_first() {
        Some((2 | 3, x)) => <[u8; 32]>::try_from(x).map(XOnlyKey::from).map_err(|_| Refusal::SchemeMismatch),
        _ => Err(Refusal::SchemeMismatch),
    }
}

fn rejected(_: cloister_chains::Rejected) -> Refusal {
    Refusal::PayloadRejected
}
