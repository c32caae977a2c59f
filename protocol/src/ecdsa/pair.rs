//! What two signers need of each other to sign with any key: ePrint 2023/765, functionalities 3.4 (zero shares) and 3.5 (random vector
//! oblivious linear evaluation), set up once for each pair of boots. For external review.
//!
//! ```text
//!   lower  ── Commit(nonce, H(seed)) ─────────────────────────▶ higher
//!          ◀── Commit(nonce, H(seed), answers the first), Open(seed, base transfers both ways) ──
//!          ── Open ──────────────────────────────────────────▶
//! ```
//! All of it goes under the channel between the two. The session that the library's proofs and transcripts are bound to is the hash of the
//! channel's handshake with both sides' fresh nonces. Every message names the nonce that it is for: what belongs to another set-up is
//! refused and touches nothing. Nothing of a pair is ever written. A set-up costs each side half a second of processor time, so that one
//! peer gets one in [`PAUSE_MS`]. Who has its pair does not begin anew, unless the peer says that it has none. A barred pair stays barred
//! while both boots live, whatever start orders name in between.

use std::collections::{BTreeMap, BTreeSet};

use cloister_wire::{
    codec,
    ids::{BootId, Hash, Nonce, SignerId, UnixMillis},
    limits,
    peer::PairRound,
    refusal::Refusal,
    tag::Tag,
};
use dkls23::{
    protocols::{Parameters, PartyIndex, derivation::DerivData},
    utilities::{
        multiplication::{MulReceiver, MulSender},
        ot::base::{OTReceiver, OTSender, Seed},
        proofs::{DLogProof, EncProof},
        zero_shares::{SeedPair, ZeroShare},
    },
};
use k256_dkls::{AffinePoint, Scalar, Secp256k1};
use rand_core::CryptoRngCore;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Abort, Party, Share, index, read, write};
use crate::{ceremony::fresh_nonce, fault::Fault};

/// How soon after a set-up the next one with the same peer may begin, milliseconds.
const PAUSE_MS: u64 = 5 * 1000;

/// One signer's pairs with all others.
pub(crate) struct Pairs {
    me: PartyIndex,
    running: BTreeMap<SignerId, Setup>,
    /// When the last set-up with each was begun.
    begun: BTreeMap<SignerId, UnixMillis>,
    /// Who stands for each signer under the start order in force.
    boots: BTreeMap<SignerId, BootId>,
    /// For good. Each was named by a start order, so that operators bound how many there can be.
    barred: BTreeSet<BootId>,
    /// The pairs, as the library keeps them. Key and secret are lent to it for one step at a time.
    party: Party,
}

/// A set-up under way.
struct Setup {
    me: PartyIndex,
    peer: PartyIndex,
    channel: Hash,
    nonce: Nonce,
    seed: Zeroizing<Seed>,
    salt: Zeroizing<Vec<u8>>,
    commitment: [u8; 32],
    opened: Option<Opened>,
}

/// This side's secrets of the base transfers, and what the peer committed to. The library erases none of them by itself.
struct Opened {
    session: Vec<u8>,
    committed: [u8; 32],
    as_receiver: OTSender<Secp256k1>,
    gadget_nonce: Scalar,
    as_sender: OTReceiver,
    correlation: Vec<bool>,
    exponents: Vec<Scalar>,
}

/// Opens the commitment to the seed, with the base transfers of both directions.
#[derive(Serialize, Deserialize)]
struct Opening {
    seed: Seed,
    salt: Vec<u8>,
    ot_proof: DLogProof<Secp256k1>,
    gadget_nonce: Scalar,
    ot_choices: Vec<EncProof<Secp256k1>>,
    ot_seed: Seed,
}

/// What a pair has in common.
struct Pair {
    sender: MulSender<Secp256k1>,
    receiver: MulReceiver<Secp256k1>,
    seed: SeedPair,
}

impl Pairs {
    /// No pairs yet among these boots.
    pub(crate) fn new(me: SignerId, boots: BTreeMap<SignerId, BootId>) -> Result<Self, Fault> {
        let derivation_data = DerivData {
            depth: 0,
            child_number: 0,
            parent_fingerprint: [0; 4],
            poly_point: Scalar::ZERO,
            pk: AffinePoint::IDENTITY,
            chain_code: [0; 32],
        };
        let party = Party {
            parameters: Parameters::new(2, 2).map_err(|_| Fault::Fatal)?,
            party_index: index(me)?,
            session_id: Vec::new(),
            poly_point: Scalar::ZERO,
            pk: AffinePoint::IDENTITY,
            zero_share: ZeroShare::initialize(Vec::with_capacity(limits::SIGNERS)),
            mul_senders: BTreeMap::new(),
            mul_receivers: BTreeMap::new(),
            derivation_data,
            address: String::new(),
        };
        let (running, begun, barred) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Ok(Self { me: index(me)?, running, begun, boots, barred, party })
    }

