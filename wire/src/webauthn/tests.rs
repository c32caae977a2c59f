use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::credential::{Credential, Proof};

const RP_ID: &str = "example.org";
const PAGE: &str = "https://example.org";
const UP_AND_UV: u8 = FLAG_UP | FLAG_UV;

fn passkey(key: PasskeyKey) -> Passkey {
    let origins = vec!["https://other.example".parse().unwrap(), PAGE.parse().unwrap()];
    Passkey { key, rp_id: RP_ID.parse().unwrap(), origins: origins.try_into().unwrap() }
}

fn hash() -> Hash {
    Hash::from_bytes([7; 32])
}

fn client_data(kind: &str, hash: &Hash, origin: &str, rest: &str) -> String {
    let challenge = String::from_utf8(base64url(hash.as_bytes())).unwrap();
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{rest}"#)
}

fn usual() -> String {
    client_data("webauthn.get", &hash(), PAGE, r#","crossOrigin":false}"#)
}

fn authenticator_data(rp_id: &str, flags: u8, extensions: &[u8]) -> Vec<u8> {
    [&Sha256::digest(rp_id)[..], &[flags], &[0, 0, 0, 9], extensions].concat()
}

/// An authenticator with a key that nobody else has.
struct Authenticator(EcdsaKeyPair);

impl Authenticator {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn credential(&self) -> Credential {
        let point = self.0.public_key().as_ref();
        let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
        Credential::WebAuthn(passkey(PasskeyKey::P256(P256Key::from_bytes(&compressed).unwrap())))
    }

    fn sign(&self, authenticator_data: &[u8], client_data: &str) -> Proof {
        let signed = [authenticator_data, &Sha256::digest(client_data)].concat();
        let signature = self.0.sign(&SystemRandom::new(), &signed).unwrap();
        assertion(authenticator_data, client_data, signature.as_ref())
    }
}

fn assertion(authenticator_data: &[u8], client_data: &str, signature: &[u8]) -> Proof {
    Proof::WebAuthn(Assertion {
        authenticator_data: authenticator_data.try_into().unwrap(),
        client_data: client_data.as_bytes().try_into().unwrap(),
        signature: signature.try_into().unwrap(),
    })
}

/// What becomes of an assertion with these data, rightly signed.
fn verdict(authenticator_data: &[u8], client_data: &str) -> Result<(), ProofRejected> {
    let authenticator = Authenticator::new();
    authenticator.credential().verify(&hash(), &authenticator.sign(authenticator_data, client_data))
}

/// All assertions of section 16 of the Level 3 specification that are made with P-256 or Ed25519, as its generator prints them: name,
/// our verdict, key, challenge, authenticator data, client data, signature.
#[test]
fn judges_the_assertions_of_the_specification() {
    let vectors = include_str!("level_3_vectors.txt").lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut verdicts = Vec::new();
    for vector in vectors {
        let [name, expected, fields @ ..] = &vector[..] else { panic!("{vector:?}") };
        let fields: Vec<_> = fields.iter().map(|field| hex::decode(field).unwrap()).collect();
        let [key, challenge, authenticator_data, client_data, signature] = &fields[..] else { panic!("{name}") };
        let key = match key.len() {
            P256Key::LEN => PasskeyKey::P256(P256Key::from_bytes(key).unwrap()),
            _ => PasskeyKey::Ed25519(PublicKey::from_bytes(key).unwrap()),
        };
        let signed = [&authenticator_data[..], &Sha256::digest(client_data)].concat();
        assert_eq!(key.verify(&signed, signature), Ok(()), "{name}");
        let credential = Credential::WebAuthn(passkey(key));
        let proof = assertion(authenticator_data, core::str::from_utf8(client_data).unwrap(), signature);
        let hash = Hash::from_bytes(challenge[..].try_into().unwrap());
        let verdict = credential.verify(&hash, &proof);
        assert_eq!(verdict.map_or_else(|why| format!("{why:?}"), |()| "accepted".to_owned()), *expected, "{name}");
        assert_eq!(credential.verify(&self::hash(), &proof), Err(ProofRejected::Challenge), "{name}");
        verdicts.push(*expected);
    }
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == "accepted").count(), 3);
    assert_eq!(verdicts.len(), 11);
}

