//! After an attack: the next honest request is answered, and nothing has leaked.

use std::fs;

use cloister_client::Key;
use cloister_simulator::hostile::Frame;
use cloister_wire::{
    blob::SealedBlob,
    ids::SignerId,
    message::{Body, KeygenState, Outcome},
};

use super::{Stage, secrets::Search};

impl Stage {
    /// Ends a case: frames pass again, the next honest request is answered, and no secret is anywhere.
    pub fn settle(&mut self, key: &Key) {
        self.behave();
        self.await_links();
        let signed = self.sign_text(key, "an honest request");
        assert!(signed.is_ok(), "the next honest request failed: {:?}", signed.err());
        self.assert_nothing_leaked();
    }

    /// Looks for the content of every sealed blob, for data keys, shares and signer keys, in every frame, file, log, answer and error.
    pub fn assert_nothing_leaked(&mut self) {
        let records: Vec<_> = self.signers().flat_map(|id| self.record(id)).collect();
        for blob in records.iter().filter_map(sealed_in) {
            self.secrets.open(&blob);
        }
        let known = self.secrets.known();
        assert!(known.len() >= 3 * self.proxies.len(), "every signer key has been sealed, at least");
        let search = Search::of(&known);
        for frame in &records {
            assert_eq!(search.find(frame.bytes()), None, "in a frame {:?}", frame.direction());
        }
        assert_eq!(search.find(&self.heard), None, "in an answer");
        for entry in fs::read_dir(self.group.dir()).expect("the group's folder").flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name() != "image" {
                let content = fs::read(entry.path()).unwrap_or_default();
                assert_eq!(search.find(&content), None, "in {}", entry.path().display());
            }
        }
    }

    /// Every blob that signers have sealed so far, oldest first.
    #[must_use]
    pub fn blobs(&self, id: SignerId) -> Vec<SealedBlob> {
        self.record(id).iter().filter_map(sealed_in).collect()
    }
}

/// The blob that a reply brings.
#[must_use]
pub fn sealed_in(frame: &Frame) -> Option<SealedBlob> {
    match frame.to_reply()?.outcome {
        Outcome::Done(Body::Sealed(blob) | Body::Keygen(KeygenState::Sealed { blob, .. })) => Some(blob),
        Outcome::Done(_) | Outcome::Refused(_) => None,
    }
}
