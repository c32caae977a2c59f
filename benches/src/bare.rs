//! The yardstick: a library doing whole ceremonies in one process and one thread, with nothing around it.

mod dkls;
mod frost;

use std::{process, time::Instant};

pub use dkls::{Ceremonies, Ecdsa};
pub use frost::Ed25519;

use crate::{
    meter,
    taken::{Part, Taken},
};

/// Does `work` so often, each time with another number.
///
/// # Errors
/// Those of `work`.
pub fn alone(count: usize, mut work: impl FnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<Taken> {
    let (before, begun) = (meter::processor_time(process::id())?, Instant::now());
    let mut latencies = Vec::with_capacity(count);
    for number in 0..count as u64 {
        let begun = Instant::now();
        work(number)?;
        latencies.push(begun.elapsed());
    }
    let (elapsed, used) = (begun.elapsed(), meter::processor_time(process::id())? - before);
    Ok(Taken { latencies, elapsed, processor: [(Part::Library, used)].into(), presigned: 0 })
}
