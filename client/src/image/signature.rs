//! Who signed an image: the certificate and COSE_Sign1 (RFC 9052) over PCR0 that its last section holds.

use std::ops::RangeInclusive;

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use cloister_attestation::Pcr;
use coset::{CborSerializable as _, CoseSign1, RegisteredLabelWithPrivate, iana};
use x509_cert::{
    Certificate,
    der::{Any, Decode as _, DecodePem as _, Encode as _, oid::ObjectIdentifier},
    time::Time,
};

use super::{ImageRejected, register};

/// A certificate by which images are signed: of a P-384 key. Nitro starts such an image only while it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningCertificate {
    register: Pcr,
    subject: String,
    valid: RangeInclusive<u64>,
    key: Vec<u8>,
}

impl SigningCertificate {
    /// Reads one, PEM.
    ///
    /// # Errors
    /// [`ImageRejected::Signature`] if it is none, one of several, or of another kind of key.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ImageRejected> {
        let bad = |_| ImageRejected::Signature("the certificate is not one certificate in PEM");
        let certificate = Certificate::from_pem(pem).map_err(bad)?;
        let der = certificate.to_der().map_err(bad)?;
        // What is measured has to be what was read.
        Certificate::from_der(&der).map_err(bad)?;
        let Certificate { tbs_certificate: body, .. } = certificate;
        let curve = body.subject_public_key_info.algorithm.parameters.as_ref().map(Any::decode_as);
        if curve != Some(Ok(P384)) {
            return Err(ImageRejected::Signature("the certificate is not of a P-384 key"));
        }
        let seconds = |time: Time| time.to_unix_duration().as_secs();
        Ok(Self {
            register: register([der.as_slice()]),
            subject: body.subject.to_string(),
            valid: seconds(body.validity.not_before)..=seconds(body.validity.not_after),
            key: body.subject_public_key_info.subject_public_key.raw_bytes().to_vec(),
        })
    }

    /// PCR8 of images that it signs.
    #[must_use]
    pub fn register(&self) -> Pcr {
        self.register
    }

    /// Whose it is, as it says itself: any text.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The seconds in which it is valid, Unix time.
    #[must_use]
    pub fn valid(&self) -> &RangeInclusive<u64> {
        &self.valid
    }
}

/// The certificate, if the section holds its signature over this PCR0.
pub(super) fn signer(section: &[u8], pcr0: &Pcr) -> Result<SigningCertificate, ImageRejected> {
    let (pem, cose) =
        signature_section(section).ok_or(ImageRejected::Signature("not a certificate and a signature"))?;
    let certificate = SigningCertificate::from_pem(&pem)?;
    let cose = CoseSign1::from_slice(&cose).map_err(|_| ImageRejected::Signature("no COSE_Sign1"))?;
    if cose.protected.header.alg != Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ES384)) {
        return Err(ImageRejected::Signature("the algorithm is not ES384"));
    }
    if cose.payload.as_deref() != Some(payload(pcr0).as_slice()) {
        return Err(ImageRejected::Signature("it is over another image's PCR0"));
    }
    let key = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &certificate.key);
    let verify = |signature: &[u8], message: &[u8]| key.verify(message, signature);
    cose.verify_signature(&[], verify).map_err(|_| ImageRejected::Signature("it is not the certificate's"))?;
    Ok(certificate)
}

/// `[{"signing_certificate": PEM, "signature": COSE_Sign1}]`, both as arrays of numbers, since the format's own library writes them so.
fn signature_section(section: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut decoder = minicbor::Decoder::new(section);
    let (mut certificate, mut signature) = (None, None);
    if decoder.array().ok()? != Some(1) || decoder.map().ok()? != Some(2) {
        return None;
    }
    for _ in 0..2 {
        let part = match decoder.str().ok()? {
            "signing_certificate" => &mut certificate,
            "signature" => &mut signature,
            _ => return None,
        };
        let numbers = decoder.array_iter::<u8>().ok()?;
        *part = Some(numbers.collect::<Result<Vec<_>, _>>().ok()?);
    }
    (decoder.position() == section.len()).then_some((certificate?, signature?))
}

/// `{"register_index": 0, "register_value": [48 numbers]}`.
fn payload(pcr0: &Pcr) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    let mut write = || {
        encoder.map(2)?.str("register_index")?.i32(0)?.str("register_value")?.array(Pcr::LEN as u64)?;
        pcr0.as_bytes().iter().try_for_each(|byte| encoder.u8(*byte).map(drop))
    };
    write().expect("a vector takes everything");
    encoder.into_writer()
}

const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
