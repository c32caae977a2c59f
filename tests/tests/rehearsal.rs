//! The main job with signers that are guests of an emulated Nitro machine: the image for rehearsals, which is the production image but
//! for the root that it believes and signs its module's documents under.

use std::{fs, path::Path};

use cloister_attestation::{Mode, PcrIndex, Unverified};
use cloister_client::{Error, scheme::Kind};
use cloister_simulator::nsm::TestRoot;
use cloister_tests::{
    nitro::image::{application, flip_in_application},
    payload::{segwit_psbt, solana_transfer, taproot_psbt},
    stage::{Stage, Twin, done, signer},
};
use cloister_wire::{
    message::{Body, Request},
    request::Scheme,
};

/// One test, since a group of guests takes a while to boot.
#[test]
fn three_guests_found_a_group_sign_after_a_reboot_and_kms_refuses_a_fourth_whose_image_has_another_byte() {
    let mut stage = Stage::open_in_guests(&image("rehearsal/cloister-rehearsal.eif"), 2, 3);
    let solana = patiently(|| stage.make_key(0, Scheme::Ed25519));
    let taproot = patiently(|| stage.make_key(1, Scheme::Secp256k1Taproot));
    let segwit = patiently(|| stage.make_key(2, Scheme::Secp256k1Ecdsa));
    stage.restart_all();

    // Other libraries verify each signature.
    let transfer = solana_transfer(solana.public_key(), 5);
    patiently(|| stage.sign(&solana, Kind::Solana, &transfer));
    let output_key = taproot.output_key().expect("a Taproot key");
    patiently(|| stage.sign(&taproot, Kind::Bitcoin, &taproot_psbt(&[&output_key])));
    patiently(|| stage.sign(&segwit, Kind::Bitcoin, &segwit_psbt(&[segwit.public_key()])));
    stage.assert_nothing_leaked();

    // The same image, and one with another byte that nothing reads.
    let genuine = stage.group.dir().join("image");
    let altered = stage.group.dir().join("altered.eif");
    let mut bytes = fs::read(&genuine).expect("the image");
    flip_in_application(&mut bytes);
    fs::write(&altered, bytes).expect("written");
    let wrap = stage.blobs(signer(1)).remove(0).wraps.as_slice()[0].clone();
    for (name, eif, kms) in [("twin", &genuine, Ok(())), ("altered", &altered, Err("AccessDeniedException".to_owned()))]
    {
        let guest = stage.launch_guest(name, eif, signer(1));
        let document = attested(&mut stage, &guest);
        assert_eq!(measures_the_release(&stage, &document), kms.is_ok(), "{name}");
        let answer = stage.kms_decrypt(signer(1), &wrap, &document);
        assert_eq!(answer.map(drop), kms, "{name}");
    }
}

/// Asks again where hosts have waited for too long: emulated on a busy machine, a signer may take longer than they do.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, Error>) -> T {
    const LATE: [&str; 3] = ["not_enough_signers", "signer_unreachable", "deadline_exceeded"];
    let mut attempts = 1;
    loop {
        match ask() {
            Err(why) if LATE.contains(&why.code()) && attempts < 20 => attempts += 1,
            done => return done.unwrap_or_else(|why| panic!("after {attempts} attempts: {why:?}")),
        }
    }
}

/// A document of a guest that was told that it is signer 1. The release, 1, 2 and 3, 16 and 17 are what KMS looks at.
fn attested(stage: &mut Stage, guest: &Twin) -> Vec<u8> {
    let manifest = stage.group.endorsed_manifest().clone();
    let _nothing = done(stage.ask_at(&guest.socket, &Request::Configure { manifest, signer: signer(1) }));
    let nonce = b"for KMS".as_slice().try_into().expect("short");
    match done(stage.ask_at(&guest.socket, &Request::Attest { nonce })) {
        Body::Introduction(introduction) => introduction.document.as_slice().to_vec(),
        other => panic!("no introduction: {other:?}"),
    }
}

/// Whether PCR0 is the release's. All else is as with the genuine signer 1, PCR2 aside.
fn measures_the_release(stage: &Stage, document: &[u8]) -> bool {
    let document = Unverified::parse(document).expect("a document");
    let document = document.authenticate(&stage.root().trust_root(), Mode::Archival).expect("signed");
    let register = |index| *document.pcr(PcrIndex::new(index).expect("0 to 31")).expect("locked").as_bytes();
    let manifest = stage.group.manifest();
    let slot = manifest.slot(signer(1)).expect("a signer of the group");
    assert_eq!(register(1), *manifest.release.pcr1.as_bytes());
    assert_eq!(register(3), *slot.pcr3.as_bytes());
    register(0) == *manifest.release.pcr0.as_bytes()
}

#[test]
fn the_production_image_has_none_of_the_rehearsals_code() {
    let root = TestRoot::of_rehearsals();
    let marks = [root.der(), b"Cloister simulator", b"simulated.zonal.nitro-enclaves"];
    let has = |file: &str| {
        let unpacked = application(&fs::read(image(file)).expect("an image"));
        marks.map(|mark| unpacked.windows(mark.len()).any(|window| window == mark))
    };
    // What one has shows that it would be found in the other.
    assert_eq!(has("rehearsal/cloister-rehearsal.eif"), [true; 3]);
    assert_eq!(has("production/cloister.eif"), [false; 3]);
}

fn image(file: &str) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/eif").join(file);
    assert!(path.is_file(), "{} is missing; run: cargo xtask test --only image", path.display());
    path
}
