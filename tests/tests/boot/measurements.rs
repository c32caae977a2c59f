//! What the build predicts is what the module measures.

use std::{fs, path::PathBuf};

use cloister_attestation::Pcr;
use cloister_tests::{charter::signer, machine::parent_role, nitro::image::flip_in_application};
use cloister_wire::manifest::ValidManifest;

use crate::{document::Document, enclave::Enclave, image::Image};

#[test]
fn the_module_measures_what_the_build_has_predicted() {
    let enclave = Enclave::production();
    let document = Document::read(enclave.introduction.document.as_slice());
    let predicted = Image::production().measurements;
    for (index, pcr) in [(0, predicted.pcr0), (1, predicted.pcr1), (2, predicted.pcr2)] {
        assert_eq!(hex::encode(&document.pcrs[&index]), hex::encode(pcr.as_bytes()), "PCR{index}");
    }
}

#[test]
fn manifest_signer_and_parent_role_are_in_the_registers_that_policies_name() {
    let enclave = Enclave::production();
    let document = Document::read(enclave.introduction.document.as_slice());
    let manifest = ValidManifest::try_from(enclave.charter.manifest.clone()).expect("a possible group");
    let measured = |bytes: &[u8]| *Pcr::ZERO.extended(bytes).as_bytes();
    assert_eq!(document.pcrs[&3], parent_role(signer(1)).as_bytes());
    assert_eq!(document.pcrs[&16], measured(manifest.hash().as_bytes()));
    assert_eq!(document.pcrs[&17], measured(manifest.slot_hash(signer(1)).as_bytes()));
}

#[test]
fn an_image_with_another_byte_in_its_application_boots_and_measures_otherwise() {
    let Image { eif, measurements } = Image::production();
    let mut bytes = fs::read(eif).expect("an image");
    flip_in_application(&mut bytes);
    let folder = tempfile::tempdir().expect("a folder");
    let copy: PathBuf = folder.path().join("altered.eif");
    fs::write(&copy, bytes).expect("written");

    let altered = Enclave::boot(&copy, measurements, Enclave::MEMORY);
    let document = Document::read(altered.introduction.document.as_slice());
    assert_ne!(document.pcrs[&0], measurements.pcr0.as_bytes());
    assert_eq!(document.pcrs[&1], measurements.pcr1.as_bytes());
    assert_ne!(document.pcrs[&2], measurements.pcr2.as_bytes());
}
