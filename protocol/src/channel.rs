//! Channels between two boots: `Noise_KK_25519_ChaChaPoly_SHA256` (Noise specification, revision 34), by `snow`.
//!
//! Both static keys stand in attested statements, so both sides know each other before the first message. The prologue binds the start
//! order, which names group, manifest and genesis, and both boot ids; a message of another boot, order or direction does not open. The
//! first message of a handshake could be replayed (section 7.7, destination property 2): it carries a number, and who answers takes only
//! one that is higher than all that it has answered. A
//! message that is lost, altered or repeated is a lost message and never evidence of cheating; nothing is remembered of what failed.
//! A message is cut into as many Noise messages as it needs, which travel together.
//! Messages of ceremonies that run at once may overtake each other on their way through the hosts: each counter opens once, in any order
//! among the last 128 (the replay window of RFC 4303, section 3.4.3).

use cloister_wire::{
    bounded::Bytes,
    codec,
    ids::{Counter, Hash},
    limits,
    peer::{PeerFrame, PeerMessage},
    refusal::Refusal,
};
use rand_core::CryptoRngCore;
use snow::{
    HandshakeState, StatelessTransportState,
    params::{CipherChoice, DHChoice, HashChoice, NoiseParams},
    resolvers::{CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash as NoiseHash, Random},
};
use zeroize::Zeroizing;

const PATTERN: &str = "Noise_KK_25519_ChaChaPoly_SHA256";
const TAG_LEN: usize = 16;
const NUMBER_LEN: usize = 8;

/// A channel whose initiator waits for the answer.
pub(crate) struct Initiated(HandshakeState);

/// A channel that carries messages.
pub(crate) struct Open {
    transport: StatelessTransportState,
    sent: Counter,
    received: Received,
    handshake: Hash,
}

/// Which counters have been seen.
#[derive(Clone, Copy, Default)]
struct Received {
    /// One more than the highest.
    next: u64,
    /// The 128 counters below `next`, the highest in the lowest bit.
    seen: u128,
}

/// What two boots need to know to speak.
pub(crate) struct Ends<'a> {
    /// Our X25519 secret.
    pub(crate) ours: &'a [u8; 32],
    /// Their X25519 public key, from their attested statement.
    pub(crate) theirs: &'a Hash,
    /// Binds the channel to the start order and both boots.
    pub(crate) prologue: &'a Hash,
}

/// The X25519 public key of `secret`.
pub(crate) fn public_key(secret: &[u8; 32]) -> Option<Hash> {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519)?;
    dh.set(secret);
    Hash::try_from(dh.pubkey()).ok()
}

/// Begins a handshake. Its number is higher than those of all before it.
pub(crate) fn initiate(
    ends: &Ends<'_>,
    number: Counter,
    rng: &mut dyn CryptoRngCore,
) -> Result<(Initiated, PeerFrame), Refusal> {
    let mut state = builder(ends, rng)?.build_initiator().map_err(lost)?;
    let message = handshake_message(&mut state, &number.0.to_be_bytes())?;
    Ok((Initiated(state), PeerFrame::Initiate(message)))
}

/// Answers a handshake whose number is higher than `answered`, the last one's: the channel is open at this end.
pub(crate) fn respond(
    ends: &Ends<'_>,
    answered: Counter,
    rng: &mut dyn CryptoRngCore,
    message: &[u8],
) -> Result<(Counter, Open, PeerFrame), Refusal> {
    let mut state = builder(ends, rng)?.build_responder().map_err(lost)?;
    let mut number = [0; NUMBER_LEN];
    let length = state.read_message(message, &mut number).map_err(lost)?;
    let number = Counter(u64::from_be_bytes(number));
    if length != NUMBER_LEN || number <= answered {
        return Err(Refusal::ChannelFailed);
    }
    let answer = handshake_message(&mut state, &[])?;
    Ok((number, Open::new(state)?, PeerFrame::Respond(answer)))
}

impl Initiated {
    /// Ends a handshake with the other side's answer.
    pub(crate) fn complete(mut self, message: &[u8]) -> Result<Open, Refusal> {
        self.0.read_message(message, &mut []).map_err(lost)?;
        Open::new(self.0)
    }
}

impl Open {
    fn new(state: HandshakeState) -> Result<Self, Refusal> {
        let handshake = Hash::try_from(state.get_handshake_hash()).map_err(|_| Refusal::ChannelFailed)?;
        let transport = state.into_stateless_transport_mode().map_err(lost)?;
        Ok(Self { transport, sent: Counter(0), received: Received::default(), handshake })
    }

    /// Hash of the handshake: the same at both ends and on no other channel.
    pub(crate) fn handshake(&self) -> Hash {
        self.handshake
    }

