//! A hostile host between a host and its signer: it reads every frame and may do with it what it likes.
//!
//! ```text
//!   cloister-host ──▶ HostileProxy ──▶ signer
//!                       │  rule: Frame ─▶ Action
//!                       └─ record: every frame, of every boot, before the rule has touched it
//! ```
//!
//! The rule sees one frame at a time. Whatever an attacker could make of it is in reach: [`Action::Instead`] sends any bytes, also
//! frames that were recorded minutes or boots ago. [`ask`] puts requests of the attacker's own straight to the signer.

mod frame;

use std::{
    io::{self, Write},
    mem,
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use cloister_wire::{
    codec,
    message::{Reply, Request},
};

pub use frame::{Direction, Frame};

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes on unaltered.
    Pass,
    /// It goes on, this much later, and what comes behind it too.
    Delay(Duration),
    /// It waits until the next frame in its direction has gone on.
    Hold,
    /// These bytes go on instead: none to drop it, twice its own to duplicate it, some of them to truncate it.
    Instead(Vec<u8>),
    /// These bytes go on, and then the connection is cut: a frame that breaks off.
    Last(Vec<u8>),
    /// The connection is cut.
    Cut,
}

/// Decides on frames, one after another.
pub trait Rule: FnMut(&Frame) -> Action + Send {}

impl<R: FnMut(&Frame) -> Action + Send> Rule for R {}

/// A proxy that runs until it is dropped.
pub struct HostileProxy {
    shared: Arc<Shared>,
    listen: PathBuf,
}

struct Shared {
    upstream: PathBuf,
    rule: Mutex<Box<dyn Rule>>,
    record: Mutex<Vec<Frame>>,
    streams: Mutex<Streams>,
}

/// Whether new connections are taken, and those that there are.
enum Streams {
    Open(Vec<UnixStream>),
    Closed,
}

impl HostileProxy {
    /// Listens on `listen` and connects each connection to `upstream`.
    ///
    /// # Errors
    /// If `listen` cannot be listened on.
    pub fn start(listen: &Path, upstream: &Path, rule: impl Rule + 'static) -> io::Result<Self> {
        drop(std::fs::remove_file(listen));
        let listener = UnixListener::bind(listen)?;
        let shared = Arc::new(Shared {
            upstream: upstream.into(),
            rule: Mutex::new(Box::new(rule)),
            record: Mutex::default(),
            streams: Mutex::new(Streams::Open(Vec::new())),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Ok(Self { shared, listen: listen.into() })
    }

    /// From the next frame on, `rule` decides.
    pub fn set_rule(&self, rule: impl Rule + 'static) {
        *locked(&self.shared.rule) = Box::new(rule);
    }

    /// Every frame so far, in the order in which they came.
    #[must_use]
    pub fn record(&self) -> Vec<Frame> {
        locked(&self.shared.record).clone()
    }
}

impl Drop for HostileProxy {
    fn drop(&mut self) {
        if let Streams::Open(streams) = mem::replace(&mut *locked(&self.shared.streams), Streams::Closed) {
            streams.iter().for_each(cut);
        }
        // Wakes the listener, which then ends.
        drop(UnixStream::connect(&self.listen));
        drop(std::fs::remove_file(&self.listen));
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &UnixListener) {
        for host in listener.incoming().flatten() {
            match &mut *locked(&self.streams) {
                Streams::Closed => return,
                // While the signer is away, so is the proxy.
                Streams::Open(streams) => drop(self.join(host, streams)),
            }
        }
    }

    fn join(self: &Arc<Self>, host: UnixStream, streams: &mut Vec<UnixStream>) -> io::Result<()> {
        let signer = UnixStream::connect(&self.upstream)?;
        streams.extend([host.try_clone()?, signer.try_clone()?]);
        for (direction, from, to) in
            [(Direction::ToSigner, host.try_clone()?, signer.try_clone()?), (Direction::ToHost, signer, host)]
        {
            let shared = Arc::clone(self);
            thread::spawn(move || {
                drop(shared.carry(direction, &from, &to));
                cut(&from);
                cut(&to);
            });
        }
        Ok(())
    }

    /// Carries frames in one direction until an end closes or the rule cuts the connection.
    fn carry(&self, direction: Direction, mut from: &UnixStream, mut to: &UnixStream) -> io::Result<()> {
        let mut held = Vec::new();
        loop {
            let frame = Frame::read(direction, &mut from)?;
            locked(&self.record).push(frame.clone());
            let action = (*locked(&self.rule))(&frame);
            match action {
                Action::Hold => {
                    held.extend_from_slice(frame.bytes());
                    continue;
                }
                Action::Cut => return Ok(()),
                Action::Last(bytes) => return to.write_all(&bytes),
                Action::Instead(bytes) => to.write_all(&bytes)?,
                Action::Pass => to.write_all(frame.bytes())?,
                Action::Delay(time) => {
                    thread::sleep(time);
                    to.write_all(frame.bytes())?;
                }
            }
            to.write_all(&mem::take(&mut held))?;
        }
    }
}

/// Puts a request of the attacker's own to the signer at `socket`, on a connection of its own.
///
/// # Errors
/// The socket's; [`io::ErrorKind::InvalidData`] if the answer is no reply.
pub fn ask(socket: &Path, request: &Request) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(Frame::request(1, request).bytes())?;
    let frame = Frame::read(Direction::ToHost, &mut stream)?;
    codec::decode(frame.payload()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn cut(stream: &UnixStream) {
    // Already closed is as good.
    drop(stream.shutdown(Shutdown::Both));
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
