use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use zeroize::Zeroizing;

use crate::envelope::Envelope;
use crate::wrapping::KeyError;

/// The RSA-2048 key that KMS encrypts its answers to: one for each boot, never written anywhere.
///
/// # Security
/// An envelope proves nothing about who made it: its public half stands in every attestation document, so the host can make one too.
/// What comes out is trusted only after something else has been checked with it, such as the AEAD of a sealed blob.
pub struct RecipientKey {
    key: OaepPrivateDecryptingKey,
    public: Box<[u8]>,
}

/// Why an envelope did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeRejected {
    /// Not an envelope as KMS makes them. Depends on public bytes alone. Carries the part that is wrong.
    #[error("this is not a KMS recipient envelope ({0}): relay CiphertextForRecipient unaltered")]
    Malformed(&'static str),
    /// It does not open with this key: made for another boot, or altered. All cryptographic failures are this one.
    #[error("the KMS recipient envelope does not open: ask KMS again with this boot's attestation document")]
    Undecryptable,
}

impl RecipientKey {
    /// A new key. Takes on the order of a hundred milliseconds: keep it off the signing path.
    pub fn generate() -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        Self::from_private(key)
    }

    /// The public half as SubjectPublicKeyInfo in DER, 294 bytes: the `public_key` of an attestation document.
    pub fn public_key_der(&self) -> &[u8] {
        &self.public
    }

    /// Opens an envelope of any content.
    ///
    /// # Security
    /// Whoever may submit altered copies of one envelope and learn (even by the clock) which of them open, decrypts it bit by bit:
    /// CBC has no authentication. For keys, which a host submits, use [`RecipientKey::open_data_key`].
    pub fn open(&self, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeRejected> {
        self.decrypt(&Envelope::parse(envelope)?).map_err(|Unspecified| EnvelopeRejected::Undecryptable)
    }

    /// Opens an envelope that should hold a 32-byte key. If it is well-formed, some key comes out: where decryption fails in any
    /// way, a random one, as in the implicit rejection of FIPS 203. The failure then shows where the key is first used, and looks
    /// the same for every altered envelope, so that there is no padding oracle to ask.
    ///
    /// Fails for malformed envelopes, which depends on public bytes alone, and when the system gives no randomness.
    pub fn open_data_key(&self, envelope: &[u8]) -> Result<Zeroizing<[u8; DATA_KEY]>, EnvelopeRejected> {
        let envelope = Envelope::parse(envelope)?;
        let mut key = Zeroizing::new([0; DATA_KEY]);
        rand::fill(key.as_mut_slice()).map_err(|Unspecified| EnvelopeRejected::Undecryptable)?;
        if let Ok(content) = self.decrypt(&envelope)
            && content.len() == DATA_KEY
        {
            key.copy_from_slice(&content);
        }
        Ok(key)
    }

    fn decrypt(&self, envelope: &Envelope<'_>) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut buffer = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let key = self.key.decrypt(&OAEP_SHA256_MGF1SHA256, envelope.encrypted_key, &mut buffer, None)?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, key)?)?;
        let mut content = Zeroizing::new(envelope.ciphertext.clone());
        let length = key.decrypt(&mut content, DecryptionContext::Iv128(FixedLength::from(envelope.iv)))?.len();
        content.truncate(length);
        Ok(content)
    }

    fn from_private(key: PrivateDecryptingKey) -> Result<Self, KeyError> {
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| KeyError::Generation)?;
        let public = public.as_ref().into();
        Ok(RecipientKey { key: OaepPrivateDecryptingKey::new(key).map_err(|_| KeyError::Generation)?, public })
    }
}

/// Bytes of an AES-256 key.
const DATA_KEY: usize = 32;

