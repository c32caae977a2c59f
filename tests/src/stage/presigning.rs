//! A hostile host's own set-ups of pairs and presignings: the test carries every message, as in its key generations.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use cloister_wire::{
    ids::{CeremonyId, KeyId, SignerId},
    message::{Body, Contribution, Outcome, PresigningState, Request},
    refusal::Refusal,
};

use super::{Mail, Stage, done, rogue::mail};

impl Stage {
    /// What a signer sends to be set up with another one.
    pub fn ask_to_pair(&mut self, id: SignerId, peer: SignerId) -> Vec<Mail> {
        mail(id, &self.ask(id, &Request::Pair { peer }))
    }

    /// Sets two signers up for each other, if they are not yet.
    pub fn pair(&mut self, key: KeyId, set: [SignerId; 2]) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.is_unpaired(key, set) {
            assert!(Instant::now() < deadline, "{set:?} are not set up");
            let [low, high] = set;
            let mut post: VecDeque<_> = self.ask_to_pair(low, high).into();
            post.extend(self.ask_to_pair(high, low));
            while let Some(letter) = post.pop_front() {
                // A host may be doing the same, and signers take five seconds between two set-ups.
                post.extend(self.deliver(&letter).1);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_unpaired(&mut self, key: KeyId, set: [SignerId; 2]) -> bool {
        set.iter().any(|id| match self.ask(*id, &open(key, &[], &set, 1)).outcome {
            Outcome::Done(Body::CeremonyNonce(nonce)) => {
                self.abandon(&[Contribution { signer: *id, nonce }]);
                false
            }
            Outcome::Refused(Refusal::PairMissing) => true,
            other => panic!("no presigning: {other:?}"),
        })
    }

    /// The nonces of these signers towards a presigning.
    pub fn open_presigning(&mut self, key: KeyId, path: &[u32], set: &[SignerId], count: u16) -> Vec<Contribution> {
        let open = open(key, path, set, count);
        let contribution = |id: &SignerId| match self.done(*id, &open) {
            Body::CeremonyNonce(nonce) => Contribution { signer: *id, nonce },
            other => panic!("no nonce: {other:?}"),
        };
        set.iter().map(contribution).collect()
    }

    /// Starts a presigning at all of its signers; everybody's first messages.
    pub fn start_presigning(&mut self, nonces: &[Contribution]) -> (CeremonyId, Vec<Mail>) {
        let start = Request::StartPresigning { nonces: nonces.to_vec().try_into().expect("few") };
        let started = |entry: &Contribution| {
            let reply = self.ask(entry.signer, &start);
            let mail = mail(entry.signer, &reply);
            match done(reply) {
                Body::CeremonyStarted(ceremony) => (ceremony, mail),
                other => panic!("not started: {other:?}"),
            }
        };
        let started: Vec<_> = nonces.iter().map(started).collect();
        let ceremony = started[0].0;
        assert!(started.iter().all(|(id, _)| *id == ceremony), "one ceremony");
        (ceremony, started.into_iter().flat_map(|(_, mail)| mail).collect())
    }

    /// Makes presignatures with signers that are set up for each other.
    pub fn presign(&mut self, key: KeyId, path: &[u32], set: &[SignerId], count: u16) -> CeremonyId {
        let nonces = self.open_presigning(key, path, set, count);
        let (ceremony, mail) = self.start_presigning(&nonces);
        self.deliver_all(mail);
        for id in set {
            assert_eq!(self.presigning(*id, ceremony), PresigningState::Made, "signer {id}");
        }
        self.abandon(&nonces);
        ceremony
    }

    /// How far a presigning is at a signer.
    pub fn presigning(&mut self, id: SignerId, ceremony: CeremonyId) -> PresigningState {
        match self.done(id, &Request::Presigning { ceremony }) {
            Body::Presigning(state) => state,
            other => panic!("no state: {other:?}"),
        }
    }

    /// Whether any signer will not sign with another one, by what they say themselves.
    pub fn bars(&mut self, key: KeyId) -> Vec<(SignerId, SignerId)> {
        let all: Vec<_> = self.signers().collect();
        let pairs = all.iter().flat_map(|id| all.iter().map(|peer| (*id, *peer))).filter(|(id, peer)| id != peer);
        let mut barred = Vec::new();
        for (id, peer) in pairs.collect::<Vec<_>>() {
            match self.ask(id, &open(key, &[], &[id.min(peer), id.max(peer)], 1)).outcome {
                Outcome::Refused(Refusal::PairBarred) => barred.push((id, peer)),
                Outcome::Done(Body::CeremonyNonce(nonce)) => self.abandon(&[Contribution { signer: id, nonce }]),
                Outcome::Done(_) | Outcome::Refused(_) => {}
            }
        }
        barred
    }
}

fn open(key: KeyId, path: &[u32], set: &[SignerId], count: u16) -> Request {
    let path = path.to_vec().try_into().expect("few");
    Request::OpenPresigning { key, path, signers: set.to_vec().try_into().expect("few"), count }
}
