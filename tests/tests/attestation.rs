//! The production verifier against documents of the stand-in NSM: honest ones pass, and each way to be dishonest has its own answer.

use std::thread;

use cloister_attestation::{
    Authentic, Expected, Millis, Mode, Pcr, PcrIndex, Rejected, Release, RootKind, TrustRoot, UnixMillis, Unverified,
    Verified,
};
use cloister_simulator::nsm::{StandInNsm, TestRoot};
use coset::{CborSerializable, CoseSign1};

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 1_767_225_600_000;
const MINUTE: u64 = 60_000;
const MAX_AGE: Millis = Millis(5 * MINUTE);
const NONCE: &[u8] = b"a challenge that is used only once";
const USER_DATA: &[u8] = b"hash of the boot statement";
const PUBLIC_KEY: &[u8] = b"recipient key";

struct Enclave {
    root: TestRoot,
    nsm: StandInNsm,
}

impl Enclave {
    /// A signer that has measured its manifest and id.
    fn booted() -> Enclave {
        let root = TestRoot::generate().expect("keys");
        let mut nsm = StandInNsm::new(root.clone(), &measurements()).expect("in range");
        for (index, data) in [(16, b"manifest hash".as_slice()), (17, b"signer id")] {
            nsm.extend_pcr(index, data).expect("open");
            nsm.lock_pcr(index).expect("open");
        }
        Enclave { root, nsm }
    }

    fn attest(&mut self) -> Vec<u8> {
        self.nsm.attest(Some(USER_DATA), Some(NONCE), Some(PUBLIC_KEY), NOW).expect("signed")
    }

    fn authenticate(&self, document: &[u8], mode: Mode<'_>) -> Result<Authentic, Rejected> {
        Unverified::parse(document)?.authenticate(&self.root.trust_root(), mode)
    }
}

fn measurements() -> [(u8, Pcr); 4] {
    [(0, pcr("image")), (1, pcr("kernel")), (2, pcr("application")), (8, pcr("image signer"))]
}

fn pcr(measured: &str) -> Pcr {
    Pcr::ZERO.extended(measured.as_bytes())
}

fn release() -> Release {
    Release { pcr0: pcr("image"), pcr1: pcr("kernel"), pcr2: pcr("application"), pcr8: Some(pcr("image signer")) }
}

fn live(now: u64) -> Mode<'static> {
    Mode::Live { now: UnixMillis(now), max_age: MAX_AGE, nonce: NONCE }
}

fn fresh(now: u64) -> Mode<'static> {
    Mode::Fresh { now: UnixMillis(now), max_age: MAX_AGE }
}

fn accept(authentic: Authentic, pcrs: &[(PcrIndex, Pcr)]) -> Result<Verified, Rejected> {
    authentic.accept(&Expected { releases: &[release()], pcrs, user_data: Some(USER_DATA) })
}

#[test]
fn a_stand_in_document_passes_the_production_verifier_in_every_mode() {
    let mut enclave = Enclave::booted();
    let document = enclave.attest();
    for mode in [live(NOW), live(NOW + MAX_AGE.0), fresh(NOW), Mode::Archival] {
        let authentic = enclave.authenticate(&document, mode).unwrap_or_else(|why| panic!("{mode:?}: {why}"));
        let expected = [(PcrIndex::MANIFEST, pcr("manifest hash")), (PcrIndex::SIGNER, pcr("signer id"))];
        let verified = accept(authentic, &expected).expect("expected");
        assert_eq!(verified.timestamp(), UnixMillis(NOW));
        assert_eq!(verified.nonce(), Some(NONCE));
        assert_eq!(verified.public_key(), Some(PUBLIC_KEY));
        assert_eq!(verified.module_id(), enclave.nsm.module_id());
        assert_eq!(verified.pcrs().count(), 18, "PCR0 to 15 and the two that were locked");
        assert_eq!(verified.root_kind(), RootKind::Other);
    }
}

#[test]
fn the_aws_root_and_another_test_root_refuse_a_stand_in_document() {
    let document = Enclave::booted().attest();
    for root in [TrustRoot::aws(), TestRoot::generate().expect("keys").trust_root()] {
        let refused =
            Unverified::parse(&document).expect("well-formed").authenticate(&root, Mode::Archival).map(|_| ());
        assert_eq!(refused, Err(Rejected::WrongRoot));
    }
}

