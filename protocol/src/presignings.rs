//! Presignings under way: from a host's wish to presignatures in a share's pool. Nothing of this signs; the gate comes when one is used.

use std::collections::BTreeMap;

use cloister_wire::{
    bounded::List,
    codec,
    ids::{CeremonyId, KeyId, Nonce, SignerId, UnixMillis},
    limits,
    message::Contribution,
    order::StartOrder,
    peer::{CeremonyMessage, Round},
    refusal::Refusal,
    tag::Tag,
};
use rand_core::CryptoRngCore;

use crate::{
    authority::Measured,
    ceremony::{self, Sent},
    child::Child,
    ecdsa::{Abort, Batch, Pairs, Terms},
    fault::Fault,
    keygen::Blame,
    keyring::Keyring,
};

/// How long a presigning may take, milliseconds; after that its place is free again.
const LIFE_MS: u64 = 60 * 1000;

/// All presignings that this signer takes part in, by its own nonce in each.
#[derive(Default)]
pub(crate) struct Presignings {
    running: BTreeMap<Nonce, Presigning>,
}

struct Presigning {
    wish: Wish,
    opened: UnixMillis,
    id: Option<CeremonyId>,
    stage: Stage,
}

/// What is to be made ahead.
pub(crate) struct Wish {
    pub(crate) key: KeyId,
    /// Rising, with this signer, as many as the threshold.
    pub(crate) signers: Vec<SignerId>,
    pub(crate) child: Child,
    pub(crate) count: u16,
}

enum Stage {
    Opened,
    Running(Box<Batch>),
    Made,
    Failed(Ended),
}

/// A presigning that failed.
#[derive(Clone)]
pub(crate) struct Ended {
    pub(crate) blame: Blame,
    /// The peers that may have sent what failed, where it is not certain who did.
    pub(crate) suspects: Vec<SignerId>,
    /// The peer that this signer will not sign with again.
    pub(crate) barred: Option<SignerId>,
}

/// What a presigning looks like from outside.
pub(crate) enum State {
    Running,
    Made,
    Failed(Ended),
}

/// What a peer's message led to.
pub(crate) enum Received {
    /// Messages to send.
    Sent(Sent),
    /// The attempt is over; a barred peer's set-up has been thrown away.
    Failed(Ended),
}

impl Presignings {
    /// Takes a wish up under a fresh nonce.
    pub(crate) fn open(&mut self, now: UnixMillis, wish: Wish, rng: &mut dyn CryptoRngCore) -> Result<Nonce, Refusal> {
        self.forget_overdue(now);
        self.make_room()?;
        let nonce = ceremony::fresh_nonce(rng);
        self.running.insert(nonce, Presigning { wish, opened: now, id: None, stage: Stage::Opened });
        Ok(nonce)
    }

    /// Whether `nonce` is that of a presigning.
    pub(crate) fn knows(&self, nonce: Nonce) -> bool {
        self.running.contains_key(&nonce)
    }

    /// Whether `id` is that of a presigning.
    pub(crate) fn has(&self, id: CeremonyId) -> bool {
        self.running.values().any(|presigning| presigning.id == Some(id))
    }

    /// Goes on with the nonces of the signers that take part.
    pub(crate) fn start(
        &mut self,
        measured: &Measured,
        order: &StartOrder,
        contributions: &List<Contribution, { limits::SIGNERS }>,
        keyring: &mut Keyring,
        pairs: &mut Pairs,
    ) -> Result<(CeremonyId, Sent), Fault> {
        let own = contributions.iter().find(|entry| entry.signer == measured.signer).ok_or(Refusal::CeremonyUnknown)?;
        let presigning = self.running.get_mut(&own.nonce).ok_or(Refusal::CeremonyUnknown)?;
        if !matches!(presigning.stage, Stage::Opened) {
            return Err(Refusal::WrongPhase.into());
        }
        let Wish { key, signers, child, count } = &presigning.wish;
        let subject = Tag::PRESIGNING.hash(&codec::encode(&(key, signers, child.path(), count)));
        let id = ceremony::ceremony_id(measured, order, signers, subject, contributions)?;
        let held = keyring.get_mut(*key).ok_or(Refusal::KeyUnknown)?;
        let terms = Terms {
            ceremony: id,
            key: held.certificate_hash(),
            signers: signers.clone(),
            child: child.clone(),
            count: *count,
        };
        let share = held.share().ecdsa().ok_or(Refusal::SchemeMismatch)?;
        let (batch, rounds) = Batch::begin(pairs, share, measured.signer, terms).map_err(Abort::unbarred)?;
        presigning.id = Some(id);
        presigning.stage = Stage::Running(Box::new(batch));
        Ok((id, in_ceremony(id, rounds)))
    }

