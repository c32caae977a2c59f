//! Key generation, from a requester's word to a certified key.

use cloister_wire::{
    bounded::List,
    certificate::Certificate,
    ids::{KeyId, SignerId},
    limits,
    message::{Body, KeygenState},
    peer::{PeerFrame, PeerMessage},
    receipt::Event,
    refusal::Refusal,
    request::KeyRequest,
};
use rand_core::CryptoRngCore;

use super::Member;
use crate::{
    ceremony::{Sealing, Sent, State as CeremonyState},
    certification::{self, Certified},
    fault::Fault,
    gate::Authorized,
    peers::Received,
    sealing::Author,
    signer::{Base, Step, Stepped},
};

impl Member {
    pub(super) fn open_keygen(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        request: &cloister_wire::request::Requested,
    ) -> Stepped {
        let authorized = match self.gate(base).authorize_key(request) {
            Ok(authorized) => authorized,
            Err(denied) => {
                if let Some((request, tenant)) = denied.signed {
                    self.record(base, Event::Refused { request, refusal: denied.refusal, tenant });
                }
                return Err(denied.refusal.into());
            }
        };
        let keys = self.keyring.of_tenant(&authorized.body().tenant);
        let room = self.gate(base).part_of(limits::KEYS).saturating_sub(keys);
        Ok(Step::Done(Body::CeremonyNonce(self.ceremonies.open(base.now, authorized, room, rng)?)))
    }

    /// Whether the key may be made still.
    fn check_again(&self, base: &mut Base, asked: &Authorized<KeyRequest>) -> Result<(), Fault> {
        let Err(refusal) = self.gate(base).allows_still(asked) else { return Ok(()) };
        let (request, tenant) = (asked.hash(), asked.body().tenant.clone());
        self.record(base, Event::Refused { request, refusal, tenant });
        Err(refusal.into())
    }

    pub(super) fn start_keygen(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        nonces: &List<cloister_wire::message::Contribution, { limits::SIGNERS }>,
    ) -> Stepped {
        if self.peers.open_channels().saturating_add(1) != self.measured.manifest.signers.len() {
            return Err(Refusal::ChannelFailed.into());
        }
        let own = nonces.iter().find(|entry| entry.signer == self.measured.signer);
        let asked = own.and_then(|own| self.ceremonies.asked(own.nonce)).ok_or(Refusal::CeremonyUnknown)?;
        self.check_again(base, asked)?;
        let (ceremony, sent) = self.ceremonies.start(&self.measured, self.standing.order(), nonces, rng)?;
        self.send(base, sent)?;
        Ok(Step::Done(Body::CeremonyStarted(ceremony)))
    }

    pub(super) fn deliver(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        from: SignerId,
        frame: &PeerFrame,
    ) -> Stepped {
        match self.peers.receive(&base.boot, rng, from, frame)? {
            Received::Answer(envelope) => base.outbox.push(envelope),
            Received::Nothing => {}
            Received::Message(PeerMessage::Pair(round)) => self.receive_pair(base, rng, from, round)?,
            Received::Message(PeerMessage::Ceremony(message)) => {
                if self.presignings.has(message.ceremony) {
                    self.receive_presigning(base, from, message)?;
                } else {
                    let sent = self.ceremonies.receive(&self.measured, from, message)?;
                    self.send(base, sent)?;
                }
            }
        }
        Ok(Step::Done(Body::Nothing))
    }

    pub(super) fn send(&mut self, base: &mut Base, messages: Sent) -> Result<(), Fault> {
        for (to, message) in messages {
            base.outbox.push(self.peers.seal(to, &PeerMessage::Ceremony(message))?);
        }
        Ok(())
    }

    /// Says how far a ceremony is; seals the share when it has just been made.
    pub(super) fn keygen(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        ceremony: cloister_wire::ids::CeremonyId,
    ) -> Stepped {
        let state = match self.ceremonies.state(ceremony).ok_or(Refusal::CeremonyUnknown)? {
            CeremonyState::Running => KeygenState::Running,
            CeremonyState::Failed(blame) => KeygenState::Failed { refusal: blame.refusal, culprit: blame.culprit },
            CeremonyState::Made(new) => {
                let introduction = self.introduction.as_ref().ok_or(Fault::Fatal)?;
                if let Sealing::Secret(secret) = &new.sealing {
                    let author = Author { boot: &base.boot, measured: &self.measured, introduction };
                    let content = certification::content(&new.certificate);
                    let blob = self.sealer.seal(&author, rng, Some(&new.certificate.tenant), content, secret)?;
                    new.sealing = Sealing::Blob(blob.into());
                }
                let wraps = self.sealer.wraps(&new.certificate.tenant).ok_or(Fault::Fatal)?;
                let blob = new.sealing.blob(introduction, wraps).ok_or(Fault::Fatal)?;
                KeygenState::Sealed { blob, certificate: new.certificate.clone() }
            }
        };
        Ok(Step::Done(Body::Keygen(state)))
    }

    /// The new share was read back through every KMS key: sign the certificate, of one key for each request. That is this signer's word
    /// that the key may be: once everybody has given it, the key is made, and opens like any other.
    pub(super) fn certify_own(&mut self, base: &mut Base, key: KeyId) -> Stepped {
        self.check_again(base, self.ceremonies.asked_for(key).ok_or(Refusal::CeremonyUnknown)?)?;
        let body = self.ceremonies.choose(base.now, key)?.clone();
        let signature = certification::sign(&body, self.measured.signer, &base.boot, &self.identity()?.key);
        Ok(Step::Done(Body::Certified(signature)))
    }

    /// Everybody signed: the key can be used.
    pub(super) fn certify(&mut self, base: &mut Base, certificate: &Certificate) -> Stepped {
        let own = (self.measured.signer, base.boot.id());
        let identity = |signer, boot| {
            if (signer, boot) == own { Some(base.boot.keys().identity) } else { self.peers.identity(signer, boot) }
        };
        let certified = Certified::verify(&self.measured, &self.identity()?.group, certificate, identity)?;
        let body = certified.body().clone();
        if self.keyring.get(body.key).is_some() {
            return Ok(Step::Done(Body::Nothing));
        }
        let by_known_boots = certificate.signatures.iter().all(|entry| identity(entry.signer, entry.boot).is_some());
        if !by_known_boots || self.ceremonies.made(body.key).is_none_or(|new| new.certificate != body) {
            return Err(Refusal::CertificateInvalid.into());
        }
        // Two requests may have the same name: the first to end has it.
        if self.keyring.has_name(&body.tenant, &body.name) {
            return Err(Refusal::KeyNameTaken.into());
        }
        let new = self.ceremonies.take(body.key).ok_or(Refusal::WrongPhase)?;
        let event = Event::KeyCreated { request: new.request, ceremony: body.ceremony, key: body.key };
        self.keyring.insert(body, new.share)?;
        self.record(base, event);
        Ok(Step::Done(Body::Nothing))
    }
}
