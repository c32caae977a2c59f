//! Processor time and memory of processes, as Linux accounts for them.

use std::{fs, time::Duration};

use anyhow::Context;
use nix::{time::clock_getcpuclockid, unistd::Pid};

/// Processor time that a process has used so far: all threads, in user space and in the kernel, to the nanosecond.
///
/// # Errors
/// If there is no such process.
pub fn processor_time(process: u32) -> anyhow::Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(process.cast_signed()))?;
    Ok(clock.now()?.into())
}

/// Memory of a process, KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Resident now (`VmRSS`), pages of the program's file included.
    pub resident: u64,
    /// The most that was ever resident (`VmHWM`).
    pub peak: u64,
}

impl Memory {
    /// Of a process that runs.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("the kernel tells no memory")?;
            Ok::<u64, anyhow::Error>(line.trim().trim_end_matches(" kB").parse()?)
        };
        Ok(Self { resident: field("VmRSS:")?, peak: field("VmHWM:")? })
    }
}

/// The processes that this one has started and that still run.
///
/// # Errors
/// If the kernel doesn't tell.
pub fn children() -> anyhow::Result<Vec<u32>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let list = fs::read_to_string(thread?.path().join("children"))?;
        children.extend(list.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?);
    }
    Ok(children)
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, process};

    use super::*;

    #[test]
    fn a_process_that_works_uses_processor_time_and_memory() {
        let before = processor_time(process::id()).unwrap();
        let memory = vec![1_u8; 8 << 20];
        let sum: u64 = black_box(&memory).iter().map(|byte| u64::from(*byte)).sum();
        assert!(processor_time(process::id()).unwrap() > before, "{sum}");
        let Memory { resident, peak } = Memory::of(process::id()).unwrap();
        assert!(resident > 8 << 10 && peak >= resident);
    }

    #[test]
    fn a_child_is_found_while_it_runs() {
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children().unwrap().contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children().unwrap().contains(&child.id()));
    }
}
