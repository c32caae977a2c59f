//! A signer that cheats: the genuine state machine on a genuine parent, whose randomness the test knows. So the test knows the keys of its
//! channels, and can say under them what the machine never would. What an enclave that was wholly broken could do.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use cloister_enclave::{Bounds, serve};
use cloister_simulator::signer::Socket;
use cloister_wire::{
    bounded::{Bytes, SecretBytes},
    codec,
    identity::BootStatement,
    ids::{BootId, Hash, SignerId},
    message::{Reply, Request},
    order::StartOrder,
    peer::{CeremonyMessage, Envelope, PeerFrame, PeerMessage, Round},
    tag::Tag,
};
use snow::{
    params::{CipherChoice, DHChoice, HashChoice, NoiseParams},
    resolvers::{CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash as NoiseHash, Random},
};

use crate::{machine::Machine, stage::now};

/// The cheating signer. It serves until the test program ends.
pub struct Cheat(Arc<Mutex<Inner>>);

/// How it cheats.
#[derive(Clone, Copy, Debug)]
pub enum Trick {
    /// Not at all.
    None,
    /// It alters this byte of what it sends in the first round of a presigning.
    Extension(usize),
}

struct Inner {
    me: SignerId,
    machine: Machine,
    trick: Trick,
    order: Option<(Hash, StartOrder)>,
    statements: BTreeMap<SignerId, BootStatement>,
    keys: BTreeMap<SignerId, Key>,
}

type Key = [u8; 32];

impl Cheat {
    /// Serves `machine` as signer `me`, the highest of its group, on a socket.
    #[must_use]
    pub fn serve(me: SignerId, machine: Machine, socket: &Path) -> Self {
        let (statements, keys) = (BTreeMap::new(), BTreeMap::new());
        let inner = Inner { me, machine, trick: Trick::None, order: None, statements, keys };
        let cheat = Self(Arc::new(Mutex::new(inner)));
        let (serving, listener) = (cheat.0.clone(), Socket::listen(socket).expect("a socket"));
        std::thread::spawn(move || serve(&listener, Bounds::default(), |request| locked(&serving).answer(request)));
        cheat
    }

    /// From now on it cheats like this.
    pub fn play(&self, trick: Trick) {
        locked(&self.0).trick = trick;
    }
}

fn locked(inner: &Mutex<Inner>) -> std::sync::MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn answer(&mut self, request: Request) -> Reply {
        match &request {
            Request::Start { order, .. } => {
                self.order = Some((order.hash(), order.unverified().expect("canonical")));
                self.keys.clear();
            }
            Request::Introduce { peer } => {
                let statement: BootStatement = codec::decode(peer.statement.as_slice()).expect("canonical");
                self.statements.insert(statement.signer, statement);
            }
            _ => {}
        }
        let mut reply = self.machine.ask(now(), request.clone());
        if let Request::Deliver { from, frame: PeerFrame::Initiate(message) } = &request
            && let [Envelope { frame: PeerFrame::Respond(answer), .. }] = reply.outbox.as_slice()
        {
            let key = self.sending_key(*from, message.as_slice(), answer.as_slice());
            self.keys.insert(*from, key);
        }
        if let Trick::Extension(at) = self.trick {
            let outbox = reply.outbox.into_vec();
            reply.outbox = self.with_altered_extension(outbox, at).try_into().expect("as many");
        }
        reply
    }

    /// The key under which this signer sends to `peer`, from a handshake that it has answered.
    fn sending_key(&self, peer: SignerId, message: &[u8], answer: &[u8]) -> Key {
        let (order, roster) = self.order.as_ref().expect("a start order");
        let boot = |id: SignerId| -> BootId {
            roster.roster.iter().find(|entry| entry.signer == id).expect("in the roster").boot
        };
        let prologue = (order, peer, boot(peer), self.me, boot(self.me));
        let prologue = Tag::CHANNEL.hash(&codec::encode(&prologue));
        let theirs = self.statements[&peer].keys.channel;
        // The ephemeral key stands in front of the answer; the static key is the one that opens the handshake.
        let ephemeral = self.machine.drawn().iter().rev().find(|secret| public_key(secret) == answer[..32]);
        let ephemeral = *ephemeral.expect("it was drawn");
        let mut candidates = self.machine.drawn().iter();
        candidates.find_map(|ours| respond(ours, &theirs, &prologue, ephemeral, message, answer)).expect("a handshake")
    }

    fn with_altered_extension(&self, outbox: Vec<Envelope>, at: usize) -> Vec<Envelope> {
        let alter = |envelope: Envelope| {
            let key = self.keys.get(&envelope.to);
            let frame = key.and_then(|key| altered(key, &envelope.frame, at));
            Envelope { frame: frame.unwrap_or(envelope.frame), ..envelope }
        };
        outbox.into_iter().map(alter).collect()
    }
}

