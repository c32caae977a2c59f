//! FROST Ed25519: one run that measures the bare library and then the appliance, and prints both in a table.

use std::{env, path::PathBuf};

use cloister_benches::{
    appliance::Appliance,
    bare::{Ed25519, alone},
    live::Live,
    load,
    report::{Size, Sizes, Sustained},
    sampling::{criterion, in_turns, sample},
    transfer::{Transfers, solana},
};
use cloister_simulator::group::run_hidden;

/// Requests outstanding at the appliance.
const LEVELS: [usize; 3] = [1, 8, 64];
/// A sample is of at least so many requests for each that is outstanding, so that starting and ending weigh little.
const ROUNDS: usize = 16;

fn main() -> anyhow::Result<()> {
    if let Some(part) = run_hidden(env::args_os()) {
        return part;
    }
    let mut criterion = criterion();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    eprintln!("founding and starting a group…");
    let signer = PathBuf::from(env!("CARGO_BIN_EXE_cloister-bench-signer"));
    let appliance = runtime.block_on(Appliance::up(signer, Transfers::Solana))?;
    let fresh = appliance.largest(|memory| memory.resident)?;
    let live = runtime.block_on(Live::measure(&appliance))?;

    let library = Ed25519::new()?;
    let ceremonies = |count| alone(count, |number| library.sign(&solana(&[1; 32], number)).map(drop));
    let bare = sample(&mut criterion, ("bare library", "ceremony"), 1, ceremonies);
    let account = appliance.signing_key().into();
    let levels = LEVELS.map(|outstanding| {
        let sign = |count| runtime.block_on(load::sign(&appliance, &account, count, outstanding));
        in_turns(&mut criterion, (outstanding, ROUNDS * outstanding), ceremonies, sign)
    });
    criterion.final_summary();

    let levels = levels.into();
    println!("\n{}", Sustained { scheme: "Ed25519, 2 of 3", bare, levels, target: "at most 2 at 64" });
    let sizes = Sizes(vec![
        ("resident after the start", Size::Kib(fresh), "at most 24"),
        ("the most ever resident", Size::Kib(appliance.largest(|memory| memory.peak)?), "at most 24"),
        ("each signature between its rounds", Size::Bytes(live.commitment), "at most 4"),
        ("each key generation after round 1", Size::Bytes(live.begun), "at most 4"),
        ("each key generation, share sealed", Size::Bytes(live.sealed), "at most 4"),
    ]);
    println!("{sizes}");
    runtime.block_on(appliance.down())
}
