//! The verifier against documents that AWS Nitro enclaves signed. Where the documents are is told by `vectors`.

use std::path::Path;

use cloister_attestation::{
    Expected, Millis, Mode, Pcr, PcrIndex, Rejected, Release, RootKind, TrustRoot, UnixMillis, Unverified,
};
use serde_json::Value;

mod vectors;
use vectors::{bytes, entries, file};

/// One genuine document and what `index.json` says of it.
struct Genuine {
    file: String,
    bytes: Vec<u8>,
    debug_mode: bool,
    module_id: String,
    timestamp: u64,
    pcrs: Vec<(u8, String)>,
    nonce: Option<Vec<u8>>,
    user_data: Option<Vec<u8>>,
    public_key: Option<Vec<u8>>,
}

/// All genuine documents; none where the vectors are missing.
fn genuine() -> Vec<Genuine> {
    entries("attestation").into_iter().map(|(folder, entry)| Genuine::read(&folder, &entry)).collect()
}

impl Genuine {
    fn read(folder: &Path, entry: &Value) -> Genuine {
        let text = |name: &str| entry[name].as_str().unwrap_or_else(|| panic!("{name}")).to_owned();
        let pcrs = entry["pcrs"].as_object().expect("pcrs").iter();
        let mut pcrs: Vec<_> = pcrs
            .map(|(index, value)| (index.parse().expect("index"), value.as_str().expect("value").to_owned()))
            .collect();
        pcrs.sort();
        Genuine {
            file: text("file"),
            bytes: file(folder, entry, "file"),
            debug_mode: entry["debug_mode"].as_bool().expect("debug_mode"),
            module_id: text("module_id"),
            timestamp: entry["timestamp_ms"].as_u64().expect("timestamp_ms"),
            pcrs,
            nonce: bytes(entry, "nonce"),
            user_data: bytes(entry, "user_data"),
            public_key: bytes(entry, "public_key"),
        }
    }
}

fn archived(bytes: &[u8]) -> Result<cloister_attestation::Authentic, Rejected> {
    Unverified::parse(bytes)?.authenticate(&TrustRoot::aws(), Mode::Archival)
}

fn fresh(document: &Genuine, now: u64) -> Result<cloister_attestation::Authentic, Rejected> {
    let mode = Mode::Fresh { now: UnixMillis(now), max_age: Millis(u64::MAX) };
    Unverified::parse(&document.bytes)?.authenticate(&TrustRoot::aws(), mode)
}

#[test]
fn verifies_genuine_documents_at_their_own_time_and_reads_every_field() {
    for document in genuine().iter().filter(|document| !document.debug_mode) {
        let authentic = archived(&document.bytes).unwrap_or_else(|why| panic!("{}: {why}", document.file));
        assert_eq!(authentic.module_id(), document.module_id);
        assert_eq!(authentic.timestamp(), UnixMillis(document.timestamp));
        assert_eq!(authentic.nonce(), document.nonce.as_deref());
        assert_eq!(authentic.user_data(), document.user_data.as_deref());
        assert_eq!(authentic.public_key(), document.public_key.as_deref());
        assert_eq!(authentic.root_kind(), RootKind::Aws);
        let pcrs: Vec<_> = authentic.pcrs().map(|(index, pcr)| (index.get(), pcr.to_string())).collect();
        assert_eq!(pcrs, document.pcrs);
    }
}

#[test]
fn refuses_genuine_documents_of_enclaves_in_debug_mode() {
    for document in genuine().iter().filter(|document| document.debug_mode) {
        assert_eq!(archived(&document.bytes).unwrap_err(), Rejected::DebugMode, "{}", document.file);
    }
}