#[test]
fn takes_what_a_verified_person_confirmed_on_a_listed_page() {
    let backed_up = UP_AND_UV | FLAG_BE | FLAG_BS;
    let data = authenticator_data(RP_ID, UP_AND_UV, b"");
    assert_eq!(verdict(&data, &usual()), Ok(()));
    assert_eq!(verdict(&authenticator_data(RP_ID, backed_up, b""), &usual()), Ok(()));
    assert_eq!(verdict(&authenticator_data(RP_ID, UP_AND_UV | FLAG_ED, b"\xa1\x61a\xf5"), &usual()), Ok(()));
    let more =
        client_data("webauthn.get", &hash(), PAGE, r#","crossOrigin":false,"other_keys_can_be_added_here":"x"}"#);
    assert_eq!(verdict(&data, &more), Ok(()));
}

#[test]
fn takes_an_assertion_by_an_ed25519_passkey() {
    let secret = SigningKey::from_bytes(&[3; 32]);
    let credential = Credential::WebAuthn(passkey(PasskeyKey::Ed25519(PublicKey::of(&secret))));
    let data = authenticator_data(RP_ID, UP_AND_UV, b"");
    let signature = secret.sign(&[&data[..], &Sha256::digest(usual())].concat()).to_bytes();
    assert_eq!(credential.verify(&hash(), &assertion(&data, &usual(), &signature)), Ok(()));
    let cut = assertion(&data, &usual(), &signature[..63]);
    assert_eq!(credential.verify(&hash(), &cut), Err(ProofRejected::Signature));
}

#[test]
fn names_what_is_wrong_with_the_client_data() {
    let data = authenticator_data(RP_ID, UP_AND_UV, b"");
    let end = r#","crossOrigin":false}"#;
    let other = Hash::from_bytes([8; 32]);
    let cases = [
        (client_data("webauthn.create", &hash(), PAGE, end), ProofRejected::Type),
        (client_data("payment.get", &hash(), PAGE, end), ProofRejected::Type),
        (String::new(), ProofRejected::Type),
        (usual().replace("{\"type\"", "{ \"type\""), ProofRejected::Type),
        (client_data("webauthn.get", &other, PAGE, end), ProofRejected::Challenge),
        (usual().replace("BwcHBwcHBwcHBwc\"", "BwcHBwcHBwcHBwc=\""), ProofRejected::Challenge),
        (usual().replace("BwcHBwcHBwcHBwc\"", "BwcHBwcHBwcHBwd\""), ProofRejected::Challenge),
        (client_data("webauthn.get", &hash(), "https://example.org.evil", end), ProofRejected::Origin),
        (client_data("webauthn.get", &hash(), "https://example.or", end), ProofRejected::Origin),
        (client_data("webauthn.get", &hash(), "http://example.org", end), ProofRejected::Origin),
        (client_data("webauthn.get", &hash(), PAGE, r#","crossOrigin":true}"#), ProofRejected::CrossOrigin),
        (client_data("webauthn.get", &hash(), PAGE, "}"), ProofRejected::CrossOrigin),
        (client_data("webauthn.get", &hash(), PAGE, r#","crossOrigin":false"#), ProofRejected::CrossOrigin),
        (client_data("webauthn.get", &hash(), PAGE, r#","crossOrigin":false}}"#), ProofRejected::CrossOrigin),
        (client_data("webauthn.get", &hash(), PAGE, r#","crossOrigin":falsely}"#), ProofRejected::CrossOrigin),
    ];
    for (text, why) in cases {
        assert_eq!(verdict(&data, &text), Err(why), "{text}");
    }
}

#[test]
fn names_what_is_wrong_with_the_authenticator_data() {
    let malformed = ProofRejected::AuthenticatorData;
    let cases = [
        (authenticator_data("example.com", UP_AND_UV, b""), ProofRejected::RpId),
        (authenticator_data(RP_ID, FLAG_UV, b""), ProofRejected::UserPresence),
        (authenticator_data(RP_ID, FLAG_UP, b""), ProofRejected::UserVerification),
        (authenticator_data(RP_ID, UP_AND_UV, b"\xa0"), malformed),
        (authenticator_data(RP_ID, UP_AND_UV | FLAG_ED, b""), malformed),
        (authenticator_data(RP_ID, UP_AND_UV | FLAG_AT, b""), malformed),
        (authenticator_data(RP_ID, UP_AND_UV | FLAG_AT | FLAG_ED, b"\xa0"), malformed),
        (authenticator_data(RP_ID, UP_AND_UV | FLAG_BS, b""), malformed),
        (Vec::new(), malformed),
    ];
    for (data, why) in cases {
        assert_eq!(verdict(&data, &usual()), Err(why), "{data:x?}");
    }
    let whole = authenticator_data(RP_ID, UP_AND_UV, b"");
    for length in 0..whole.len() {
        assert_eq!(verdict(&whole[..length], &usual()), Err(malformed), "cut to {length} bytes");
    }
}

#[test]
fn every_byte_of_an_assertion_counts() {
    let (authenticator, data) = (Authenticator::new(), authenticator_data(RP_ID, UP_AND_UV, b""));
    let credential = authenticator.credential();
    let Proof::WebAuthn(good) = authenticator.sign(&data, &usual()) else { unreachable!() };
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    let verify = |assertion| credential.verify(&hash(), &Proof::WebAuthn(assertion));
    for at in 0..data.len() {
        let authenticator_data = flipped(&data, at).try_into().unwrap();
        assert!(verify(Assertion { authenticator_data, ..good.clone() }).is_err(), "authenticator data, byte {at}");
    }
    for at in 0..good.client_data.as_slice().len() {
        let client_data = flipped(good.client_data.as_slice(), at).try_into().unwrap();
        assert!(verify(Assertion { client_data, ..good.clone() }).is_err(), "client data, byte {at}");
    }
    for at in 0..good.signature.as_slice().len() {
        let signature = flipped(good.signature.as_slice(), at).try_into().unwrap();
        assert!(verify(Assertion { signature, ..good.clone() }).is_err(), "signature, byte {at}");
    }
    assert_eq!(
        Authenticator::new().credential().verify(&hash(), &Proof::WebAuthn(good)),
        Err(ProofRejected::Signature)
    );
}

#[test]
fn origins_are_compared_as_the_browser_escapes_them() {
    assert_eq!(strip_string(br#""a\"b\\c"rest"#, br#"a"b\c"#), Some(&b"rest"[..]));
    assert_eq!(strip_string(br#""a"b\\c"rest"#, br#"a"b\c"#), None);
    assert_eq!(strip_string(br#""a"#, b"a"), None);
}

#[test]
fn base64url_is_that_of_rfc_4648() {
    let vectors: [(&[u8], &[u8]); 6] = [
        (b"", b""),
        (b"f", b"Zg"),
        (b"fo", b"Zm8"),
        (b"foo", b"Zm9v"),
        (b"foobar", b"Zm9vYmFy"),
        (b"\xfb\xff", b"-_8"),
    ];
    for (bytes, text) in vectors {
        assert_eq!(base64url(bytes), text);
    }
}
