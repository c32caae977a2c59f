//! P-256 secret keys of requesters.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_wire::{
    ids::Hash,
    p256::{P256Key, P256Signature},
};
use zeroize::Zeroizing;

use crate::{error::Error, passkey::compressed};

/// A P-256 secret key. Never printed; erased on drop.
pub struct P256Secret {
    pair: EcdsaKeyPair,
    public: P256Key,
}

impl P256Secret {
    /// A new key from the operating system's generator.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate() -> Result<Self, Error> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().and_then(Self::new).ok_or(Error::NoRandomness)
    }

    fn new(pair: EcdsaKeyPair) -> Option<Self> {
        let public = compressed(pair.public_key().as_ref())?;
        Some(Self { pair, public })
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> P256Key {
        self.public
    }

    /// Signs a tagged hash. Every second signature has the upper s and is made anew: signatures are random.
    pub(super) fn sign(&self, hash: &Hash) -> Result<P256Signature, Error> {
        loop {
            let signature = self.pair.sign(&SystemRandom::new(), hash.as_bytes()).map_err(|_| Error::NoRandomness)?;
            let bytes = signature.as_ref().try_into().expect("a fixed-length signature is 64 bytes");
            let signature = P256Signature::from_bytes(bytes);
            if signature.is_low() {
                return Ok(signature);
            }
        }
    }

    /// From PKCS #8 in PEM (RFC 7468), as `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` writes it.
    pub(super) fn from_pem(text: &str) -> Result<Self, &'static str> {
        const NOT_PKCS8: &str =
            "not a P-256 secret key in PKCS #8 without a password; `openssl pkcs8 -topk8 -nocrypt` converts others";
        let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END)).ok_or(NOT_PKCS8)?;
        let digits: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = Zeroizing::new(STANDARD.decode(digits.as_bytes()).map_err(|_| NOT_PKCS8)?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| NOT_PKCS8)?;
        Self::new(pair).ok_or(NOT_PKCS8)
    }

    /// PKCS #8 in PEM.
    pub(super) fn to_pem(&self) -> Result<Zeroizing<String>, &'static str> {
        let der = self.pair.to_pkcs8v1().map_err(|_| "the key cannot be encoded")?;
        let digits = Zeroizing::new(STANDARD.encode(der.as_ref()));
        let mut text =
            Zeroizing::new(String::with_capacity(BEGIN.len() + digits.len() + digits.len() / 32 + END.len() + 4));
        text.push_str(BEGIN);
        for line in digits.as_bytes().chunks(64) {
            text.push('\n');
            text.extend(line.iter().copied().map(char::from));
        }
        text.push('\n');
        text.push_str(END);
        text.push('\n');
        Ok(text)
    }
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