#[test]
fn accepts_a_genuine_document_of_an_accepted_release_and_refuses_any_other() {
    for document in genuine().iter().filter(|document| !document.debug_mode) {
        let authentic = archived(&document.bytes).expect("genuine");
        let pcr = |index| authentic.pcr(PcrIndex::new(index).expect("below 32")).expect("present");
        let release = Release { pcr0: pcr(0), pcr1: pcr(1), pcr2: pcr(2), pcr8: Some(pcr(8)) };
        let role = [(PcrIndex::PARENT_ROLE, pcr(3))];
        let accept = |releases: &[Release], pcrs: &[(PcrIndex, Pcr)], user_data: Option<&[u8]>| {
            authentic.clone().accept(&Expected { releases, pcrs, user_data }).map(|_| ())
        };
        let other = Pcr::ZERO.extended(b"another");
        let others = [
            Release { pcr0: other, ..release },
            Release { pcr1: other, ..release },
            Release { pcr2: other, ..release },
            Release { pcr8: Some(other), ..release },
        ];
        assert_eq!(accept(&[others[0], release], &role, authentic.user_data()), Ok(()));
        assert_eq!(accept(&[], &role, None), Err(Rejected::WrongRelease));
        assert_eq!(accept(&others, &role, None), Err(Rejected::WrongRelease));
        let absent = PcrIndex::new(31).expect("below 32");
        assert_eq!(accept(&[release], &[(absent, Pcr::ZERO)], None), Err(Rejected::WrongPcr(absent)));
        assert_eq!(
            accept(&[release], &[(PcrIndex::PARENT_ROLE, other)], None),
            Err(Rejected::WrongPcr(PcrIndex::PARENT_ROLE))
        );
        assert_eq!(accept(&[release], &[], Some(b"something else")), Err(Rejected::WrongUserData));
    }
}

#[test]
fn refuses_a_genuine_document_once_its_certificate_has_expired() {
    for document in genuine().iter().filter(|document| !document.debug_mode) {
        assert!(fresh(document, document.timestamp).is_ok());
        assert_eq!(fresh(document, document.timestamp + FOUR_HOURS).unwrap_err(), Rejected::CertificateNotValidNow);
        let before = document.timestamp - FOUR_HOURS;
        assert_eq!(fresh(document, before).unwrap_err(), Rejected::FromTheFuture);
    }
}

#[test]
fn answers_only_the_challenge_that_the_document_names() {
    for document in genuine().iter().filter(|document| !document.debug_mode) {
        let live = |nonce: &[u8]| {
            let mode = Mode::Live { now: UnixMillis(document.timestamp), max_age: Millis(0), nonce };
            Unverified::parse(&document.bytes).expect("genuine").authenticate(&TrustRoot::aws(), mode).map(|_| ())
        };
        assert_eq!(live(b""), Err(Rejected::WrongNonce));
        assert_eq!(live(&[7; 32]), Err(Rejected::WrongNonce));
        if let Some(nonce) = &document.nonce {
            assert_eq!(live(nonce), Ok(()));
            assert_eq!(live(&nonce[1..]), Err(Rejected::WrongNonce));
        }
    }
}

#[test]
fn refuses_every_truncation_and_every_extension() {
    for document in genuine() {
        for length in 0..document.bytes.len() {
            assert!(archived(&document.bytes[..length]).is_err(), "{} cut at {length}", document.file);
        }
        assert!(archived(&[document.bytes.as_slice(), &[0]].concat()).is_err());
        assert!(archived(&[&[0xd2], document.bytes.as_slice()].concat()).is_err(), "a tag that the NSM does not write");
    }
}

/// Every byte of the first document and every eleventh of the others, one bit each, so that every field is hit.
#[test]
fn refuses_a_document_with_any_byte_flipped() {
    for (number, document) in genuine().iter().filter(|document| !document.debug_mode).enumerate() {
        let mut bytes = document.bytes.clone();
        let step = if number == 0 { 1 } else { 11 };
        for place in (0..bytes.len()).step_by(step) {
            let bit = 1 << (place % 8);
            bytes[place] ^= bit;
            assert!(archived(&bytes).is_err(), "{} with bit {bit:#x} of byte {place} flipped", document.file);
            bytes[place] ^= bit;
        }
    }
}

const FOUR_HOURS: u64 = 4 * 60 * 60 * 1000;
