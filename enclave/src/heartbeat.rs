//! Nitro's heartbeat: `nitro-cli run-enclave` waits for an enclave to connect to its parent and send one byte.

use std::{
    io::{self, Read, Write},
    os::fd::{AsRawFd, OwnedFd},
    thread,
    time::Duration,
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, connect, socket};
use vsock::VsockStream;

/// Sends the heartbeat from a thread of its own. The parent may be deaf or absent: nothing waits for it or depends on it. The socket is
/// made before, so that its thread needs nothing that makes one.
pub(crate) fn start() {
    let Ok(parent) = socket(AddressFamily::Vsock, SockType::Stream, SockFlag::SOCK_CLOEXEC, None) else { return };
    let beat = || drop(beat(parent));
    drop(thread::Builder::new().stack_size(STACK).spawn(beat));
}

fn beat(parent: OwnedFd) -> io::Result<()> {
    connect(parent.as_raw_fd(), &VsockAddr::new(PARENT, PORT))?;
    let mut parent = VsockStream::from(parent);
    parent.set_read_timeout(Some(PATIENCE))?;
    parent.write_all(&[HEARTBEAT])?;
    parent.read_exact(&mut [0])
}

/// The parent instance, as AWS's own init has it.
const PARENT: u32 = 3;
const PORT: u32 = 9000;
const HEARTBEAT: u8 = 0xb7;
const PATIENCE: Duration = Duration::from_secs(10);
const STACK: usize = 64 * 1024;
