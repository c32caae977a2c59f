//! The one shape of CMS EnvelopedData (RFC 5652 section 6) that KMS puts into `CiphertextForRecipient`.
//!
//! Real KMS emits BER with indefinite lengths and version 2, emulators DER and version 0. Which recipient the envelope names
//! is not looked at: it opens with our key or it does not.

use crate::ber::Reader;
use crate::{EnvelopeRejected, limits};

/// The parts of an envelope; nothing of it is authenticated.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    /// The content key, encrypted with RSAES-OAEP.
    pub(crate) encrypted_key: &'a [u8],
    pub(crate) iv: [u8; BLOCK],
    /// AES-256-CBC with PKCS #7 padding: one or more whole blocks.
    pub(crate) ciphertext: Vec<u8>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeRejected> {
        if bytes.len() > limits::ENVELOPE {
            return Err(EnvelopeRejected::Malformed("too large"));
        }
        let mut file = Reader::new(bytes);
        let mut content_info = file.enter(SEQUENCE)?;
        file.finish()?;
        exactly(content_info.primitive(OBJECT_ID)?, ENVELOPED_DATA, "not EnvelopedData")?;
        let mut explicit = content_info.enter(CONTEXT_0_CONSTRUCTED)?;
        content_info.finish()?;
        let mut enveloped = explicit.enter(SEQUENCE)?;
        explicit.finish()?;

        version(&mut enveloped)?;
        let mut recipients = enveloped.enter(SET)?;
        let encrypted_key = recipient(recipients.enter(SEQUENCE)?)?;
        recipients.finish()?;
        let (iv, ciphertext) = encrypted_content(enveloped.enter(SEQUENCE)?)?;
        enveloped.finish()?;
        Ok(Envelope { encrypted_key, iv, ciphertext })
    }
}

/// KeyTransRecipientInfo: version, recipient identifier, algorithm, encrypted key.
fn recipient(mut info: Reader<'_>) -> Result<&[u8], EnvelopeRejected> {
    version(&mut info)?;
    match info.next_tag() {
        Some(CONTEXT_0) => info.whole(CONTEXT_0)?,
        _ => info.whole(SEQUENCE)?,
    };
    let algorithm = info.whole(SEQUENCE)?;
    if algorithm != OAEP_SHA256 && algorithm != OAEP_SHA256_WITH_LABEL {
        return Err(EnvelopeRejected::Malformed("key is not encrypted with RSAES-OAEP and SHA-256"));
    }
    let encrypted_key = info.primitive(OCTET_STRING)?;
    info.finish()?;
    Ok(encrypted_key)
}

/// EncryptedContentInfo: content type, algorithm with its IV, content.
fn encrypted_content(mut info: Reader<'_>) -> Result<([u8; BLOCK], Vec<u8>), EnvelopeRejected> {
    exactly(info.primitive(OBJECT_ID)?, DATA, "content is not data")?;
    let mut algorithm = info.enter(SEQUENCE)?;
    exactly(algorithm.primitive(OBJECT_ID)?, AES_256_CBC, "content is not encrypted with AES-256-CBC")?;
    let iv =
        algorithm.primitive(OCTET_STRING)?.try_into().map_err(|_| EnvelopeRejected::Malformed("IV is not 16 bytes"))?;
    algorithm.finish()?;
    let ciphertext = octets(&mut info)?;
    info.finish()?;
    if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
        return Err(EnvelopeRejected::Malformed("content is not whole blocks"));
    }
    Ok((iv, ciphertext))
}

/// `[0] IMPLICIT OCTET STRING`, in one piece or in several.
fn octets(info: &mut Reader<'_>) -> Result<Vec<u8>, EnvelopeRejected> {
    if info.next_tag() == Some(CONTEXT_0) {
        return info.primitive(CONTEXT_0).map(<[u8]>::to_vec);
    }
    let mut pieces = info.enter(CONTEXT_0_CONSTRUCTED)?;
    let mut octets = Vec::new();
    while pieces.next_tag().is_some() {
        octets.extend_from_slice(pieces.primitive(OCTET_STRING)?);
    }
    Ok(octets)
}

fn version(reader: &mut Reader<'_>) -> Result<(), EnvelopeRejected> {
    match reader.primitive(INTEGER)? {
        [0 | 2] => Ok(()),
        _ => Err(EnvelopeRejected::Malformed("CMS version is neither 0 nor 2")),
    }
}

fn exactly(found: &[u8], expected: &[u8], otherwise: &'static str) -> Result<(), EnvelopeRejected> {
    if found == expected { Ok(()) } else { Err(EnvelopeRejected::Malformed(otherwise)) }
}

/// Bytes of an AES block.
const BLOCK: usize = 16;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0x80;
const CONTEXT_0_CONSTRUCTED: u8 = 0xa0;

/// 1.2.840.113549.1.7.3
const ENVELOPED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
/// 1.2.840.113549.1.7.1
const DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
/// 2.16.840.1.101.3.4.1.42
const AES_256_CBC: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
/// RFC 4055 section 4.1: id-RSAES-OAEP { hash SHA-256, mask generation MGF1 with SHA-256 }, the label left at its default, empty.
const OAEP_SHA256: &[u8] = b"\x30\x3c\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07\x30\x2f\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00";
/// The same with the empty label spelled out, as some encoders do.
const OAEP_SHA256_WITH_LABEL: &[u8] = b"\x30\x4d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07\x30\x40\
    \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
    \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
    \xa2\x0f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x09\x04\x00";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{bytes, entries, file};

    #[test]
    fn finds_the_parts_of_genuine_envelopes_with_constructed_and_with_primitive_content() {
        let parsed: Vec<_> = entries("kms-envelope").into_iter().filter(|(_, entry)| entry["iv"].is_string()).collect();
        for (folder, entry) in parsed {
            let envelope = file(&folder, &entry, "file");
            let envelope = Envelope::parse(&envelope).expect("genuine");
            assert_eq!(envelope.encrypted_key, bytes(&entry, "encrypted_key").expect("given"));
            assert_eq!(envelope.iv.as_slice(), bytes(&entry, "iv").expect("given"));
            assert_eq!(envelope.ciphertext, bytes(&entry, "ciphertext").expect("given"));
        }
    }

    #[test]
    fn refuses_every_truncation_and_extension_of_a_genuine_envelope() {
        for (folder, entry) in entries("kms-envelope") {
            let envelope = file(&folder, &entry, "file");
            for length in 0..envelope.len() {
                assert!(Envelope::parse(&envelope[..length]).is_err(), "cut at {length}");
            }
            assert!(Envelope::parse(&[envelope.as_slice(), &[0]].concat()).is_err());
        }
    }
}
