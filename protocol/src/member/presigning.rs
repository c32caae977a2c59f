//! Presigning, and the set-up of pairs before it.

use cloister_wire::{
    bounded::List,
    ids::{CeremonyId, KeyId, SignerId},
    limits,
    message::{Body, Contribution, PresigningState},
    peer::{CeremonyMessage, PairRound, PeerMessage},
    receipt::Event,
    refusal::Refusal,
};
use rand_core::CryptoRngCore;

use super::Member;
use crate::{
    ecdsa::Abort,
    fault::Fault,
    presignings::{Received, State, Wish},
    signer::{Base, Step, Stepped},
};

impl Member {
    pub(super) fn open_presigning(
        &mut self,
        base: &Base,
        rng: &mut dyn CryptoRngCore,
        (key, path, signers): (KeyId, &[u32], Vec<SignerId>),
        count: u16,
    ) -> Stepped {
        self.keyring.make_room(base.now, count.into())?;
        let me = self.measured.signer;
        let key_held = self.keyring.get_mut(key).ok_or(Refusal::KeyUnknown)?;
        let child = key_held.child(path)?;
        let share = key_held.share().ecdsa().ok_or(Refusal::SchemeMismatch)?;
        let rising = signers.is_sorted_by(|a, b| a < b);
        if !rising || !signers.contains(&me) || signers.len() != share.threshold() {
            return Err(Refusal::PackageInvalid.into());
        }
        let most = limits::PRESIGNING_BATCH.checked_div(signers.len().saturating_sub(1)).unwrap_or_default().max(1);
        if !(1..=most).contains(&count.into()) || signers.len() > limits::ECDSA_SIGNERS {
            return Err(Refusal::Malformed.into());
        }
        self.pairs.check(signers.iter().filter(|signer| **signer != me))?;
        let nonce = self.presignings.open(base.now, Wish { key, signers, child, count }, rng)?;
        Ok(Step::Done(Body::CeremonyNonce(nonce)))
    }

    pub(super) fn start_presigning(
        &mut self,
        base: &mut Base,
        nonces: &List<Contribution, { limits::SIGNERS }>,
    ) -> Stepped {
        let order = self.standing.order();
        let (ceremony, sent) =
            self.presignings.start(&self.measured, order, nonces, &mut self.keyring, &mut self.pairs)?;
        self.send(base, sent)?;
        Ok(Step::Done(Body::CeremonyStarted(ceremony)))
    }

    pub(super) fn receive_presigning(
        &mut self,
        base: &mut Base,
        from: SignerId,
        message: CeremonyMessage,
    ) -> Result<(), Fault> {
        match self.presignings.receive(base.now, (&mut self.keyring, &mut self.pairs), from, message)? {
            Received::Sent(sent) => self.send(base, sent),
            Received::Failed(ended) => {
                if let Some(peer) = ended.barred {
                    self.record(base, Event::PairBarred { peer });
                }
                Err(ended.blame.refusal.into())
            }
        }
    }

    pub(super) fn presigning(&self, ceremony: CeremonyId) -> Stepped {
        let state = match self.presignings.state(ceremony).ok_or(Refusal::CeremonyUnknown)? {
            State::Running => PresigningState::Running,
            State::Made => PresigningState::Made,
            State::Failed(ended) => PresigningState::Failed {
                refusal: ended.blame.refusal,
                culprit: ended.blame.culprit,
                barred: ended.barred,
                suspects: ended.suspects.try_into()?,
            },
        };
        Ok(Step::Done(Body::Presigning(state)))
    }

    /// Begins the set-up of this pair of boots, if it is missing here.
    pub(super) fn pair(&mut self, base: &mut Base, rng: &mut dyn CryptoRngCore, peer: SignerId) -> Stepped {
        let channel = self.peers.channel(peer)?;
        if let Some(round) = self.pairs.ask(base.now, peer, channel, rng)? {
            base.outbox.push(self.peers.seal(peer, &PeerMessage::Pair(round))?);
        }
        Ok(Step::Done(Body::Nothing))
    }

    pub(super) fn receive_pair(
        &mut self,
        base: &mut Base,
        rng: &mut dyn CryptoRngCore,
        from: SignerId,
        round: PairRound,
    ) -> Result<(), Fault> {
        let channel = self.peers.channel(from)?;
        let sent = self.pairs.receive(base.now, from, (channel, round), rng).map_err(Abort::unbarred)?;
        for round in sent {
            base.outbox.push(self.peers.seal(from, &PeerMessage::Pair(round))?);
        }
        Ok(())
    }
}
