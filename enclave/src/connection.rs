//! One connection: frames in, frames out, within bounds of length and time.

use std::{
    io::{self, ErrorKind},
    sync::Mutex,
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

/// A connection is over: closed, cut off, too slow, in another's place, or not of our protocol. All of it is the host's doing, and there
/// is nobody in here to tell.
#[derive(Debug)]
struct Ended;

/// A stream that carries frames, and the place that it takes up.
pub(crate) struct Connection<'a, S> {
    stream: S,
    bounds: Bounds,
    place: Place,
    large: &'a Mutex<()>,
}

impl<'a, S: Stream> Connection<'a, S> {
    /// `large` is held while a large request is read and answered.
    pub(crate) fn new(stream: S, bounds: Bounds, place: Place, large: &'a Mutex<()>) -> Self {
        Self { stream, bounds, place, large }
    }

    /// Answers requests in the order in which they come, until the connection ends. Pipelined ones wait in the socket's buffer.
    pub(crate) fn serve(mut self, answer: &impl Fn(Request) -> Reply) {
        if self.stream.set_timeouts(self.bounds.tick).is_ok() {
            while self.exchange(answer).is_ok() {}
        }
    }

    fn exchange(&mut self, answer: &impl Fn(Request) -> Reply) -> Result<(), Ended> {
        let (header, since) = self.header()?;
        let payload = self.payload(header.length(), since)?;
        let reply = self.answer(payload, answer);
        self.send(header.correlation, &codec::encode(&reply))
    }

    /// Large requests are read and answered one at a time: read, they take a few times the room.
    fn answer(&self, payload: Vec<u8>, answer: &impl Fn(Request) -> Reply) -> Reply {
        let _turn = (payload.len() > limits::WRITE).then(|| self.large.lock().unwrap_or_else(|_| fatal::end()));
        let request = codec::decode(&payload);
        drop(payload);
        match request {
            Ok(request) => answer(request),
            Err(_) => refused(Refusal::Malformed),
        }
    }

    /// The next frame's header, and when its first byte came. Only before that may a connection be silent for long.
    fn header(&mut self) -> Result<(Header, Instant), Ended> {
        let mut bytes = [0; Header::LEN];
        let got = self.first_bytes(&mut bytes)?;
        let since = Instant::now();
        self.fill(bytes.get_mut(got..).unwrap_or_default(), since)?;
        let header = Header::from_bytes(&bytes).map_err(|_| Ended)?;
        match header.kind {
            Kind::Request => Ok((header, since)),
            Kind::Reply => Err(Ended),
        }
    }

    fn first_bytes(&mut self, bytes: &mut [u8]) -> Result<usize, Ended> {
        let silent_since = Instant::now();
        loop {
            match self.stream.read(bytes) {
                Ok(0) => return Err(Ended),
                Ok(got) => return Ok(got),
                Err(error) if !passing(&error) => return Err(Ended),
                Err(_) if silent_since.elapsed() < self.bounds.silence => {}
                Err(_) => match self.place.demand() {
                    Demand::None => {}
                    Demand::Waiting => return Err(Ended),
                },
            }
        }
    }

    /// Reads a payload whose length the header has bounded. Memory grows with the bytes that come, to twice as many, and not beyond those
    /// announced.
    fn payload(&mut self, length: usize, since: Instant) -> Result<Vec<u8>, Ended> {
        let mut payload = Vec::new();
        let mut piece = [0; limits::WRITE];
        while payload.len() < length {
            let missing = length.saturating_sub(payload.len());
            let piece = piece.get_mut(..missing.min(limits::WRITE)).unwrap_or_default();
            self.fill(piece, since)?;
            if payload.capacity() == payload.len() {
                payload.reserve_exact(payload.len().max(limits::WRITE).min(missing));
            }
            payload.extend_from_slice(piece);
        }
        Ok(payload)
    }

    fn fill(&mut self, mut bytes: &mut [u8], since: Instant) -> Result<(), Ended> {
        while !bytes.is_empty() {
            match self.stream.read(bytes) {
                Ok(0) => return Err(Ended),
                Ok(got) => bytes = bytes.get_mut(got..).unwrap_or_default(),
                Err(error) if passing(&error) => {}
                Err(_) => return Err(Ended),
            }
            self.in_time(since)?;
        }
        Ok(())
    }

    /// Sends a reply in pieces of [`limits::WRITE`].
    fn send(&mut self, correlation: u32, payload: &[u8]) -> Result<(), Ended> {
        // No reply that the signer can make comes near the limit: batches, outboxes and blobs are bounded far below it.
        let Ok(header) = Header::new(Kind::Reply, correlation, payload) else { fatal::end() };
        let (first, rest) = payload.split_at(payload.len().min(limits::WRITE - Header::LEN));
        let since = Instant::now();
        self.write(&[header.to_bytes().as_slice(), first].concat(), since)?;
        rest.chunks(limits::WRITE).try_for_each(|piece| self.write(piece, since))
    }

    fn write(&mut self, mut piece: &[u8], since: Instant) -> Result<(), Ended> {
        while !piece.is_empty() {
            match self.stream.write(piece) {
                Ok(sent) => piece = piece.get(sent..).unwrap_or_default(),
                Err(error) if passing(&error) => {}
                Err(_) => return Err(Ended),
            }
            self.in_time(since)?;
        }
        Ok(())
    }

    fn in_time(&self, since: Instant) -> Result<(), Ended> {
        if since.elapsed() < self.bounds.frame { Ok(()) } else { Err(Ended) }
    }
}

fn refused(refusal: Refusal) -> Reply {
    Reply { outcome: Outcome::Refused(refusal), outbox: List::new(), receipt: None }
}

/// Whether a read or write that failed may be tried again: its time was up, or a signal came in between.
fn passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Cursor, Read, Write},
        sync::mpsc::{self, Sender},
        time::Duration,
    };

    use cloister_wire::message::Body;

    use super::*;
    use crate::places::Places;

    /// Holds what the host sent, and notes how large each write is.
    struct Recorder {
        sent: Cursor<Vec<u8>>,
        writes: Sender<usize>,
    }

    impl Read for Recorder {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.sent.read(bytes)
        }
    }

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.writes.send(bytes.len()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Recorder {
        fn set_timeouts(&self, _: Duration) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_write_to_a_host_is_larger_than_16_kib() {
        let payload = codec::encode(&Request::Challenge);
        let header = Header::new(Kind::Request, 1, &payload).unwrap().to_bytes();
        let (writes, written) = mpsc::channel();
        let stream = Recorder { sent: Cursor::new([header.as_slice(), &payload].concat()), writes };
        let commitments = vec![vec![7; limits::COMMITMENT].try_into().unwrap(); limits::COMMITMENTS];
        let outcome = Outcome::Done(Body::Commitments(commitments.try_into().unwrap()));
        let reply = Reply { outcome, ..refused(Refusal::Busy) };
        let whole = Header::LEN + codec::encode(&reply).len();
        let large = Mutex::new(());
        Connection::new(stream, Bounds::default(), Places::new(1).take(), &large).serve(&|_| reply.clone());
        let written: Vec<_> = written.into_iter().collect();
        assert_eq!(written.iter().sum::<usize>(), whole);
        assert!(whole > 32 * 1024 && written.iter().all(|piece| *piece <= 16 * 1024), "{written:?}");
    }
}
