//! Whether a signature is one: for each scheme by a library that had no part in making it.

use cloister_wire::request::Scheme;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::{account::Account, ecdsa, schnorr};

/// Why signatures are not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRejected {
    /// Not one for each message.
    #[error("{got} signatures came back for {needed} messages")]
    Count {
        /// Signatures.
        got: usize,
        /// Messages.
        needed: usize,
    },
    /// A signature that does not verify under the certified key.
    #[error("signature {0} does not verify under the certified key")]
    Invalid(usize),
    /// An answer to another request.
    #[error("it answers another request")]
    AnotherRequest,
    /// A transaction that reads back as another one.
    #[error("the signed transaction is another than the one that was asked for")]
    AnotherTransaction,
}

/// Checks `signature` over `message`, the bytes that the scheme signs: for Taproot a 32-byte digest, checked under the BIP-86 output
/// key by libsecp256k1 (BIP-340); for ECDSA a 32-byte digest, by libsecp256k1, with the lower s and the v that recovers the key if
/// there is one; for Ed25519 strictly, by `ed25519-dalek`; for plain Schnorr by RFC 9591's equation over `k256`.
///
/// # Errors
/// [`SignatureRejected::Invalid`] of 0.
pub fn verify_signature(account: &Account, message: &[u8], signature: &[u8]) -> Result<(), SignatureRejected> {
    let key = account.public_key();
    let valid = match account.scheme() {
        Scheme::Ed25519 => ed25519(key, message, signature).is_some(),
        Scheme::Secp256k1Taproot => {
            let digest = <[u8; 32]>::try_from(message);
            account.taproot().zip(digest.ok()).is_some_and(|(key, digest)| key.verifies(digest, signature))
        }
        Scheme::Secp256k1Schnorr => schnorr::verifies(key, message, signature),
        Scheme::Secp256k1Ecdsa => ecdsa::verify(key, message, signature).is_some(),
    };
    if valid { Ok(()) } else { Err(SignatureRejected::Invalid(0)) }
}

fn ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::try_from(key).ok()?;
    key.verify_strict(message, &Signature::from_slice(signature).ok()?).ok()
}