/// The frame with one byte of its round changed, if it is an extension.
fn altered(key: &Key, frame: &PeerFrame, at: usize) -> Option<PeerFrame> {
    let PeerFrame::Sealed { counter, pieces } = frame else { return None };
    let mut cipher = cipher();
    cipher.set(key);
    let opened: Vec<_> =
        (counter.0..).zip(pieces).map(|(nonce, piece)| open(&*cipher, nonce, piece.as_slice())).collect();
    let whole = opened.iter().map(|plain| &plain[HEAD..]).collect::<Vec<_>>().concat();
    let Ok(PeerMessage::Ceremony(CeremonyMessage { ceremony, round: Round::Extensions(bytes) })) =
        codec::decode(&whole)
    else {
        return None;
    };
    let mut changed = bytes.as_slice().to_vec();
    changed[at] ^= 1;
    let round = Round::Extensions(SecretBytes::try_from(changed).expect("as long"));
    let whole = codec::encode(&PeerMessage::Ceremony(CeremonyMessage { ceremony, round }));
    let mut rest = whole.as_slice();
    let again = (counter.0..).zip(opened).map(|(nonce, mut plain)| {
        let part;
        (part, rest) = rest.split_at(plain.len() - HEAD);
        plain[HEAD..].copy_from_slice(part);
        Bytes::try_from(seal(&*cipher, nonce, &plain)).expect("as long")
    });
    let pieces = again.collect::<Vec<_>>().try_into().expect("as many");
    Some(PeerFrame::Sealed { counter: *counter, pieces })
}

fn open(cipher: &dyn Cipher, nonce: u64, sealed: &[u8]) -> Vec<u8> {
    let mut plain = vec![0; sealed.len()];
    let length = cipher.decrypt(nonce, &[], sealed, &mut plain).expect("our own key");
    plain.truncate(length);
    plain
}

fn seal(cipher: &dyn Cipher, nonce: u64, plain: &[u8]) -> Vec<u8> {
    let mut sealed = vec![0; plain.len() + 16];
    let length = cipher.encrypt(nonce, &[], plain, &mut sealed);
    assert_eq!(length, sealed.len(), "a tag and no more");
    sealed
}

/// What a piece begins with: the first one's nonce and how many there are.
const HEAD: usize = 9;

fn cipher() -> Box<dyn Cipher> {
    DefaultResolver.resolve_cipher(&CipherChoice::ChaChaPoly).expect("compiled in")
}

fn public_key(secret: &Key) -> Vec<u8> {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("compiled in");
    dh.set(secret);
    dh.pubkey().to_vec()
}

/// Answers a handshake as the signer did; the key that it sends under, if `ours` is its static secret.
fn respond(ours: &Key, theirs: &Hash, prologue: &Hash, ephemeral: Key, message: &[u8], answer: &[u8]) -> Option<Key> {
    let params: NoiseParams = "Noise_KK_25519_ChaChaPoly_SHA256".parse().expect("a pattern");
    let keys = Arc::default();
    let resolver = Listening { ephemeral, keys: Arc::clone(&keys) };
    let builder = snow::Builder::with_resolver(params, Box::new(resolver)).prologue(prologue.as_bytes());
    let builder = builder.and_then(|builder| builder.local_private_key(ours));
    let builder = builder.and_then(|builder| builder.remote_public_key(theirs.as_bytes()));
    let mut state = builder.and_then(snow::Builder::build_responder).expect("keys");
    state.read_message(message, &mut [0; 8]).ok()?;
    let mut own = vec![0; answer.len()];
    let length = state.write_message(&[], &mut own).expect("room");
    assert_eq!(&own[..length], answer, "the signer's own answer");
    // A handshake ends by setting the initiator's key, then the responder's.
    keys.lock().unwrap_or_else(PoisonError::into_inner).last().copied()
}

/// The library's own primitives, with a known ephemeral key and ciphers that tell their keys.
struct Listening {
    ephemeral: Key,
    keys: Arc<Mutex<Vec<Key>>>,
}

impl CryptoResolver for Listening {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Known(self.ephemeral)))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn NoiseHash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(Telling(DefaultResolver.resolve_cipher(choice)?, self.keys.clone())))
    }
}

struct Known(Key);

impl Random for Known {
    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), snow::Error> {
        destination.copy_from_slice(&self.0);
        Ok(())
    }
}

struct Telling(Box<dyn Cipher>, Arc<Mutex<Vec<Key>>>);

impl Cipher for Telling {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn set(&mut self, key: &Key) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).push(*key);
        self.0.set(key);
    }

    fn encrypt(&self, nonce: u64, authtext: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        self.0.encrypt(nonce, authtext, plaintext, out)
    }

    fn decrypt(&self, nonce: u64, authtext: &[u8], ciphertext: &[u8], out: &mut [u8]) -> Result<usize, snow::Error> {
        self.0.decrypt(nonce, authtext, ciphertext, out)
    }
}
