//! Criterion takes samples, and what each took is kept for the report.

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};

use crate::{report::Level, taken::Taken};

/// Few samples, since each is of many ceremonies; the command line may say otherwise.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args()
}

/// The appliance with so many requests outstanding, and the library before each sample of it: an eighth as many ceremonies.
///
/// # Panics
/// If either fails.
pub fn in_turns(
    criterion: &mut Criterion,
    (outstanding, least): (usize, usize),
    mut alone: impl FnMut(usize) -> anyhow::Result<Taken>,
    mut sign: impl FnMut(usize) -> anyhow::Result<Taken>,
) -> Level {
    let mut library = Taken::default();
    let name = format!("{outstanding} outstanding");
    let appliance = sample(criterion, ("appliance", &name), least, |count| {
        library.add(alone(count.div_ceil(8))?);
        sign(count)
    });
    Level { outstanding, appliance, library }
}

/// What all samples of `work` took, which is told how many to do: at least `least`.
///
/// # Panics
/// If `work` fails.
pub fn sample(
    criterion: &mut Criterion,
    (group, name): (&str, &str),
    least: usize,
    mut work: impl FnMut(usize) -> anyhow::Result<Taken>,
) -> Taken {
    let mut all = Taken::default();
    let mut group: BenchmarkGroup<'_, WallTime> = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat);
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| {
            let count = usize::try_from(iterations).expect("a count").max(least);
            let taken = work(count).expect("what is measured works");
            all.add(taken.clone());
            taken.elapsed.mul_f64(iterations as f64 / taken.count() as f64)
        });
    });
    group.finish();
    all
}
