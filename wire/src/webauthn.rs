//! WebAuthn assertions: what a browser and an authenticator sign for a person (W3C Web Authentication Level 3, section 7.2).
//!
//! The challenge is a tagged hash, so that the person's signature is over the request itself. What is read here:
//!
//! | part | bytes |
//! |---|---|
//! | authenticator data (section 6.1) | SHA-256 of the RP id, 32 ‖ flags, 1 ‖ signature counter, 4 ‖ extensions, a CBOR map, if flag ED is set |
//! | client data | the JSON text that the browser made (section 5.8.1.1), UTF-8 |
//! | signature | over authenticator data ‖ SHA-256(client data): ECDSA in DER (ES256), or 64 bytes (EdDSA with Ed25519) |
//!
//! Client data is not parsed as JSON but compared, by the specification's limited verification algorithm (section 5.8.1.2), with
//! `{"type":"webauthn.get","challenge":"…","origin":"…","crossOrigin":false`, which `}` or `,` has to follow. So nothing here can be
//! misled by a JSON parser, and browsers that leave `crossOrigin` out or write their members in another order are refused.
//!
//! The signature counter is not looked at: passkeys that are synced between devices always report 0, and signers, which a host may
//! restart at will, keep no state of it. Replays are refused because the challenge names one request.

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::{
    bounded::{Bytes, List},
    credential::ProofRejected,
    ids::{Hash, Origin, RpId},
    limits,
    p256::P256Key,
    signature::{PublicKey, Signature},
};

/// A passkey, and where a person may use it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Passkey {
    /// Verifies its assertions.
    #[n(0)]
    pub key: PasskeyKey,
    /// The relying party that it was made for: a domain.
    #[n(1)]
    pub rp_id: RpId,
    /// The pages that may ask for its assertions, as browsers name them: `https://example.org`.
    #[n(2)]
    pub origins: List<Origin, { limits::ORIGINS }>,
}

/// A passkey's public key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PasskeyKey {
    /// COSE algorithm -7, ES256.
    #[n(0)]
    P256(#[n(0)] P256Key),
    /// COSE algorithm -8, `EdDSA`, with Ed25519.
    #[n(1)]
    Ed25519(#[n(0)] PublicKey),
}

/// What a browser answers when it is asked for an assertion.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Assertion {
    /// The response's `authenticatorData`.
    #[n(0)]
    pub authenticator_data: Bytes<{ limits::AUTHENTICATOR_DATA }>,
    /// The response's `clientDataJSON`.
    #[n(1)]
    pub client_data: Bytes<{ limits::CLIENT_DATA }>,
    /// The response's `signature`.
    #[n(2)]
    pub signature: Bytes<{ limits::ASSERTION_SIGNATURE }>,
}

impl Passkey {
    /// Checks that a person was present, verified, and confirmed this hash on one of the pages.
    pub(crate) fn verify(&self, hash: &Hash, assertion: &Assertion) -> Result<(), ProofRejected> {
        self.check_client_data(hash, assertion.client_data.as_slice())?;
        self.check_authenticator_data(assertion.authenticator_data.as_slice())?;
        let client_data = Sha256::digest(assertion.client_data.as_slice());
        let signed = [assertion.authenticator_data.as_slice(), &client_data].concat();
        self.key.verify(&signed, assertion.signature.as_slice())
    }

    fn check_client_data(&self, hash: &Hash, text: &[u8]) -> Result<(), ProofRejected> {
        let rest = text.strip_prefix(br#"{"type":"webauthn.get","challenge":"#).ok_or(ProofRejected::Type)?;
        let rest = strip_string(rest, &base64url(hash.as_bytes())).ok_or(ProofRejected::Challenge)?;
        let rest = rest.strip_prefix(br#","origin":"#).ok_or(ProofRejected::Origin)?;
        let known = |origin: &Origin| strip_string(rest, origin.as_str().as_bytes());
        let rest = self.origins.iter().find_map(known).ok_or(ProofRejected::Origin)?;
        let rest = rest.strip_prefix(br#","crossOrigin":false"#).ok_or(ProofRejected::CrossOrigin)?;
        if rest == b"}" || rest.starts_with(b",") { Ok(()) } else { Err(ProofRejected::CrossOrigin) }
    }

    fn check_authenticator_data(&self, bytes: &[u8]) -> Result<(), ProofRejected> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>().ok_or(ProofRejected::AuthenticatorData)?;
        let ([flags, _counter @ ..], extensions) =
            rest.split_first_chunk::<5>().ok_or(ProofRejected::AuthenticatorData)?;
        if rp_id_hash[..] != Sha256::digest(self.rp_id.as_str())[..] {
            return Err(ProofRejected::RpId);
        }
        let has = |flag| flags & flag != 0;
        let backed_up_though_not_eligible = has(FLAG_BS) && !has(FLAG_BE);
        if has(FLAG_AT) || has(FLAG_ED) == extensions.is_empty() || backed_up_though_not_eligible {
            return Err(ProofRejected::AuthenticatorData);
        }
        if !has(FLAG_UP) {
            return Err(ProofRejected::UserPresence);
        }
        if has(FLAG_UV) { Ok(()) } else { Err(ProofRejected::UserVerification) }
    }
}

impl PasskeyKey {
    fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), ProofRejected> {
        let verified = match self {
            Self::P256(key) => key.verify_der(signed, signature),
            Self::Ed25519(key) => match signature.try_into() {
                Ok(bytes) => key.verify_bytes(signed, &Signature::from_bytes(bytes)),
                Err(_) => return Err(ProofRejected::Signature),
            },
        };
        verified.map_err(|_| ProofRejected::Signature)
    }
}

/// User present.
const FLAG_UP: u8 = 1 << 0;
/// User verified.
const FLAG_UV: u8 = 1 << 2;
/// Backup eligible.
const FLAG_BE: u8 = 1 << 3;
/// Backed up: only ever with BE.
const FLAG_BS: u8 = 1 << 4;
/// Attested credential data: only ever when a passkey is made, never in an assertion.
const FLAG_AT: u8 = 1 << 6;
/// Extension data.
const FLAG_ED: u8 = 1 << 7;

/// What follows `content` as a JSON string (`CCDToString`, section 5.8.1.1), where `text` begins with it. `content` is printable ASCII.
fn strip_string<'a>(text: &'a [u8], content: &[u8]) -> Option<&'a [u8]> {
    let escaped = content.iter().try_fold(text.strip_prefix(b"\"")?, |rest, byte| match byte {
        b'"' | b'\\' => rest.strip_prefix(b"\\")?.strip_prefix(&[*byte]),
        _ => rest.strip_prefix(&[*byte]),
    });
    escaped?.strip_prefix(b"\"")
}

/// Base64 for URLs without padding (RFC 4648 section 5), as browsers write the challenge.
fn base64url(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let sextets = |chunk: &[u8]| match *chunk {
        [a] => vec![a >> 2, a << 4],
        [a, b] => vec![a >> 2, a << 4 | b >> 4, b << 2],
        [a, b, c] => vec![a >> 2, a << 4 | b >> 4, b << 2 | c >> 6, c],
        _ => Vec::new(),
    };
    let digit = |sextet: u8| ALPHABET.get(usize::from(sextet & 0x3f)).copied();
    bytes.chunks(3).flat_map(sextets).filter_map(digit).collect()
}

#[cfg(test)]
mod tests;
