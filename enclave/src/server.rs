//! The server: bounded connections, a thread each.

use std::{convert::Infallible, hint::black_box, io::ErrorKind, sync::Mutex, thread, time::Duration};

use cloister_wire::message::{Reply, Request};

use crate::{
    connection::Connection,
    console::{self, Event},
    fatal,
    places::Places,
    transport::Listener,
};

/// How much patience there is, and how much room. Lengths stand in `cloister_wire::limits`.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections served at once; others wait in the kernel's queue.
    pub connections: usize,
    /// A whole frame has to arrive, or to be taken, within this time of its first byte.
    pub frame: Duration,
    /// A connection that was silent for so long gives its place to one that waits.
    pub silence: Duration,
    /// How often a waiting read or write looks at the clock.
    pub tick: Duration,
}

impl Default for Bounds {
    /// Those of production.
    fn default() -> Self {
        Self {
            connections: 4,
            frame: Duration::from_secs(10),
            silence: Duration::from_secs(5),
            tick: Duration::from_secs(1),
        }
    }
}

/// Serves for as long as the process lives; `answer` answers each request. If no more connections can be accepted or no thread can be
/// started, the process ends, and with it the connections that there are.
pub fn serve<L>(listener: &L, bounds: Bounds, answer: impl Fn(Request) -> Reply + Sync) -> !
where
    L: Listener<Stream: 'static>,
{
    keep_freed_memory();
    let (places, large) = (Places::new(bounds.connections), Mutex::new(()));
    match thread::scope(|threads| -> Infallible {
        loop {
            let stream = match listener.accept() {
                Ok(stream) => stream,
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => continue,
                Err(_) => give_up(),
            };
            let connection = Connection::new(stream, bounds, places.take(), &large);
            let thread = thread::Builder::new().stack_size(STACK);
            if thread.spawn_scoped(threads, || connection.serve(&answer)).is_err() {
                give_up();
            }
        }
    }) {}
}

fn give_up() -> ! {
    console::say(Event::ServerFailed);
    fatal::end();
}

/// Has glibc's allocator keep what is freed, up to 32 MiB, for the next ceremony. Otherwise it gives pages back after each and has them
/// cleared anew for the next. What it keeps follows the largest mapping that it has seen freed (mallopt(3), `M_MMAP_THRESHOLD`).
fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(LARGEST_FREED)));
}

/// Half of what is kept, bytes. Nothing is written to it: it takes memory only where all of it is locked, and there for a moment.
const LARGEST_FREED: usize = 16 * 1024 * 1024;

