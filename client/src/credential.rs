//! Requesters' public keys as people write them.

use cloister_wire::{credential::Credential, p256::P256Key, signature::PublicKey, webauthn::PasskeyKey};

/// Reads an Ed25519 public key (64 hex digits) or a compressed P-256 point (66).
#[must_use]
pub fn from_hex(text: &str) -> Option<Credential> {
    let bytes = hex::decode(text).ok()?;
    match bytes.len() {
        P256Key::LEN => P256Key::from_bytes(&bytes).ok().map(Credential::P256),
        _ => PublicKey::from_bytes(&bytes).ok().map(Credential::Ed25519),
    }
}

/// Its public key, in hex: 32 bytes for Ed25519, 33 for P-256.
#[must_use]
pub fn public_key(credential: &Credential) -> String {
    match credential {
        Credential::Ed25519(key) => key.to_string(),
        Credential::P256(key) => key.to_string(),
        Credential::WebAuthn(passkey) => match &passkey.key {
            PasskeyKey::P256(key) => key.to_string(),
            PasskeyKey::Ed25519(key) => key.to_string(),
        },
    }
}

/// What kind it is: `ed25519`, `p256` or `passkey`.
#[must_use]
pub fn kind(credential: &Credential) -> &'static str {
    match credential {
        Credential::Ed25519(_) => "ed25519",
        Credential::P256(_) => "p256",
        Credential::WebAuthn(_) => "passkey",
    }
}

/// All of it in one line: the public key, and what else matters.
#[must_use]
pub fn text(credential: &Credential) -> String {
    let key = public_key(credential);
    match credential {
        Credential::Ed25519(_) => key,
        Credential::P256(_) => format!("{key} (P-256)"),
        Credential::WebAuthn(passkey) => {
            let origins: Vec<_> = passkey.origins.iter().map(|origin| origin.as_str()).collect();
            format!("{key} (passkey of {}, on {})", passkey.rp_id, origins.join(" and "))
        }
    }
}
