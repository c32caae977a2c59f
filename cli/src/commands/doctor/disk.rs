use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::check::Check;

const CHECK: &str = "disk";

pub(super) fn check(store: Option<&Path>) -> Check {
    let Some(store) = store else { return Check::skipped(CHECK, "no store was named: --store FILE") };
    let folder = store.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (rustix::fs::statvfs(folder).map_err(Into::into), mounted_at(folder)) {
        (Ok(disk), Ok(mount)) => of(disk.f_bavail.saturating_mul(disk.f_frsize) / MIB, folder, &mount),
        (Err(why), _) | (_, Err(why)) => Check::bad(
            CHECK,
            format!("{}: {why}", folder.display()),
            "Mount the store's volume, and name the file that cloister-host has as --store.",
        ),
    }
}

pub(super) fn of(free_mib: u64, folder: &Path, mount: &Path) -> Check {
    let message =
        format!("{free_mib} MiB are free for {}, in the file system at {}", folder.display(), mount.display());
    let hint = "Make room, or bound the store with cloister-host --storage-limit: a full store stops signatures.";
    match free_mib {
        0..LEAST_MIB => Check::bad(CHECK, message, hint),
        LEAST_MIB..COMFORTABLE_MIB => Check::attention(CHECK, message, hint),
        COMFORTABLE_MIB.. if mount == Path::new("/") => {
            let hint = "That is the machine's own disk. If the store has a volume, it is not mounted: mount it before cloister-host starts.";
            Check::attention(CHECK, message, hint)
        }
        COMFORTABLE_MIB.. => Check::good(CHECK, message),
    }
}

/// Where the file system of a folder is mounted: the uppermost folder that is on the same device.
pub(super) fn mounted_at(folder: &Path) -> io::Result<PathBuf> {
    let folder = fs::canonicalize(folder)?;
    let device = fs::metadata(&folder)?.dev();
    let same = |folder: &&Path| fs::metadata(folder).is_ok_and(|it| it.dev() == device);
    Ok(folder.ancestors().take_while(same).last().unwrap_or(&folder).to_owned())
}

const MIB: u64 = 1024 * 1024;
const LEAST_MIB: u64 = 256;
const COMFORTABLE_MIB: u64 = 2048;