/// Stack of a connection's thread, bytes. Decoders of messages don't recurse on input, and that of documents no deeper than this has room
/// for; the largest frames are an NSM message of 16 KiB and a piece of a payload.
const STACK: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::Shutdown,
        os::unix::net::{UnixListener, UnixStream},
        path::PathBuf,
    };

    use cloister_wire::{
        bounded::List,
        codec,
        frame::{Header, Kind},
        ids::Nonce,
        limits,
        message::{Body, Outcome},
        refusal::Refusal,
    };
    use tempfile::TempDir;

    use super::*;

    struct Server {
        socket: PathBuf,
        _folder: TempDir,
    }

    impl Server {
        fn with(connections: usize) -> Self {
            let [frame, silence, tick] =
                [Duration::from_millis(300), Duration::from_millis(20), Duration::from_millis(5)];
            let folder = tempfile::tempdir().unwrap();
            let socket = folder.path().join("socket");
            let listener = UnixListener::bind(&socket).unwrap();
            thread::spawn(move || serve(&listener, Bounds { connections, frame, silence, tick }, echo));
            Self { socket, _folder: folder }
        }

        fn connect(&self) -> UnixStream {
            UnixStream::connect(&self.socket).unwrap()
        }
    }

    fn echo(request: Request) -> Reply {
        let Request::Status { nonce } = request else { panic!("the tests send nothing else") };
        reply(Outcome::Done(Body::Challenge(nonce)))
    }

    fn reply(outcome: Outcome) -> Reply {
        Reply { outcome, outbox: List::new(), receipt: None }
    }

    fn frame(correlation: u32, payload: &[u8]) -> Vec<u8> {
        [Header::new(Kind::Request, correlation, payload).unwrap().to_bytes().as_slice(), payload].concat()
    }

    fn status(correlation: u8) -> Vec<u8> {
        frame(correlation.into(), &codec::encode(&Request::Status { nonce: Nonce::from_bytes([correlation; 32]) }))
    }

    fn read(stream: &mut UnixStream) -> (u32, Outcome) {
        let mut header = [0; Header::LEN];
        stream.read_exact(&mut header).unwrap();
        let header = Header::from_bytes(&header).unwrap();
        let mut payload = vec![0; header.length()];
        stream.read_exact(&mut payload).unwrap();
        (header.correlation, codec::decode::<Reply>(&payload).unwrap().outcome)
    }

    fn echoed(correlation: u8) -> (u32, Outcome) {
        (correlation.into(), Outcome::Done(Body::Challenge(Nonce::from_bytes([correlation; 32]))))
    }

    /// The server closed the connection without another word.
    fn is_over(stream: &mut UnixStream) -> bool {
        matches!(stream.read(&mut [0]), Ok(0) | Err(_))
    }

    fn goes_on(server: &Server) -> bool {
        let mut stream = server.connect();
        stream.write_all(&status(9)).unwrap();
        read(&mut stream) == echoed(9)
    }

    #[test]
    fn answers_pipelined_requests_in_the_order_in_which_they_came() {
        let server = Server::with(1);
        let mut stream = server.connect();
        stream.write_all(&[status(1), status(2)].concat()).unwrap();
        assert_eq!(read(&mut stream), echoed(1));
        assert_eq!(read(&mut stream), echoed(2));
    }

    #[test]
    fn closes_on_a_frame_over_the_limit_an_unknown_kind_a_reply_and_a_foreign_protocol() {
        let server = Server::with(1);
        let header = |place: usize, byte: u8| {
            let mut bytes = status(1);
            bytes[place] = byte;
            bytes
        };
        for bytes in [header(12, 0xff), header(5, 2), header(5, 1), header(0, b'G')] {
            let mut stream = server.connect();
            stream.write_all(&bytes).unwrap();
            assert!(is_over(&mut stream));
        }
        assert!(goes_on(&server));
    }

    #[test]
    fn closes_on_a_frame_that_is_cut_off() {
        let server = Server::with(1);
        let whole = status(1);
        for length in 1..whole.len() {
            let mut stream = server.connect();
            stream.write_all(&whole[..length]).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            assert!(is_over(&mut stream), "after {length} bytes");
        }
        assert!(goes_on(&server));
    }

    #[test]
    fn refuses_an_unreadable_request_and_reads_on() {
        let server = Server::with(1);
        let mut stream = server.connect();
        let trailing = [codec::encode(&Request::Challenge), vec![0]].concat();
        for payload in [b"".as_slice(), b"\xff", b"\x82\x18\x63\x80", &trailing, &vec![0; limits::FRAME]] {
            stream.write_all(&frame(7, payload)).unwrap();
            assert_eq!(read(&mut stream), (7, Outcome::Refused(Refusal::Malformed)));
        }
        stream.write_all(&status(3)).unwrap();
        assert_eq!(read(&mut stream), echoed(3));
    }

    #[test]
    fn cuts_off_a_host_that_sends_a_frame_byte_by_byte() {
        let server = Server::with(1);
        let mut stream = server.connect();
        for byte in frame(1, &[0; 400]) {
            thread::sleep(Duration::from_millis(2));
            if stream.write_all(&[byte]).is_err() {
                break;
            }
        }
        assert!(is_over(&mut stream));
        assert!(goes_on(&server));
    }

    #[test]
    fn cuts_off_a_frame_whose_header_and_payload_are_in_time_alone_and_not_together() {
        let server = Server::with(1);
        let mut stream = server.connect();
        let frame = frame(1, &[0; 400]);
        for part in [&frame[..1], &frame[1..Header::LEN + 1], &frame[Header::LEN + 1..]] {
            if stream.write_all(part).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        assert!(is_over(&mut stream));
        assert!(goes_on(&server));
    }

    #[test]
    fn cuts_off_a_host_that_does_not_read_its_replies() {
        let server = Server::with(1);
        let mut deaf = server.connect();
        let many = status(1).repeat(1000);
        deaf.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        while deaf.write_all(&many).is_ok() {}
        assert!(goes_on(&server));
    }

    #[test]
    fn silent_connections_give_their_places_to_those_who_have_something_to_say() {
        let server = Server::with(4);
        let silent: Vec<_> = (0..4).map(|_| server.connect()).collect();
        assert!(goes_on(&server));
        drop(silent);
    }

    #[test]
    fn serves_64_connections_at_once_through_four_places() {
        let server = Server::with(4);
        let mut streams: Vec<_> = (0..64).map(|_| server.connect()).collect();
        for (stream, correlation) in streams.iter_mut().zip(0..) {
            stream.write_all(&status(correlation)).unwrap();
        }
        for (mut stream, correlation) in streams.into_iter().zip(0..) {
            assert_eq!(read(&mut stream), echoed(correlation));
        }
    }
}
