//! After an attack: the next honest request is answered, and nothing has leaked.

use std::fs;

use cloister_client::Key;
use cloister_simulator::hostile::Frame;
use cloister_wire::{
    blob::SealedBlob,
    ids::SignerId,
    message::{Body, KeygenState, Outcome, SignOutcome},
};

use super::{
    Stage,
    secrets::{Search, Secret},
};

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
        self.assert_in_no_file(&search);
    }

    fn assert_in_no_file(&self, search: &Search<'_>) {
        for entry in fs::read_dir(self.group.dir()).expect("the group's folder").flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if is_file && entry.file_name() != "image" {
                let content = fs::read(entry.path()).unwrap_or_default();
                assert_eq!(search.find(&content), None, "in {}", entry.path().display());
            }
        }
    }

    /// Looks for every presignature that hosts know of, by its id, and for every ECDSA share that was released, in every file.
    pub fn assert_no_presignature_is_kept(&self) {
        let records: Vec<_> = self.signers().flat_map(|id| self.record(id)).collect();
        let known: Vec<_> = records.iter().flat_map(traces_of_presignatures).collect();
        assert!(!known.is_empty(), "something was presigned");
        self.assert_in_no_file(&Search::of(&known));
    }

    /// Every blob that signers have sealed so far, oldest first.
    #[must_use]
    pub fn blobs(&self, id: SignerId) -> Vec<SealedBlob> {
        self.record(id).iter().filter_map(sealed_in).collect()
    }
}

/// Ids of the presignatures of a ceremony, and the halves of online shares.
fn traces_of_presignatures(frame: &Frame) -> Vec<Secret> {
    match frame.to_reply().map(|reply| reply.outcome) {
        Some(Outcome::Done(Body::CeremonyStarted(ceremony))) => {
            (0..4).map(|number| Secret::new("a presignature's id", ceremony.presignature(number).as_bytes())).collect()
        }
        Some(Outcome::Done(Body::Signed(outcomes))) => {
            let released = outcomes.iter().filter_map(|outcome| match outcome {
                SignOutcome::Released(shares) => Some(shares),
                SignOutcome::Refused(_) => None,
            });
            let shares = released.flat_map(|shares| shares.iter()).filter(|share| share.as_slice().len() == 97);
            shares
                .flat_map(|share| share.as_slice()[33..].chunks(32))
                .map(|half| Secret::new("an online share", half))
                .collect()
        }
        _ => Vec::new(),
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
