//! Passkeys and their assertions as browsers give them: JSON with base64url, and public keys in DER or COSE.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloister_wire::{
    bounded::{List, TooLong},
    credential::{Credential, Proof},
    ids::{Hash, Malformed},
    p256::P256Key,
    signature::PublicKey,
    webauthn::{Assertion, Passkey, PasskeyKey},
};
use serde::Deserialize;

/// Why a document is not what a browser gives.
#[derive(Debug, thiserror::Error)]
pub enum NotAPasskey {
    /// No JSON, or a member too few.
    #[error("not the JSON that is needed here: {0}")]
    Json(#[from] serde_json::Error),
    /// A member that is no base64url.
    #[error("{0} is not base64url without padding, as browsers write it")]
    Base64(&'static str),
    /// Neither of the two kinds of keys.
    #[error("publicKey is neither a P-256 nor an Ed25519 key, as getPublicKey() gives it (DER) or in COSE")]
    Key,
    /// A relying party or origin that nobody can have.
    #[error("rpId or origins: {0}")]
    Name(#[from] Malformed),
    /// A page that does not belong to the relying party.
    #[error(
        "{0:?} is no origin of a browser: give scheme and host, and the port if it is unusual, in lower case and without a slash behind"
    )]
    Origin(String),
    /// Without a page, nobody could use it.
    #[error("origins is empty: list the pages that may ask for the passkey's assertions")]
    NoOrigin,
    /// Something is too long.
    #[error("{what} is too long: {why}")]
    TooLong {
        /// The member.
        what: &'static str,
        /// By how much.
        why: TooLong,
    },
}

/// Reads a passkey to be named in a policy: `publicKey` (base64url of DER or COSE), `rpId` and `origins`.
///
/// # Errors
/// What is wrong with the document.
pub fn credential(json: &[u8]) -> Result<Credential, NotAPasskey> {
    let document: PasskeyDocument = serde_json::from_slice(json)?;
    let key = key(&bytes("publicKey", &document.public_key)?).ok_or(NotAPasskey::Key)?;
    if document.origins.is_empty() {
        return Err(NotAPasskey::NoOrigin);
    }
    if let Some(other) = document.origins.iter().find(|origin| !is_origin(origin)) {
        return Err(NotAPasskey::Origin(other.clone()));
    }
    let origins = document.origins.iter().map(|origin| origin.parse()).collect::<Result<Vec<_>, _>>()?;
    let origins: List<_, _> = origins.try_into().map_err(|why| NotAPasskey::TooLong { what: "origins", why })?;
    Ok(Credential::WebAuthn(Passkey { key, rp_id: document.rp_id.parse()?, origins }))
}

/// What a page gives `navigator.credentials.get()` as its `challenge`, in base64url.
#[must_use]
pub fn challenge(hash: &Hash) -> String {
    URL_SAFE_NO_PAD.encode(hash.as_bytes())
}

/// Reads an assertion: the `toJSON()` of what `navigator.credentials.get()` returned, or its `response` alone.
///
/// # Errors
/// What is wrong with the document.
pub fn assertion(json: &[u8]) -> Result<Proof, NotAPasskey> {
    let (AssertionDocument::Whole { response } | AssertionDocument::Response(response)) = serde_json::from_slice(json)?;
    let too_long = |what| move |why| NotAPasskey::TooLong { what, why };
    Ok(Proof::WebAuthn(Assertion {
        authenticator_data: bytes("authenticatorData", &response.authenticator_data)?
            .try_into()
            .map_err(too_long("authenticatorData"))?,
        client_data: bytes("clientDataJSON", &response.client_data_json)?
            .try_into()
            .map_err(too_long("clientDataJSON"))?,
        signature: bytes("signature", &response.signature)?.try_into().map_err(too_long("signature"))?,
    }))
}

/// A P-256 point of 65 bytes in the shorter form; nothing if it is none on the curve.
pub(crate) fn compressed(point: &[u8]) -> Option<P256Key> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
    let [4, x_and_y @ ..] = point else { return None };
    let (x, y) = x_and_y.split_at_checked(32)?;
    let sign = 2 + (y.last()? & 1);
    P256Key::from_bytes(&[&[sign], x].concat()).ok()
}

/// The members that a page has after `navigator.credentials.create()`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PasskeyDocument {
    public_key: String,
    rp_id: String,
    origins: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AssertionDocument {
    Whole { response: AssertionResponse },
    Response(AssertionResponse),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    authenticator_data: String,
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    signature: String,
}

