//! Gives up what root may do. What stays is the right to end the enclave, which the first process needs for that.

use std::io;

use caps::{CapSet, Capability, CapsHashSet};
use nix::{
    sys::prctl::{set_keepcaps, set_no_new_privs},
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};

/// Becomes a user who owns nothing and may restart the machine. Holds for the calling thread and those that it starts, so it has to come
/// before any of them.
///
/// # Errors
/// If this isn't root, or has started to give up already.
pub fn give_up() -> io::Result<()> {
    set_no_new_privs()?;
    for capability in caps::all() {
        caps::drop(None, CapSet::Bounding, capability).map_err(io::Error::other)?;
    }
    // Without this, nothing would be left with root's number.
    set_keepcaps(true)?;
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setgroups(&[])?;
    setresgid(group, group, group)?;
    setresuid(user, user, user)?;
    set_keepcaps(false)?;
    keep(&CapsHashSet::from([Capability::CAP_SYS_BOOT])).map_err(io::Error::other)
}

/// Changing the user has left everything permitted and nothing in effect.
fn keep(kept: &CapsHashSet) -> Result<(), caps::errors::CapsError> {
    caps::clear(None, CapSet::Ambient)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, kept)?;
    caps::set(None, CapSet::Permitted, kept)
}

/// The number by which Linux shows users that it has none for.
const NOBODY: u32 = 65_534;
