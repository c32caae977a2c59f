//! An enclave's memory is huge pages, which fragmentation can take away.

use super::{check::Check, machine::Machine};
use crate::image::Image;

const CHECK: &str = "hugepages";
const FOLDER: &str = "sys/kernel/mm/hugepages";
const HINT: &str = "`systemctl restart nitro-enclaves-allocator`; if too few are free then, memory is fragmented: reboot, and have the \
allocator enabled so that it comes first.";

pub(super) fn check(machine: &Machine, image: Option<&Image>, nitro: bool, running: bool) -> Check {
    let Pages { total_mib, free_mib } = Pages::read(machine);
    let found = format!("{total_mib} MiB in huge pages, {free_mib} MiB of them free");
    if !nitro {
        return Check::skipped(CHECK, found);
    }
    let Some(needed) = image.and_then(|image| image.needs.memory_mib) else {
        return Check::skipped(CHECK, format!("{found}; --pcrs says how much is needed"));
    };
    // An enclave that runs has its pages already.
    let there = if running { total_mib } else { free_mib };
    if there < needed {
        Check::bad(CHECK, format!("{found}, and the image needs {needed} MiB"), HINT)
    } else {
        Check::good(CHECK, found)
    }
}

/// Huge pages of all sizes.
#[derive(Default)]
struct Pages {
    total_mib: u64,
    free_mib: u64,
}

impl Pages {
    fn read(machine: &Machine) -> Self {
        let mut pages = Self::default();
        for name in machine.names(FOLDER) {
            let size = name
                .strip_prefix("hugepages-")
                .and_then(|rest| rest.strip_suffix("kB"))
                .and_then(|kib| kib.parse::<u64>().ok());
            let count = |file: &str| {
                let text = machine.read(&format!("{FOLDER}/{name}/{file}"));
                text.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0)
            };
            let mib = |count: u64| count.saturating_mul(size.unwrap_or(0)) / 1024;
            pages.total_mib = pages.total_mib.saturating_add(mib(count("nr_hugepages")));
            pages.free_mib = pages.free_mib.saturating_add(mib(count("free_hugepages")));
        }
        pages
    }
}
