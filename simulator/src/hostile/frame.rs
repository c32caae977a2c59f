use std::io::{self, Read};

use cloister_wire::{
    codec,
    frame::{Header, Kind},
    message::{Reply, Request},
};

/// A frame as it came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    direction: Direction,
    header: Header,
    bytes: Vec<u8>,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A host's request.
    ToSigner,
    /// A signer's reply.
    ToHost,
}

impl Frame {
    /// A frame with this request.
    #[must_use]
    pub fn request(correlation: u32, request: &Request) -> Self {
        Self::of(Direction::ToSigner, correlation, &codec::encode(request))
    }

    /// A frame with this payload, which is at most as long as a frame may be.
    #[must_use]
    pub fn of(direction: Direction, correlation: u32, payload: &[u8]) -> Self {
        let kind = match direction {
            Direction::ToSigner => Kind::Request,
            Direction::ToHost => Kind::Reply,
        };
        let header = Header::new(kind, correlation, payload).expect("no longer than a frame");
        Self { direction, header, bytes: [header.to_bytes().as_slice(), payload].concat() }
    }

    /// The same with another payload, answering or asking what this one does.
    #[must_use]
    pub fn with_payload(&self, payload: &[u8]) -> Self {
        Self::of(self.direction, self.header.correlation, payload)
    }

    /// Where it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The number that a reply has of its request.
    #[must_use]
    pub fn correlation(&self) -> u32 {
        self.header.correlation
    }

    /// Header and payload.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What follows the header.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.bytes[Header::LEN..]
    }

    /// The host's request, if it is one.
    #[must_use]
    pub fn to_request(&self) -> Option<Request> {
        (self.direction == Direction::ToSigner).then(|| codec::decode(self.payload()).ok()).flatten()
    }

    /// The signer's reply, if it is one.
    #[must_use]
    pub fn to_reply(&self) -> Option<Reply> {
        (self.direction == Direction::ToHost).then(|| codec::decode(self.payload()).ok()).flatten()
    }

    /// Its bytes with one bit of byte `at`, counted from the header's first, the other way round.
    #[must_use]
    pub fn flipped(&self, at: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[at] ^= 1;
        bytes
    }

    pub(super) fn read(direction: Direction, stream: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; Header::LEN];
        stream.read_exact(&mut header)?;
        let mut bytes = header.to_vec();
        let header = Header::from_bytes(&header).map_err(io::Error::other)?;
        bytes.resize(Header::LEN + header.length(), 0);
        stream.read_exact(&mut bytes[Header::LEN..])?;
        Ok(Self { direction, header, bytes })
    }
}
