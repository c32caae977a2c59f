//! Distributed key generation of one key, one signer's side (FROST's DKG: RFC 9591 leaves it out; Komlo–Goldberg, ePrint 2020/852,
//! figure 1, as `frost-core` implements it), with the broadcast channel that the paper assumes made by an echo, and a commitment before it.
//!
//! ```text
//!   Committing ── all hashes here ──▶ Broadcasting ── all broadcasts here ──▶ Echoing ── all echoes equal ──▶ Sharing ── all shares here ──▶ Made
//! ```
//! Everybody commits to its broadcast before it sees another's, as in the key generation that DKLs23 builds on (ePrint 2023/602, protocol
//! 9.1): without it, who speaks last could choose among public keys (Gennaro, Jarecki, Krawczyk, Rabin, J. Cryptology 20, 2007).
//! No secret leaves before every signer has shown that it received the same broadcasts. Messages may come early and are kept, one of
//! each kind from each peer; a second one of the same kind fails the ceremony unless it is equal.

use std::collections::BTreeMap;

use cloister_wire::{
    bounded::Bytes,
    codec,
    ids::{CeremonyId, Hash, SignerId},
    peer::Round,
    refusal::Refusal,
    request::Scheme,
    tag::Tag,
};
use frost_core::keys::{
    SigningShare,
    dkg::{self, round1, round2},
};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::{
    fault::Fault,
    share::{Share, Sharing},
    suite::{Suite, identifier},
};

/// A key generation of any scheme.
pub(crate) trait Keygen: Send {
    /// Takes a peer's message; returns what to send.
    fn receive(&mut self, from: SignerId, round: Round) -> Result<Vec<(SignerId, Round)>, Blame>;

    /// The new share, once there is one.
    fn finish(&mut self) -> Option<Made>;
}

/// A check that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blame {
    pub(crate) refusal: Refusal,
    /// Whose message it was, where that is certain.
    pub(crate) culprit: Option<SignerId>,
}

/// A share as key generation leaves it: to be sealed, and to be described in a certificate.
pub(crate) struct Made {
    pub(crate) share: Box<dyn Share>,
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) public_package: Vec<u8>,
    pub(crate) transcript: Hash,
}

/// What a key generation is about.
pub(crate) struct Terms<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) ceremony: CeremonyId,
    pub(crate) me: SignerId,
    pub(crate) signers: &'a [SignerId],
    pub(crate) threshold: u16,
}

/// A key generation with its first messages: this signer's broadcast.
pub(crate) struct Begun {
    pub(crate) keygen: Box<dyn Keygen>,
    pub(crate) sent: Vec<(SignerId, Round)>,
}

/// Begins.
pub(crate) fn begin(terms: &Terms<'_>, rng: &mut dyn CryptoRngCore) -> Result<Begun, Fault> {
    match terms.scheme {
        Scheme::Ed25519 => Generation::<frost_ed25519::Ed25519Sha512>::begin(terms, rng),
        Scheme::Secp256k1Taproot => Generation::<frost_secp256k1_tr::Secp256K1Sha256TR>::begin(terms, rng),
        Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => {
            Generation::<frost_secp256k1::Secp256K1Sha256>::begin(terms, rng)
        }
    }
}

struct Generation<C: Suite> {
    scheme: Scheme,
    ceremony: CeremonyId,
    me: SignerId,
    threshold: u16,
    peers: Vec<SignerId>,
    commitments: BTreeMap<SignerId, Hash>,
    broadcasts: BTreeMap<SignerId, Broadcast>,
    echoes: BTreeMap<SignerId, Hash>,
    shares: BTreeMap<SignerId, round2::Package<C>>,
    stage: Stage<C>,
}

/// As everybody gets it.
type Broadcast = Bytes<{ cloister_wire::limits::PUBLIC_PACKAGE }>;

enum Stage<C: Suite> {
    Committing(round1::SecretPackage<C>),
    Broadcasting(round1::SecretPackage<C>),
    Echoing(round1::SecretPackage<C>, Hash),
    Sharing(round2::SecretPackage<C>, Hash),
    Made(Box<Sharing<C>>, Hash),
    Over,
}

/// Stages either go on, with messages to send, or wait for more.
enum Progress<C: Suite> {
    On(Stage<C>, Vec<(SignerId, Round)>),
    Wait(Stage<C>),
}

