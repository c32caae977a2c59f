use std::{
    fs, io,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    time::Duration,
};

use cloister_enclave::transport::{Listener, Stream};

/// A Unix socket in the place of vsock.
pub struct Socket(UnixListener);

/// One connection to it.
pub struct Connection(UnixStream);

impl Socket {
    /// Listens on `path`, for its owner alone. A socket that an earlier process left there is replaced.
    ///
    /// # Errors
    /// The operating system's.
    pub fn listen(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(Self(listener))
    }
}

impl Listener for Socket {
    type Stream = Connection;

    fn accept(&self) -> io::Result<Connection> {
        self.0.accept().map(|(stream, _)| Connection(stream))
    }
}

impl Stream for Connection {
    fn set_timeouts(&self, longest: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(longest))?;
        self.0.set_write_timeout(Some(longest))
    }
}

impl io::Read for Connection {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl io::Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
