//! From a payload to the messages that are signed: parsed here, hashed here, never taken from a caller.

use cloister_chains::{
    bitcoin::{Psbt, XOnlyKey},
    message,
    solana::{Message, Pubkey},
};
use cloister_wire::{
    refusal::Refusal,
    request::{Chain, Scheme},
};

use crate::keyring::Key;

/// The messages that `key` has to sign for `payload`.
pub(crate) fn digests(key: &Key, chain: Chain, payload: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    match (chain, key.scheme()) {
        (Chain::Solana, Scheme::Ed25519) => solana(key, payload).map(|message| vec![message]),
        (Chain::Bitcoin, Scheme::Secp256k1Taproot) => bitcoin(key, payload),
        (Chain::Message, Scheme::Ed25519 | Scheme::Secp256k1Schnorr) => {
            message::signing_bytes(payload).map(|message| vec![message]).map_err(|_| Refusal::PayloadRejected)
        }
        (Chain::Message, Scheme::Secp256k1Taproot) => {
            message::digest(payload).map(|digest| vec![digest.to_vec()]).map_err(|_| Refusal::PayloadRejected)
        }
        (Chain::Solana, Scheme::Secp256k1Taproot | Scheme::Secp256k1Schnorr)
        | (Chain::Bitcoin, Scheme::Ed25519 | Scheme::Secp256k1Schnorr) => Err(Refusal::SchemeMismatch),
    }
}

/// The message itself: Ed25519 signs it whole. The key has to be among its required signers.
fn solana(key: &Key, payload: &[u8]) -> Result<Vec<u8>, Refusal> {
    let rejected = |_| Refusal::PayloadRejected;
    let signer = <[u8; 32]>::try_from(key.public_key()).map(Pubkey::from).map_err(|_| Refusal::SchemeMismatch)?;
    let message = Message::parse(payload).map_err(rejected)?;
    message.signing_bytes_for(&signer).map(<[u8]>::to_vec).map_err(rejected)
}

/// The BIP-341 sighash of every input, each of which has to be the key's own.
fn bitcoin(key: &Key, payload: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
    let rejected = |_| Refusal::PayloadRejected;
    let (internal, output) = (x_only(key.public_key())?, x_only(key.verifying_key())?);
    let psbt = Psbt::parse(payload).map_err(rejected)?;
    let sighashes = psbt.taproot_key_path_sighashes(&internal, &output).map_err(rejected)?;
    Ok(sighashes.iter().map(|input| input.sighash.to_vec()).collect())
}

/// A compressed point without its sign (BIP-340).
fn x_only(compressed: &[u8]) -> Result<XOnlyKey, Refusal> {
    match compressed.split_first() {
        Some((2 | 3, x)) => <[u8; 32]>::try_from(x).map(XOnlyKey::from).map_err(|_| Refusal::SchemeMismatch),
        _ => Err(Refusal::SchemeMismatch),
    }
}
