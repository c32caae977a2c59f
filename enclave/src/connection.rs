//! One connection: frames in, frames out, within bounds of length and time.

use std::{
    io::{self, ErrorKind},
    time::Instant,
};

use cloister_wire::{
    bounded::List,
    codec,
    frame::{Header, Kind},
    limits,
    message::{Outcome, Reply, Request},
    refusal::Refusal,
};

use crate::{
    fatal,
    places::{Demand, Place},
    server::Bounds,
    transport::Stream,
};

/// Why a connection is over. All are the host's doing, and none matters to another connection.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It closed its side between two frames.
    Closed,
    /// Its bytes are no frames, or a frame was cut off.
    BadFrame,
    /// A frame took too long to arrive or to be taken.
    TooSlow,
    /// It was silent while another waited for its place.
    GaveWay,
    /// The socket failed.
    Broken,
}

/// A stream that carries frames, and the place that it takes up.
pub(crate) struct Connection<S> {
    stream: S,
    bounds: Bounds,
    place: Place,
}

impl<S: Stream> Connection<S> {
    pub(crate) fn new(stream: S, bounds: Bounds, place: Place) -> Self {
        Self { stream, bounds, place }
    }

    /// Answers requests in the order in which they come, until the connection ends. Pipelined ones wait in the socket's buffer.
    pub(crate) fn serve(mut self, answer: &impl Fn(Request) -> Reply) -> Ended {
        if self.stream.set_timeouts(self.bounds.tick).is_err() {
            return Ended::Broken;
        }
        loop {
            if let Err(ended) = self.exchange(answer) {
                return ended;
            }
        }
    }

    fn exchange(&mut self, answer: &impl Fn(Request) -> Reply) -> Result<(), Ended> {
        let header = self.header()?;
        let payload = self.payload(header.length())?;
        let reply = match codec::decode(&payload) {
            Ok(request) => answer(request),
            Err(_) => refused(Refusal::Malformed),
        };
        drop(payload);
        self.send(header.correlation, &codec::encode(&reply))
    }

    /// The next frame's header. Only before its first byte may a connection be silent for long.
    fn header(&mut self) -> Result<Header, Ended> {
        let mut bytes = [0; Header::LEN];
        let got = self.first_bytes(&mut bytes)?;
        let deadline = Instant::now() + self.bounds.frame;
        self.fill(bytes.get_mut(got..).unwrap_or_default(), deadline)?;
        let header = Header::from_bytes(&bytes).map_err(|_| Ended::BadFrame)?;
        match header.kind {
            Kind::Request => Ok(header),
            Kind::Reply => Err(Ended::BadFrame),
        }
    }

    fn first_bytes(&mut self, bytes: &mut [u8]) -> Result<usize, Ended> {
        let silent_since = Instant::now();
        loop {
            match self.stream.read(bytes) {
                Ok(0) => return Err(Ended::Closed),
                Ok(got) => return Ok(got),
                Err(error) if !passing(&error) => return Err(Ended::Broken),
                Err(_) if silent_since.elapsed() < self.bounds.silence => {}
                Err(_) => match self.place.demand() {
                    Demand::None => {}
                    Demand::Waiting => return Err(Ended::GaveWay),
                },
            }
        }
    }

    /// Reads a payload whose length the header has bounded. Memory grows with the bytes that come, not with those announced.
    fn payload(&mut self, length: usize) -> Result<Vec<u8>, Ended> {
        let deadline = Instant::now() + self.bounds.frame;
        let mut payload = Vec::new();
        let mut piece = [0; limits::WRITE];
        while payload.len() < length {
            let missing = length.saturating_sub(payload.len()).min(limits::WRITE);
            let piece = piece.get_mut(..missing).unwrap_or_default();
            self.fill(piece, deadline)?;
            payload.extend_from_slice(piece);
        }
        Ok(payload)
    }

    fn fill(&mut self, mut bytes: &mut [u8], deadline: Instant) -> Result<(), Ended> {
        while !bytes.is_empty() {
            match self.stream.read(bytes) {
                Ok(0) => return Err(Ended::BadFrame),
                Ok(got) => bytes = bytes.get_mut(got..).unwrap_or_default(),
                Err(error) if passing(&error) => {}
                Err(_) => return Err(Ended::Broken),
            }
            in_time(deadline)?;
        }
        Ok(())
    }

    /// Sends a reply in pieces of [`limits::WRITE`].
    fn send(&mut self, correlation: u32, payload: &[u8]) -> Result<(), Ended> {
        // No reply that the signer can make comes near the limit: batches, outboxes and blobs are bounded far below it.
        let Ok(header) = Header::new(Kind::Reply, correlation, payload) else { fatal::end() };
        let frame = [header.to_bytes().as_slice(), payload].concat();
        let deadline = Instant::now() + self.bounds.frame;
        frame.chunks(limits::WRITE).try_for_each(|piece| self.write(piece, deadline))
    }

    fn write(&mut self, mut piece: &[u8], deadline: Instant) -> Result<(), Ended> {
        while !piece.is_empty() {
            match self.stream.write(piece) {
                Ok(sent) => piece = piece.get(sent..).unwrap_or_default(),
                Err(error) if passing(&error) => {}
                Err(_) => return Err(Ended::Broken),
            }
            in_time(deadline)?;
        }
        Ok(())
    }
}

fn refused(refusal: Refusal) -> Reply {
    Reply { outcome: Outcome::Refused(refusal), outbox: List::new(), receipts: List::new() }
}

fn in_time(deadline: Instant) -> Result<(), Ended> {
    if Instant::now() < deadline { Ok(()) } else { Err(Ended::TooSlow) }
}

/// Whether a read or write that failed may be tried again: its time was up, or a signal came in between.
fn passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
