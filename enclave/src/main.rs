//! `cloister-enclave`: PID 1 of the enclave, and its only program.
//!
//! It takes no setting from anywhere: no arguments, no environment, no files. Everything a host may say are the messages of
//! `cloister-wire`, and the root of peers' documents is AWS's.

mod console;
mod heartbeat;
mod mounts;
mod randomness;

use std::process;

use cloister_attestation::TrustRoot;
use cloister_enclave::{Bounds, Machine, fatal, hardening, nsm::NitroNsm, serve, transport::Vsock};
use console::Event;

fn main() {
    fatal::end_on_panic();
    if process::id() != 1 {
        console::say(Event::NotTheFirstProcess);
        fatal::end();
    }
    console::say(run());
    fatal::end();
}

/// Boots and serves; returns only with what went wrong. As the first process ends, so does the enclave.
fn run() -> Event {
    let machine = match boot() {
        Ok(machine) => machine,
        Err(event) => return event,
    };
    let Ok(listener) = Vsock::listen() else { return Event::VsockFailed };
    console::say(Event::Serving);
    match serve(&listener, Bounds::default(), |request| machine.answer(request)) {
        Ok(()) | Err(_) => Event::ServerFailed,
    }
}

/// Everything that has to stand before the first key is made, in this order.
fn boot() -> Result<Machine<NitroNsm>, Event> {
    mounts::mount().map_err(|_| Event::MountFailed)?;
    hardening::forbid_dumps().and_then(|()| hardening::lock_memory()).map_err(|_| Event::HardeningFailed)?;
    let nsm = NitroNsm::open().map_err(|_| Event::NsmMissing)?;
    randomness::check_source().map_err(|_| Event::RandomnessForeign)?;
    randomness::mix(&nsm).map_err(|_| Event::RandomnessFailed)?;
    heartbeat::start();
    Machine::boot(TrustRoot::aws(), nsm).map_err(|_| Event::BootKeysFailed)
}
