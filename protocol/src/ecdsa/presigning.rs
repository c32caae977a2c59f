//! Presigning: steps 4 to 9 of protocol 3.6 (ePrint 2023/765), all that does not need the message. For external review.
//!
//! ```text
//!   Extending ── every peer's extension ──▶ Multiplying ── every peer's multiplication ──▶ Made
//! ```
//! The message enters that protocol at one place, step 9: `wᵢ = H(m)·φᵢ + r·vᵢ`. So the library's own phases 1, 2 and 3 are run with a
//! digest of zero, every one of their checks included, and give `uᵢ` and `r·vᵢ`; `φᵢ`, which they use and do not return, is kept beside
//! them. The library also puts the digest into its session ids, which have to be fresh in each attempt and equal among the signers:
//! `sign_id` stands for it there, and binds ceremony, key, epoch, signers, path and number.
//!
//! A child key (BIP-32, additive: `sk + δ`) has `vᵢ + δ·φᵢ` for `vᵢ`, because `Σ φᵢ·(sk + δ) = Σ vᵢ + δ·Σ φᵢ`. That is added here, before
//! anybody knows the message: the presignature is the child's alone.

use std::collections::BTreeMap;

use cloister_wire::{
    bounded::SecretBytes,
    codec,
    ids::{CeremonyId, Hash, SignerId, UnixMillis},
    limits,
    peer::Round,
    refusal::Refusal,
    tag::Tag,
};
use dkls23::{
    protocols::{
        PartiesMessage, PartyIndex,
        signing::{
            KeepPhase1to2, KeepPhase2to3, SignData, TransmitPhase1to2, TransmitPhase2to3, UniqueKeep1to2,
            UniqueKeep2to3,
        },
    },
    utilities::{multiplication::OT_WIDTH, ot::extension::BATCH_SIZE},
};
use k256_dkls::{AffinePoint, ProjectivePoint, Scalar, Secp256k1, elliptic_curve::group::GroupEncoding as _};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{
    Abort, POINT, Pairs, Share, index,
    presignature::{Presignature, Secret},
    read, reduced, scalar, signer, write,
};
use crate::child::Child;

/// What a batch of presignatures is about. Signers who disagree on any of it get a session mismatch, which harms nobody.
pub(crate) struct Terms {
    /// Jointly random.
    pub(crate) ceremony: CeremonyId,
    /// Hash of the key's certificate: group, manifest, key, epoch.
    pub(crate) key: Hash,
    /// The exact signers, rising.
    pub(crate) signers: Vec<SignerId>,
    /// The child that they are for.
    pub(crate) child: Child,
    /// How many are made.
    pub(crate) count: u16,
}

/// Presignatures that are made together. Whatever fails, all of them are gone.
pub(crate) struct Batch {
    terms: Terms,
    me: PartyIndex,
    tweak: Scalar,
    sessions: Vec<SignData>,
    /// Each peer's commitment to its nonce point, and its oblivious-transfer extension as receiver.
    extensions: BTreeMap<SignerId, Vec<TransmitPhase1to2>>,
    /// Each peer's opening, and its half of the multiplication as sender.
    multiplications: BTreeMap<SignerId, Vec<TransmitPhase2to3<Secp256k1>>>,
    stage: Stage,
}

type Kept<K> = BTreeMap<PartyIndex, K>;
type Sent = Vec<(SignerId, Round)>;

#[expect(clippy::vec_box, reason = "a secret that is moved out of a vector stays behind in its memory")]
enum Stage {
    Extending(Vec<(UniqueKeep1to2<Secp256k1>, Kept<KeepPhase1to2<Secp256k1>>)>),
    Multiplying(Vec<(UniqueKeep2to3<Secp256k1>, Kept<KeepPhase2to3<Secp256k1>>)>),
    Made(Vec<Box<Secret>>),
    Over,
}

