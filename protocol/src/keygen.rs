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
mod tests {
    use std::collections::VecDeque;

    use frost_core::{Ciphersuite, Field, Group};
    use frost_ed25519::Ed25519Sha512;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::*;

    type Mail = VecDeque<(SignerId, SignerId, Round)>;

    /// Signers 1 and 2 are honest and know nothing of each other but their messages; the test is signer 3.
    struct Table {
        honest: [Box<dyn Keygen>; 2],
        mail: Mail,
        evil: Vec<(SignerId, Round)>,
    }

    fn id(number: u16) -> SignerId {
        number.try_into().unwrap()
    }

    fn rng(seed: u16) -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(seed.into())
    }

    fn terms(me: u16, signers: &[SignerId], ceremony: u8) -> Terms<'_> {
        let ceremony = CeremonyId::from_bytes([ceremony; 32]);
        Terms { scheme: Scheme::Ed25519, ceremony, me: id(me), signers, threshold: 2 }
    }

    impl Table {
        fn laid() -> Self {
            let signers = [1, 2, 3].map(id);
            let [one, two] = [1, 2].map(|me| begin(&terms(me, &signers, 7), &mut rng(me)).unwrap());
            let mut table = Self { honest: [one.keygen, two.keygen], mail: Mail::new(), evil: Vec::new() };
            table.post(id(1), one.sent);
            table.post(id(2), two.sent);
            table
        }

        fn post(&mut self, from: SignerId, sent: Vec<(SignerId, Round)>) {
            self.mail.extend(sent.into_iter().map(|(to, round)| (from, to, round)));
        }

        /// Signer 3 says something to an honest signer; what it broadcasts, it commits to before.
        fn say(&mut self, to: u16, round: Round) -> Result<(), Blame> {
            if let Round::Broadcast(broadcast) = &round {
                let hash = commitment(CeremonyId::from_bytes([7; 32]), id(3), broadcast);
                self.say_bare(to, Round::Commitment(hash))?;
            }
            self.say_bare(to, round)
        }

        fn say_bare(&mut self, to: u16, round: Round) -> Result<(), Blame> {
            let sent = self.honest[usize::from(to) - 1].receive(id(3), round)?;
            self.post(id(to), sent);
            Ok(())
        }

        /// Delivers among the honest; what is for signer 3 is kept.
        fn settle(&mut self) -> Result<(), Blame> {
            while let Some((from, to, round)) = self.mail.pop_front() {
                if to == id(3) {
                    self.evil.push((from, round));
                } else {
                    let sent = self.honest[usize::from(to.get()) - 1].receive(from, round)?;
                    self.post(to, sent);
                }
            }
            Ok(())
        }

        /// Says the same to both.
        fn say_to_all(&mut self, round: &Round) -> Result<(), Blame> {
            self.say(1, round.clone())?;
            self.say(2, round.clone())?;
            self.settle()
        }

        /// Repeats the echo that the honest signers sent.
        fn echo(&mut self) -> Result<(), Blame> {
            let echo = self.evil.iter().find(|(_, round)| matches!(round, Round::Echo(_))).unwrap().1.clone();
            self.say_to_all(&echo)
        }

        fn shares_sent(&self) -> usize {
            self.evil.iter().filter(|(_, round)| matches!(round, Round::Share(_))).count()
        }

        fn keys(&mut self) -> usize {
            self.honest.iter_mut().filter_map(|keygen| keygen.finish()).count()
        }
    }

    type Secret = round1::SecretPackage<Ed25519Sha512>;

    /// An honest first message of signer 3, with a polynomial of `threshold` coefficients and the proof made for `identity`.
    fn broadcast(identity: u16, threshold: u16) -> (Secret, Round) {
        broadcast_of(3, identity, threshold)
    }

    fn broadcast_of(seed: u16, identity: u16, threshold: u16) -> (Secret, Round) {
        let (secret, package) =
            dkg::part1::<Ed25519Sha512, _>(identifier(id(identity)), 3, threshold, rng(seed)).unwrap();
        (secret, Round::Broadcast(package.serialize().unwrap().try_into().unwrap()))
    }

    fn blames(culprit: u16) -> Result<(), Blame> {
        Err(Blame::on(id(culprit)))
    }

    /// The share f(signer) of signer 3's polynomial.
    fn share_for(
        secret: &Secret,
        signer: u16,
    ) -> <<<Ed25519Sha512 as Ciphersuite>::Group as Group>::Field as Field>::Scalar {
        let others = [1, 2].map(|peer| {
            let package = dkg::part1::<Ed25519Sha512, _>(identifier(id(peer)), 3, 2, rng(peer)).unwrap().1;
            (identifier(id(peer)), package)
        });
        let (_, packages) = dkg::part2(secret.clone(), &others.into()).unwrap();
        packages[&identifier(id(signer))].signing_share().to_scalar()
    }

    fn share(scalar: <<<Ed25519Sha512 as Ciphersuite>::Group as Group>::Field as Field>::Scalar) -> Round {
        Round::Share(SigningShare::<Ed25519Sha512>::new(scalar).serialize().try_into().unwrap())
    }

    #[test]
    fn an_honest_third_signer_gives_everybody_a_share() {
        let mut table = Table::laid();
        let (secret, first) = broadcast(3, 2);
        table.say_to_all(&first).unwrap();
        assert_eq!(table.shares_sent(), 0, "no share before the echoes");
        table.echo().unwrap();
        assert_eq!(table.shares_sent(), 2);
        for signer in [1, 2] {
            table.say(signer, share(share_for(&secret, signer))).unwrap();
        }
        table.settle().unwrap();
        assert_eq!(table.keys(), 2);
    }

    #[test]
    fn broadcasts_that_differ_by_receiver_end_the_ceremony_before_any_share_is_sent() {
        let mut table = Table::laid();
        table.say(1, broadcast_of(3, 3, 2).1).unwrap();
        table.say(2, broadcast_of(4, 3, 2).1).unwrap();
        let echo = Round::Echo(Hash::from_bytes([0; 32]));
        let mismatch = Err(Blame::nobody(Refusal::EchoMismatch));
        assert_eq!(table.settle().and_then(|()| table.say_to_all(&echo)), mismatch);
        assert_eq!((table.shares_sent(), table.keys()), (0, 0));
    }

    #[test]
    fn nobody_broadcasts_before_everybody_has_committed() {
        let mut table = Table::laid();
        table.settle().unwrap();
        assert!(table.evil.iter().all(|(_, round)| matches!(round, Round::Commitment(_))));
        table.say_to_all(&Round::Commitment(Hash::from_bytes([1; 32]))).unwrap();
        assert!(table.evil.iter().any(|(_, round)| matches!(round, Round::Broadcast(_))));
    }

    #[test]
    fn a_broadcast_that_was_not_committed_to_names_its_sender() {
        let mut table = Table::laid();
        table.say_to_all(&Round::Commitment(Hash::from_bytes([1; 32]))).unwrap();
        assert_eq!(table.say_bare(1, broadcast(3, 2).1), blames(3));
        assert_eq!(table.shares_sent(), 0);
    }

    #[test]
    fn an_echo_of_other_broadcasts_ends_the_ceremony_before_any_share_is_sent() {
        let mut table = Table::laid();
        table.say_to_all(&broadcast(3, 2).1).unwrap();
        let echo = Round::Echo(Hash::from_bytes([0; 32]));
        assert_eq!(table.say_to_all(&echo), Err(Blame::nobody(Refusal::EchoMismatch)));
        assert_eq!((table.shares_sent(), table.keys()), (0, 0));
    }

    #[test]
    fn the_echo_binds_the_ceremony() {
        let signers = [1, 2].map(id);
        let echo_in = |ceremony| {
            let Round::Broadcast(theirs) = broadcast_of(2, 2, 2).1 else { panic!() };
            let mut keygen = begin(&terms(1, &signers, ceremony), &mut rng(1)).unwrap().keygen;
            let hash = commitment(CeremonyId::from_bytes([ceremony; 32]), id(2), &theirs);
            keygen.receive(id(2), Round::Commitment(hash)).unwrap();
            let sent = keygen.receive(id(2), Round::Broadcast(theirs)).unwrap();
            sent.into_iter().find_map(|(_, round)| if let Round::Echo(echo) = round { Some(echo) } else { None })
        };
        assert_eq!(echo_in(7), echo_in(7), "the same random numbers, so that only the ceremony differs");
        assert_ne!(echo_in(7), echo_in(8));
    }

    #[test]
    fn a_proof_of_knowledge_made_for_another_signer_names_its_sender() {
        let mut table = Table::laid();
        table.say_to_all(&broadcast(2, 2).1).unwrap();
        assert_eq!(table.echo(), blames(3));
        assert_eq!(table.keys(), 0);
    }

    #[test]
    fn another_signers_first_message_repeated_names_the_one_who_repeated_it() {
        let mut table = Table::laid();
        table.say_to_all(&broadcast_of(2, 2, 2).1).unwrap();
        assert_eq!(table.echo(), blames(3));
    }

    #[test]
    fn a_polynomial_of_another_degree_names_its_sender() {
        let mut table = Table::laid();
        table.say_to_all(&broadcast(3, 3).1).unwrap();
        assert_eq!(table.echo(), blames(3), "one coefficient more: the key would need another signer");
        let mut table = Table::laid();
        table.say_to_all(&constant_polynomial()).unwrap();
        assert_eq!(table.echo(), blames(3), "a constant: every share would be the secret");
    }

    /// A first message with one coefficient, which the library does not make.
    fn constant_polynomial() -> Round {
        let (_, package) = dkg::part1::<Ed25519Sha512, _>(identifier(id(3)), 3, 2, rng(3)).unwrap();
        let first = package.commitment().serialize().unwrap().remove(0);
        let commitment = frost_core::keys::VerifiableSecretSharingCommitment::deserialize([first]).unwrap();
        let package = round1::Package::new(commitment, *package.proof_of_knowledge());
        Round::Broadcast(package.serialize().unwrap().try_into().unwrap())
    }

    #[test]
    fn a_share_that_does_not_fit_its_senders_commitment_names_the_sender() {
        let mut table = Table::laid();
        let (secret, first) = broadcast(3, 2);
        table.say_to_all(&first).unwrap();
        table.echo().unwrap();
        assert_eq!(table.say(1, share(share_for(&secret, 2))), blames(3), "the other signer's share");
        assert!(table.honest[0].finish().is_none());
    }

    #[test]
    fn a_second_message_of_a_kind_names_its_sender_unless_it_is_equal() {
        let mut table = Table::laid();
        let first = broadcast(3, 2).1;
        assert_eq!(table.say(1, first.clone()), Ok(()));
        assert_eq!(table.say(1, first), Ok(()));
        assert_eq!(table.say(1, broadcast_of(4, 3, 2).1), blames(3));
        let mut table = Table::laid();
        assert_eq!(table.say(1, Round::Echo(Hash::from_bytes([1; 32]))), Ok(()));
        assert_eq!(table.say(1, Round::Echo(Hash::from_bytes([2; 32]))), blames(3));
    }

    #[test]
    fn a_message_that_comes_before_its_round_is_kept_for_it() {
        let mut table = Table::laid();
        let (secret, first) = broadcast(3, 2);
        for signer in [1, 2] {
            table.say(signer, share(share_for(&secret, signer))).unwrap();
        }
        table.say_to_all(&first).unwrap();
        table.echo().unwrap();
        assert_eq!(table.keys(), 2);
    }

    #[test]
    fn bytes_that_are_no_package_name_their_sender() {
        let mut table = Table::laid();
        for garbage in [vec![7; 31], vec![0xff; 32]] {
            assert_eq!(table.say(1, Round::Share(garbage.try_into().unwrap())), blames(3));
        }
        let garbage = vec![7; 40];
        let mut table = Table::laid();
        table.say_to_all(&Round::Broadcast(garbage.try_into().unwrap())).unwrap();
        assert_eq!(table.echo(), blames(3));
    }

    #[test]
    fn nobody_outside_of_the_ceremony_is_listened_to() {
        let mut table = Table::laid();
        let outsider = table.honest[0].receive(id(4), broadcast(3, 2).1).map(drop);
        assert_eq!(outsider, Err(Blame::nobody(Refusal::CeremonyFailed)));
        let itself = table.honest[0].receive(id(1), broadcast(3, 2).1).map(drop);
        assert_eq!(itself, Err(Blame::nobody(Refusal::CeremonyFailed)));
    }
}
