//! The first process of an enclave: what has to stand before the first key is made, and then the server.
//!
//! It takes no setting from anywhere: no arguments, no environment, no files. Everything a host may say are the messages of
//! `cloister-wire`. It has no children: it starts none, and from the moment it serves it cannot. Signals don't reach it either: the
//! kernel drops those to a first process that has no handler for them.

use std::{convert::Infallible, env, io, os::unix::process::CommandExt, process, process::Command};

use cloister_attestation::TrustRoot;

use crate::{
    Bounds, Machine, clock_source,
    console::{self, Event},
    device::Nsm,
    fatal, hardening, heartbeat, mounts,
    nsm::NitroNsm,
    privileges, randomness, serve, syscalls,
    transport::Vsock,
};

/// Boots and serves until the enclave ends. Peers' documents have to end at `root`; `device` makes the signer's module of the real one.
pub fn run<N: Nsm>(root: TrustRoot, device: impl FnOnce(NitroNsm) -> N) -> ! {
    fatal::end_on_panic();
    if process::id() != 1 {
        console::say(Event::NotTheFirstProcess);
        fatal::end();
    }
    let Err(event) = boot_and_serve(root, device);
    console::say(event);
    fatal::end();
}

/// Each step needs those before it. Returns only with what went wrong.
fn boot_and_serve<N: Nsm>(root: TrustRoot, device: impl FnOnce(NitroNsm) -> N) -> Result<Infallible, Event> {
    begin_without_settings().map_err(|_| Event::NotBegunAgain)?;
    let nsm = with_file_systems()?;
    let listener = Vsock::listen().map_err(|_| Event::VsockFailed)?;
    hardening::lock_memory().map_err(|_| Event::MemoryNotLocked)?;
    privileges::give_up().and_then(|()| hardening::forbid_dumps()).map_err(|_| Event::NotConfined)?;
    heartbeat::start();
    let machine = Machine::boot(root, device(nsm)).map_err(|_| Event::BootKeysFailed)?;
    syscalls::confine().map_err(|_| Event::NotConfined)?;
    console::say(Event::Serving);
    serve(&listener, Bounds::default(), |request| machine.answer(request))
}

/// The kernel makes arguments and environment of what it doesn't know on its command line, and libraries read the environment before
/// anything of ours runs. So the program begins again without any, once: it then has neither.
fn begin_without_settings() -> io::Result<()> {
    if env::args_os().len() <= 1 && env::vars_os().next().is_none() {
        return Ok(());
    }
    Err(Command::new(PROGRAM).env_clear().exec())
}

/// What takes a path: the device is open afterwards, and the file systems are gone.
fn with_file_systems() -> Result<NitroNsm, Event> {
    mounts::mount().map_err(|_| Event::MountFailed)?;
    let nsm = NitroNsm::open().map_err(|_| Event::NsmMissing)?;
    randomness::check_source().map_err(|_| Event::RandomnessForeign)?;
    randomness::mix(&nsm).map_err(|_| Event::RandomnessFailed)?;
    clock_source::check().map_err(|_| Event::ClockForeign)?;
    mounts::unmount().map_err(|_| Event::MountFailed)?;
    Ok(nsm)
}

/// Where the image has this program; the kernel starts it from there.
const PROGRAM: &str = "/init";
