//! The two file systems that a booting signer needs: `/dev` for the NSM, `/sys` to see where randomness and time come from.

use std::{fs, io};

use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount as mount_file_system, umount2},
};

/// Mounts them. What the kernel has mounted already stays.
pub(crate) fn mount() -> io::Result<()> {
    let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount_one("devtmpfs", "/dev", harmless)?;
    mount_one("sysfs", "/sys", harmless | MsFlags::MS_NODEV | MsFlags::MS_RDONLY)
}

/// Takes both away again. What is open stays open.
pub(crate) fn unmount() -> io::Result<()> {
    for target in ["/sys", "/dev"] {
        umount2(target, MntFlags::MNT_DETACH)?;
    }
    Ok(())
}

fn mount_one(kind: &str, target: &str, flags: MsFlags) -> io::Result<()> {
    fs::create_dir_all(target)?;
    match mount_file_system(Some(kind), target, Some(kind), flags, None::<&str>) {
        Ok(()) | Err(Errno::EBUSY) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
