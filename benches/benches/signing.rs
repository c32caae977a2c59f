//! One run that measures the bare library and then the appliance, and prints both in a table.

use std::{
    env,
    path::PathBuf,
    process,
    time::{Duration, Instant},
};

use cloister_benches::{
    appliance::{Appliance, Part},
    bare::Library,
    live::Live,
    load::{self, Taken},
    meter,
    report::Report,
    transfer,
};
use cloister_simulator::group::run_hidden;
use criterion::{Criterion, SamplingMode, Throughput};
use tokio::runtime::Runtime;

/// Requests outstanding at the appliance.
const LEVELS: [usize; 3] = [1, 8, 64];
/// A sample is of at least so many requests for each that is outstanding, so that starting and ending weigh little.
const ROUNDS: usize = 16;

fn main() -> anyhow::Result<()> {
    if let Some(part) = run_hidden(env::args_os()) {
        return part;
    }
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    eprintln!("founding and starting a group…");
    let appliance = runtime.block_on(Appliance::up(PathBuf::from(env!("CARGO_BIN_EXE_cloister-bench-signer"))))?;
    let fresh = largest(&appliance, |memory| memory.resident)?;
    let live = runtime.block_on(Live::measure(&appliance))?;
    let bare = bench_library(&mut criterion)?;
    let levels =
        LEVELS.map(|outstanding| (outstanding, bench_appliance(&mut criterion, &runtime, &appliance, outstanding)));
    criterion.final_summary();
    let peak = largest(&appliance, |memory| memory.peak)?;
    println!("\n{}", Report { bare, appliance: levels.into(), fresh, peak, live });
    runtime.block_on(appliance.down())
}

fn bench_library(criterion: &mut Criterion) -> anyhow::Result<Taken> {
    let library = Library::new()?;
    let mut taken = Taken::default();
    let mut group = criterion.benchmark_group("bare library");
    group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
    group.bench_function("ceremony", |bencher| {
        bencher.iter_custom(|iterations| {
            let part = sign_alone(&library, iterations).expect("a working library signs");
            let elapsed = part.elapsed;
            taken.add(part);
            elapsed
        });
    });
    group.finish();
    Ok(taken)
}

fn sign_alone(library: &Library, count: u64) -> anyhow::Result<Taken> {
    let messages: Vec<_> = (0..count).map(|number| transfer::message(&[1; 32], number)).collect();
    let (before, begun) = (meter::processor_time(process::id())?, Instant::now());
    let mut latencies = Vec::with_capacity(messages.len());
    for message in &messages {
        let begun = Instant::now();
        library.sign(message)?;
        latencies.push(begun.elapsed());
    }
    let (elapsed, used) = (begun.elapsed(), meter::processor_time(process::id())? - before);
    Ok(Taken { latencies, elapsed, processor: [(Part::Library, used)].into() })
}

fn bench_appliance(criterion: &mut Criterion, runtime: &Runtime, appliance: &Appliance, outstanding: usize) -> Taken {
    let mut taken = Taken::default();
    let mut group = criterion.benchmark_group("appliance");
    group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
    group.bench_function(format!("{outstanding} outstanding"), |bencher| {
        bencher.iter_custom(|iterations| {
            let count = usize::try_from(iterations).expect("a count").max(ROUNDS * outstanding);
            let part = runtime.block_on(load::sign(appliance, count, outstanding)).expect("the appliance signs");
            let elapsed = part.elapsed;
            taken.add(part);
            elapsed.mul_f64(iterations as f64 / count as f64)
        });
    });
    group.finish();
    taken
}

fn largest(appliance: &Appliance, of: impl Fn(meter::Memory) -> u64) -> anyhow::Result<u64> {
    let sizes = appliance.signers().map(|signer| Ok(of(appliance.memory(signer)?)));
    Ok(sizes.collect::<anyhow::Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
}
