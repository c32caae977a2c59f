//! What `nitro-enclaves-allocator` takes away from the parent at boot.

use super::{check::Check, machine::Machine};
use crate::image::Image;

const CHECK: &str = "allocator";
const FILE: &str = "etc/nitro_enclaves/allocator.yaml";

pub(super) fn check(machine: &Machine, image: Option<&Image>, nitro: bool) -> Check {
    let Some(text) = machine.read(FILE) else {
        let hint = "Install aws-nitro-enclaves-cli, write memory_mib and cpu_count there, and enable nitro-enclaves-allocator.service.";
        let message = format!("/{FILE} cannot be read");
        return if nitro { Check::bad(CHECK, message, hint) } else { Check::skipped(CHECK, message) };
    };
    let Allocated { memory_mib: Some(memory), cpus: Some(cpus) } = Allocated::read(&text) else {
        let hint = "Write one line `memory_mib: N` and one line `cpu_count: N` or `cpu_pool: 1,3`.";
        return Check::bad(CHECK, format!("/{FILE} does not say how much memory and how many processors"), hint);
    };
    let needs = image.map(|image| image.needs).unwrap_or_default();
    let (memory_needed, cpus_needed) = (needs.memory_mib.unwrap_or(0), needs.cpus.unwrap_or(0));
    if memory < memory_needed || cpus < cpus_needed {
        let hint = format!(
            "Write at least memory_mib: {memory_needed} and cpu_count: {cpus_needed} into /{FILE}, then \
             `systemctl restart nitro-enclaves-allocator`."
        );
        let message = format!(
            "{memory} MiB and {cpus} processors are set aside, and the image needs {memory_needed} MiB and {cpus_needed}"
        );
        return Check::bad(CHECK, message, hint);
    }
    let enough = if image.is_some() { ", enough for the image" } else { "" };
    Check::good(CHECK, format!("{memory} MiB and {cpus} processors are set aside{enough}"))
}

/// What the file says: flat YAML of two keys, with comments.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Allocated {
    pub(super) memory_mib: Option<u64>,
    pub(super) cpus: Option<u64>,
}

impl Allocated {
    pub(super) fn read(text: &str) -> Self {
        let mut allocated = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            match key.trim() {
                "memory_mib" => allocated.memory_mib = value.parse().ok(),
                "cpu_count" => allocated.cpus = value.parse().ok(),
                "cpu_pool" => allocated.cpus = pool(value),
                _ => {}
            }
        }
        allocated
    }
}

/// How many processors `1,3-5` names.
fn pool(text: &str) -> Option<u64> {
    let size = |part: &str| match part.trim().split_once('-') {
        None => part.trim().parse::<u64>().ok().map(|_| 1),
        Some((from, to)) => to.parse::<u64>().ok()?.checked_sub(from.parse().ok()?)?.checked_add(1),
    };
    text.split(',').map(size).try_fold(0_u64, |sum, size| sum.checked_add(size?))
}
