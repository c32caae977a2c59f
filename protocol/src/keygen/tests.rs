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
    let (secret, package) = dkg::part1::<Ed25519Sha512, _>(identifier(id(identity)), 3, threshold, rng(seed)).unwrap();
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
