//! Nitro's heartbeat: `nitro-cli run-enclave` waits for an enclave to connect to its parent and send one byte.

use std::{
    io::{self, Read, Write},
    thread,
    time::Duration,
};

use vsock::VsockStream;

/// Sends the heartbeat from a thread of its own. The parent may be deaf or absent: nothing waits for it or depends on it.
pub(crate) fn start() {
    let beat = || drop(beat());
    drop(thread::Builder::new().stack_size(STACK).spawn(beat));
}

fn beat() -> io::Result<()> {
    let mut parent = VsockStream::connect_with_cid_port(PARENT, PORT)?;
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
