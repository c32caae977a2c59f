use super::{check::Check, machine::Machine};

const CHECK: &str = "open files";
const HINT: &str = "Set LimitNOFILE=65536 for cloister-host.";

/// The limit of this process, which is the host's if it is started alike.
pub(super) fn check(machine: &Machine) -> Check {
    let limits = machine.read("proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    match line.and_then(|line| line.split_whitespace().next()) {
        Some("unlimited") => Check::good(CHECK, "no limit"),
        Some(soft) => match soft.parse::<u64>() {
            Ok(limit) if limit >= LEAST => Check::good(CHECK, format!("at most {limit}")),
            _ => Check::attention(CHECK, format!("at most {soft} here, and a busy host needs {LEAST}"), HINT),
        },
        None => Check::attention(CHECK, "the limit cannot be found out", HINT),
    }
}

/// Connections of clients, other hosts and KMS, and the store's files, with room.
const LEAST: u64 = 4096;
