//! Key material: what a key can do, and nothing about who may ask it to.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The kinds of key that the stand-in makes; usage is always `ENCRYPT_DECRYPT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySpec {
    /// AES-256-GCM, never shown to anyone.
    #[serde(rename = "SYMMETRIC_DEFAULT")]
    SymmetricDefault,
    /// RSA with a modulus of 2048 bits.
    #[serde(rename = "RSA_2048")]
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    #[serde(rename = "RSA_3072")]
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    #[serde(rename = "RSA_4096")]
    Rsa4096,
}

impl KeySpec {
    /// The one encryption algorithm of such a key, by its name in the API.
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::SymmetricDefault => "SYMMETRIC_DEFAULT",
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => "RSAES_OAEP_SHA_256",
        }
    }

    fn rsa_size(self) -> Option<KeySize> {
        match self {
            Self::SymmetricDefault => None,
            Self::Rsa2048 => Some(KeySize::Rsa2048),
            Self::Rsa3072 => Some(KeySize::Rsa3072),
            Self::Rsa4096 => Some(KeySize::Rsa4096),
        }
    }
}

/// A key's secret.
pub(crate) enum Material {
    Symmetric(SymmetricKey),
    Rsa(RsaKey),
}

impl Material {
    /// Makes a key from the system's randomness. RSA-4096 takes around a second.
    pub(crate) fn generate(spec: KeySpec) -> Result<Self, Unspecified> {
        match spec.rsa_size() {
            None => SymmetricKey::generate().map(Self::Symmetric),
            Some(size) => RsaKey::new(PrivateDecryptingKey::generate(size)?).map(Self::Rsa),
        }
    }

    /// The inverse of [`Self::to_bytes`].
    pub(crate) fn from_bytes(spec: KeySpec, bytes: &[u8]) -> Result<Self, Unspecified> {
        let Some(size) = spec.rsa_size() else {
            return SymmetricKey::from_bytes(bytes).map(Self::Symmetric);
        };
        let private = PrivateDecryptingKey::from_pkcs8(bytes).map_err(|_| Unspecified)?;
        if private.key_size_bytes() != size.len() {
            return Err(Unspecified);
        }
        RsaKey::new(private).map(Self::Rsa)
    }

    /// The key file's form: 32 bytes, or PKCS#8.
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        match self {
            Self::Symmetric(key) => Ok(Zeroizing::new(key.secret.to_vec())),
            Self::Rsa(key) => {
                let der: Pkcs8V1Der<'_> = key.private.as_der()?;
                Ok(Zeroizing::new(der.as_ref().to_vec()))
            }
        }
    }
}

/// An AES-256-GCM key whose ciphertexts say which key made them.
pub(crate) struct SymmetricKey {
    secret: Zeroizing<[u8; SymmetricKey::LEN]>,
    cipher: RandomizedNonceKey,
}

impl SymmetricKey {
    const LEN: usize = 32;