    /// Encrypts a message, each of its pieces under the next counter.
    pub(crate) fn seal(&mut self, message: &PeerMessage) -> Result<PeerFrame, Refusal> {
        let (first, encoded) = (self.sent, codec::encode_secret(message));
        let parts = encoded.chunks(limits::PIECE);
        let head = head(first, parts.len())?;
        let mut plain = Zeroizing::new(Vec::with_capacity(head.len().saturating_add(limits::PIECE)));
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            plain.clear();
            plain.extend_from_slice(&head);
            plain.extend_from_slice(part);
            pieces.push(self.seal_piece(&plain)?);
        }
        Ok(PeerFrame::Sealed { counter: first, pieces: pieces.try_into().map_err(|_| Refusal::ChannelFailed)? })
    }

    fn seal_piece(&mut self, plain: &[u8]) -> Result<Bytes<{ limits::PEER_MESSAGE }>, Refusal> {
        let counter = self.sent;
        self.sent = counter.next().ok_or(Refusal::ChannelFailed)?;
        let mut ciphertext = vec![0; plain.len().saturating_add(TAG_LEN)];
        self.transport.write_message(counter.0, plain, &mut ciphertext).map_err(lost)?;
        ciphertext.try_into().map_err(|_| Refusal::ChannelFailed)
    }

    /// Decrypts a message of whose counters none was seen or is too old.
    pub(crate) fn open(
        &mut self,
        first: Counter,
        pieces: &[Bytes<{ limits::PEER_MESSAGE }>],
    ) -> Result<PeerMessage, Refusal> {
        let (mut counter, mut received) = (first, self.received);
        let head = head(first, pieces.len())?;
        let lengths = || pieces.iter().map(|piece| piece.as_slice().len());
        // Neither grows, since that leaves copies behind.
        let mut whole = Zeroizing::new(Vec::with_capacity(lengths().sum()));
        let mut plain = Zeroizing::new(vec![0; lengths().max().unwrap_or_default()]);
        for ciphertext in pieces {
            received = received.with(counter).ok_or(Refusal::ChannelFailed)?;
            let length = self.transport.read_message(counter.0, ciphertext.as_slice(), &mut plain).map_err(lost)?;
            let part = plain.get(..length).and_then(|plain| plain.strip_prefix(&head));
            whole.extend_from_slice(part.ok_or(Refusal::ChannelFailed)?);
            counter = counter.next().ok_or(Refusal::ChannelFailed)?;
        }
        self.received = received;
        codec::decode(&whole).map_err(|_| Refusal::ChannelFailed)
    }
}

/// What each piece of a message begins with: the counter of the first one, and how many there are.
type Head = [u8; 9];

fn head(first: Counter, pieces: usize) -> Result<Head, Refusal> {
    let pieces = u8::try_from(pieces).map_err(|_| Refusal::ChannelFailed)?;
    let [a, b, c, d, e, f, g, h] = first.0.to_be_bytes();
    Ok([a, b, c, d, e, f, g, h, pieces])
}

impl Received {
    /// What will have been seen once `counter` has; nothing if it has been, or could have been.
    fn with(&self, counter: Counter) -> Option<Self> {
        let next = counter.0.checked_add(1)?;
        if let Some(ahead) = next.checked_sub(self.next).filter(|ahead| *ahead > 0) {
            let seen = u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead)).unwrap_or(0);
            return Some(Self { next, seen: seen | 1 });
        }
        let behind = u32::try_from(self.next.checked_sub(next)?).ok()?;
        let bit = 1_u128.checked_shl(behind)?;
        (self.seen & bit == 0).then_some(Self { next: self.next, seen: self.seen | bit })
    }
}

fn builder<'a>(ends: &Ends<'a>, rng: &mut dyn CryptoRngCore) -> Result<snow::Builder<'a>, Refusal> {
    let params: NoiseParams = PATTERN.parse().map_err(lost)?;
    let mut ephemeral = Zeroizing::new([0; 32]);
    rng.fill_bytes(ephemeral.as_mut());
    snow::Builder::with_resolver(params, Box::new(Resolver { ephemeral }))
        .prologue(ends.prologue.as_bytes())
        .and_then(|builder| builder.local_private_key(ends.ours))
        .and_then(|builder| builder.remote_public_key(ends.theirs.as_bytes()))
        .map_err(lost)
}

fn handshake_message(state: &mut HandshakeState, payload: &[u8]) -> Result<Bytes<{ limits::PEER_MESSAGE }>, Refusal> {
    // KK: an ephemeral key of 32 bytes, the payload and a tag.
    let mut message = [0; 32 + NUMBER_LEN + TAG_LEN];
    let length = state.write_message(payload, &mut message).map_err(lost)?;
    message.get(..length).and_then(|sent| sent.try_into().ok()).ok_or(Refusal::ChannelFailed)
}