impl Batch {
    /// Begins.
    pub(crate) fn begin(pairs: &mut Pairs, share: &Share, me: SignerId, terms: Terms) -> Result<(Self, Sent), Abort> {
        let me = index(me)?;
        let counterparties: Vec<_> =
            terms.signers.iter().map(|signer| index(*signer)).collect::<Result<Vec<_>, _>>()?;
        let counterparties: Vec<_> = counterparties.into_iter().filter(|index| *index != me).collect();
        let session = |number| SignData {
            sign_id: terms.sign_id(number).as_bytes().to_vec(),
            counterparties: counterparties.clone(),
            message_hash: [0; 32],
        };
        let sessions: Vec<_> = (0..terms.count).map(session).collect();
        // Secrets lie in vectors that do not grow: what they leave behind when they move, nobody erases.
        let (mut kept, mut columns) = (Vec::with_capacity(sessions.len()), Columns::new(&counterparties));
        for session in &sessions {
            let (unique, kept_pairs, messages) = pairs.with(share, |party| party.sign_phase1(session))??;
            messages.into_iter().for_each(|message| columns.add(message.parties.receiver, message));
            kept.push((unique, kept_pairs));
        }
        let sent = columns.send(Round::Extensions)?;
        let tweak = scalar(terms.child.tweak()).ok_or(Abort::Fatal)?;
        let (extensions, multiplications) = (BTreeMap::new(), BTreeMap::new());
        let stage = Stage::Extending(kept);
        Ok((Self { terms, me, tweak, sessions, extensions, multiplications, stage }, sent))
    }

    /// Takes a peer's message; returns what to send.
    pub(crate) fn receive(
        &mut self,
        pairs: &mut Pairs,
        share: &Share,
        from: SignerId,
        round: Round,
    ) -> Result<Sent, Abort> {
        self.store(from, round)?;
        let others = self.terms.signers.len().saturating_sub(1);
        let mut sent = Sent::new();
        // A stage that fails is gone.
        if self.extensions.len() == others && matches!(self.stage, Stage::Extending(_)) {
            sent = self.multiply(pairs, share)?;
        }
        if self.multiplications.len() == others && matches!(self.stage, Stage::Multiplying(_)) {
            self.make(pairs, share)?;
        }
        Ok(sent)
    }

    /// The presignatures by id, once they are made.
    pub(crate) fn finish(&mut self, now: UnixMillis) -> Option<Vec<(Hash, Presignature)>> {
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Made(secrets) => {
                let Terms { ceremony, signers, child, .. } = &self.terms;
                let presignature = |secret| Presignature::new(now, signers.clone(), child.path().to_vec(), secret);
                let ids = (0..self.terms.count).map(|number| ceremony.presignature(number));
                Some(ids.zip(secrets.into_iter().map(presignature)).collect())
            }
            other => {
                self.stage = other;
                None
            }
        }
    }

    fn store(&mut self, from: SignerId, round: Round) -> Result<(), Abort> {
        if !self.terms.signers.contains(&from) || index(from)? == self.me {
            return Err(Refusal::CeremonyFailed.into());
        }
        let fresh = match round {
            Round::Extensions(bytes) => {
                let extensions =
                    self.messages(from, bytes.as_slice(), |message: &TransmitPhase1to2| &message.parties)?;
                self.extensions.insert(from, extensions).is_none()
            }
            Round::Multiplications(bytes) => {
                let multiplications =
                    self.messages(from, bytes.as_slice(), |message: &TransmitPhase2to3<_>| &message.parties)?;
                if !multiplications.iter().all(is_whole) {
                    return Err(Abort::on(from));
                }
                self.multiplications.insert(from, multiplications).is_none()
            }
            Round::Commitment(_) | Round::Broadcast(_) | Round::Echo(_) | Round::Share(_) => false,
        };
        if fresh { Ok(()) } else { Err(Abort::on(from)) }
    }

    /// One message for each presignature, all from `from` to us.
    fn messages<M: DeserializeOwned>(
        &self,
        from: SignerId,
        bytes: &[u8],
        parties: impl Fn(&M) -> &PartiesMessage,
    ) -> Result<Vec<M>, Abort> {
        let sender = index(from)?;
        let messages: Vec<M> = read(bytes).ok_or(Abort::on(from))?;
        let is_ours = |message: &M| parties(message).sender == sender && parties(message).receiver == self.me;
        let all = messages.len() == usize::from(self.terms.count) && messages.iter().all(is_ours);
        if all { Ok(messages) } else { Err(Abort::on(from)) }
    }

    fn multiply(&mut self, pairs: &mut Pairs, share: &Share) -> Result<Sent, Abort> {
        let Stage::Extending(kept) = core::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Abort::Fatal);
        };
        let mut received = Rows::of(core::mem::take(&mut self.extensions));
        let mut columns = Columns::new(&self.counterparties());
        let mut next = Vec::with_capacity(self.sessions.len());
        for (session, (unique, own)) in self.sessions.iter().zip(kept) {
            let row = received.next()?;
            let (unique, own, messages) =
                pairs.with(share, |party| party.sign_phase2(session, unique, own, &row))??;
            messages.into_iter().for_each(|message| columns.add(message.parties.receiver, message));
            next.push((unique, own));
        }
        self.stage = Stage::Multiplying(next);
        columns.send(Round::Multiplications)
    }

    #[expect(clippy::arithmetic_side_effects, reason = "a field and its group know no overflow")]
    fn make(&mut self, pairs: &mut Pairs, share: &Share) -> Result<(), Abort> {
        let Stage::Multiplying(kept) = core::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(Abort::Fatal);
        };
        let mut received = Rows::of(core::mem::take(&mut self.multiplications));
        let mut made = Vec::with_capacity(self.sessions.len());
        for (session, (unique, own)) in self.sessions.iter().zip(kept) {
            let row = received.next()?;
            let mask = Zeroizing::new(unique.inversion_mask);
            let ours = ProjectivePoint::from(unique.instance_point);
            let sum = row.iter().fold(ours, |sum, message| sum + message.instance_point);
            let (x, shares) = pairs.with(share, |party| party.sign_phase3(session, unique, own, &row))??;
            made.push(self.secret(sum.to_affine(), &x, &mask, &shares.u, &shares.w)?);
        }
        self.stage = Stage::Made(made);
        Ok(())
    }

    /// R, checked against what the library made of it, with what belongs to it; `w` is the root's.
    #[expect(clippy::arithmetic_side_effects, reason = "a field and its group know no overflow")]
    fn secret(&self, sum: AffinePoint, x: &str, mask: &Scalar, u: &Scalar, w: &Scalar) -> Result<Box<Secret>, Abort> {
        let point = <[u8; POINT]>::try_from(sum.to_bytes().as_slice()).map_err(|_| Abort::Fatal)?;
        let coordinate = Hash::try_from(point.get(1..).unwrap_or_default()).map_err(|_| Abort::Fatal)?;
        if coordinate.to_string() != x {
            return Err(Abort::Fatal);
        }
        let r = reduced(coordinate.as_bytes());
        Ok(Box::new(Secret { point, mask: *mask, u: *u, w: *w + r * self.tweak * mask }))
    }

    /// The other signers.
    pub(crate) fn peers(&self) -> Vec<SignerId> {
        self.counterparties().into_iter().filter_map(signer).collect()
    }

    fn counterparties(&self) -> Vec<PartyIndex> {
        self.sessions.first().map(|session| session.counterparties.clone()).unwrap_or_default()
    }
}