    fn generate() -> Result<Self, Unspecified> {
        let mut secret = Zeroizing::new([0; Self::LEN]);
        aws_lc_rs::rand::fill(&mut *secret)?;
        Self::from_bytes(&*secret)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Unspecified> {
        let secret = Zeroizing::new(bytes.try_into().map_err(|_| Unspecified)?);
        Ok(Self { secret, cipher: RandomizedNonceKey::new(&AES_256_GCM, bytes)? })
    }

    /// `format ‖ key id ‖ nonce ‖ ciphertext ‖ tag`.
    pub(crate) fn encrypt(&self, id: Uuid, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut text = plaintext.to_vec();
        let nonce = self.cipher.seal_in_place_append_tag(Aad::from(bound(id, context)), &mut text)?;
        Ok([&[BLOB_FORMAT], &id.as_bytes()[..], nonce.as_ref(), &text].concat())
    }

    /// Opens a blob that names `id`.
    pub(crate) fn decrypt(&self, id: Uuid, blob: &[u8], context: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let sealed = blob.get(BLOB_HEADER..).ok_or(Unspecified)?;
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        Ok(self.cipher.open_in_place(nonce, Aad::from(bound(id, context)), &mut text)?.to_vec())
    }
}

/// Which key a symmetric ciphertext says it belongs to.
pub(crate) fn key_of_blob(blob: &[u8]) -> Option<Uuid> {
    let (format, rest) = blob.split_first()?;
    let id = rest.first_chunk::<16>()?;
    (*format == BLOB_FORMAT).then(|| Uuid::from_bytes(*id))
}

/// The key id has a fixed length, so it and the encryption context cannot run into each other.
fn bound(id: Uuid, context: &[u8]) -> Vec<u8> {
    [&[BLOB_FORMAT], &id.as_bytes()[..], context].concat()
}

const BLOB_FORMAT: u8 = 1;
const BLOB_HEADER: usize = 1 + 16;

/// An RSA key for RSAES-OAEP with SHA-256 (RFC 8017 section 7.1).
pub(crate) struct RsaKey {
    private: PrivateDecryptingKey,
    decrypting: OaepPrivateDecryptingKey,
    encrypting: OaepPublicEncryptingKey,
}

impl RsaKey {
    fn new(private: PrivateDecryptingKey) -> Result<Self, Unspecified> {
        let decrypting = OaepPrivateDecryptingKey::new(private.clone())?;
        let encrypting = OaepPublicEncryptingKey::new(private.public_key())?;
        Ok(Self { private, decrypting, encrypting })
    }

    /// SubjectPublicKeyInfo, DER.
    pub(crate) fn public_key(&self) -> Result<Vec<u8>, Unspecified> {
        let der: PublicKeyX509Der<'_> = self.private.public_key().as_der()?;
        Ok(der.as_ref().to_vec())
    }

    /// At most the modulus less 66 bytes.
    pub(crate) fn encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut ciphertext = vec![0; self.encrypting.ciphertext_size()];
        let length = self.encrypting.encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut ciphertext, None)?.len();
        ciphertext.truncate(length);
        Ok(ciphertext)
    }

    pub(crate) fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut plaintext = vec![0; self.decrypting.min_output_size()];
        let length = self.decrypting.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut plaintext, None)?.len();
        plaintext.truncate(length);
        Ok(plaintext)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_a_trip_through_the_key_file() {
        for spec in [KeySpec::SymmetricDefault, KeySpec::Rsa2048] {
            let made = Material::generate(spec).unwrap();
            let read = Material::from_bytes(spec, &made.to_bytes().unwrap()).unwrap();
            let opened = match (&made, &read) {
                (Material::Symmetric(made), Material::Symmetric(read)) => {
                    let id = Uuid::new_v4();
                    read.decrypt(id, &made.encrypt(id, b"share", b"context").unwrap(), b"context")
                }
                (Material::Rsa(made), Material::Rsa(read)) => read.decrypt(&made.encrypt(b"share").unwrap()),
                _ => Err(Unspecified),
            };
            assert_eq!(opened.unwrap(), b"share");
        }
    }

    #[test]
    fn binds_a_symmetric_ciphertext_to_key_and_context() {
        let key = SymmetricKey::generate().unwrap();
        let (id, other) = (Uuid::new_v4(), Uuid::new_v4());
        let blob = key.encrypt(id, b"share", b"context").unwrap();
        assert_eq!(key_of_blob(&blob), Some(id));
        assert!(key.decrypt(id, &blob, b"another").is_err());
        assert!(key.decrypt(other, &blob, b"context").is_err());
        for end in 0..blob.len() {
            assert!(key.decrypt(id, &blob[..end], b"context").is_err());
        }
    }

    #[test]
    fn refuses_stored_material_of_another_kind() {
        let rsa = Material::generate(KeySpec::Rsa2048).unwrap().to_bytes().unwrap();
        assert!(Material::from_bytes(KeySpec::Rsa4096, &rsa).is_err());
        assert!(Material::from_bytes(KeySpec::SymmetricDefault, &rsa).is_err());
        assert!(Material::from_bytes(KeySpec::Rsa2048, &[7; 32]).is_err());
    }
}
