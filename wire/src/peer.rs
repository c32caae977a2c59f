//! What signers send each other. Hosts carry it and can read only what is not under the channel's key.

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List, SecretBytes},
    ids::{CeremonyId, Counter, Hash, Nonce, SignerId},
    limits,
};

/// A message to another signer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Envelope {
    /// Who it is for.
    #[n(0)]
    pub to: SignerId,
    /// What it is.
    #[n(1)]
    pub frame: PeerFrame,
}

/// One step of a channel between two boots (`Noise_KK_25519_ChaChaPoly_SHA256`; the lower signer id initiates).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PeerFrame {
    /// First handshake message.
    #[n(0)]
    Initiate(#[n(0)] Bytes<{ limits::PEER_MESSAGE }>),
    /// Second handshake message.
    #[n(1)]
    Respond(#[n(0)] Bytes<{ limits::PEER_MESSAGE }>),
    /// A message under the channel's key, all its pieces together.
    #[n(2)]
    Sealed {
        /// Noise nonce of the first piece; each further one has the next. Each opens once.
        #[n(0)]
        counter: Counter,
        /// Noise ciphertexts, of which each holds a piece of a [`PeerMessage`]: the first one's nonce (8 bytes, big-endian), how many
        /// there are (1 byte), and its part of the encoded message. So no host can put pieces of two messages together.
        #[n(1)]
        pieces: List<Bytes<{ limits::PEER_MESSAGE }>, { limits::PIECES }>,
    },
}

/// What signers say to each other.
#[derive(Clone, Encode, Decode)]
pub enum PeerMessage {
    /// In a ceremony.
    #[n(0)]
    Ceremony(#[n(0)] CeremonyMessage),
    /// To set up a pair for ECDSA.
    #[n(1)]
    Pair(#[n(0)] PairRound),
}

/// A round of a pair's set-up.
#[derive(Clone, Encode, Decode)]
pub enum PairRound {
    /// The sender's part in the session's id, and a commitment to its half of the common seed. The lower signer begins.
    #[n(0)]
    Commit {
        /// Fresh: names the sender's side of this set-up.
        #[n(0)]
        nonce: Nonce,
        /// Hash of seed and salt.
        #[n(1)]
        commitment: Hash,
        /// The higher signer's answer: the nonce that it answers.
        #[n(2)]
        answers: Option<Nonce>,
    },
    /// The opening, and base oblivious transfers in both directions, 143 kB. Secret.
    #[n(1)]
    Open {
        /// The receiver's nonce in this set-up.
        #[n(0)]
        to: Nonce,
        /// The opening.
        #[n(1)]
        opening: SecretBytes<{ limits::PAIRWISE }>,
    },
    /// The higher signer has no set-up with the lower one: it is asked to begin.
    #[n(2)]
    Ask,
}

/// A ceremony's message.
#[derive(Clone, Encode, Decode)]
#[cbor(array)]
pub struct CeremonyMessage {
    /// The ceremony.
    #[n(0)]
    pub ceremony: CeremonyId,
    /// The round's content.
    #[n(1)]
    pub round: Round,
}

/// A round of a ceremony: of key generation, or of presigning.
#[derive(Clone, Encode, Decode)]
pub enum Round {
    /// Commitments to the sender's polynomial and its proof of knowledge: the same for everybody.
    #[n(0)]
    Broadcast(#[n(0)] Bytes<{ limits::PUBLIC_PACKAGE }>),
    /// Hash of all broadcasts as the sender saw them.
    #[n(1)]
    Echo(#[n(0)] Hash),
    /// The sender's secret share for the receiver: a scalar as the FROST library serialises it.
    #[n(2)]
    Share(#[n(0)] SecretBytes<{ limits::SECRET }>),
    /// Key generation: hash of the broadcast that follows when everybody's hash is here.
    #[n(3)]
    Commitment(#[n(0)] Hash),
    /// Presigning, first round: oblivious-transfer extensions, one for each presignature. Secret.
    #[n(4)]
    Extensions(#[n(0)] SecretBytes<{ limits::PAIRWISE }>),
    /// Presigning, second round: multiplications, one for each presignature. Secret.
    #[n(5)]
    Multiplications(#[n(0)] SecretBytes<{ limits::PAIRWISE }>),
}
