//! A signed image: a policy of KMS can demand its signer's certificate, which PCR8 measures.

use std::{fs, path::Path, process::Command};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384};

use crate::{document::Document, enclave::Enclave, image::Image};

/// `cloister-eif`, which lies beside the folder of the tests.
fn sign(image: &Path, folder: &Path) -> serde_json::Value {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("randomness");
    let certificate = CertificateParams::new([]).expect("no names").self_signed(&key).expect("a certificate");
    let [key_file, certificate_file, signed] =
        ["key.pem", "certificate.pem", "signed.eif"].map(|name| folder.join(name));
    fs::write(&key_file, key.serialize_pem()).expect("written");
    fs::write(&certificate_file, certificate.pem()).expect("written");
    let tests = std::env::current_exe().expect("a running program");
    let program = tests.ancestors().nth(2).expect("a target folder").join("cloister-eif");
    let mut command = Command::new(program);
    command.args(["sign", "--json", "--eif"]).arg(image).arg("--certificate").arg(certificate_file);
    let output = command.arg("--key").arg(key_file).arg("--output").arg(signed).output().expect("it is built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_module_measures_the_signers_certificate_as_signing_has_foretold() {
    let Image { eif, measurements } = Image::production();
    let folder = tempfile::tempdir().expect("a folder");
    let foretold = sign(&eif, folder.path());
    let enclave = Enclave::boot(&folder.path().join("signed.eif"), measurements, Enclave::MEMORY);
    let document = Document::read(enclave.introduction.document.as_slice());
    for (index, name) in [(0, "PCR0"), (1, "PCR1"), (2, "PCR2"), (8, "PCR8")] {
        assert_eq!(foretold[name], hex::encode(&document.pcrs[&index]), "{name}");
    }
    assert_eq!(document.pcrs[&0], measurements.pcr0.as_bytes());
}
