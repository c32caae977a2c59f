//! Where connections come from.

use std::{
    io::{self, Read, Write},
    os::fd::AsRawFd as _,
    time::Duration,
};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, VsockAddr, bind, listen, socket};
use vsock::{VMADDR_CID_ANY, VsockListener, VsockStream};

/// Hands out connections from the host.
pub trait Listener {
    /// A connection.
    type Stream: Stream;

    /// Waits for the next connection.
    ///
    /// # Errors
    /// The operating system's.
    fn accept(&self) -> io::Result<Self::Stream>;
}

/// A byte stream in both directions.
pub trait Stream: Read + Write + Send {
    /// Makes a read or write that gets nowhere for so long fail with [`io::ErrorKind::WouldBlock`] or
    /// [`io::ErrorKind::TimedOut`].
    ///
    /// # Errors
    /// The operating system's.
    fn set_timeouts(&self, longest: Duration) -> io::Result<()>;
}

/// The enclave's side of vsock. Only its parent instance can reach it.
#[derive(Debug)]
pub struct Vsock(VsockListener);

impl Vsock {
    /// The port at which signers listen.
    pub const PORT: u32 = 5000;

    /// Listens at [`Vsock::PORT`]. The kernel takes what a connection sends before anybody reads it, up to 256 KiB, and each packet in a
    /// buffer of its own, so that a host can make that some ten MiB of memory. Few connections may therefore wait.
    ///
    /// # Errors
    /// If the kernel has no vsock or the port is taken.
    pub fn listen() -> io::Result<Self> {
        let waiting = Backlog::new(WAITING)?;
        let socket = socket(AddressFamily::Vsock, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
        bind(socket.as_raw_fd(), &VsockAddr::new(VMADDR_CID_ANY, Self::PORT))?;
        listen(&socket, waiting)?;
        Ok(Self(socket.into()))
    }
}

/// Connections that may wait in the kernel's queue, but for one; others are turned away. A host needs one at a time.
const WAITING: i32 = 1;

impl Listener for Vsock {
    type Stream = VsockStream;

    fn accept(&self) -> io::Result<VsockStream> {
        self.0.accept().map(|(stream, _)| stream)
    }
}

impl Stream for VsockStream {
    fn set_timeouts(&self, longest: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(longest))?;
        self.set_write_timeout(Some(longest))
    }
}

#[cfg(test)]
mod unix {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    impl Listener for UnixListener {
        type Stream = UnixStream;

        fn accept(&self) -> io::Result<UnixStream> {
            Self::accept(self).map(|(stream, _)| stream)
        }
    }

    impl Stream for UnixStream {
        fn set_timeouts(&self, longest: Duration) -> io::Result<()> {
            self.set_read_timeout(Some(longest))?;
            self.set_write_timeout(Some(longest))
        }
    }
}
