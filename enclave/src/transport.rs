//! Where connections come from.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

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

    /// Listens at [`Vsock::PORT`].
    ///
    /// # Errors
    /// If the kernel has no vsock or the port is taken.
    pub fn listen() -> io::Result<Self> {
        VsockListener::bind_with_cid_port(VMADDR_CID_ANY, Self::PORT).map(Self)
    }
}

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
