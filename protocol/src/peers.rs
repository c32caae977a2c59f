//! The other signers of the roster: introduced by attested statements, reached through one channel per pair of boots.

use std::collections::BTreeMap;

use cloister_wire::{
    codec,
    ids::{BootId, Counter, Hash, SignerId},
    peer::{Envelope, PeerFrame, PeerMessage},
    refusal::Refusal,
    signature::PublicKey,
    tag::Tag,
};
use rand_core::CryptoRngCore;

use crate::{
    boot::Boot,
    channel::{self, Ends, Initiated, Open},
    introduction::Attested,
};

/// The peers that were introduced under the start order in force.
pub(crate) struct Peers {
    me: SignerId,
    /// The start order, which names manifest, genesis and all boots: signers under different orders have no channel.
    order: Hash,
    introduced: BTreeMap<SignerId, Peer>,
    /// The number of the last handshake with each that this boot began or answered; it outlives an introduction.
    handshakes: BTreeMap<SignerId, Counter>,
}

/// A peer of the roster.
struct Peer {
    boot: BootId,
    identity: PublicKey,
    channel_key: Hash,
    signer_key: PublicKey,
    channel: Channel,
}

enum Channel {
    None,
    Initiated(Initiated),
    Open(Open),
}

impl Peers {
    pub(crate) fn new(me: SignerId, order: Hash) -> Self {
        Self { me, order, introduced: BTreeMap::new(), handshakes: BTreeMap::new() }
    }

    /// Takes in an attested peer, whose boot and signer key the caller has checked against roster and group. The lower signer id begins
    /// the handshake.
    pub(crate) fn introduce(
        &mut self,
        boot: &Boot,
        rng: &mut dyn CryptoRngCore,
        peer: &Attested,
        signer_key: PublicKey,
    ) -> Result<Option<Envelope>, Refusal> {
        let statement = peer.statement();
        let mut peer = Peer {
            boot: statement.boot(),
            identity: statement.keys.identity,
            channel_key: statement.keys.channel,
            signer_key,
            channel: Channel::None,
        };
        let mut envelope = None;
        if self.me < statement.signer {
            let prologue = self.prologue((self.me, boot.id()), (statement.signer, peer.boot));
            let number = self.last_handshake(statement.signer).next().ok_or(Refusal::ChannelFailed)?;
            let (initiated, frame) = channel::initiate(&ends(boot, &peer, &prologue), number, rng)?;
            self.handshakes.insert(statement.signer, number);
            peer.channel = Channel::Initiated(initiated);
            envelope = Some(Envelope { to: statement.signer, frame });
        }
        self.introduced.insert(statement.signer, peer);
        Ok(envelope)
    }

    /// The signer keys of everybody introduced.
    pub(crate) fn signer_keys(&self) -> impl Iterator<Item = (SignerId, PublicKey)> {
        self.introduced.iter().map(|(signer, peer)| (*signer, peer.signer_key))
    }

    /// The boot identity key of `signer`, if `boot` is the boot that was introduced.
    pub(crate) fn identity(&self, signer: SignerId, boot: BootId) -> Option<PublicKey> {
        self.introduced.get(&signer).filter(|peer| peer.boot == boot).map(|peer| peer.identity)
    }

    /// How many channels are open.
    pub(crate) fn open_channels(&self) -> usize {
        self.introduced.values().filter(|peer| matches!(peer.channel, Channel::Open(_))).count()
    }

    /// Hash of the handshake of the channel with `peer`.
    pub(crate) fn channel(&self, peer: SignerId) -> Result<Hash, Refusal> {
        match self.introduced.get(&peer).map(|peer| &peer.channel) {
            Some(Channel::Open(open)) => Ok(open.handshake()),
            Some(Channel::None | Channel::Initiated(_)) | None => Err(Refusal::ChannelFailed),
        }
    }

    /// Seals a message to `to`.
    pub(crate) fn seal(&mut self, to: SignerId, message: &PeerMessage) -> Result<Envelope, Refusal> {
        match self.introduced.get_mut(&to).map(|peer| &mut peer.channel) {
            Some(Channel::Open(open)) => Ok(Envelope { to, frame: open.seal(message)? }),
            Some(Channel::None | Channel::Initiated(_)) | None => Err(Refusal::ChannelFailed),
        }
    }

    /// Takes a frame from `from`: a step of the handshake, or a message.
    pub(crate) fn receive(
        &mut self,
        boot: &Boot,
        rng: &mut dyn CryptoRngCore,
        from: SignerId,
        frame: &PeerFrame,
    ) -> Result<Received, Refusal> {
        let prologue = match self.introduced.get(&from) {
            Some(peer) if from < self.me => self.prologue((from, peer.boot), (self.me, boot.id())),
            Some(peer) => self.prologue((self.me, boot.id()), (from, peer.boot)),
            None => return Err(Refusal::ChannelFailed),
        };
        let answered = self.last_handshake(from);
        let peer = self.introduced.get_mut(&from).ok_or(Refusal::ChannelFailed)?;
        match frame {
            PeerFrame::Initiate(message) if from < self.me => {
                let ends = ends(boot, peer, &prologue);
                let (number, open, frame) = channel::respond(&ends, answered, rng, message.as_slice())?;
                peer.channel = Channel::Open(open);
                self.handshakes.insert(from, number);
                Ok(Received::Answer(Envelope { to: from, frame }))
            }
            PeerFrame::Respond(message) => peer.complete(message.as_slice()).map(|()| Received::Nothing),
            PeerFrame::Sealed { counter, pieces } => match &mut peer.channel {
                Channel::Open(open) => open.open(*counter, pieces.as_slice()).map(Received::Message),
                Channel::None | Channel::Initiated(_) => Err(Refusal::ChannelFailed),
            },
            PeerFrame::Initiate(_) => Err(Refusal::ChannelFailed),
        }
    }

    /// Before the first one, zero.
    fn last_handshake(&self, peer: SignerId) -> Counter {
        self.handshakes.get(&peer).copied().unwrap_or(Counter(0))
    }

    fn prologue(&self, initiator: (SignerId, BootId), responder: (SignerId, BootId)) -> Hash {
        Tag::CHANNEL.hash(&codec::encode(&(self.order, initiator.0, initiator.1, responder.0, responder.1)))
    }
}

/// What a frame brought.
pub(crate) enum Received {
    /// A handshake step, to be answered.
    Answer(Envelope),
    /// The last handshake step.
    Nothing,
    /// A message by the peer.
    Message(PeerMessage),
}

impl Peer {
    /// A failed answer leaves an open channel as it is; a handshake under way is used up.
    fn complete(&mut self, message: &[u8]) -> Result<(), Refusal> {
        match core::mem::replace(&mut self.channel, Channel::None) {
            Channel::Initiated(initiated) => {
                self.channel = Channel::Open(initiated.complete(message)?);
                Ok(())
            }
            other => {
                self.channel = other;
                Err(Refusal::ChannelFailed)
            }
        }
    }
}

fn ends<'a>(boot: &'a Boot, peer: &'a Peer, prologue: &'a Hash) -> Ends<'a> {
    Ends { ours: boot.channel_secret(), theirs: &peer.channel_key, prologue }
}