#[test]
fn refuses_an_answer_to_another_challenge() {
    let mut enclave = Enclave::booted();
    let unasked = enclave.nsm.attest(Some(USER_DATA), None, None, NOW).expect("signed");
    let other = enclave.nsm.attest(Some(USER_DATA), Some(b"another challenge"), None, NOW).expect("signed");
    for document in [unasked, other] {
        assert_eq!(enclave.authenticate(&document, live(NOW)).unwrap_err(), Rejected::WrongNonce);
    }
    let empty = enclave.nsm.attest(Some(USER_DATA), Some(b""), None, NOW).expect("signed");
    let no_challenge = Mode::Live { now: UnixMillis(NOW), max_age: MAX_AGE, nonce: b"" };
    assert_eq!(enclave.authenticate(&empty, no_challenge).unwrap_err(), Rejected::WrongNonce);
}

#[test]
fn refuses_a_document_that_is_stale_or_from_the_future() {
    let mut enclave = Enclave::booted();
    let document = enclave.attest();
    let at = |now| enclave.authenticate(&document, fresh(now)).map(|_| ());
    assert_eq!(at(NOW + MAX_AGE.0 + 1), Err(Rejected::Stale));
    assert_eq!(at(NOW - MINUTE), Ok(()), "a clock that is a minute behind is tolerated");
    assert_eq!(at(NOW - MINUTE - 1), Err(Rejected::FromTheFuture));
    let hours_later = Mode::Fresh { now: UnixMillis(NOW + 4 * 60 * MINUTE), max_age: Millis(u64::MAX) };
    assert_eq!(enclave.authenticate(&document, hours_later).unwrap_err(), Rejected::CertificateNotValidNow);
}

#[test]
fn refuses_another_release_manifest_signer_or_statement() {
    let mut enclave = Enclave::booted();
    let document = enclave.attest();
    let authentic = || enclave.authenticate(&document, live(NOW)).expect("honest");
    let outcome = |expected: Expected<'_>| authentic().accept(&expected).map(|_| ());
    let good = Expected { releases: &[release()], pcrs: &[], user_data: None };
    assert_eq!(outcome(good), Ok(()));
    assert_eq!(outcome(Expected { releases: &[], ..good }), Err(Rejected::WrongRelease));
    for changed in [
        Release { pcr0: pcr("other"), ..release() },
        Release { pcr1: pcr("other"), ..release() },
        Release { pcr2: pcr("other"), ..release() },
        Release { pcr8: Some(pcr("other")), ..release() },
    ] {
        assert_eq!(outcome(Expected { releases: &[changed], ..good }), Err(Rejected::WrongRelease));
    }
    for index in [PcrIndex::MANIFEST, PcrIndex::SIGNER] {
        assert_eq!(outcome(Expected { pcrs: &[(index, pcr("another"))], ..good }), Err(Rejected::WrongPcr(index)));
    }
    assert_eq!(outcome(Expected { user_data: Some(b"another"), ..good }), Err(Rejected::WrongUserData));
}

#[test]
fn refuses_a_register_that_was_extended_and_never_locked() {
    let mut enclave = Enclave::booted();
    let index = PcrIndex::new(18).expect("below 32");
    let value = enclave.nsm.extend_pcr(index.get(), b"measured").expect("open");
    let document = enclave.attest();
    let authentic = enclave.authenticate(&document, live(NOW)).expect("honest");
    assert_eq!(accept(authentic, &[(index, value)]).unwrap_err(), Rejected::WrongPcr(index));
}

#[test]
fn refuses_an_enclave_in_debug_mode() {
    let root = TestRoot::generate().expect("keys");
    for zeroed in [0, 1, 2] {
        let kept: Vec<_> = measurements().into_iter().filter(|(index, _)| *index != zeroed).collect();
        let document =
            StandInNsm::new(root.clone(), &kept).expect("in range").attest(None, None, None, NOW).expect("signed");
        let refused =
            Unverified::parse(&document).expect("well-formed").authenticate(&root.trust_root(), Mode::Archival);
        assert_eq!(refused.unwrap_err(), Rejected::DebugMode);
    }
}