    /// What to send `peer`, if this signer has no set-up with it, over the channel whose handshake has this hash.
    pub(crate) fn ask(
        &mut self,
        now: UnixMillis,
        peer: SignerId,
        channel: Hash,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Option<PairRound>, Refusal> {
        match self.check([peer].iter()) {
            Ok(()) => Ok(None),
            Err(Refusal::PairMissing) if self.me < index(peer)? => self.begin(now, peer, channel, rng).map(Some),
            Err(Refusal::PairMissing) => Ok(Some(PairRound::Ask)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes a peer's message; returns what to send it. A set-up that fails is gone, and nothing of it is used again.
    pub(crate) fn receive(
        &mut self,
        now: UnixMillis,
        peer: SignerId,
        (channel, round): (Hash, PairRound),
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Vec<PairRound>, Abort> {
        let lower = self.me < index(peer)?;
        match round {
            PairRound::Ask if lower => Ok(vec![self.begin(now, peer, channel, rng)?]),
            PairRound::Commit { nonce, commitment, answers: None } if !lower => {
                let mut setup = self.fresh(now, peer, channel, rng)?;
                let sent = vec![setup.commit(Some(nonce)), setup.open(nonce, commitment)?];
                self.running.insert(peer, setup);
                Ok(sent)
            }
            PairRound::Commit { nonce, commitment, answers: Some(own) } if lower => {
                let setup = self.running.get_mut(&peer).filter(|setup| setup.nonce == own && setup.opened.is_none());
                Ok(vec![setup.ok_or(Refusal::CeremonyUnknown)?.open(nonce, commitment)?])
            }
            PairRound::Open { to, opening } => {
                let own = |setup: &Setup| setup.nonce == to && setup.opened.is_some();
                if !self.running.get(&peer).is_some_and(own) {
                    return Err(Refusal::CeremonyUnknown.into());
                }
                let setup = self.running.remove(&peer).ok_or(Abort::Fatal)?;
                self.insert(peer, setup.finish(peer, opening.as_slice())?)?;
                Ok(Vec::new())
            }
            PairRound::Ask | PairRound::Commit { .. } => Err(Refusal::CeremonyUnknown.into()),
        }
    }

    fn begin(
        &mut self,
        now: UnixMillis,
        peer: SignerId,
        channel: Hash,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<PairRound, Refusal> {
        let setup = self.fresh(now, peer, channel, rng)?;
        let commit = setup.commit(None);
        self.running.insert(peer, setup);
        Ok(commit)
    }

    /// A new set-up, instead of what was there; not too soon after the last one.
    fn fresh(
        &mut self,
        now: UnixMillis,
        peer: SignerId,
        channel: Hash,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Setup, Refusal> {
        if self.is_barred(peer) {
            return Err(Refusal::PairBarred);
        }
        if self.begun.get(&peer).is_some_and(|begun| begun.plus(PAUSE_MS) > now) {
            return Err(Refusal::Busy);
        }
        self.begun.insert(peer, now);
        self.forget(peer)?;
        Ok(Setup::begin(channel, self.me, index(peer)?, rng))
    }

    fn insert(&mut self, peer: SignerId, pair: Pair) -> Result<(), Refusal> {
        let index = index(peer)?;
        self.party.mul_senders.insert(index, pair.sender);
        self.party.mul_receivers.insert(index, pair.receiver);
        self.party.zero_share.seeds.push(pair.seed);
        Ok(())
    }

    /// Whether this signer can make presignatures with all of `peers`.
    pub(crate) fn check<'a>(&self, mut peers: impl Iterator<Item = &'a SignerId>) -> Result<(), Refusal> {
        peers.try_for_each(|peer| match index(*peer).map(|peer| self.party.mul_senders.contains_key(&peer)) {
            Ok(true) => Ok(()),
            _ if self.is_barred(*peer) => Err(Refusal::PairBarred),
            _ => Err(Refusal::PairMissing),
        })
    }

    /// Begins anew among the boots of another start order. One that was barred stays so, even if an order in between has left it out.
    pub(crate) fn renew(&mut self, boots: BTreeMap<SignerId, BootId>) {
        self.begun.clear();
        self.boots = boots;
        self.retain(|_| false);
    }

    /// Throws the set-up with `peer` away and makes no other with that boot.
    pub(crate) fn bar(&mut self, peer: SignerId) -> Result<(), Refusal> {
        self.barred.extend(self.boots.get(&peer));
        self.forget(peer)
    }

    fn is_barred(&self, peer: SignerId) -> bool {
        self.boots.get(&peer).is_some_and(|boot| self.barred.contains(boot))
    }

    /// Lends all pairs to one step with one key, whose secret is erased again after it.
    pub(super) fn with<T>(&mut self, key: &Share, step: impl FnOnce(&Party) -> T) -> Result<T, Fault> {
        let party = &mut self.party;
        party.parameters = key.parameters()?;
        party.session_id = key.session().as_bytes().to_vec();
        party.poly_point = key.secret()?;
        party.pk = *key.public_key();
        party.derivation_data.pk = *key.public_key();
        let result = step(party);
        self.party.poly_point.zeroize();
        Ok(result)
    }

    fn forget(&mut self, peer: SignerId) -> Result<(), Refusal> {
        let peer = index(peer)?;
        self.retain(|other| other != peer);
        Ok(())
    }

    /// Erases all pairs but those that `stays` is true of, what is under way included.
    fn retain(&mut self, stays: impl Fn(PartyIndex) -> bool) {
        self.running.retain(|_, setup| stays(setup.peer));
        self.party.mul_senders.retain(|peer, _| stays(*peer));
        self.party.mul_receivers.retain(|peer, _| stays(*peer));
        // A vector that closes a gap or grows leaves seeds behind where they were; one that is dropped erases them all.
        let mut seeds = Vec::with_capacity(limits::SIGNERS);
        seeds.extend(self.party.zero_share.seeds.iter().filter(|pair| stays(pair.index_counterparty)).cloned());
        self.party.zero_share.seeds = seeds;
    }
}

impl Setup {
    fn begin(channel: Hash, me: PartyIndex, peer: PartyIndex, rng: &mut dyn CryptoRngCore) -> Self {
        let nonce = fresh_nonce(rng);
        let (seed, commitment, salt) = ZeroShare::generate_seed_with_bound_commitment(&context(channel, me, peer));
        let (seed, salt) = (Zeroizing::new(seed), Zeroizing::new(salt));
        Self { me, peer, channel, nonce, seed, salt, commitment, opened: None }
    }

    /// This side's commitment.
    fn commit(&self, answers: Option<Nonce>) -> PairRound {
        PairRound::Commit { nonce: self.nonce, commitment: Hash::from_bytes(self.commitment), answers }
    }

    /// The peer has committed: opens, and makes this side of the base transfers.
    fn open(&mut self, theirs: Nonce, commitment: Hash) -> Result<PairRound, Abort> {
        let session = self.session(theirs);
        let (as_receiver, ot_proof, gadget_nonce) =
            MulReceiver::<Secp256k1>::init_phase1(&transfers(&session, self.me, self.peer));
        let (as_sender, correlation, exponents, ot_choices) =
            MulSender::<Secp256k1>::init_phase1(&transfers(&session, self.peer, self.me));
        let ot_seed = as_sender.seed;
        let committed = *commitment.as_bytes();
        self.opened = Some(Opened { session, committed, as_receiver, gadget_nonce, as_sender, correlation, exponents });
        let (seed, salt) = (*self.seed, self.salt.to_vec());
        let opening = Opening { seed, salt, ot_proof, gadget_nonce, ot_choices, ot_seed };
        Ok(PairRound::Open { to: theirs, opening: write(&opening)? })
    }

    /// The peer has opened: checks its side.
    fn finish(mut self, from: SignerId, bytes: &[u8]) -> Result<Pair, Abort> {
        let opened = self.opened.take().ok_or(Refusal::CeremonyUnknown)?;
        let opening: Opening = read(bytes).ok_or(Abort::on(from))?;
        let context = context(self.channel, self.peer, self.me);
        if !ZeroShare::verify_bound_seed(&opening.seed, &context, &opened.committed, &opening.salt) {
            return Err(Abort::on(from));
        }
        let receiver = MulReceiver::init_phase2(
            &opened.as_receiver,
            &transfers(&opened.session, self.me, self.peer),
            &opening.ot_seed,
            &opening.ot_choices,
            &opened.gadget_nonce,
        );
        let sender = MulSender::init_phase2(
            &opened.as_sender,
            &transfers(&opened.session, self.peer, self.me),
            opened.correlation.clone(),
            &opened.exponents,
            &opening.ot_proof,
            &opening.gadget_nonce,
        );
        // A set-up that fails here is never used: nothing of lasting state has leaked.
        let (sender, receiver) = sender.ok().zip(receiver.ok()).ok_or(Abort::on(from))?;
        let seed = ZeroShare::generate_seed_pair(self.me, self.peer, &self.seed, &opening.seed);
        Ok(Pair { sender, receiver, seed })
    }

    fn session(&self, theirs: Nonce) -> Vec<u8> {
        let (low, high) = if self.me < self.peer { (self.nonce, theirs) } else { (theirs, self.nonce) };
        Tag::PAIR.hash(&codec::encode(&(self.channel, low, high))).as_bytes().to_vec()
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.salt.zeroize();
        self.ot_seed.zeroize();
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.as_receiver.s.zeroize();
        self.as_sender.seed.zeroize();
        self.correlation.zeroize();
        self.exponents.zeroize();
    }
}

/// What the commitment to `sender`'s seed is bound to.
fn context(channel: Hash, sender: PartyIndex, receiver: PartyIndex) -> [u8; 32] {
    ZeroShare::seed_context(Tag::PAIR.text().as_bytes(), &[channel.as_bytes()], sender, receiver)
}

/// The session of one direction's base transfers.
fn transfers(session: &[u8], receiver: PartyIndex, sender: PartyIndex) -> Vec<u8> {
    [session, &[receiver.as_u8(), sender.as_u8()]].concat()
}
