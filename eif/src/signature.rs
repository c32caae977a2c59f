//! Signing an image, at once or in two steps for a key that is kept offline.
//!
//! ```text
//!   digest: image ──▶ what is to be signed ──▶ (a key anywhere) ──▶ attach: image + certificate + signature ──▶ signed image
//! ```
//!
//! The signature is a COSE_Sign1 (RFC 9052) with ES384 over PCR0; PCR8 becomes the measurement of the certificate. PCR0 to PCR2 stay.

use std::{
    fmt::Display,
    fs,
    io::{self, Read as _},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_nitro_enclaves_image_format::{
    defs::{PcrInfo, PcrSignature},
    utils::{EifSigner, SignKeyData, eif_signer::SignKey},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloister_client::image::{Image, Measurements, SigningCertificate};
use coset::{CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, iana};
use serde::Serialize;
use sha2::{Digest, Sha384};

use crate::{
    failure::{Code, Failure, Result},
    image::{describe, replace},
};

/// What a key has to sign.
#[derive(Debug, Serialize)]
pub struct ToBeSigned {
    /// The bytes, a COSE `Sig_structure`, in base64: for a key that hashes by itself.
    pub message: String,
    /// SHA-384 of them: for a key that takes digests, 96 hex digits.
    pub digest: String,
    /// What PCR8 will be, if the certificate is known.
    #[serde(rename = "PCR8", skip_serializing_if = "Option::is_none")]
    pub pcr8: Option<String>,
}

/// What is to be signed for an image.
///
/// # Errors
/// The image or the certificate cannot be read.
pub fn to_be_signed(image: &Path, certificate: Option<&Path>) -> Result<ToBeSigned> {
    let message = unsigned(&parse(image)?)?.tbs_data(&[]);
    let pcr8 =
        certificate.map(|path| self::certificate(path).map(|(certificate, _)| certificate.register().to_string()));
    let pcr8 = pcr8.transpose()?;
    Ok(ToBeSigned { digest: hex::encode(Sha384::digest(&message)), message: STANDARD.encode(message), pcr8 })
}

/// Puts a signature that was made elsewhere into a copy of the image, and describes it anew beside it. It has to be the certificate's
/// over this image.
///
/// # Errors
/// A file cannot be read or written, or the signature is another's.
pub fn attach(image: &Path, certificate: &Path, signature: &Path, output: &Path) -> Result<Measurements> {
    let mut cose = unsigned(&parse(image)?)?;
    cose.signature = fixed(signature, &read(signature)?)?;
    let (_, certificate) = self::certificate(certificate)?;
    let signature =
        PcrSignature { signing_certificate: certificate.clone(), signature: cose.to_vec().map_err(io::Error::other)? };
    let mut section = Vec::new();
    ciborium::into_writer(&vec![signature], &mut section).map_err(io::Error::other)?;
    // The key is somewhere else; only the certificate is used.
    let writer = SignKeyData { cert: certificate, key: SignKey::LocalPrivateKey(Vec::new()) };
    finish(image, output, writer, |signer, path| {
        let written = signer.write_signature(path, section, false).and_then(|()| signer.update_crc(path));
        Ok(written.map_err(io::Error::other)?)
    })
}

/// Signs a copy of the image with a key in a file (PEM) or in KMS (an ARN), and describes it anew beside it.
///
/// # Errors
/// A file cannot be read or written, KMS does not sign, or the key is another than the certificate's.
pub fn sign(image: &Path, certificate: &Path, key: &str, output: &Path) -> Result<Measurements> {
    self::certificate(certificate)?;
    if !key.starts_with("arn:") {
        read(Path::new(key))?;
    }
    let failed = |why| {
        let hint =
            "Give a P-384 key: a PEM file, or a KMS key's ARN with credentials that may kms:GetPublicKey and kms:Sign.";
        Failure::new(Code::KeyFailed, format!("{key}: {why}"), hint)
    };
    let data = SignKeyData::new(key, certificate).map_err(failed)?;
    finish(image, output, data, |signer, path| signer.sign_image(path).map_err(failed))
}

/// Works on a copy, has it read once more as a customer would, and only then puts it in place, with its `pcr.json`.
fn finish(
    image: &Path,
    output: &Path,
    key: SignKeyData,
    work: impl FnOnce(&EifSigner, &str) -> Result<()>,
) -> Result<Measurements> {
    // AWS's library would leave a wrong length in the header.
    if parse(image)?.measurements().pcr8.is_some() {
        let hint = "Sign the image that `cargo eif build` made.";
        return Err(Failure::new(Code::ImageSigned, format!("{} is signed already", image.display()), hint));
    }
    let description = output.with_file_name("pcr.json");
    if let Some(taken) = [output, &description].into_iter().find(|path| path.exists()) {
        let hint = "Put the signed image into a folder of its own.";
        return Err(Failure::new(Code::FileExists, format!("{} is there already", taken.display()), hint));
    }
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("image");
    fs::copy(image, &copy)?;
    let path = copy.to_str().ok_or_else(|| Failure::file(&copy, "the temporary folder's name is no text"))?;
    work(&EifSigner::new(Some(key)).expect("a signer that is given a key is one"), path)?;
    let bytes = fs::read(copy)?;
    let signed = Image::parse(&bytes).map_err(|why| {
        let message = format!("the signature does not fit this image and certificate: {why}");
        Failure::new(
            Code::SignatureUnfit,
            message,
            "Sign what `cargo eif digest` prints for this image with the certificate's key.",
        )
    })?;
    let registers = signed.measurements().clone();
    let inputs = inputs(image)?;
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder).map_err(|why| Failure::file(folder, why))?;
    }
    replace(&description, &describe(&bytes, &registers, inputs)?)?;
    // Alone, it would be in the way of the next attempt.
    replace(output, &bytes).inspect_err(|_| drop(fs::remove_file(&description)))?;
    Ok(registers)
}

