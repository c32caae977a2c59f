//! A hostile host's own key generations: the test carries every message and may do with each what it likes.

use cloister_wire::{
    blob::SealedBlob,
    certificate::CertificateBody,
    codec,
    ids::{CeremonyId, KeyName, SignerId},
    message::{Body, Contribution, KeygenState, Reply, Request},
    peer::{Envelope, PeerFrame},
    request::{Requested, Scheme},
};

use super::{Stage, done};

/// A message between signers that the host holds in its hands.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Who sent it.
    pub from: SignerId,
    /// Whom it is for.
    pub to: SignerId,
    /// What it is.
    pub frame: PeerFrame,
}

impl Mail {
    /// As it is delivered.
    #[must_use]
    pub fn delivery(&self) -> Request {
        Request::Deliver { from: self.from, frame: self.frame.clone() }
    }
}

impl Stage {
    /// A signed request for a key.
    #[must_use]
    pub fn key_request(&self, name: KeyName, scheme: Scheme) -> Requested {
        self.credential().request_key(self.id(), name, scheme).expect("short enough")
    }

    /// Every signer's nonce towards a key generation.
    pub fn open_keygen(&mut self, request: &Requested) -> Vec<Contribution> {
        let open = Request::OpenKeygen { request: request.clone() };
        let ids: Vec<_> = self.signers().collect();
        let contribution = |id| match self.done(id, &open) {
            Body::CeremonyNonce(nonce) => Contribution { signer: id, nonce },
            other => panic!("no nonce: {other:?}"),
        };
        ids.into_iter().map(contribution).collect()
    }

    /// Starts a key generation at one signer; what it sends to its peers.
    pub fn start_keygen(&mut self, id: SignerId, nonces: &[Contribution]) -> (CeremonyId, Vec<Mail>) {
        let request = Request::StartKeygen { nonces: nonces.to_vec().try_into().expect("few") };
        let reply = self.ask(id, &request);
        let mail = mail(id, &reply);
        match done(reply) {
            Body::CeremonyStarted(ceremony) => (ceremony, mail),
            other => panic!("not started: {other:?}"),
        }
    }

    /// Starts a key generation at all signers; everybody's first messages.
    pub fn start_keygens(&mut self, nonces: &[Contribution]) -> (CeremonyId, Vec<Mail>) {
        let ids: Vec<_> = self.signers().collect();
        let started: Vec<_> = ids.into_iter().map(|id| self.start_keygen(id, nonces)).collect();
        let ceremony = started[0].0;
        assert!(started.iter().all(|(id, _)| *id == ceremony), "one ceremony");
        (ceremony, started.into_iter().flat_map(|(_, mail)| mail).collect())
    }

    /// Delivers one message; what comes back.
    pub fn deliver(&mut self, letter: &Mail) -> (Reply, Vec<Mail>) {
        let reply = self.ask(letter.to, &letter.delivery());
        let answers = mail(letter.to, &reply);
        (reply, answers)
    }

    /// Delivers everything honestly until nothing is left.
    pub fn deliver_all(&mut self, mut letters: Vec<Mail>) {
        while !letters.is_empty() {
            let mut next = Vec::new();
            for letter in letters {
                let (reply, answers) = self.deliver(&letter);
                let _nothing = done(reply);
                next.extend(answers);
            }
            letters = next;
        }
    }

    /// How far a key generation is at a signer.
    pub fn keygen(&mut self, id: SignerId, ceremony: CeremonyId) -> KeygenState {
        match self.done(id, &Request::Keygen { ceremony }) {
            Body::Keygen(state) => state,
            other => panic!("no state: {other:?}"),
        }
    }

    /// The new share's blob and the certificate that a signer would sign.
    pub fn sealed(&mut self, id: SignerId, ceremony: CeremonyId) -> (SealedBlob, CertificateBody) {
        match self.keygen(id, ceremony) {
            KeygenState::Sealed { blob, certificate } => {
                // It came by another way than through the proxies, and is searched for all the same.
                self.secrets.open(&blob);
                (blob, certificate)
            }
            other => panic!("not sealed: {other:?}"),
        }
    }

    /// Gives a key generation up everywhere, so that its place is free.
    pub fn abandon(&mut self, nonces: &[Contribution]) {
        for entry in nonces {
            let _either_way = self.ask(entry.signer, &Request::Abandon { nonce: entry.nonce });
        }
    }
}

pub(super) fn mail(from: SignerId, reply: &Reply) -> Vec<Mail> {
    let letter = |envelope: &Envelope| Mail { from, to: envelope.to, frame: envelope.frame.clone() };
    reply.outbox.iter().map(letter).collect()
}

/// The same frame with one bit of its message the other way round.
#[must_use]
pub fn flipped(frame: &PeerFrame) -> PeerFrame {
    let mut bytes = codec::encode(frame);
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    codec::decode(&bytes).expect("only the message has changed")
}
