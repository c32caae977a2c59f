//! Keeps memory where it is: no core dumps, no tracing, no swap.

use std::io;

use nix::sys::{
    mman::{MlockAllFlags, mlockall},
    prctl::set_dumpable,
    resource::{RLIM_INFINITY, Resource, setrlimit},
};

/// Forbids core dumps, by size and by flag; the flag forbids `ptrace` by others than root as well.
///
/// # Errors
/// The operating system's.
pub fn forbid_dumps() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    Ok(set_dumpable(false)?)
}

/// Keeps all memory out of swap, that of later allocations as well, also when the right to lock more is given up afterwards.
///
/// # Errors
/// If that is more than the process may lock.
pub fn lock_memory() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY)?;
    Ok(mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?)
}