/// The inputs that are listed beside the unsigned image; none if nothing is there.
fn inputs(image: &Path) -> Result<serde_json::Value> {
    let path = image.with_file_name("pcr.json");
    match fs::read(&path) {
        Ok(text) => {
            let value = serde_json::from_slice::<serde_json::Value>(&text).map_err(|why| Failure::file(&path, why))?;
            Ok(value.get("inputs").cloned().unwrap_or_else(|| serde_json::json!([])))
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(serde_json::json!([])),
        Err(why) => Err(Failure::file(&path, why)),
    }
}

/// A certificate of the right kind that is valid now, and its PEM. Nitro starts no image whose certificate is not.
fn certificate(path: &Path) -> Result<(SigningCertificate, Vec<u8>)> {
    let pem = read(path)?;
    let invalid =
        |why: &dyn Display, hint| Failure::new(Code::CertificateInvalid, format!("{}: {why}", path.display()), hint);
    let certificate = SigningCertificate::from_pem(&pem)
        .map_err(|why| invalid(&why, "Give one certificate of a P-384 key, in PEM."))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_secs();
    if certificate.valid().contains(&now) {
        return Ok((certificate, pem));
    }
    let hint = "Take one that begins before today and lives longer than the keys that will be bound to it.";
    Err(invalid(&"it is not valid now, and Nitro would not start an image that it signs", hint))
}

/// The COSE_Sign1 for an image, without its signature.
fn unsigned(image: &Image) -> Result<CoseSign1> {
    let mut payload = Vec::new();
    let signed = PcrInfo::new(0, image.measurements().pcr0.as_bytes().to_vec());
    ciborium::into_writer(&signed, &mut payload).map_err(io::Error::other)?;
    let header = HeaderBuilder::new().algorithm(iana::Algorithm::ES384).build();
    Ok(CoseSign1Builder::new().protected(header).payload(payload).build())
}

/// r ‖ s, 96 bytes, of a signature in that form or in DER as OpenSSL and KMS write it.
fn fixed(path: &Path, signature: &[u8]) -> Result<Vec<u8>> {
    if signature.len() == FIXED {
        return Ok(signature.to_vec());
    }
    let both = der(signature).and_then(|(r, s)| Some([pad(r)?, pad(s)?].concat()));
    both.ok_or_else(|| {
        let message =
            format!("{}: it is neither 96 bytes r ‖ s nor the DER of a P-384 key's signature", path.display());
        Failure::new(Code::SignatureInvalid, message, "Give the signature's bytes, not base64 or hexadecimal.")
    })
}

fn der(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    use x509_cert::der::{Decode, Reader, SliceReader, asn1::UintRef};
    let mut reader = SliceReader::new(signature).ok()?;
    let pair =
        reader.sequence(|inner| Ok((UintRef::decode(inner)?.as_bytes(), UintRef::decode(inner)?.as_bytes()))).ok()?;
    reader.is_finished().then_some(pair)
}

fn pad(number: &[u8]) -> Option<Vec<u8>> {
    let zeros = (FIXED / 2).checked_sub(number.len())?;
    Some([vec![0; zeros], number.to_vec()].concat())
}

fn parse(image: &Path) -> Result<Image> {
    Image::parse(&read(image)?).map_err(|why| {
        let hint = "Give an enclave image, whole and unchanged.";
        Failure::new(Code::ImageInvalid, format!("{}: {why}", image.display()), hint)
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(Image::LONGEST as u64 + 1).read_to_end(&mut bytes));
    read.map_err(|why| Failure::file(file, why))?;
    Ok(bytes)
}

const FIXED: usize = 96;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{
            ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        },
    };
    use aws_nitro_enclaves_image_format::{
        defs::{EifBuildInfo, EifIdentityInfo},
        utils::{EifBuilder, PcrSignatureChecker, eif_reader::EifReader},
    };
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    /// A folder with an image (of texts), a key and its certificate.
    struct Desk(TempDir, KeyPair);

    impl Desk {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let put = |name: &str, content: &str| {
                let path = folder.path().join(name);
                fs::write(&path, content).unwrap();
                path
            };
            let text = || String::from("test");
            let build_info = EifBuildInfo {
                build_time: text(),
                build_tool: text(),
                build_tool_version: text(),
                img_os: text(),
                img_kernel: text(),
            };
            let identity = EifIdentityInfo {
                img_name: text(),
                img_version: text(),
                build_info,
                docker_info: serde_json::json!({}),
                custom_info: serde_json::json!({}),
            };
            let kernel = put("kernel", "a kernel");
            let mut builder = EifBuilder::new(&kernel, "console=ttyS0".to_owned(), None, Sha384::new(), 0, identity);
            builder.add_ramdisk(&put("first", "platform"));
            builder.add_ramdisk(&put("second", "application"));
            builder.write_to(&mut fs::File::create(folder.path().join("image.eif")).unwrap());
            let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
            put("key.pem", &key.serialize_pem());
            put("certificate.pem", &CertificateParams::new([]).unwrap().self_signed(&key).unwrap().pem());
            Self(folder, key)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// The first step, and a key that is somewhere else.
        fn sign_elsewhere(&self, key: &KeyPair, algorithm: &'static EcdsaSigningAlgorithm) -> String {
            let asked = to_be_signed(&self.path("image.eif"), Some(&self.path("certificate.pem"))).unwrap();
            let message = STANDARD.decode(asked.message).unwrap();
            assert_eq!(asked.digest, hex::encode(Sha384::digest(&message)));
            let key = EcdsaKeyPair::from_pkcs8(algorithm, key.serialized_der()).unwrap();
            fs::write(self.path("signature"), key.sign(&SystemRandom::new(), &message).unwrap()).unwrap();
            asked.pcr8.unwrap()
        }

        fn attach(&self) -> Result<Measurements> {
            attach(
                &self.path("image.eif"),
                &self.path("certificate.pem"),
                &self.path("signature"),
                &self.path("signed.eif"),
            )
        }
    }

    /// What AWS's own code says of a signed image: its registers, if checksum and signature are right.
    fn by_aws(path: &Path) -> std::collections::BTreeMap<String, String> {
        let path = path.to_str().unwrap();
        PcrSignatureChecker::from_eif(path).unwrap().verify().unwrap();
        let mut reader = EifReader::from_eif(path.to_owned()).unwrap();
        assert!(reader.check_crc());
        let registers = reader.get_measurements().unwrap();
        reader.get_certificate_info(registers.clone()).unwrap();
        assert_eq!(reader.sign_check, Some(true));
        registers
    }

    fn check(measured: &Measurements, image: &Path) {
        let registers = by_aws(image);
        let ours = serde_json::to_value(measured).unwrap();
        for name in ["PCR0", "PCR1", "PCR2", "PCR8"] {
            assert_eq!(ours[name], registers[name], "{name}");
        }
    }

    #[test]
    fn a_signature_that_was_made_elsewhere_holds_for_awss_own_reader() {
        for algorithm in [&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING] {
            let desk = Desk::new();
            let foretold = desk.sign_elsewhere(&desk.1, algorithm);
            let measured = desk.attach().unwrap();
            assert_eq!(measured.pcr8.unwrap().to_string(), foretold);
            check(&measured, &desk.path("signed.eif"));
        }
    }

    #[test]
    fn a_key_in_a_file_signs_once() {
        let desk = Desk::new();
        let key = desk.path("key.pem");
        let sign = |from: &str, to: &str| {
            sign(&desk.path(from), &desk.path("certificate.pem"), key.to_str().unwrap(), &desk.path(to))
        };
        let once = sign("image.eif", "once.eif").unwrap();
        check(&once, &desk.path("once.eif"));
        let text = fs::read_to_string(desk.path("pcr.json")).unwrap();
        assert!(text.contains(&once.pcr8.unwrap().to_string()));
        assert!(sign("once.eif", "twice.eif").unwrap_err().to_string().contains("signed already"));
    }

    #[test]
    fn signing_changes_no_register_but_pcr8() {
        let desk = Desk::new();
        desk.sign_elsewhere(&desk.1, &ECDSA_P384_SHA384_FIXED_SIGNING);
        let (before, after) = (Image::parse(&read(&desk.path("image.eif")).unwrap()).unwrap(), desk.attach().unwrap());
        let before = before.measurements();
        assert_eq!((before.pcr0, before.pcr1, before.pcr2), (after.pcr0, after.pcr1, after.pcr2));
        assert_eq!(before.pcr8, None);
    }

    #[test]
    fn another_keys_signature_is_refused_and_nothing_is_written() {
        let desk = Desk::new();
        let other = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        desk.sign_elsewhere(&other, &ECDSA_P384_SHA384_FIXED_SIGNING);
        let error = format!("{:#}", desk.attach().unwrap_err());
        assert!(error.contains("does not fit") && error.contains("not the certificate's"), "{error}");
        assert!(!desk.path("signed.eif").exists() && !desk.path("pcr.json").exists());
    }

    #[test]
    fn a_certificate_by_which_no_image_would_start_signs_none() {
        let desk = Desk::new();
        let put = |key: &KeyPair, from: i32, until: i32| {
            let mut params = CertificateParams::new([]).unwrap();
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
            fs::write(desk.path("certificate.pem"), params.self_signed(key).unwrap().pem()).unwrap();
            let sign =
                |key: &str| sign(&desk.path("image.eif"), &desk.path("certificate.pem"), key, &desk.path("signed.eif"));
            let digest = to_be_signed(&desk.path("image.eif"), Some(&desk.path("certificate.pem"))).unwrap_err();
            assert_eq!(
                format!("{digest:#}"),
                format!("{:#}", sign(desk.path("key.pem").to_str().unwrap()).unwrap_err())
            );
            assert!(!desk.path("signed.eif").exists());
            format!("{digest:#}")
        };
        for (from, until) in [(2000, 2020), (2200, 2300)] {
            assert!(put(&desk.1, from, until).contains("is not valid now"));
        }
        let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        assert!(put(&other, 2000, 2300).contains("not of a P-384 key"));
    }

    #[test]
    fn a_signed_image_goes_into_a_folder_of_its_own() {
        let desk = Desk::new();
        let key = desk.path("key.pem");
        let sign = |to: &str| {
            sign(&desk.path("image.eif"), &desk.path("certificate.pem"), key.to_str().unwrap(), &desk.path(to))
        };
        fs::write(desk.path("pcr.json"), r#"{"inputs": []}"#).unwrap();
        for taken in ["signed.eif", "image.eif"] {
            assert!(sign(taken).unwrap_err().to_string().contains("is there already"), "{taken}");
        }
        let _measured = sign("new/folder/cloister.eif").unwrap();
        assert!(desk.path("new/folder/pcr.json").exists());
    }

    #[test]
    fn what_is_no_image_certificate_or_signature_is_named() {
        let desk = Desk::new();
        desk.sign_elsewhere(&desk.1, &ECDSA_P384_SHA384_FIXED_SIGNING);
        fs::write(desk.path("signature"), b"short").unwrap();
        assert!(desk.attach().unwrap_err().to_string().contains("neither 96 bytes"));
        assert!(to_be_signed(&desk.path("kernel"), None).unwrap_err().to_string().contains("no enclave image"));
        let error = to_be_signed(&desk.path("image.eif"), Some(&desk.path("kernel"))).unwrap_err();
        assert!(
            format!("{error:#}").ends_with("kernel: its signature: the certificate is not one certificate in PEM"),
            "{error:#}"
        );
    }
}
