//! Restricts itself to the system calls of a serving enclave and then does what its argument says.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::{TcpListener, UdpSocket},
    os::unix::{net::UnixStream, process::CommandExt},
    process::{Command, ExitCode},
    sync::{Barrier, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::rand;
use cloister_attestation::TrustRoot;
use cloister_enclave::{
    Bounds, Machine,
    device::{DeviceFailed, Nsm},
    fatal, privileges, serve, syscalls,
    transport::{Listener, Stream},
};
use cloister_tests::charter::{Charter, signer};
use cloister_wire::{ids::Pcr, message::Request};
use memmap2::MmapMut;
use nix::{
    mount::{MsFlags, mount},
    sys::{
        ptrace,
        reboot::set_cad_enabled,
        signal::{Signal, raise},
        socket::{AddressFamily, SockFlag, SockType, socket},
    },
    unistd::{Uid, setuid},
};

fn main() -> ExitCode {
    let deed = std::env::args().nth(1).unwrap_or_default();
    match run(&deed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(deed: &str) -> io::Result<()> {
    match deed {
        "give up privileges" => {
            privileges::give_up()?;
            println!("{}", fs::read_to_string("/proc/self/status")?);
            return Ok(());
        }
        "give up privileges, then take one back" => {
            privileges::give_up()?;
            return Ok(setuid(Uid::from_raw(0))?);
        }
        "lose the module" => return lose_the_module(),
        "in a thread that was there before" => return in_a_thread_that_was_there_before(),
        _ => {}
    }
    let file = File::open("/dev/null")?;
    let (one, other) = UnixStream::pair()?;
    let mut memory = MmapMut::map_anon(4096)?;
    memory.fill(1);
    // The library looks around once, and boot keys are made before.
    rand::fill(&mut [0; 32]).map_err(io::Error::other)?;
    syscalls::confine()?;
    match deed {
        "what a signer does" => what_a_signer_does(one, other),
        "end" => fatal::end(),
        "serve, though no second connection can be accepted" => {
            serve(&OneConnection(Mutex::new(Some(one))), Bounds::default(), |_| unreachable!("nobody asks"))
        }
        "read a file" => fs::read("/proc/self/status").map(drop),
        "write a file" => OpenOptions::new().write(true).open("/dev/null").map(drop),
        "make a file" => File::create("/tmp/confined").map(drop),
        "remove a file" => fs::remove_file("/nonexistent"),
        "look at a file" => file.metadata().map(drop),
        "duplicate a descriptor" => file.try_clone().map(drop),
        "listen on TCP" => TcpListener::bind("127.0.0.1:0").map(drop),
        "send by UDP" => UdpSocket::bind("127.0.0.1:0").map(drop),
        "make a socket to itself" => UnixStream::pair().map(drop),
        "make another vsock" => Ok(socket(AddressFamily::Vsock, SockType::Stream, SockFlag::empty(), None).map(drop)?),
        "change a connection" => one.set_nonblocking(true),
        "become a program" => Err(Command::new("/bin/true").exec()),
        "start a program" => Command::new("/bin/true").spawn().map(drop),
        "trace" => Ok(ptrace::traceme()?),
        "mount" => Ok(mount(Some("none"), "/nonexistent", Some("tmpfs"), MsFlags::empty(), None::<&str>)?),
        "change the user" => Ok(setuid(Uid::current())?),
        "make memory executable" => memory.make_exec().map(drop),
        "name a thread" => {
            let thread = thread::Builder::new().name("another".into()).spawn(|| ())?;
            thread.join().map_err(|_| io::Error::other("it panicked"))
        }
        "sleep" => {
            thread::sleep(Duration::from_millis(1));
            Ok(())
        }
        "handle a signal" => Ok(raise(Signal::SIGWINCH)?),
        "another way to restart" => Ok(set_cad_enabled(false)?),
        unknown => Err(io::Error::other(format!("unknown: {unknown}"))),
    }
}

/// A signer that is told who it is when its module has stopped answering.
fn lose_the_module() -> io::Result<()> {
    let machine = Machine::boot(TrustRoot::aws(), NoModule).map_err(io::Error::other)?;
    let charter = Charter::new(2, 2);
    let manifest = charter.endorse(&charter.manifest);
    syscalls::confine()?;
    Err(io::Error::other(format!("{:?}", machine.answer(Request::Configure { manifest, signer: signer(1) }).outcome)))
}

struct NoModule;

impl Nsm for NoModule {
    fn image(&mut self) -> Result<Pcr, DeviceFailed> {
        Err(DeviceFailed)
    }

    fn measure(&mut self, _: u8, _: &[u8]) -> Result<(), DeviceFailed> {
        Err(DeviceFailed)
    }

    fn attest(&mut self, _: &[u8], _: Option<&[u8]>, _: &[u8]) -> Result<Vec<u8>, DeviceFailed> {
        Err(DeviceFailed)
    }
}

/// One that stays silent, and then an error.
struct OneConnection(Mutex<Option<UnixStream>>);

/// It.
struct Silent(UnixStream);

impl Listener for OneConnection {
    type Stream = Silent;

    fn accept(&self) -> io::Result<Silent> {
        let first = self.0.lock().map_err(|_| io::Error::other("poisoned"))?.take();
        first.map(Silent).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }
}

impl Stream for Silent {
    fn set_timeouts(&self, longest: Duration) -> io::Result<()> {
        self.0.set_read_timeout(Some(longest))
    }
}

impl Read for Silent {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Silent {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Filters have to hold for every thread, not only for the one that asks for them.
fn in_a_thread_that_was_there_before() -> io::Result<()> {
    let (confined, wait) = mpsc::channel::<()>();
    let other = thread::spawn(move || wait.recv().map(|()| TcpListener::bind("127.0.0.1:0").map(drop)));
    syscalls::confine()?;
    confined.send(()).map_err(io::Error::other)?;
    other.join().map_or(Ok(()), |_| Ok(()))
}

/// Threads that come and go, memory that grows and shrinks in all of them, locks, time, randomness and a connection with timeouts.
fn what_a_signer_does(mut one: UnixStream, mut other: UnixStream) -> io::Result<()> {
    let barrier = Barrier::new(4);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                barrier.wait();
                let blocks: Vec<_> = (0..4096_usize).map(|size| vec![1_u8; size * 16]).collect();
                let mut large = vec![1_u8; 1 << 20];
                large.resize(64 << 20, 2);
                drop(blocks);
                large.len()
            });
        }
    });
    let mut random = [0; 32];
    rand::fill(&mut random).map_err(io::Error::other)?;
    one.set_read_timeout(Some(Duration::from_millis(20)))?;
    one.set_write_timeout(Some(Duration::from_millis(20)))?;
    let since = Instant::now();
    if one.read(&mut random).is_ok() || since.elapsed() < Duration::from_millis(10) {
        return Err(io::Error::other("nothing was sent, and it was not waited for"));
    }
    other.write_all(&random)?;
    one.read_exact(&mut random)?;
    println!("done");
    Ok(())
}