    /// Takes a peer's message. A failed check ends the attempt, and bars the peer where the protocol demands it.
    pub(crate) fn receive(
        &mut self,
        now: UnixMillis,
        (keyring, pairs): (&mut Keyring, &mut Pairs),
        from: SignerId,
        CeremonyMessage { ceremony, round }: CeremonyMessage,
    ) -> Result<Received, Fault> {
        let running = self.running.values_mut().find(|presigning| presigning.id == Some(ceremony));
        let presigning = running.ok_or(Refusal::CeremonyUnknown)?;
        if !presigning.wish.signers.contains(&from) {
            return Err(Refusal::UnknownSigner.into());
        }
        let Stage::Running(batch) = &mut presigning.stage else {
            return Ok(Received::Sent(Sent::new()));
        };
        let key = presigning.wish.key;
        let share = keyring.get_mut(key).and_then(|key| key.share().ecdsa()).ok_or(Refusal::KeyUnknown)?;
        match batch.receive(pairs, share, from, round) {
            Ok(rounds) => {
                if let Some(made) = batch.finish(now) {
                    made.into_iter().try_for_each(|(id, presignature)| share.keep(now, id, presignature))?;
                    presigning.stage = Stage::Made;
                }
                Ok(Received::Sent(in_ceremony(ceremony, rounds)))
            }
            Err(Abort::Fatal) => Err(Fault::Fatal),
            Err(Abort::Failed(blame)) => Ok(presigning.fail(Ended { blame, suspects: Vec::new(), barred: None })),
            Err(Abort::Unsettled(peer)) => {
                let suspects = peer.map_or_else(|| batch.peers(), |peer| vec![peer]);
                let blame = Blame::nobody(Refusal::CeremonyFailed);
                Ok(presigning.fail(Ended { blame, suspects, barred: None }))
            }
            Err(Abort::Bar(peer)) => {
                pairs.bar(peer)?;
                keyring.forget_presignatures_with(peer);
                let blame = Blame { refusal: Refusal::PairBarred, culprit: Some(peer) };
                let failed = presigning.fail(Ended { blame, suspects: Vec::new(), barred: Some(peer) });
                self.forget_pair(peer);
                Ok(failed)
            }
        }
    }

    /// How far a presigning is.
    pub(crate) fn state(&self, id: CeremonyId) -> Option<State> {
        let presigning = self.running.values().find(|presigning| presigning.id == Some(id))?;
        Some(match &presigning.stage {
            Stage::Opened | Stage::Running(_) => State::Running,
            Stage::Made => State::Made,
            Stage::Failed(ended) => State::Failed(ended.clone()),
        })
    }

    /// Gives a presigning up.
    pub(crate) fn abandon(&mut self, nonce: Nonce) {
        self.running.remove(&nonce);
    }

    /// Gives everything up: the roster has changed.
    pub(crate) fn clear(&mut self) {
        self.running.clear();
    }

    /// Erases what has taken too long.
    pub(crate) fn forget_overdue(&mut self, now: UnixMillis) {
        self.running.retain(|_, presigning| presigning.opened.plus(LIFE_MS) > now);
    }

    /// What is over holds no place of what is under way: as many outcomes are kept, and the oldest one goes.
    fn make_room(&mut self) -> Result<(), Refusal> {
        let over = || self.running.iter().filter(|(_, presigning)| presigning.is_over());
        if self.running.len().saturating_sub(over().count()) >= limits::PRESIGNINGS {
            return Err(Refusal::Busy);
        }
        let oldest = over().min_by_key(|(_, presigning)| presigning.opened).map(|(nonce, _)| *nonce);
        if let Some(oldest) = oldest.filter(|_| over().count() >= limits::PRESIGNINGS) {
            self.running.remove(&oldest);
        }
        Ok(())
    }

    /// Ends what else is under way with a peer that was barred.
    fn forget_pair(&mut self, peer: SignerId) {
        let involved = |presigning: &Presigning| {
            presigning.wish.signers.contains(&peer) && !matches!(presigning.stage, Stage::Failed(_))
        };
        self.running.retain(|_, presigning| !involved(presigning));
    }
}

impl Presigning {
    fn is_over(&self) -> bool {
        match self.stage {
            Stage::Made | Stage::Failed(_) => true,
            Stage::Opened | Stage::Running(_) => false,
        }
    }

    fn fail(&mut self, ended: Ended) -> Received {
        self.stage = Stage::Failed(ended.clone());
        Received::Failed(ended)
    }
}

fn in_ceremony(ceremony: CeremonyId, rounds: Vec<(SignerId, Round)>) -> Sent {
    rounds.into_iter().map(|(to, round)| (to, CeremonyMessage { ceremony, round })).collect()
}