fn lost(_: snow::Error) -> Refusal {
    Refusal::ChannelFailed
}

/// The library's own primitives, with the ephemeral key drawn from our caller's generator.
struct Resolver {
    ephemeral: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Drawn(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn NoiseHash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Thirty-two random bytes, given out once: a handshake draws one ephemeral key.
struct Drawn(Option<Zeroizing<[u8; 32]>>);

impl Random for Drawn {
    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), snow::Error> {
        let drawn = self.0.take().ok_or(snow::Error::Rng)?;
        if destination.len() != drawn.len() {
            return Err(snow::Error::Rng);
        }
        destination.copy_from_slice(drawn.as_slice());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cloister_wire::{ids::Nonce, peer::PairRound};
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::*;

    /// Both ends of a channel.
    fn channel() -> (Open, Open) {
        let secrets = [[1; 32], [2; 32]];
        let [public_1, public_2] = secrets.map(|secret| public_key(&secret).unwrap());
        let (prologue, mut rng) = (Hash::from_bytes([3; 32]), ChaCha20Rng::seed_from_u64(4));
        let lower = Ends { ours: &secrets[0], theirs: &public_2, prologue: &prologue };
        let higher = Ends { ours: &secrets[1], theirs: &public_1, prologue: &prologue };
        let (initiated, PeerFrame::Initiate(first)) = initiate(&lower, Counter(1), &mut rng).unwrap() else {
            panic!("no first message")
        };
        let answered = respond(&higher, Counter(0), &mut rng, first.as_slice()).unwrap();
        let (_, there, PeerFrame::Respond(second)) = answered else { panic!("no second message") };
        (initiated.complete(second.as_slice()).unwrap(), there)
    }

    fn message(length: usize) -> PeerMessage {
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        PeerMessage::Pair(PairRound::Open { to: Nonce::from_bytes([7; 32]), opening: bytes.try_into().unwrap() })
    }

    fn sealed(end: &mut Open, message: &PeerMessage) -> (Counter, Vec<Bytes<{ limits::PEER_MESSAGE }>>) {
        match end.seal(message).unwrap() {
            PeerFrame::Sealed { counter, pieces } => (counter, pieces.into_vec()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_of_any_length_opens_once() {
        let (mut here, mut there) = channel();
        for length in [0, 1, limits::PIECE, limits::PAIRWISE] {
            let sent = message(length);
            let (counter, pieces) = sealed(&mut here, &sent);
            let opened = there.open(counter, &pieces).unwrap();
            assert_eq!(codec::encode(&opened), codec::encode(&sent), "{length} bytes");
            assert!(there.open(counter, &pieces).is_err(), "again");
        }
    }

    #[test]
    fn pieces_that_are_missing_or_put_together_otherwise_do_not_open_and_use_nothing_up() {
        let (mut here, mut there) = channel();
        let (first, one) = sealed(&mut here, &message(limits::PAIRWISE));
        let (second, two) = sealed(&mut here, &message(limits::PAIRWISE));
        assert_eq!((one.len(), second.0), (limits::PIECES, limits::PIECES as u64));
        let swapped = [&one[1..2], &one[..1], &one[2..]].concat();
        let across = [&one[1..], &two[..1]].concat();
        for (counter, pieces) in [
            (first, &one[..3]),
            (first, &[]),
            (first, &swapped),
            (Counter(1), &across),
            (Counter(1), &one[1..]),
            (second, &one),
            (Counter(u64::MAX), &one),
        ] {
            assert!(there.open(counter, pieces).is_err(), "{counter:?}, {} pieces", pieces.len());
        }
        assert!(there.open(second, &two).is_ok() && there.open(first, &one).is_ok());
    }

    #[test]
    fn each_counter_opens_once_in_any_order_among_the_last_128() {
        let mut received = Received::default();
        let mut take = |counter: u64| match received.with(Counter(counter)) {
            Some(with) => {
                received = with;
                true
            }
            None => false,
        };
        for (counter, taken) in
            [(0, true), (0, false), (2, true), (1, true), (1, false), (130, true), (2, false), (3, true), (3, false)]
        {
            assert_eq!(take(counter), taken, "{counter}");
        }
        // Whatever lies behind the window might have been seen.
        assert!(take(1000) && !take(1000 - 128) && take(1001 - 128) && !take(130));
        assert!(!take(u64::MAX) && take(u64::MAX - 1) && !take(1000));
    }
}
