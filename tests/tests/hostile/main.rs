//! What hostile hosts try, at the level of bytes and against real processes. Each case asserts the stable code of the refusal, that no
//! secret is anywhere outside the signers, and that the next honest request is answered.
//!
//! | module | the host |
//! |---|---|
//! | `frames` | sends bytes that are no frames, or no requests |
//! | `transport` | drops, reorders, duplicates, delays, truncates and flips what passes |
//! | `signing` | wants shares that nobody asked for, or two with one commitment |
//! | `ceremonies` | interferes with key generation |
//! | `sealing` | swaps, forges and loses blobs, and answers in KMS's place |
//! | `boots` | starts clones, impostors and foreign groups, and replays what other boots were told |
//! | `bad_input` | is honest, and its callers are not |
//! | `pairs`, `presigning` | interferes with what ECDSA keys need before they sign |
//! | `presignatures` | wants more of a presignature than one signature |
//! | `deaths` | dies, or its signer does, while ECDSA is under way |
//! | `cheats` | is honest, and a signer is not |
//! | `pools` | is honest, and its pools are counted |

mod bad_input;
mod boots;
mod ceremonies;
mod cheats;
mod deaths;
mod frames;
mod pairs;
mod pools;
mod presignatures;
mod presigning;
mod sealing;
mod signing;
mod transport;

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use cloister_chains::derivation::ChildPath;
use cloister_client::{Account, Key};
use cloister_tests::stage::Stage;
use cloister_wire::{
    bounded::Bytes,
    ids::{KeyId, SignerId},
    limits,
    message::{Body, Package, Request, SignItem, SignOutcome, SignerCommitment},
    request::{Requested, Scheme},
};

/// A group that cases share: one after the other has it to itself.
type Shared = Mutex<Option<Stage>>;

/// For cases that never restart anything.
static CALM: Shared = Mutex::new(None);
/// For cases that do.
static WILD: Shared = Mutex::new(None);
/// For cases about presigning.
static ECDSA: Shared = Mutex::new(None);

/// A shared group for the length of one case.
struct Play(MutexGuard<'static, Option<Stage>>);

/// A case that failed may have left anything behind: the next one gets a group of its own.
fn play(shared: &'static Shared) -> Play {
    let mut place = shared.lock().unwrap_or_else(|poisoned| {
        shared.clear_poison();
        let mut spoilt = poisoned.into_inner();
        *spoilt = None;
        spoilt
    });
    place.get_or_insert_with(|| Stage::open(2, 3));
    Play(place)
}

impl Deref for Play {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        self.0.as_ref().expect("opened")
    }
}

impl DerefMut for Play {
    fn deref_mut(&mut self) -> &mut Stage {
        self.0.as_mut().expect("opened")
    }
}

/// The key that honest requests are for.
fn honest_key(stage: &mut Stage) -> Key {
    stage.key(0, Scheme::Ed25519)
}

/// An ECDSA key that honest requests are for.
fn ecdsa_key(stage: &mut Stage) -> Key {
    stage.key(63, Scheme::Secp256k1Ecdsa)
}

/// A child of it for which nothing is ready yet.
fn fresh_child(key: &Key) -> Account {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let path = ChildPath::new(&[7, NEXT.fetch_add(1, Ordering::Relaxed)]).expect("not hardened");
    Account::new(key, path).expect("a child")
}

/// Ends a case with an ECDSA key: what a host does has barred nobody, by the signers' own word and by their receipts.
fn settle_unbarred(stage: &mut Stage, key: &Key) {
    stage.behave();
    stage.await_links();
    assert_eq!(stage.bars(key.id()), []);
    assert_eq!(stage.barred(), []);
    stage.settle(key);
}

type Commitment = Bytes<{ limits::COMMITMENT }>;

/// A fresh commitment that the attacker has a signer make.
fn commitment(stage: &mut Stage, id: SignerId, key: KeyId) -> Commitment {
    match stage.done(id, &Request::Commit { key, count: 1 }) {
        Body::Commitments(made) => made.into_vec().remove(0),
        other => panic!("no commitment: {other:?}"),
    }
}

fn package(entries: &[(SignerId, &Commitment)]) -> Package {
    let entry = |(signer, commitment): &(SignerId, &Commitment)| SignerCommitment {
        signer: *signer,
        commitment: (*commitment).clone(),
    };
    entries.iter().map(entry).collect::<Vec<_>>().try_into().expect("few")
}

/// A request for one signature, as a frame carries it.
fn to_sign(request: &Requested, package: &Package) -> Request {
    let item = SignItem {
        request: request.clone(),
        packages: vec![package.clone()].try_into().expect("one"),
        approvals: Default::default(),
    };
    Request::Sign { items: vec![item].try_into().expect("one") }
}

/// The signature share, or the code of the refusal.
fn share(body: Body) -> Result<Vec<u8>, &'static str> {
    match body {
        Body::Signed(outcomes) => match outcomes.into_vec().remove(0) {
            SignOutcome::Released(shares) => Ok(shares.into_vec().remove(0).into_vec()),
            SignOutcome::Refused(refusal) => Err(refusal.code()),
        },
        other => panic!("not decided: {other:?}"),
    }
}