#[test]
fn refuses_a_document_with_any_bit_of_any_byte_flipped() {
    let mut enclave = Enclave::booted();
    let mut document = enclave.attest();
    for place in 0..document.len() {
        let bit = 1 << (place % 8);
        document[place] ^= bit;
        assert!(enclave.authenticate(&document, Mode::Archival).is_err(), "byte {place}, bit {bit:#x}");
        document[place] ^= bit;
    }
    assert!(enclave.authenticate(&document, Mode::Archival).is_ok());
}

#[test]
fn refuses_a_document_whose_signature_another_enclave_made() {
    let mut enclave = Enclave::booted();
    let sign1 = |bytes: &[u8]| CoseSign1::from_slice(bytes).expect("COSE");
    let mut spliced = sign1(&enclave.attest());
    let mut sibling = StandInNsm::new(enclave.root.clone(), &measurements()).expect("in range");
    spliced.signature = sign1(&sibling.attest(Some(USER_DATA), Some(NONCE), None, NOW).expect("signed")).signature;
    let spliced = spliced.to_vec().expect("COSE");
    assert_eq!(enclave.authenticate(&spliced, live(NOW)).unwrap_err(), Rejected::BadSignature);
}

#[test]
fn a_signature_is_bound_to_the_protected_header_and_to_cose() {
    let mut enclave = Enclave::booted();
    let sign1 = CoseSign1::from_slice(&enclave.attest()).expect("COSE");
    let mut bytes = sign1.clone().to_vec().expect("COSE");
    let tagged = [&[0xd2], bytes.as_slice()].concat();
    assert!(matches!(Unverified::parse(&tagged), Err(Rejected::Malformed(_))), "the NSM writes no tag");
    bytes[5] = 0x26; // ES256
    assert!(matches!(Unverified::parse(&bytes), Err(Rejected::Malformed(_))));
    let mut detached = sign1.clone();
    detached.payload = None;
    assert!(matches!(Unverified::parse(&detached.to_vec().expect("COSE")), Err(Rejected::Malformed(_))));
    let mut extra = sign1;
    extra.unprotected.key_id = vec![1];
    assert!(matches!(Unverified::parse(&extra.to_vec().expect("COSE")), Err(Rejected::Malformed(_))));
}

#[test]
fn a_module_keeps_its_chain_until_shortly_before_it_expires() {
    let mut enclave = Enclave::booted();
    let chain_at = |enclave: &mut Enclave, now| {
        let document = enclave.nsm.attest(None, None, None, now).expect("signed");
        assert!(enclave.authenticate(&document, fresh(now)).is_ok());
        let payload = CoseSign1::from_slice(&document).expect("COSE").payload.expect("attached");
        let certificate = payload.windows(12).position(|window| window == b"\x6bcertificate").expect("present");
        payload[certificate..certificate + 400].to_vec()
    };
    let first = chain_at(&mut enclave, NOW);
    assert_eq!(chain_at(&mut enclave, NOW + 2 * 60 * MINUTE), first);
    assert_ne!(chain_at(&mut enclave, NOW + 170 * MINUTE), first);
}

#[test]
fn bombs_of_nesting_and_of_length_are_refused_on_the_stack_of_a_signers_connection() {
    let stack = thread::Builder::new().stack_size(512 * 1024);
    stack.spawn(refuse_bombs).expect("a thread").join().expect("refused");
}

fn refuse_bombs() {
    let prefix = [0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0];
    for filler in [0x81, 0x9f, 0xa1, 0xbf, 0xc1, 0x5f, 0x7f, 0xd8] {
        let bomb = [prefix.as_slice(), &[filler; 16_000]].concat();
        assert!(matches!(Unverified::parse(&bomb), Err(Rejected::Malformed(_))), "{filler:#x}");
    }
    for length in
        [&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], &[0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]]
    {
        assert!(matches!(Unverified::parse(&[prefix.as_slice(), length].concat()), Err(Rejected::Malformed(_))));
    }
    assert!(matches!(Unverified::parse(&[0x84; 16 * 1024 + 1]), Err(Rejected::Malformed(_))));
}
