//! A simulated signer: the enclave's own library behind a Unix socket and the stand-in NSM, as a process of its own.
//!
//! The launcher plays the hypervisor: it measures the image and says so on the command line, where a real enclave could not
//! ([`image`]). Nothing else differs from production; in particular, the same server reads the same frames. Memory is not locked,
//! since most users may not lock that much, and system calls are restricted only where asked, since C libraries differ in what they make.

pub mod image;
mod lifeline;
mod socket;

use std::{ffi::OsString, path::PathBuf, str::FromStr};

use anyhow::Context;
use clap::Parser;
use cloister_attestation::Pcr;
use cloister_enclave::{Bounds, Machine, fatal, hardening, serve, syscalls};

use crate::nsm::{StandInNsm, TestRoot};
pub use lifeline::end_when_stdin_closes;
pub use socket::Socket;

/// A signer in a simulated enclave. SIMULATED: its attestation rests on a root whose key lies in a file.
#[derive(Parser)]
#[command(name = "cloister-sim-signer")]
struct Arguments {
    /// Unix socket to listen on; its owner alone may connect.
    #[arg(long)]
    socket: PathBuf,
    /// Folder with `test-root.pkcs8` and `test-root.der`.
    #[arg(long)]
    root: PathBuf,
    /// Register that the hypervisor has measured, as `INDEX=HEX`; may be repeated.
    #[arg(long = "pcr")]
    pcrs: Vec<Register>,
    /// Restrict itself to the enclave's system calls, as the C library of the enclave's image makes them; another one may need others.
    #[arg(long)]
    confined: bool,
}

/// `0=96 hex digits`.
#[derive(Clone, Copy, Debug)]
struct Register(u8, Pcr);

impl FromStr for Register {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (index, value) = text.split_once('=')?;
            let value = hex::decode(value).ok()?;
            Some(Self(index.parse().ok()?, Pcr::try_from(value.as_slice()).ok()?))
        };
        parse().ok_or("expected a register as INDEX=HEX with 96 hex digits")
    }
}

/// Runs the program until standard input is closed, so that no signer outlives its launcher. Prints one line of JSON,
/// `{"listening":"PATH"}`, once it serves.
///
/// # Errors
/// Arguments, root or socket are unusable.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<()> {
    let Arguments { socket, root, pcrs, confined } = Arguments::try_parse_from(arguments)?;
    fatal::end_on_panic();
    hardening::forbid_dumps()?;
    end_when_stdin_closes();
    let root = TestRoot::load(&root)?;
    let pcrs: Vec<_> = pcrs.into_iter().map(|Register(index, value)| (index, value)).collect();
    let nsm = StandInNsm::new(root.clone(), &pcrs)?;
    let listener = Socket::listen(&socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    let machine = Machine::boot(root.trust_root(), nsm)?;
    if confined {
        syscalls::confine()?;
    }
    println!("{}", serde_json::json!({ "listening": socket }));
    serve(&listener, Bounds::default(), |request| machine.answer(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_an_index_and_96_hex_digits() {
        let Register(index, value) = format!("3={}", "ab".repeat(48)).parse().unwrap();
        assert_eq!((index, value), (3, Pcr::from([0xab; 48])));
        for bad in ["3", "3=", "3=ab", "x=00", &format!("300={}", "00".repeat(48))] {
            assert!(bad.parse::<Register>().is_err(), "{bad}");
        }
    }
}
