//! Enclaves of an image in QEMU's `nitro-enclave` machine, and their parents' ends of vsock.
//!
//! ```text
//!   test ──▶ vm.sock ──────┐
//!                          ├─ vhost-device-vsock ═══ QEMU: the image as built, /dev/nsm, a console
//!   test ◀── vm.sock_PORT ─┘
//! ```
//! QEMU's module measures the image as AWS's does, and leaves its documents unsigned. There, the parent is CID 2 and not 3.

mod console;
pub mod image;
mod process;

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use cloister_wire::{
    codec,
    frame::{Header, Kind},
    message::{Reply, Request},
};
use tempfile::TempDir;
use xtask::emulator::Emulator;

use self::{console::Console, process::Process};

/// What a guest gets, MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u32);

/// A running guest; it ends when this is dropped, and also when the test's process ends in whatever way.
pub struct Vm {
    console: Console,
    parent: Console,
    sockets: PathBuf,
    started: Instant,
    // In the order in which they have to end.
    _qemu: Process,
    _vsock: Process,
    _folder: TempDir,
}

/// The port at which the image serves.
pub const PORT: u32 = cloister_enclave::transport::Vsock::PORT;
/// How long an emulated guest may take to boot: seconds, but more than two minutes were seen where four booted on two busy processors.
pub const BOOT: Duration = Duration::from_secs(300);
/// What PID 1 says when it serves.
pub const SERVING: &str = "serving on vsock port 5000";
/// How long it may take to answer.
pub const ANSWER: Duration = Duration::from_secs(30);

impl Vm {
    /// Boots an image on a parent instance with this role, which PCR3 measures.
    ///
    /// # Errors
    /// If the emulator is not there or does not start.
    pub fn boot(eif: &Path, memory: Memory, role: &str) -> Result<Self> {
        static NEXT_CID: AtomicU32 = AtomicU32::new(4);
        let Emulator { qemu, firmware, vsock } = Emulator::installed()?;
        let cid = NEXT_CID.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::Builder::new().prefix("nitro-").tempdir()?;
        let (device, sockets) = (folder.path().join("vhost.sock"), folder.path().join("vm.sock"));
        let ends = format!("guest-cid={cid},socket={},uds-path={}", device.display(), sockets.display());
        let (vsock, parent) = Process::start(Command::new(vsock).args(["--vm", &ends]).env("RUST_LOG", "warn"))?;
        await_socket(&device, &parent)?;

        let machine = format!("nitro-enclave,vsock=c,id=enclave-{cid},parent-role={role}");
        let (qemu, console) = Process::start(
            Command::new(qemu)
                .args(["-M", &machine, "-accel", "tcg", "-cpu", "max", "-m", &format!("{}M", memory.0)])
                // The guest's time goes on with its instructions: a kernel counts its timer's ticks at boot, and panics where a busy
                // machine has kept some back.
                .args(["-icount", "shift=auto"])
                .args(["-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"])
                .args(["-chardev", &format!("socket,id=c,path={}", device.display())])
                .args([Path::new("-L"), &firmware, Path::new("-kernel"), eif]),
        )?;
        let started = Instant::now();
        Ok(Self { console, parent, sockets, started, _qemu: qemu, _vsock: vsock, _folder: folder })
    }

    /// Waits until the console has a line with this sentence, and says how long after the start of the emulator it came.
    ///
    /// # Errors
    /// If the guest ends before or stays silent for too long; with the console's last lines.
    pub fn wait_for_console(&self, sentence: &str, patience: Duration) -> Result<Duration> {
        Ok(self.console.wait_for(sentence, patience)?.saturating_duration_since(self.started))
    }

    /// The same of what the parent's end of vsock logs.
    ///
    /// # Errors
    /// If it stays silent for too long.
    pub fn wait_for_parent(&self, sentence: &str, patience: Duration) -> Result<()> {
        self.parent.wait_for(sentence, patience).map(drop)
    }

    /// Whether the guest has ended.
    #[must_use]
    pub fn exited(&self) -> bool {
        self.console.ended()
    }

    /// All that the console says so far, but for what was too much to keep.
    #[must_use]
    pub fn console(&self) -> String {
        self.console.text()
    }

    /// Connects to a port of the guest.
    ///
    /// # Errors
    /// If the guest does not take the connection; with the console's last lines.
    pub fn connect(&self, port: u32) -> Result<UnixStream> {
        self.try_connect(port).with_context(|| {
            format!("the guest takes no connection at vsock port {port}; its console:\n{}", self.console.tail())
        })
    }

    fn try_connect(&self, port: u32) -> Result<UnixStream> {
        let mut stream = UnixStream::connect(&self.sockets)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_write_timeout(Some(ANSWER))?;
        stream.write_all(format!("CONNECT {port}\n").as_bytes())?;
        let line = read_line(&mut stream)?;
        ensure!(line.starts_with(b"OK "), "answered {:?}", String::from_utf8_lossy(&line));
        Ok(stream)
    }

    /// Takes the connections that the guest makes to a port of its parent.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn listen(&self, port: u32) -> Result<UnixListener> {
        Ok(UnixListener::bind(format!("{}_{port}", self.sockets.display()))?)
    }

    /// Asks the image one thing, over a connection of its own.
    ///
    /// # Errors
    /// If there is no answer; with the console's last lines.
    pub fn ask(&self, request: &Request) -> Result<Reply> {
        let mut stream = self.connect(PORT)?;
        ask_over(&mut stream, request)
            .with_context(|| format!("the guest gives no answer; its console:\n{}", self.console.tail()))
    }
}

/// Sends a request over a connection to [`PORT`] and reads the reply.
///
/// # Errors
/// If the connection ends or what comes is no reply to the request.
pub fn ask_over(stream: &mut UnixStream, request: &Request) -> Result<Reply> {
    const CORRELATION: u32 = 7;
    let payload = codec::encode(request);
    stream.write_all(&Header::new(Kind::Request, CORRELATION, &payload)?.to_bytes())?;
    stream.write_all(&payload)?;
    let mut header = [0; Header::LEN];
    stream.read_exact(&mut header)?;
    let header = Header::from_bytes(&header)?;
    ensure!((header.kind, header.correlation) == (Kind::Reply, CORRELATION), "a frame that is no reply: {header:?}");
    let mut payload = vec![0; header.length()];
    stream.read_exact(&mut payload)?;
    Ok(codec::decode(&payload)?)
}

/// One byte at a time, for what follows the line belongs to the guest.
fn read_line(stream: &mut UnixStream) -> Result<Vec<u8>> {
    const LONGEST: usize = 64;
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < LONGEST {
        stream.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        line.extend(byte);
    }
    Ok(line)
}

fn await_socket(socket: &Path, log: &Console) -> Result<()> {
    let deadline = Instant::now() + ANSWER;
    while !socket.exists() {
        if log.ended() || Instant::now() > deadline {
            bail!("vhost-device-vsock makes no socket:\n{}", log.tail());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
