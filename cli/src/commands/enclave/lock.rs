//! One supervisor for each name: two would start, adopt and end each other's enclaves.

use std::{
    env,
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::failure::{Exit, Failure};

/// The right to watch over the enclave of a name. The system takes it back when the process ends, however it ends.
pub(super) struct Lock {
    _held: File,
}

impl Lock {
    /// Takes it, if no other supervisor of this machine has it.
    pub(super) fn take(name: &str) -> Result<Self, Failure> {
        Self::take_in(&folder(), name)
    }

    pub(super) fn take_in(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(format!("cloister-{}.lock", name.replace('/', "_")));
        let file = open(&path).map_err(|why| Failure::file(&path, why))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _held: file }),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another `cloister enclave run` watches over the enclave {name}");
                Err(Failure::new(Exit::Failed, "enclave_supervised", message, HINT))
            }
            Err(TryLockError::Error(why)) => Err(Failure::file(&path, why)),
        }
    }
}

/// Opens what another user has made as well: it is locked, not written.
fn open(path: &Path) -> std::io::Result<File> {
    match File::open(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => OpenOptions::new().append(true).create(true).open(path),
        opened => opened,
    }
}

/// Where every supervisor of this machine looks: nitro-cli's folder for what runs. A unit's temporary folder is its own.
fn folder() -> PathBuf {
    let shared = PathBuf::from("/run/nitro_enclaves");
    if shared.is_dir() { shared } else { env::temp_dir() }
}

const HINT: &str = "End that one first (`systemctl stop cloister-enclave`, or Ctrl-C where it runs), or give this enclave another --name.";
