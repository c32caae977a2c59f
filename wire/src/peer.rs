//! What signers send each other. Hosts carry it and can read only what is not under the channel's key.

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, SecretBytes},
    ids::{CeremonyId, Counter, Hash, SignerId},
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
    /// A [`CeremonyMessage`] under the channel's key; `counter` is its Noise nonce and opens once.
    #[n(2)]
    Sealed {
        /// Noise nonce.
        #[n(0)]
        counter: Counter,
        /// Noise ciphertext.
        #[n(1)]
        ciphertext: Bytes<{ limits::PEER_MESSAGE }>,
    },
}

/// A ceremony's message, as it is inside the channel.
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

/// A round of key generation.
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
}
