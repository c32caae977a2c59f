//! What was made once and may be used again: folders named by the digest of everything that went into them.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The folder for it, `cloister` in the user's cache.
///
/// # Errors
/// No home is known.
pub fn root() -> Result<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = || env::home_dir().map(|home| home.join(".cache"));
    Ok(xdg
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place to keep builds")?
        .join("cloister"))
}

/// The entry of this name, which `make` fills first if it is not there. Nothing half-made is ever seen under that name.
///
/// # Errors
/// Those of `make`, and of the file system.
pub fn entry(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let root = root()?;
    let entry = root.join(name);
    if entry.is_dir() {
        return Ok(entry);
    }
    fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let making = tempfile::Builder::new().prefix(".making-").tempdir_in(&root)?;
    make(making.path())?;
    match fs::rename(making.keep(), &entry) {
        // Somebody else was faster, with the same inputs.
        Err(_) if entry.is_dir() => Ok(entry),
        done => done.with_context(|| format!("cannot make {}", entry.display())).map(|()| entry),
    }
}

/// SHA-256 of a file's content, 64 hex digits.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex::encode(hash.finalize()))
}

/// One digest of several texts, 64 hex digits.
#[must_use]
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
