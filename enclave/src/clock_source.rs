//! What the kernel's clock counts. The parent instance can neither set nor stop any of it: the hypervisor and the processor do that, and
//! the command line that could choose is measured. So this finds a kernel that went wrong, not an attack.

use std::{fs, io};

/// The kernel's choices that are taken, and why. Any other belongs to a device or a hypervisor that no Nitro enclave has.
const TAKEN: [(&str, &str); 3] = [
    ("kvm-clock", "the Nitro hypervisor's own clock, on a page that it shares with the kernel"),
    (
        "tsc",
        "the processor's counter, offset and scaled by the hypervisor; the kernel prefers it where it is invariant",
    ),
    ("tsc-early", "the same counter, during the first second: before the kernel has refined its frequency"),
];

/// What is taken only from a machine that offers none of those: a processor emulated in software, on which AWS signs no document. Nitro
/// offers all of them.
const FOR_WANT_OF_BETTER: [(&str, &str); 2] = [
    ("refined-jiffies", "timer interrupts; time falls behind when they are lost, and never runs ahead"),
    ("jiffies", "the same, before the kernel has measured how far apart they are"),
];

/// Checks what the kernel counts.
pub(crate) fn check() -> io::Result<()> {
    let [current, available] =
        ["current_clocksource", "available_clocksource"].map(|file| fs::read_to_string([FOLDER, file].concat()));
    if is_taken(&current?, &available?) { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Whether the first is taken where the others are to be had, as the kernel writes both: names between spaces and a line feed.
fn is_taken(current: &str, available: &str) -> bool {
    let names = |table: &[(&str, &str)], name: &str| table.iter().any(|(known, _)| *known == name);
    let current = current.strip_suffix('\n').unwrap_or(current);
    let better = available.split_whitespace().any(|name| names(&TAKEN, name));
    names(&TAKEN, current) || !better && names(&FOR_WANT_OF_BETTER, current)
}

const FOLDER: &str = "/sys/devices/system/clocksource/clocksource0/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_the_hypervisor_and_the_processor_are_taken_and_no_others() {
        for (name, _) in TAKEN {
            assert!(is_taken(name, "") && is_taken(&format!("{name}\n"), "kvm-clock tsc \n"), "{name}");
        }
        let others = [
            "",
            "\n",
            "hpet\n",
            "acpi_pm\n",
            "xen\n",
            "hyperv_clocksource_tsc_page\n",
            "kvm-clock2\n",
            "kvm-cloc\n",
            "KVM-CLOCK\n",
            "tsc \n",
            " tsc\n",
            "tsc\n\n",
            "tsc hpet\n",
        ];
        for name in others {
            assert!(!is_taken(name, "") && !is_taken(name, "kvm-clock tsc \n"), "{name:?}");
        }
    }

    #[test]
    fn timer_interrupts_are_counted_only_where_the_machine_offers_nothing_better() {
        for (name, _) in FOR_WANT_OF_BETTER {
            let line = format!("{name}\n");
            for available in ["refined-jiffies jiffies \n", "\n", "acpi_pm\n"] {
                assert!(is_taken(&line, available), "{name}, {available:?}");
            }
            for available in ["kvm-clock \n", "kvm-clock tsc acpi_pm \n", "tsc-early jiffies \n", "jiffies tsc\n"] {
                assert!(!is_taken(&line, available), "{name}, {available:?}");
            }
        }
    }
}
