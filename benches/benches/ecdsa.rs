//! Threshold ECDSA: one run that measures the bare library and then the appliance, step by step and under load, and prints both in
//! tables.

use std::{env, path::PathBuf};

use cloister_benches::{
    appliance::Appliance,
    bare::{self, Ceremonies, Ecdsa},
    live,
    load::{self, Pooled},
    report::{Level, Size, Sizes, Steps, Sustained},
    sampling::{criterion, in_turns, sample},
    taken::Taken,
    transfer::Transfers,
};
use cloister_simulator::group::run_hidden;
use criterion::Criterion;
use tokio::runtime::Runtime;

/// Requests outstanding at the appliance.
const LEVELS: [usize; 3] = [1, 8, 64];
/// A sample is of at least so many, and so many for each that is outstanding, so that what is made ahead when it begins and when it ends
/// weighs little.
const LEAST: usize = 128;
const ROUNDS: usize = 8;
/// The same where nothing is made meanwhile.
const LEAST_POOLED: usize = 64;

fn main() -> anyhow::Result<()> {
    if let Some(part) = run_hidden(env::args_os()) {
        return part;
    }
    let mut criterion = criterion();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    eprintln!("founding and starting a group…");
    let signer = PathBuf::from(env!("CARGO_BIN_EXE_cloister-bench-signer"));
    let appliance = runtime.block_on(Appliance::up(signer, Transfers::Ethereum))?;
    let fresh = appliance.largest(|memory| memory.resident)?;

    let library = Ecdsa::new()?;
    let (bare_keygen, bare) = alone(&mut criterion, &library);
    let levels = sustained(&mut criterion, &runtime, &appliance, &library);
    let (pooled, unpooled, keygen) = one_at_a_time(&mut criterion, &runtime, &appliance);
    criterion.final_summary();

    let target = "at most 1.3 at 64";
    println!("\n{}", Sustained { scheme: "ECDSA, 2 of 3", bare: bare.whole.clone(), levels, target });
    println!("{}", Steps { bare, bare_keygen, keygen, pooled, unpooled });
    let sizes = Sizes(vec![
        ("resident after the start", Size::Kib(fresh), "at most 24"),
        ("the most ever resident", Size::Kib(appliance.largest(|memory| memory.peak)?), "at most 24"),
        ("each presignature", Size::Bytes(runtime.block_on(live::presignature(&appliance))?), ""),
        ("each sealed share", Size::Bytes(runtime.block_on(live::sealed_share(&appliance))?), "at most 160"),
    ]);
    println!("{sizes}");
    runtime.block_on(appliance.down())
}

fn alone(criterion: &mut Criterion, library: &Ecdsa) -> (Taken, Ceremonies) {
    let keygen = sample(criterion, ("bare library", "key generation"), 1, |count| {
        bare::alone(count, |_| Ecdsa::new().map(drop))
    });
    let mut ceremonies = Ceremonies::default();
    sample(criterion, ("bare library", "ceremony"), 1, |count| {
        let Ceremonies { presigning, online, whole } = library.ceremonies(count)?;
        ceremonies.presigning.add(presigning);
        ceremonies.online.add(online);
        ceremonies.whole.add(whole.clone());
        Ok(whole)
    });
    (keygen, ceremonies)
}

/// Signatures as fast as presignatures are made.
fn sustained(criterion: &mut Criterion, runtime: &Runtime, appliance: &Appliance, library: &Ecdsa) -> Vec<Level> {
    let account = appliance.signing_key().into();
    let level = |outstanding| {
        let alone = |count| library.ceremonies(count).map(|ceremonies| ceremonies.whole);
        let sign = |count| runtime.block_on(load::sign_sustained(appliance, &account, count, outstanding));
        in_turns(criterion, (outstanding, LEAST.max(ROUNDS * outstanding)), alone, sign)
    };
    LEVELS.map(level).into()
}

/// Signatures with presignatures that are ready, signatures with none, and key generations.
fn one_at_a_time(criterion: &mut Criterion, runtime: &Runtime, appliance: &Appliance) -> (Pooled, Taken, Taken) {
    let mut pooled = Pooled::default();
    sample(criterion, ("appliance", "presignatures ready"), LEAST_POOLED, |count| {
        let Pooled { signed, refilled } = runtime.block_on(load::sign_pooled(appliance, count))?;
        pooled.signed.add(signed.clone());
        pooled.refilled.add(refilled);
        Ok(signed)
    });
    let unpooled = sample(criterion, ("appliance", "no presignature"), 1, |count| {
        runtime.block_on(load::sign_unpooled(appliance, count))
    });
    let keygen = sample(criterion, ("appliance", "key generation"), 1, |count| {
        runtime.block_on(load::create_keys(appliance, count))
    });
    (pooled, unpooled, keygen)
}