impl<C: Suite> Generation<C> {
    fn begin(terms: &Terms<'_>, rng: &mut dyn CryptoRngCore) -> Result<Begun, Fault> {
        let signers = u16::try_from(terms.signers.len()).map_err(|_| Fault::Fatal)?;
        let (secret, package) =
            dkg::part1::<C, _>(identifier(terms.me), signers, terms.threshold, rng).map_err(|_| Fault::Fatal)?;
        let broadcast: Broadcast = package.serialize().map_err(|_| Fault::Fatal)?.try_into()?;
        let peers: Vec<_> = terms.signers.iter().copied().filter(|signer| *signer != terms.me).collect();
        let commitment = commitment(terms.ceremony, terms.me, &broadcast);
        let sent = peers.iter().map(|peer| (*peer, Round::Commitment(commitment))).collect();
        let generation = Self {
            scheme: terms.scheme,
            ceremony: terms.ceremony,
            me: terms.me,
            threshold: terms.threshold,
            peers,
            commitments: BTreeMap::new(),
            broadcasts: BTreeMap::from([(terms.me, broadcast)]),
            echoes: BTreeMap::new(),
            shares: BTreeMap::new(),
            stage: Stage::Committing(secret),
        };
        Ok(Begun { keygen: Box::new(generation), sent })
    }

    fn store(&mut self, from: SignerId, round: Round) -> Result<(), Blame> {
        if !self.peers.contains(&from) {
            return Err(Blame::nobody(Refusal::CeremonyFailed));
        }
        let fresh = match round {
            Round::Commitment(hash) => keep(&mut self.commitments, from, hash),
            Round::Broadcast(package) => keep(&mut self.broadcasts, from, package),
            Round::Echo(echo) => keep(&mut self.echoes, from, echo),
            Round::Share(share) => {
                let share = SigningShare::deserialize(share.as_slice()).map_err(|_| Blame::on(from))?;
                keep(&mut self.shares, from, round2::Package::new(share))
            }
            Round::Extensions(_) | Round::Multiplications(_) => false,
        };
        if fresh { Ok(()) } else { Err(Blame::on(from)) }
    }

    fn advance(&mut self) -> Result<Vec<(SignerId, Round)>, Blame> {
        let mut sent = Vec::new();
        loop {
            // A stage that fails is gone: the ceremony cannot be taken up again.
            let progress = match core::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Committing(secret) => self.broadcast(secret)?,
                Stage::Broadcasting(secret) => self.echo(secret)?,
                Stage::Echoing(secret, echo) => self.share(secret, echo)?,
                Stage::Sharing(secret, echo) => self.make(secret, echo)?,
                done @ (Stage::Made(..) | Stage::Over) => Progress::Wait(done),
            };
            match progress {
                Progress::On(stage, messages) => {
                    self.stage = stage;
                    sent.extend(messages);
                }
                Progress::Wait(stage) => {
                    self.stage = stage;
                    return Ok(sent);
                }
            }
        }
    }

    /// Everybody has committed: broadcast.
    fn broadcast(&self, secret: round1::SecretPackage<C>) -> Result<Progress<C>, Blame> {
        if self.commitments.len() < self.peers.len() {
            return Ok(Progress::Wait(Stage::Committing(secret)));
        }
        let own = self.broadcasts.get(&self.me).ok_or(Blame::nobody(Refusal::CeremonyFailed))?;
        Ok(Progress::On(Stage::Broadcasting(secret), self.to_all(&Round::Broadcast(own.clone()))))
    }

    /// All broadcasts are here, and what was committed to: say what they were.
    fn echo(&self, secret: round1::SecretPackage<C>) -> Result<Progress<C>, Blame> {
        if self.broadcasts.len() <= self.peers.len() {
            return Ok(Progress::Wait(Stage::Broadcasting(secret)));
        }
        let opened = |from: &SignerId| {
            let broadcast = self.broadcasts.get(from).map(|sent| commitment(self.ceremony, *from, sent));
            broadcast.as_ref() == self.commitments.get(from)
        };
        if let Some(culprit) = self.peers.iter().find(|peer| !opened(peer)) {
            return Err(Blame::on(*culprit));
        }
        let broadcasts: Vec<_> = self.broadcasts.iter().collect();
        let echo = Tag::ECHO.hash(&codec::encode(&(self.ceremony, broadcasts)));
        Ok(Progress::On(Stage::Echoing(secret, echo), self.to_all(&Round::Echo(echo))))
    }

    /// All echoes are here: if they are equal, check the proofs of knowledge and send each peer its secret share.
    fn share(&self, secret: round1::SecretPackage<C>, echo: Hash) -> Result<Progress<C>, Blame> {
        if self.echoes.len() < self.peers.len() {
            return Ok(Progress::Wait(Stage::Echoing(secret, echo)));
        }
        if self.echoes.values().any(|theirs| *theirs != echo) {
            return Err(Blame::nobody(Refusal::EchoMismatch));
        }
        let (secret, packages) = dkg::part2(secret, &self.broadcast_packages()?).map_err(|error| self.blame(&error))?;
        let send = |peer: &SignerId| {
            let share = packages.get(&identifier(*peer)).map(|package| package.signing_share().serialize());
            let share = share.and_then(|bytes| bytes.try_into().ok()).ok_or(Blame::nobody(Refusal::CeremonyFailed))?;
            Ok((*peer, Round::Share(share)))
        };
        let sent = self.peers.iter().map(send).collect::<Result<_, Blame>>()?;
        Ok(Progress::On(Stage::Sharing(secret, echo), sent))
    }

    /// All shares are here: check each against its sender's broadcast and add them up.
    fn make(&self, secret: round2::SecretPackage<C>, echo: Hash) -> Result<Progress<C>, Blame> {
        if self.shares.len() < self.peers.len() {
            return Ok(Progress::Wait(Stage::Sharing(secret, echo)));
        }
        let shares = self.shares.iter().map(|(peer, share)| (identifier(*peer), share.clone())).collect();
        let (key, public) =
            dkg::part3(&secret, &self.broadcast_packages()?, &shares).map_err(|error| self.blame(&error))?;
        Ok(Progress::On(Stage::Made(Box::new(Sharing { key, public }), echo), Vec::new()))
    }

    /// The peers' broadcasts, as the library takes them: without our own. Each commits to a polynomial of the threshold's degree.
    fn broadcast_packages(&self) -> Result<BTreeMap<frost_core::Identifier<C>, round1::Package<C>>, Blame> {
        let read = |(from, bytes): (&SignerId, &Bytes<_>)| {
            let package = round1::Package::deserialize(bytes.as_slice()).map_err(|_| Blame::on(*from))?;
            let coefficients = package.commitment().serialize().map_err(|_| Blame::on(*from))?;
            if coefficients.len() != usize::from(self.threshold) {
                return Err(Blame::on(*from));
            }
            Ok((identifier(*from), package))
        };
        self.broadcasts.iter().filter(|(from, _)| **from != self.me).map(read).collect()
    }

    fn to_all(&self, round: &Round) -> Vec<(SignerId, Round)> {
        self.peers.iter().map(|peer| (*peer, round.clone())).collect()
    }

    /// Whom the library blames.
    fn blame(&self, error: &frost_core::Error<C>) -> Blame {
        let culprits = error.culprits();
        let culprit = self.peers.iter().copied().find(|peer| culprits.contains(&identifier(*peer)));
        Blame { refusal: Refusal::CeremonyFailed, culprit }
    }
}