/// A key in its one encoding as SubjectPublicKeyInfo (RFC 5480, RFC 8410) or canonical `COSE_Key` (WebAuthn, section 6.5.1.1).
fn key(bytes: &[u8]) -> Option<PasskeyKey> {
    let p256 = |x: &[u8], y: &[u8]| compressed(&[&[4], x, y].concat()).map(PasskeyKey::P256);
    let ed25519 = |key: &[u8]| PublicKey::from_bytes(key).ok().map(PasskeyKey::Ed25519);
    if let Some(point) = bytes.strip_prefix(P256_DER) {
        let (x, y) = point.split_at_checked(32)?;
        p256(x, y)
    } else if let Some(x_and_y) = bytes.strip_prefix(P256_COSE) {
        let (x, y) = x_and_y.split_at_checked(32)?;
        p256(x, y.strip_prefix(COSE_Y)?)
    } else {
        ed25519(bytes.strip_prefix(ED25519_DER).or_else(|| bytes.strip_prefix(ED25519_COSE))?)
    }
}

/// id-ecPublicKey and secp256r1, and a bit string with an uncompressed point.
const P256_DER: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
/// id-Ed25519, and a bit string of 32 bytes.
const ED25519_DER: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// kty EC2, alg ES256, crv P-256, x.
const P256_COSE: &[u8] = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20";
/// y.
const COSE_Y: &[u8] = b"\x22\x58\x20";
/// kty OKP, alg EdDSA, crv Ed25519, x.
const ED25519_COSE: &[u8] = b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20";

/// As browsers serialise origins, or as Android names apps.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| {
        // Browsers take the machine itself for safe.
        text.strip_prefix("http://localhost").filter(|rest| rest.is_empty() || rest.starts_with(':'))
    });
    let in_lower_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    text.starts_with("android:apk-key-hash:")
        || in_lower_case && host.is_some_and(|host| !host.contains(['/', '@', '"', '\\']))
}

fn bytes(what: &'static str, text: &str) -> Result<Vec<u8>, NotAPasskey> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| NotAPasskey::Base64(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of section 16.2 of the WebAuthn Level 3 specification.
    const COSE: &str = "a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220";

    fn document(key: &[u8], origins: &[&str]) -> Vec<u8> {
        let public_key = URL_SAFE_NO_PAD.encode(key);
        serde_json::to_vec(&serde_json::json!({ "publicKey": public_key, "rpId": "example.org", "origins": origins }))
            .unwrap()
    }

    #[test]
    fn a_key_is_the_same_in_der_and_in_cose() {
        let cose = hex::decode(COSE).unwrap();
        let der = [P256_DER, &cose[10..42], &cose[45..]].concat();
        let origins = ["https://example.org", "https://sub.example.org:8443"];
        let read = credential(&document(&cose, &origins)).unwrap();
        assert_eq!(credential(&document(&der, &origins)).unwrap(), read);
        let Credential::WebAuthn(Passkey { key: PasskeyKey::P256(key), .. }) = read else { panic!("{read:?}") };
        assert_eq!(key.to_string(), "02afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61");
        let ed25519 = hex::decode("44e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832").unwrap();
        let forms = [ED25519_DER, ED25519_COSE].map(|front| document(&[front, &ed25519].concat(), &origins));
        assert_eq!(credential(&forms[0]).unwrap(), credential(&forms[1]).unwrap());
    }

    #[test]
    fn refuses_keys_off_the_curve_and_pages_that_no_browser_names_so() {
        let cose = hex::decode(COSE).unwrap();
        let mut off = cose.clone();
        off[76] ^= 1;
        let page = ["https://example.org"];
        for key in [&off[..], &cose[..76], &[&cose[..], &[0]].concat(), b""] {
            assert!(matches!(credential(&document(key, &page)), Err(NotAPasskey::Key)), "{key:x?}");
        }
        for origin in [
            "https://example.org/",
            "https://Example.org",
            "http://example.org",
            "example.org",
            "https://a@example.org",
        ] {
            assert!(matches!(credential(&document(&cose, &[origin])), Err(NotAPasskey::Origin(_))), "{origin}");
        }
        assert!(matches!(credential(&document(&cose, &[])), Err(NotAPasskey::NoOrigin)));
    }

    #[test]
    fn an_assertion_is_read_with_and_without_what_stands_around_the_response() {
        let response = r#"{"authenticatorData":"AQ","clientDataJSON":"e30","signature":"Ag","userHandle":null}"#;
        let whole = format!(r#"{{"id":"x","type":"public-key","response":{response}}}"#);
        assert_eq!(assertion(whole.as_bytes()).unwrap(), assertion(response.as_bytes()).unwrap());
        assert!(assertion(br#"{"authenticatorData":"*","clientDataJSON":"e30","signature":"Ag"}"#).is_err());
        assert!(assertion(b"{}").is_err());
    }
}
