//! CMS EnvelopedData (RFC 5652 section 6) with one recipient, as KMS answers `CiphertextForRecipient`:
//! RSAES-OAEP with SHA-256 (RFC 4055 section 4.1) over an AES-256-CBC key.

use aws_lc_rs::cipher::{AES_256, AES_256_KEY_LEN, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use zeroize::Zeroizing;

/// How the envelope is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum EnvelopeForm {
    /// As the real service does: version 2, the recipient named by the SHA-256 of its public key, BER with
    /// indefinite lengths.
    #[default]
    BerV2,
    /// As emulators do: version 0, the recipient named by issuer and serial number, DER.
    DerV0,
}

/// Encrypts to the holder of this RSA key (SubjectPublicKeyInfo, DER).
///
/// # Errors
/// The key is not an RSA key of 2048 to 8192 bits.
pub(crate) fn seal(form: EnvelopeForm, recipient: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut key = Zeroizing::new([0; AES_256_KEY_LEN]);
    aws_lc_rs::rand::fill(&mut *key)?;
    let mut content = plaintext.to_vec();
    let cipher = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256, &*key)?)?;
    let DecryptionContext::Iv128(iv) = cipher.encrypt(&mut content)? else { return Err(Unspecified) };
    let parts = Parts { wrapped_key: wrap(recipient, &*key)?, iv: iv.as_ref().to_vec(), content };
    Ok(match form {
        EnvelopeForm::BerV2 => parts.ber_v2(digest::digest(&digest::SHA256, recipient).as_ref()),
        EnvelopeForm::DerV0 => parts.der_v0(),
    })
}

fn wrap(recipient: &[u8], key: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let recipient = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(recipient)?)?;
    let mut wrapped = vec![0; recipient.ciphertext_size()];
    let length = recipient.encrypt(&OAEP_SHA256_MGF1SHA256, key, &mut wrapped, None)?.len();
    wrapped.truncate(length);
    Ok(wrapped)
}

struct Parts {
    wrapped_key: Vec<u8>,
    iv: Vec<u8>,
    content: Vec<u8>,
}

impl Parts {
    fn ber_v2(&self, key_id: &[u8]) -> Vec<u8> {
        let recipients = self.recipients(&[2], &tlv(CONTEXT_0, &[key_id]));
        let content = indefinite(CONTEXT_0_CONSTRUCTED, &[&tlv(OCTET_STRING, &[&self.content])]);
        let encrypted = indefinite(SEQUENCE, &[PKCS7_DATA, &self.algorithm(), &content]);
        let enveloped = indefinite(SEQUENCE, &[&tlv(INTEGER, &[&[2]]), &recipients, &encrypted]);
        indefinite(SEQUENCE, &[PKCS7_ENVELOPED_DATA, &indefinite(CONTEXT_0_CONSTRUCTED, &[&enveloped])])
    }

    fn der_v0(&self) -> Vec<u8> {
        let issuer_and_serial = tlv(SEQUENCE, &[&tlv(SEQUENCE, &[]), &tlv(INTEGER, &[&[1]])]);
        let recipients = self.recipients(&[0], &issuer_and_serial);
        let encrypted = tlv(SEQUENCE, &[PKCS7_DATA, &self.algorithm(), &tlv(CONTEXT_0, &[&self.content])]);
        let enveloped = tlv(SEQUENCE, &[&tlv(INTEGER, &[&[0]]), &recipients, &encrypted]);
        tlv(SEQUENCE, &[PKCS7_ENVELOPED_DATA, &tlv(CONTEXT_0_CONSTRUCTED, &[&enveloped])])
    }

    /// `SET OF` one `KeyTransRecipientInfo`.
    fn recipients(&self, version: &[u8], identifier: &[u8]) -> Vec<u8> {
        let wrapped = tlv(OCTET_STRING, &[&self.wrapped_key]);
        tlv(SET, &[&tlv(SEQUENCE, &[&tlv(INTEGER, &[version]), identifier, OAEP_SHA256, &wrapped])])
    }

    fn algorithm(&self) -> Vec<u8> {
        tlv(SEQUENCE, &[AES_256_CBC, &tlv(OCTET_STRING, &[&self.iv])])
    }
}

/// A value with its length in front (X.690 section 8.1.3, shortest form).
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = value.len().to_be_bytes();
    let mut out = vec![tag];
    if value.len() < 0x80 {
        out.push(value.len() as u8);
    } else {
        let digits = &length[length.iter().take_while(|b| **b == 0).count()..];
        out.push(0x80 | digits.len() as u8);
        out.extend(digits);
    }
    out.extend(value);
    out
}

/// A constructed value that ends with an end-of-contents mark (X.690 section 8.1.3.6).
fn indefinite(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[tag, 0x80], &*parts.concat(), &[0, 0]].concat()
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0x80;
const CONTEXT_0_CONSTRUCTED: u8 = 0xa0;

const PKCS7_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const PKCS7_ENVELOPED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const AES_256_CBC: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
/// AlgorithmIdentifier: id-RSAES-OAEP, hash SHA-256, mask MGF1 with SHA-256.
const OAEP_SHA256: &[u8] = b"\x30\x3c\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07\x30\x2f\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
    \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";

#[cfg(test)]
mod tests {
    use super::*;

    /// The envelope of AWS's own C SDK tests, rebuilt from its parts, is the same bytes.
    #[test]
    fn writes_the_bytes_that_the_real_service_writes() {
        let golden = hex::decode(GOLDEN).unwrap();
        let parts = Parts {
            wrapped_key: golden[131..387].to_vec(),
            iv: golden[415..431].to_vec(),
            content: golden[435..451].to_vec(),
        };
        assert_eq!(hex::encode(parts.ber_v2(&golden[33..65])), GOLDEN);
    }

    #[test]
    fn refuses_a_recipient_that_is_not_an_rsa_key() {
        assert!(seal(EnvelopeForm::BerV2, b"not a key", b"share").is_err());
    }

    const GOLDEN: &str = "\
        308006092a864886f70d010703a08030800201023182016b308201670201028020fb09e9af2940ddcf0d2bbf6358c983af46\
        fc5fdcedbca251d54ceab4d069cd89303c06092a864886f70d010107302fa00f300d06096086480165030402010500a11c30\
        1a06092a864886f70d010108300d06096086480165030402010500048201006d29802e92765a46de523a098f9b3be67a527f\
        805c7ab5eb4884df6ee4548e573181905e634aa543001c41c9bbac99d8b5cb8390f8702bd40ea72b2552ce3ab69c23ea175a\
        8421db899715c30d090ff84edfd7ef40542aff9940ef73ee59cc558671f1fd84718384b337aab28c215131f7be7dde45f039\
        70c1358f63439d98c78a422b83c7c4b44ad263ee03dcb8f30af70168fbd75b55e2d1d4dcc26f9e9df2def077d3a3a71f698b\
        7dcb8c2f99ce8e008421069aa2f9099133189a637519dc2f1bf3e296173b24b24054a48f88245ad94b956bc4bd714e749f16\
        2274c8ba70a498e96cc7376ba76a55a02116f7278dd50c7d00e6342049e8c21426356243e9308006092a864886f70d010701\
        301d060960864801650304012a04102c2ff1116ae6f8573fd58fd44f980624a0800410263a97b73a5ef0ad5db0274af9fc29\
        0c00000000000000000000";
}