#[cfg(test)]
mod tests {
    use aws_lc_rs::cipher::{EncryptionContext, PaddedBlockEncryptingKey};
    use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};

    use super::*;
    use crate::limits;
    use crate::vectors::{entries, file};

    fn published() -> Option<(RecipientKey, Vec<u8>)> {
        let (folder, entry) =
            entries("kms-envelope").into_iter().find(|(_, entry)| entry["private_key"].is_string())?;
        let key = PrivateDecryptingKey::from_pkcs8(&file(&folder, &entry, "private_key")).expect("PKCS #8");
        Some((RecipientKey::from_private(key).expect("RSA"), file(&folder, &entry, "file")))
    }

    #[test]
    fn opens_an_envelope_that_kms_made() {
        let Some((key, envelope)) = published() else { return };
        assert_eq!(key.open(&envelope).expect("genuine").as_slice(), b"Hello, World");
    }

    #[test]
    fn a_flipped_byte_never_opens_to_the_content() {
        let Some((key, envelope)) = published() else { return };
        for place in 0..envelope.len() {
            let mut altered = envelope.clone();
            altered[place] ^= 1 << (place % 8);
            match key.open(&altered) {
                Err(EnvelopeRejected::Malformed(_) | EnvelopeRejected::Undecryptable) => {}
                Ok(content) if RECIPIENT_IDENTIFIER.contains(&place) => assert_eq!(content.as_slice(), b"Hello, World"),
                Ok(content) => assert_ne!(content.as_slice(), b"Hello, World", "byte {place}"),
            }
        }
    }

    #[test]
    fn opens_what_emulators_make_and_nothing_that_names_other_algorithms() {
        let key = RecipientKey::generate().expect("RSA");
        assert_eq!(key.public_key_der().len(), 294);
        let good = Sealed::to(&key, &[7; 32]);
        assert_eq!(key.open(&good.der()).expect("sealed").as_slice(), &[7; 32]);
        assert_eq!(key.open_data_key(&good.der()).expect("sealed").as_slice(), &[7; 32]);

        let (sha384, aes_128, iv_15) = (0x02, 0x02, [&[OCTET, 15][..], &[0; 15]].concat());
        let refused = [
            Sealed { hash: [sha384, 0x01], ..good.clone() },
            Sealed { hash: [0x01, sha384], ..good.clone() },
            Sealed { cipher: aes_128, ..good.clone() },
            Sealed { iv: iv_15, ..good.clone() },
            Sealed { version: 3, ..good.clone() },
            Sealed { recipients: 2, ..good.clone() },
            Sealed { recipients: 0, ..good.clone() },
            Sealed { content: vec![], ..good.clone() },
            Sealed { content: vec![0; 17], ..good.clone() },
            Sealed { content: vec![0; limits::ENVELOPE], ..good.clone() },
        ];
        for sealed in refused {
            assert!(matches!(key.open(&sealed.der()), Err(EnvelopeRejected::Malformed(_))));
        }
    }

    #[test]
    fn a_key_that_does_not_open_is_replaced_by_a_random_one() {
        let key = RecipientKey::generate().expect("RSA");
        let good = Sealed::to(&key, &[7; 32]);
        let mut other_padding = good.clone();
        *other_padding.content.last_mut().expect("blocks") ^= 1;
        let failing =
            [Sealed::to(&RecipientKey::generate().expect("RSA"), &[7; 32]), Sealed::to(&key, &[7; 31]), other_padding];
        for sealed in failing.map(|sealed| sealed.der()) {
            let [first, second] = [(); 2].map(|()| key.open_data_key(&sealed).expect("well-formed"));
            assert_ne!(first.as_slice(), [7; 32]);
            assert_ne!(first.as_slice(), second.as_slice());
        }
    }

    /// An envelope as emulators write it: DER, version 0, recipient named by issuer and serial number.
    #[derive(Clone)]
    struct Sealed {
        version: u8,
        recipients: usize,
        encrypted_key: Vec<u8>,
        /// Last octets of the two hash identifiers.
        hash: [u8; 2],
        /// Last octet of the cipher's identifier.
        cipher: u8,
        iv: Vec<u8>,
        content: Vec<u8>,
    }

    impl Sealed {
        fn to(key: &RecipientKey, secret: &[u8]) -> Sealed {
            let public =
                OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(key.public_key_der()).expect("SPKI"))
                    .expect("RSA");
            let mut encrypted_key = vec![0; 256];
            public.encrypt(&OAEP_SHA256_MGF1SHA256, &[9; 32], &mut encrypted_key, None).expect("fits");
            let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, &[9; 32]).expect("32"))
                .expect("CBC");
            let mut content = secret.to_vec();
            cipher
                .less_safe_encrypt(&mut content, EncryptionContext::Iv128(FixedLength::from([5; 16])))
                .expect("encrypted");
            let iv = [&[OCTET, 16][..], &[5; 16]].concat();
            Sealed { version: 0, recipients: 1, encrypted_key, hash: [1, 1], cipher: 0x2a, iv, content }
        }

        fn der(&self) -> Vec<u8> {
            let sha = |last: u8| [b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02".as_slice(), &[last, 0x05, 0x00]].concat();
            let mgf1 = [PKCS1, &[0x08], &der(0x30, &sha(self.hash[1]))].concat();
            let oaep = [der(0xa0, &der(0x30, &sha(self.hash[0]))), der(0xa1, &der(0x30, &mgf1))].concat();
            let oaep = der(0x30, &[PKCS1, &[0x07], &der(0x30, &oaep)].concat());
            let version = [0x02, 0x01, self.version];
            let identifier = der(0x30, &[der(0x30, b""), vec![0x02, 0x01, 0x01]].concat());
            let recipient =
                der(0x30, &[&version, identifier.as_slice(), &oaep, &der(OCTET, &self.encrypted_key)].concat());
            let cipher = [b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01".as_slice(), &[self.cipher], &self.iv].concat();
            let content = [PKCS7, &[0x01], &der(0x30, &cipher), &der(0x80, &self.content)].concat();
            let recipients = der(0x31, &recipient.repeat(self.recipients));
            let enveloped = der(0x30, &[&version, recipients.as_slice(), &der(0x30, &content)].concat());
            der(0x30, &[PKCS7, &[0x03], &der(0xa0, &enveloped)].concat())
        }
    }

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).expect("small").to_be_bytes();
        let header = if content.len() < 128 { vec![tag, length[1]] } else { vec![tag, 0x82, length[0], length[1]] };
        [header, content.to_vec()].concat()
    }

    const OCTET: u8 = 0x04;
    /// Object identifiers but for their last octet.
    const PKCS1: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01";
    const PKCS7: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
    /// Versions and the recipient's key identifier, which the parser passes over.
    const RECIPIENT_IDENTIFIER: std::ops::Range<usize> = 17..65;
}
