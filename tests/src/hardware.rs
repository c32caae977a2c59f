//! Requesters whose keys are in hardware: a security module with P-256, and a person with a passkey. Made anew by each process.

use std::sync::LazyLock;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use cloister_client::{P256Secret, RequesterSecret, passkey, requester::Unproved};
use cloister_wire::{
    credential::{Credential, Proof},
    ids::Hash,
    p256::P256Key,
    request::{Requestable, Requested},
    webauthn::{Assertion, Passkey, PasskeyKey},
};
use sha2::{Digest as _, Sha256};

/// The relying party of [`Person`]s.
pub const RP_ID: &str = "example.org";
/// The page where they use their passkeys.
pub const PAGE: &str = "https://console.example.org";

/// The security module.
#[must_use]
pub fn module() -> &'static RequesterSecret {
    static MODULE: LazyLock<RequesterSecret> =
        LazyLock::new(|| RequesterSecret::P256(P256Secret::generate().expect("randomness")));
    &MODULE
}

/// The person.
#[must_use]
pub fn person() -> &'static Person {
    static PERSON: LazyLock<Person> =
        LazyLock::new(|| Person(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("randomness")));
    &PERSON
}

/// Somebody with browser and authenticator.
pub struct Person(EcdsaKeyPair);

impl Person {
    /// The passkey, to be used on [`PAGE`] alone.
    #[must_use]
    pub fn credential(&self) -> Credential {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let key = P256Key::from_bytes(&[&[2 + (y[31] & 1)], x].concat()).expect("a point");
        Credential::WebAuthn(Passkey {
            key: PasskeyKey::P256(key),
            rp_id: RP_ID.parse().expect("a domain"),
            origins: vec![PAGE.parse().expect("an origin")].try_into().expect("one"),
        })
    }

    /// Confirms a request.
    #[must_use]
    pub fn request<T: Requestable>(&self, request: &T) -> Requested {
        let unproved = Unproved::new(request).expect("short enough");
        let proof = self.confirm(&unproved.challenge(), PAGE);
        unproved.assemble(proof)
    }

    /// Confirms a challenge on a page, present and verified.
    #[must_use]
    pub fn confirm(&self, hash: &Hash, page: &str) -> Proof {
        let challenge = passkey::challenge(hash);
        let client_data =
            format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{page}","crossOrigin":false}}"#);
        let authenticator_data = [&Sha256::digest(RP_ID)[..], &[0b101, 0, 0, 0, 0]].concat();
        let signed = [&authenticator_data[..], &Sha256::digest(&client_data)].concat();
        let signature = self.0.sign(&SystemRandom::new(), &signed).expect("randomness");
        Proof::WebAuthn(Assertion {
            authenticator_data: authenticator_data.try_into().expect("short enough"),
            client_data: client_data.into_bytes().try_into().expect("short enough"),
            signature: signature.as_ref().try_into().expect("short enough"),
        })
    }
}
