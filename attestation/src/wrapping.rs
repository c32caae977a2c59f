use core::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};

/// A KMS key's public half, RSA-4096, to wrap secrets to without asking anybody (RSAES_OAEP_SHA_256).
///
/// # Security
/// Anyone can wrap to a public key: a wrapped secret proves nothing about its maker.
pub struct WrappingKey(OaepPublicEncryptingKey);

/// A key that cannot be made or used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The system gives no randomness.
    #[error("no key can be made: the system gives no randomness")]
    Generation,
    /// Not one SubjectPublicKeyInfo in DER of an RSA-4096 key.
    #[error("this is not the public half of an RSA_4096 KMS key: give GetPublicKey's answer for one, unaltered")]
    NotRsa4096,
    /// The secret is longer than 446 bytes.
    #[error("the secret is too long to wrap: RSA-4096 with OAEP and SHA-256 takes 446 bytes")]
    SecretTooLong,
}

impl WrappingKey {
    /// Takes a SubjectPublicKeyInfo of exactly 4,096 bits in its one DER encoding, as `GetPublicKey` answers.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, KeyError> {
        let key = PublicEncryptingKey::from_der(spki).map_err(|_| KeyError::NotRsa4096)?;
        let encoded: PublicKeyX509Der<'_> = key.as_der().map_err(|_| KeyError::NotRsa4096)?;
        if key.key_size_bits() != BITS || encoded.as_ref() != spki {
            return Err(KeyError::NotRsa4096);
        }
        OaepPublicEncryptingKey::new(key).map(WrappingKey).map_err(|_| KeyError::NotRsa4096)
    }

    /// Wraps up to 446 bytes: RSAES-OAEP with SHA-256, MGF1 with SHA-256, empty label; 512 bytes. Opened by KMS `Decrypt`.
    pub fn wrap(&self, secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        if secret.len() > self.0.max_plaintext_size(&OAEP_SHA256_MGF1SHA256) {
            return Err(KeyError::SecretTooLong);
        }
        let mut wrapped = vec![0; self.0.ciphertext_size()];
        let length = self
            .0
            .encrypt(&OAEP_SHA256_MGF1SHA256, secret, &mut wrapped, None)
            .map_err(|_| KeyError::Generation)?
            .len();
        wrapped.truncate(length);
        Ok(wrapped)
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrappingKey(RSA-4096)")
    }
}

/// Modulus length.
const BITS: usize = 4096;

#[cfg(test)]
mod tests {
    use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};

    use super::*;

    fn pair(size: KeySize) -> (PrivateDecryptingKey, Vec<u8>) {
        let private = PrivateDecryptingKey::generate(size).expect("RSA");
        let public: PublicKeyX509Der<'_> = private.public_key().as_der().expect("DER");
        let public = public.as_ref().to_vec();
        (private, public)
    }

    #[test]
    fn the_private_half_opens_what_was_wrapped_and_two_wraps_differ() {
        let (private, public) = pair(KeySize::Rsa4096);
        let key = WrappingKey::from_spki_der(&public).expect("RSA-4096");
        let wrapped = key.wrap(&[7; 32]).expect("fits");
        assert_eq!(wrapped.len(), 512);
        assert_ne!(wrapped, key.wrap(&[7; 32]).expect("fits"));
        let mut opened = vec![0; 512];
        let private = OaepPrivateDecryptingKey::new(private).expect("RSA");
        assert_eq!(private.decrypt(&OAEP_SHA256_MGF1SHA256, &wrapped, &mut opened, None).expect("opens"), [7; 32]);
        assert_eq!(key.wrap(&[7; 447]), Err(KeyError::SecretTooLong));
        assert!(WrappingKey::from_spki_der(&[public.as_slice(), &[0]].concat()).is_err(), "a byte behind it");
    }

    #[test]
    fn refuses_keys_of_other_sizes_and_kinds() {
        for size in [KeySize::Rsa2048, KeySize::Rsa3072] {
            assert_eq!(WrappingKey::from_spki_der(&pair(size).1).map(|_| ()), Err(KeyError::NotRsa4096));
        }
        assert_eq!(WrappingKey::from_spki_der(b"").map(|_| ()), Err(KeyError::NotRsa4096));
    }
}
