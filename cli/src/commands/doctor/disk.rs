use std::path::Path;

use super::check::Check;

const CHECK: &str = "disk";

pub(super) fn check(store: Option<&Path>) -> Check {
    let Some(store) = store else { return Check::skipped(CHECK, "no store was named: --store FILE") };
    let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(folder) {
        Ok(disk) => of(disk.f_bavail.saturating_mul(disk.f_frsize) / MIB, folder),
        Err(why) => Check::bad(
            CHECK,
            format!("{}: {why}", folder.display()),
            "Name the file that cloister-host has as --store.",
        ),
    }
}

pub(super) fn of(free_mib: u64, folder: &Path) -> Check {
    let message = format!("{free_mib} MiB are free at {}", folder.display());
    let hint = "Make room, or bound the store with cloister-host --storage-limit: a full store stops signatures.";
    match free_mib {
        0..LEAST_MIB => Check::bad(CHECK, message, hint),
        LEAST_MIB..COMFORTABLE_MIB => Check::attention(CHECK, message, hint),
        COMFORTABLE_MIB.. => Check::good(CHECK, message),
    }
}

const MIB: u64 = 1024 * 1024;
const LEAST_MIB: u64 = 256;
const COMFORTABLE_MIB: u64 = 2048;