impl<C: Suite> Keygen for Generation<C> {
    fn receive(&mut self, from: SignerId, round: Round) -> Result<Vec<(SignerId, Round)>, Blame> {
        self.store(from, round)?;
        self.advance()
    }

    fn finish(&mut self) -> Option<Made> {
        match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Made(sharing, echo) => self.describe(*sharing, echo),
            other => {
                self.stage = other;
                None
            }
        }
    }
}

impl<C: Suite> Generation<C> {
    fn describe(&self, sharing: Sharing<C>, echo: Hash) -> Option<Made> {
        let (public_key, public_package) = sharing.public_bytes().ok()?;
        let public = Bytes::<{ cloister_wire::limits::PUBLIC_PACKAGE }>::try_from(public_package.as_slice()).ok()?;
        let transcript = Tag::TRANSCRIPT.hash(&codec::encode(&(self.ceremony, echo, public)));
        let secret = sharing.secret_bytes();
        let share = C::into_share(sharing, self.scheme).ok()?;
        Some(Made { share, secret, public_key, public_package, transcript })
    }
}

impl Blame {
    pub(crate) fn on(culprit: SignerId) -> Self {
        Self { refusal: Refusal::CeremonyFailed, culprit: Some(culprit) }
    }

    pub(crate) fn nobody(refusal: Refusal) -> Self {
        Self { refusal, culprit: None }
    }
}

/// What `signer` commits to before it broadcasts.
fn commitment(ceremony: CeremonyId, signer: SignerId, broadcast: &Broadcast) -> Hash {
    Tag::BROADCAST.hash(&codec::encode(&(ceremony, signer, broadcast)))
}

/// Keeps the first value; a second one is fine only if it is equal.
fn keep<T: PartialEq>(kept: &mut BTreeMap<SignerId, T>, from: SignerId, value: T) -> bool {
    match kept.get(&from) {
        Some(first) => *first == value,
        None => kept.insert(from, value).is_none(),
    }
}

#[cfg(test)]
mod tests;
