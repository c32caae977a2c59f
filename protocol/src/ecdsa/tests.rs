//! Whole runs among signers who know nothing of each other but their messages; signatures are judged by another version of `k256`.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
};

use cloister_wire::{
    bounded::Bytes,
    certificate::CertificateBody,
    ids::{BootId, CeremonyId, Hash, SignerId, UnixMillis},
    message::{Package, SignerCommitment},
    peer::{PairRound, Round},
    refusal::Refusal,
    request::Scheme,
};
use dkls23::protocols::signing::{TransmitPhase1to2, TransmitPhase2to3};
use frost_core::keys::{IdentifierList, generate_with_dealer};
use frost_secp256k1::Secp256K1Sha256;
use k256::ecdsa::{RecoveryId, Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

use super::*;
use crate::{
    child::Child,
    fixture,
    keygen::Blame,
    share::{Share as AnyShare, Sharing},
    suite::identifier,
};

const NOW: UnixMillis = UnixMillis(1_000_000);
const CHANNEL: Hash = Hash::from_bytes([9; 32]);
const CEREMONY: CeremonyId = CeremonyId::from_bytes([7; 32]);

fn id(number: u16) -> SignerId {
    number.try_into().unwrap()
}

/// The first boots of nine signers.
fn roster() -> BTreeMap<SignerId, BootId> {
    (1..=9).map(|number| (id(number.into()), BootId::from_bytes([number; 32]))).collect()
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Signers of one key, each with its pairs.
struct Group {
    certificate: CertificateBody,
    signers: BTreeMap<SignerId, (Pairs, Share)>,
}

impl Group {
    /// `n` signers of a key, of whom `t` sign; pairs among `set` are set up.
    fn new(t: u16, n: u16, set: &[u16]) -> Self {
        let (shares, public) =
            generate_with_dealer::<Secp256K1Sha256, _>(n, t, IdentifierList::Default, &mut rng(1)).unwrap();
        let signer = |number: u16| {
            let key = shares[&identifier(id(number))].clone().try_into().unwrap();
            let share = Share::new(Sharing { key, public: public.clone() }).unwrap();
            (id(number), (Pairs::new(id(number), roster()).unwrap(), share))
        };
        let public_key = public.verifying_key().serialize().unwrap();
        let mut group = Self { certificate: certificate(&public_key), signers: (1..=n).map(signer).collect() };
        for (position, low) in set.iter().enumerate() {
            set[position + 1..].iter().for_each(|high| group.pair(id(*low), id(*high), |_, _| ()).unwrap());
        }
        group
    }

    /// Sets a pair up; `tamper` may change what goes to a signer.
    fn pair(&mut self, low: SignerId, high: SignerId, tamper: impl Fn(SignerId, &mut PairRound)) -> Result<(), Abort> {
        self.pair_at(NOW, low, high, tamper)
    }

    fn pair_at(
        &mut self,
        now: UnixMillis,
        low: SignerId,
        high: SignerId,
        tamper: impl Fn(SignerId, &mut PairRound),
    ) -> Result<(), Abort> {
        let asked = self.signers.get_mut(&low).unwrap().0.ask(now, high, CHANNEL, &mut rng(now.0))?;
        let mut mail: VecDeque<_> = asked.into_iter().map(|round| (low, high, round)).collect();
        while let Some((from, to, mut round)) = mail.pop_front() {
            tamper(to, &mut round);
            let pairs = &mut self.signers.get_mut(&to).unwrap().0;
            let sent = pairs.receive(now, from, (CHANNEL, round), &mut rng(now.0 + 1))?;
            mail.extend(sent.into_iter().map(|round| (to, from, round)));
        }
        Ok(())
    }

    /// Makes presignatures among `set`; `tamper` may change what goes to a signer.
    fn presign(
        &mut self,
        terms: impl Fn(SignerId) -> Terms,
        set: &[u16],
        tamper: impl Fn(SignerId, &mut Round),
    ) -> Result<(), (SignerId, Abort)> {
        let (mut batches, mut mail) = (BTreeMap::new(), VecDeque::new());
        for me in set.iter().copied().map(id) {
            let (pairs, share) = self.signers.get_mut(&me).unwrap();
            let (batch, sent) = Batch::begin(pairs, share, me, terms(me)).map_err(|abort| (me, abort))?;
            batches.insert(me, batch);
            mail.extend(sent.into_iter().map(|(to, round)| (me, to, round)));
        }
        while let Some((from, to, mut round)) = mail.pop_front() {
            tamper(to, &mut round);
            let (pairs, share) = self.signers.get_mut(&to).unwrap();
            let sent = batches.get_mut(&to).unwrap().receive(pairs, share, from, round);
            mail.extend(sent.map_err(|abort| (to, abort))?.into_iter().map(|(next, round)| (to, next, round)));
        }
        for (me, mut batch) in batches {
            for (id, presignature) in batch.finish(NOW).unwrap() {
                self.signers.get_mut(&me).unwrap().1.keep(NOW, id, presignature).unwrap();
            }
        }
        Ok(())
    }

    fn terms(&self, set: &[u16], path: &[u32], count: u16) -> impl Fn(SignerId) -> Terms + use<> {
        let child = Child::of(&self.certificate, path).unwrap();
        let signers: Vec<_> = set.iter().copied().map(id).collect();
        move |_| Terms {
            ceremony: CEREMONY,
            key: Hash::from_bytes([5; 32]),
            signers: signers.clone(),
            child: child.clone(),
            count,
        }
    }

    fn share(&mut self, me: u16, set: &[u16], path: &[u32], number: u16, digest: [u8; 32]) -> Result<Vec<u8>, Refusal> {
        let child = Child::of(&self.certificate, path).unwrap();
        let share = &mut self.signers.get_mut(&id(me)).unwrap().1;
        let signed = share.sign(NOW, id(me), &child, &[digest.to_vec()], &[package(set, number)]);
        signed.map(|shares| shares[0].as_slice().to_vec()).map_err(|fault| match fault {
            Fault::Refused(refusal) => refusal,
            Fault::Fatal => panic!(),
        })
    }

    /// Combines the shares of `set`, and lets `k256` verify the signature under the child's key and recover that from it.
    fn verified(&mut self, set: &[u16], path: &[u32], number: u16, digest: [u8; 32]) -> bool {
        let shares: Vec<_> = set.iter().map(|me| self.share(*me, set, path, number, digest).unwrap()).collect();
        let child = Child::of(&self.certificate, path).unwrap();
        let key = VerifyingKey::from_sec1_bytes(child.public_key()).unwrap();
        let (signature, recovery) = combined(&shares);
        key.verify_prehash(&digest, &signature).is_ok()
            && VerifyingKey::recover_from_prehash(&digest, &signature, recovery).unwrap() == key
    }
}

/// Step 10, by the other version of the curve.
fn combined(shares: &[Vec<u8>]) -> (Signature, RecoveryId) {
    use k256::{Scalar, elliptic_curve::PrimeField as _};
    let read = |bytes: &[u8]| Scalar::from_repr(*k256::FieldBytes::from_slice(bytes)).unwrap();
    let point = &shares[0][..POINT];
    assert!(shares.iter().all(|share| &share[..POINT] == point), "R differs");
    let r = <Scalar as k256::elliptic_curve::ops::Reduce<k256::U256>>::reduce_bytes(point[1..].into());
    let u: Scalar = shares.iter().map(|share| read(&share[POINT..POINT + 32])).sum();
    let w: Scalar = shares.iter().map(|share| read(&share[POINT + 32..])).sum();
    let signature = Signature::from_scalars(r, w * u.invert().unwrap()).unwrap();
    let is_high = signature.normalize_s().is_some();
    let recovery = RecoveryId::new((point[0] == 3) != is_high, false);
    (signature.normalize_s().unwrap_or(signature), recovery)
}

fn package(set: &[u16], number: u16) -> Package {
    let commitment: Bytes<_> = CEREMONY.presignature(number).as_bytes().as_slice().try_into().unwrap();
    let entry = |signer: &u16| SignerCommitment { signer: id(*signer), commitment: commitment.clone() };
    set.iter().map(entry).collect::<Vec<_>>().try_into().unwrap()
}

fn certificate(public_key: &[u8]) -> CertificateBody {
    let public_key = public_key.try_into().unwrap();
    CertificateBody { public_key, ..fixture::certificate(Scheme::Secp256k1Ecdsa) }
}

fn untouched(_: SignerId, _: &mut Round) {}

/// Flips a bit of what goes to `victim` in the round that `place` finds; `at` counts from the end when it is negative.
fn flip(victim: u16, multiplication: bool, at: usize) -> impl Fn(SignerId, &mut Round) {
    move |to, round| {
        let bytes = match round {
            Round::Extensions(bytes) if !multiplication => bytes,
            Round::Multiplications(bytes) if multiplication => bytes,
            _ => return,
        };
        if to == id(victim) {
            let mut changed = bytes.as_slice().to_vec();
            changed[at] ^= 1;
            *bytes = changed.as_slice().try_into().unwrap();
        }
    }
}

#[test]
fn every_set_of_signers_signs_for_the_key_and_its_children() {
    let mut group = Group::new(2, 3, &[1, 2, 3]);
    for (set, path, digest) in
        [([1, 2], vec![], [1; 32]), ([1, 3], vec![0, 5], [0xff; 32]), ([2, 3], vec![44, 60, 0, 0, 1], [0; 32])]
    {
        let terms = group.terms(&set, &path, 2);
        group.presign(terms, &set, untouched).unwrap();
        for number in [0, 1] {
            assert!(group.verified(&set, &path, number, digest), "{set:?} {path:?}");
        }
    }
}

#[test]
fn three_of_five_sign() {
    let set = [1, 3, 5];
    let mut group = Group::new(3, 5, &set);
    let terms = group.terms(&set, &[7], 1);
    group.presign(terms, &set, untouched).unwrap();
    assert!(group.verified(&set, &[7], 0, [4; 32]));
}

#[test]
fn a_presignature_is_used_once() {
    let mut group = Group::new(2, 2, &[1, 2]);
    let terms = group.terms(&[1, 2], &[], 1);
    group.presign(terms, &[1, 2], untouched).unwrap();
    assert!(group.share(1, &[1, 2], &[], 0, [1; 32]).is_ok());
    assert_eq!(group.share(1, &[1, 2], &[], 0, [1; 32]), Err(Refusal::CommitmentUnknown), "the same message");
    assert_eq!(group.share(1, &[1, 2], &[], 0, [2; 32]), Err(Refusal::CommitmentUnknown), "another one");
}

#[test]
fn a_presignature_that_is_claimed_for_another_path_or_set_is_gone() {
    for (set, path) in [([1, 2], [6].as_slice()), ([1, 2], &[]), ([1, 3], &[5])] {
        let mut group = Group::new(2, 3, &[1, 2]);
        let terms = group.terms(&[1, 2], &[5], 1);
        group.presign(terms, &[1, 2], untouched).unwrap();
        assert_eq!(group.share(1, &set, path, 0, [1; 32]), Err(Refusal::PackageInvalid), "{set:?} {path:?}");
        assert_eq!(group.share(1, &[1, 2], &[5], 0, [1; 32]), Err(Refusal::CommitmentUnknown));
    }
}

#[test]
fn a_presignature_expires_and_is_flushed() {
    let mut group = Group::new(2, 2, &[1, 2]);
    let terms = group.terms(&[1, 2], &[], 2);
    group.presign(terms, &[1, 2], untouched).unwrap();
    let share = &mut group.signers.get_mut(&id(1)).unwrap().1;
    share.forget_expired(NOW.plus(60 * 60 * 1000 - 1));
    assert_eq!(share.unused(), 2);
    share.forget_expired(NOW.plus(60 * 60 * 1000));
    assert_eq!(share.unused(), 0);
    let share = &mut group.signers.get_mut(&id(2)).unwrap().1;
    share.flush();
    assert_eq!(share.unused(), 0);
}

#[test]
fn signers_who_disagree_on_any_term_part_without_harm() {
    type Change = fn(&mut Terms);
    let changes: [Change; 3] = [
        |terms| terms.key = Hash::from_bytes([6; 32]),
        |terms| terms.ceremony = CeremonyId::from_bytes([8; 32]),
        |terms| terms.child = Child::of(&certificate(terms.child.public_key()), &[1]).unwrap(),
    ];
    for change in changes {
        let mut group = Group::new(2, 2, &[1, 2]);
        let terms = group.terms(&[1, 2], &[], 1);
        let differing = |me| {
            let mut terms = terms(me);
            if me == id(2) {
                change(&mut terms);
            }
            terms
        };
        let (at, abort) = group.presign(differing, &[1, 2], untouched).unwrap_err();
        assert_eq!(abort, Abort::Unsettled(Some(id(3 - at.get()))), "nobody is barred");
        let terms = group.terms(&[1, 2], &[], 1);
        group.presign(terms, &[1, 2], untouched).unwrap();
    }
}

#[test]
fn a_failed_check_of_the_multiplication_bars_the_pair_and_a_failed_commitment_does_not() {
    // Offsets into one message of a batch, behind the length of the list: sender and receiver, the session's binding, what follows it.
    let binding = Abort::Unsettled(Some(id(2)));
    let named = Abort::Failed(Blame::on(id(2)));
    let barred = Abort::Bar(id(2));
    for (multiplication, at, expected) in [
        (false, 1, named),
        (false, 5, binding),
        (false, 40, named),
        (false, 20_000, barred),
        (true, 2, named),
        (true, 5, binding),
        (true, 50_000, barred),
    ] {
        let mut group = Group::new(2, 2, &[1, 2]);
        let terms = group.terms(&[1, 2], &[], 1);
        let failed = group.presign(terms, &[1, 2], flip(1, multiplication, at)).unwrap_err();
        assert_eq!(failed, (id(1), expected), "{multiplication} {at}");
    }
}

#[test]
fn a_wrong_share_among_three_makes_suspects_of_all_who_may_have_it_and_bars_nobody() {
    let set = [1, 2, 3];
    let mut group = Group::new(3, 3, &set);
    let deal = |seed| generate_with_dealer::<Secp256K1Sha256, _>(3, 3, IdentifierList::Default, &mut rng(seed));
    let ((of_another_key, _), (_, public)) = (deal(8).unwrap(), deal(1).unwrap());
    let key = of_another_key[&identifier(id(3))].clone().try_into().unwrap();
    group.signers.get_mut(&id(3)).unwrap().1 = Share::new(Sharing { key, public }).unwrap();
    let terms = group.terms(&set, &[], 1);
    let (at, abort) = group.presign(&terms, &set, untouched).unwrap_err();
    assert_eq!(abort, Abort::Unsettled(None));
    let (pairs, share) = group.signers.get_mut(&at).unwrap();
    let (batch, _) = Batch::begin(pairs, share, at, terms(at)).unwrap();
    assert_eq!(batch.peers(), set.map(id).into_iter().filter(|peer| *peer != at).collect::<Vec<_>>());
}

#[test]
fn what_holds_secrets_is_erased_when_it_is_dropped() {
    fn is_erased<T: zeroize::ZeroizeOnDrop>() {}
    is_erased::<presignature::Secret>();
    is_erased::<TransmitPhase1to2>();
    is_erased::<TransmitPhase2to3<Secp256k1>>();
}

#[test]
fn a_message_that_cannot_be_read_names_its_sender() {
    for multiplication in [false, true] {
        let mut group = Group::new(2, 2, &[1, 2]);
        let terms = group.terms(&[1, 2], &[], 1);
        let cut = |to: SignerId, round: &mut Round| {
            let bytes = match round {
                Round::Extensions(bytes) if !multiplication => bytes,
                Round::Multiplications(bytes) if multiplication => bytes,
                _ => return,
            };
            if to == id(1) {
                let shorter = &bytes.as_slice()[..bytes.as_slice().len() - 1];
                *bytes = shorter.try_into().unwrap();
            }
        };
        let failed = group.presign(terms, &[1, 2], cut).unwrap_err();
        assert_eq!(failed, (id(1), Abort::Failed(Blame::on(id(2)))));
    }
}

#[test]
fn a_multiplication_of_another_shape_is_refused_when_it_comes_and_takes_no_room_until_it_is_used() {
    let mut group = Group::new(2, 2, &[1, 2]);
    let terms = group.terms(&[1, 2], &[], 1);
    let sent = RefCell::new(None);
    let capture = |to: SignerId, round: &mut Round| {
        if let (2, Round::Multiplications(bytes)) = (to.get(), &round) {
            let messages: Vec<TransmitPhase2to3<Secp256k1>> = read(bytes.as_slice()).unwrap();
            sent.replace(Some(messages));
        }
    };
    group.presign(&terms, &[1, 2], capture).unwrap();
    let messages = sent.take().unwrap();
    let takes = |group: &mut Group, change: fn(&mut Vec<Vec<Scalar>>)| {
        let mut messages = messages.clone();
        change(&mut messages[0].mul_transmit.vector_of_tau);
        let (pairs, share) = group.signers.get_mut(&id(2)).unwrap();
        let (mut batch, _) = Batch::begin(pairs, share, id(2), terms(id(2))).unwrap();
        batch.receive(pairs, share, id(1), Round::Multiplications(write(&messages).unwrap())).map(|sent| sent.len())
    };
    assert_eq!(takes(&mut group, |_| ()), Ok(0), "it waits for the extension");
    let wrong: [fn(&mut Vec<Vec<Scalar>>); 4] = [
        |rows| *rows = vec![Vec::new(); 100_000],
        |rows| rows.push(Vec::new()),
        |rows| rows.truncate(1),
        |rows| rows[0].truncate(1),
    ];
    for change in wrong {
        assert_eq!(takes(&mut group, change), Err(Abort::Failed(Blame::on(id(1)))));
    }
}

#[test]
fn a_pair_whose_set_up_was_tampered_with_is_not_made_and_can_be_made_again() {
    let mut group = Group::new(2, 2, &[]);
    let spoil = |to: SignerId, round: &mut PairRound| {
        if let (PairRound::Open { opening: bytes, .. }, true) = (round, to == id(1)) {
            let mut changed = bytes.as_slice().to_vec();
            changed[0] ^= 1;
            *bytes = changed.as_slice().try_into().unwrap();
        }
    };
    assert_eq!(group.pair(id(1), id(2), spoil), Err(Abort::Failed(Blame::on(id(2)))));
    let check = |group: &Group| group.signers[&id(1)].0.check([id(2)].iter());
    assert_eq!(check(&group), Err(Refusal::PairMissing));
    let soon = group.pair(id(1), id(2), |_, _| ());
    assert_eq!(soon, Err(Abort::nobody(Refusal::Busy)), "a set-up is dear");
    group.pair_at(NOW.plus(5_000), id(1), id(2), |_, _| ()).unwrap();
    assert_eq!(check(&group), Ok(()));
    let terms = group.terms(&[1, 2], &[], 1);
    group.presign(terms, &[1, 2], untouched).unwrap();
    assert!(group.verified(&[1, 2], &[], 0, [1; 32]));
}

#[test]
fn a_barred_pair_stays_barred_while_both_boots_live_whatever_orders_name_in_between() {
    let mut group = Group::new(2, 3, &[1, 2, 3]);
    let (pairs, _) = group.signers.get_mut(&id(1)).unwrap();
    pairs.bar(id(2)).unwrap();
    assert_eq!(pairs.check([id(2)].iter()), Err(Refusal::PairBarred));
    let terms = group.terms(&[1, 3], &[], 1);
    group.presign(terms, &[1, 3], untouched).unwrap();
    assert!(group.verified(&[1, 3], &[], 0, [1; 32]), "the others go on");
    let (pairs, _) = group.signers.get_mut(&id(1)).unwrap();
    assert_eq!(pairs.ask(NOW, id(2), CHANNEL, &mut rng(1)).err(), Some(Refusal::PairBarred));
    pairs.renew(roster());
    assert_eq!(pairs.check([id(2)].iter()), Err(Refusal::PairBarred), "another order, the same boots");
    assert_eq!(pairs.check([id(3)].iter()), Err(Refusal::PairMissing), "a start order ends every pair");
    let (mut without, mut another) = (roster(), roster());
    without.remove(&id(2));
    another.insert(id(2), BootId::from_bytes([20; 32]));
    for orders in [without, another] {
        pairs.renew(orders);
        assert_eq!(pairs.check([id(2)].iter()), Err(Refusal::PairMissing));
        pairs.renew(roster());
        assert_eq!(pairs.check([id(2)].iter()), Err(Refusal::PairBarred), "the same boot again");
    }
}

#[test]
fn one_set_up_serves_two_keys() {
    let mut group = Group::new(2, 2, &[1, 2]);
    let (shares, public) =
        generate_with_dealer::<Secp256K1Sha256, _>(2, 2, IdentifierList::Default, &mut rng(8)).unwrap();
    let terms = group.terms(&[1, 2], &[], 1);
    group.presign(terms, &[1, 2], untouched).unwrap();
    assert!(group.verified(&[1, 2], &[], 0, [1; 32]));
    for number in [1, 2] {
        let key = shares[&identifier(id(number))].clone().try_into().unwrap();
        let share = Share::new(Sharing { key, public: public.clone() }).unwrap();
        group.signers.get_mut(&id(number)).unwrap().1 = share;
    }
    group.certificate = certificate(&public.verifying_key().serialize().unwrap());
    let terms = group.terms(&[1, 2], &[], 1);
    group.presign(terms, &[1, 2], untouched).unwrap();
    assert!(group.verified(&[1, 2], &[], 0, [1; 32]));
}

#[test]
fn a_set_up_is_made_again_only_for_a_peer_that_says_it_has_none() {
    let mut group = Group::new(2, 2, &[1, 2]);
    let later = NOW.plus(5_000);
    let pairs = |group: &mut Group, me: u16| group.signers.remove(&id(me)).unwrap();
    let (mut one, mut two) = (pairs(&mut group, 1).0, pairs(&mut group, 2).0);
    assert!(one.ask(later, id(2), CHANNEL, &mut rng(1)).unwrap().is_none(), "it has one");
    two.renew(roster());
    let Some(PairRound::Ask) = two.ask(later, id(1), CHANNEL, &mut rng(2)).unwrap() else { panic!("no question") };
    let sent = one.receive(later, id(2), (CHANNEL, PairRound::Ask), &mut rng(3)).unwrap();
    assert!(matches!(sent[..], [PairRound::Commit { answers: None, .. }]));
    assert_eq!(one.check([id(2)].iter()), Err(Refusal::PairMissing), "the old one is gone");
    let again = one.receive(later, id(2), (CHANNEL, PairRound::Ask), &mut rng(3)).map(drop);
    assert_eq!(again, Err(Abort::nobody(Refusal::Busy)));
}

#[test]
fn messages_of_another_set_up_touch_nothing() {
    let mut group = Group::new(2, 2, &[]);
    let mut signer = |me: u16| group.signers.remove(&id(me)).unwrap().0;
    let (mut one, mut two) = (signer(1), signer(2));
    let (now, later) = (NOW, NOW.plus(5_000));
    let stale = one.ask(now, id(2), CHANNEL, &mut rng(1)).unwrap().unwrap();
    let answers = two.receive(now, id(1), (CHANNEL, stale), &mut rng(2)).unwrap();
    let begun = one.ask(later, id(2), CHANNEL, &mut rng(3)).unwrap().unwrap();
    let unknown = Err(Abort::nobody(Refusal::CeremonyUnknown));
    for round in answers {
        assert_eq!(one.receive(later, id(2), (CHANNEL, round), &mut rng(4)).map(drop), unknown);
    }
    let mut mail = VecDeque::from([(2, begun)]);
    while let Some((to, round)) = mail.pop_front() {
        let (receiver, from) = if to == 1 { (&mut one, 2) } else { (&mut two, 1) };
        let sent = receiver.receive(later, id(from), (CHANNEL, round), &mut rng(5)).unwrap();
        mail.extend(sent.into_iter().map(|round| (from, round)));
    }
    assert_eq!((one.check([id(2)].iter()), two.check([id(1)].iter())), (Ok(()), Ok(())));
}