/// Whether there are as many rows of as many corrections as there have to be. The library asks as well, once every peer's message is there; until
/// then, an empty row, which is a byte of a message, would take 24 of memory.
fn is_whole(message: &TransmitPhase2to3<Secp256k1>) -> bool {
    let rows = &message.mul_transmit.vector_of_tau;
    rows.len() == usize::from(OT_WIDTH) && rows.iter().all(|row| row.len() == usize::from(BATCH_SIZE))
}

impl Terms {
    fn sign_id(&self, number: u16) -> Hash {
        let signers = self.signers.as_slice();
        let terms = (self.ceremony, self.key, signers, self.child.path(), number);
        Tag::PRESIGNING.hash(&codec::encode(&terms))
    }
}

/// Messages of a whole batch, by receiver.
struct Columns<M>(Vec<(PartyIndex, Vec<M>)>);

impl<M: Serialize> Columns<M> {
    fn new(receivers: &[PartyIndex]) -> Self {
        Self(receivers.iter().map(|receiver| (*receiver, Vec::new())).collect())
    }

    fn add(&mut self, receiver: PartyIndex, message: M) {
        if let Some((_, column)) = self.0.iter_mut().find(|(index, _)| *index == receiver) {
            column.push(message);
        }
    }

    fn send(self, round: impl Fn(SecretBytes<{ limits::PAIRWISE }>) -> Round) -> Result<Sent, Abort> {
        let column = |(receiver, column): (PartyIndex, Vec<M>)| {
            Ok((signer(receiver).ok_or(Abort::Fatal)?, round(write(&column)?)))
        };
        self.0.into_iter().map(column).collect()
    }
}

/// Messages of a whole batch, by presignature.
struct Rows<M>(Vec<std::vec::IntoIter<M>>);

impl<M> Rows<M> {
    fn of(received: BTreeMap<SignerId, Vec<M>>) -> Self {
        Self(received.into_values().map(Vec::into_iter).collect())
    }

    fn next(&mut self) -> Result<Vec<M>, Abort> {
        self.0.iter_mut().map(|messages| messages.next().ok_or(Abort::Fatal)).collect()
    }
}
