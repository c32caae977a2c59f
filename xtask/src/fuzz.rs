//! A short run of every fuzz target, two at a time.
//!
//! libFuzzer and AddressSanitizer come with the pinned stable compiler; the compiler only wants to
//! be told that an unstable flag is meant (`RUSTC_BOOTSTRAP`).

use std::{path::Path, thread};

use anyhow::{Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::install::CARGO_FUZZ;

const AT_ONCE: usize = 2;

/// No decoder allocates more than this at once, whatever length its input claims, or waits longer
/// than the timeout for one input.
const BOUNDS: [&str; 3] = ["-malloc_limit_mb=64", "-rss_limit_mb=1024", "-timeout=10"];

/// Builds all targets, then gives each of them so many seconds.
pub fn smoke(sh: &Shell, seconds: u32) -> Result<()> {
    let fuzz = CARGO_FUZZ.path(sh)?;
    // What is fuzzed is what ships: the same version of every dependency.
    sh.copy_file("Cargo.lock", "fuzz/Cargo.lock")?;
    let _bootstrap = sh.push_env("RUSTC_BOOTSTRAP", "1");
    cmd!(sh, "{fuzz} build").run()?;
    let targets = cmd!(sh, "{fuzz} list").read()?;
    ensure!(!targets.is_empty(), "cargo fuzz lists no targets");

    let targets: Vec<_> = targets.lines().collect();
    thread::scope(|scope| {
        let shares = targets.chunks(targets.len().div_ceil(AT_ONCE)).map(|share| {
            let (sh, fuzz) = (sh.clone(), &fuzz);
            scope.spawn(move || share.iter().try_for_each(|target| run(&sh, fuzz, target, seconds)))
        });
        let workers: Vec<_> = shares.collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker returns its errors"))
    })
}

/// Runs one target from its checked-in seeds and prints the last line of its log, or all of the
/// report of a crash.
fn run(sh: &Shell, fuzz: &Path, target: &str, seconds: u32) -> Result<()> {
    let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    sh.create_dir(&corpus)?;
    let time = format!("-max_total_time={seconds}");
    let command = cmd!(sh, "{fuzz} run {target} {corpus} {seeds} -- {time}").args(BOUNDS);
    let output = command.quiet().ignore_status().output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{target} failed; the input that did it is in fuzz/artifacts/{target}\n{log}");
    }
    println!("{target}: {}", log.trim_end().lines().last().unwrap_or_default());
    Ok(())
}
