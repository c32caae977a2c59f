//! One signer's enclave as a guest of the emulator, behind a Unix socket: what a group's launcher starts in place of a process.

use std::{
    io,
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::Arc,
    thread,
};

use anyhow::Context as _;
use clap::Parser;
use cloister_tests::nitro::{BOOT, Memory, PORT, SERVING, Vm};

#[derive(Parser)]
struct Arguments {
    /// The enclave image.
    #[arg(long)]
    image: PathBuf,
    /// The parent's role, which PCR3 measures.
    #[arg(long)]
    role: String,
    /// Where to listen.
    #[arg(long)]
    socket: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let Arguments { image, role, socket } = Arguments::parse();
    // What the emulator needs lies beside the socket, and goes with its folder, however this process ends.
    let _ours = tempfile::env::override_temp_dir(socket.parent().context("a socket in a folder")?);
    let vm = Arc::new(Vm::boot(&image, Memory(128), &role)?);
    vm.wait_for_console(SERVING, BOOT)?;
    drop(std::fs::remove_file(&socket));
    let listener = UnixListener::bind(&socket)?;
    println!("{}", serde_json::json!({ "listening": socket }));
    let guest = Arc::clone(&vm);
    thread::spawn(move || {
        for host in listener.incoming().flatten() {
            if let Err(error) = join(&guest, host) {
                eprintln!("{error:#}");
            }
        }
    });
    // Whoever started it ends it.
    io::copy(&mut io::stdin(), &mut io::sink())?;
    eprintln!("{}", vm.console());
    Ok(())
}

/// Carries a connection to the guest and back.
fn join(vm: &Vm, host: UnixStream) -> anyhow::Result<()> {
    let guest = vm.connect(PORT)?;
    guest.set_read_timeout(None)?;
    guest.set_write_timeout(None)?;
    for (from, to) in [(host.try_clone()?, guest.try_clone()?), (guest, host)] {
        thread::spawn(move || {
            // Either end may go away at any time, and the other then has nothing to wait for.
            drop(io::copy(&mut &from, &mut &to));
            drop(to.shutdown(Shutdown::Both));
            drop(from.shutdown(Shutdown::Both));
        });
    }
    Ok(())
}
