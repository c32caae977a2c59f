//! What was made once and may be used again: folders named by the digest of everything that went into them.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::failure::{Code, Failure, Result};

/// The folder for it, `cloister` in the user's cache.
///
/// # Errors
/// No home is known.
pub fn root() -> Result<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let home = || env::home_dir().map(|home| home.join(".cache"));
    let cache = xdg.or_else(home).ok_or_else(|| {
        Failure::new(
            Code::Usage,
            "neither XDG_CACHE_HOME nor HOME is set, so there is no place to keep builds",
            "Set one.",
        )
    })?;
    Ok(cache.join("cloister"))
}

/// The entry of this name, which `make` fills first if it is not there. Nothing half-made is ever seen under that name: whoever else makes it is
/// waited for, and what was left half-made is thrown away.
///
/// # Errors
/// Those of `make`, and of the file system.
pub fn entry(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    entry_in(&root()?, name, make)
}

fn entry_in(root: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let entry = root.join(name);
    if entry.is_dir() {
        return Ok(entry);
    }
    fs::create_dir_all(root).map_err(|why| Failure::file(root, why))?;
    let [lock, partial] = ["lock", "partial"].map(|ending| root.join(format!("{name}.{ending}")));
    let locked = fs::File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _locked = locked.map_err(|why| Failure::file(&lock, why))?;
    if entry.is_dir() {
        return Ok(entry);
    }
    let clear = || match fs::remove_dir_all(&partial) {
        Err(why) if why.kind() != ErrorKind::NotFound => Err(Failure::file(&partial, why)),
        _ => Ok(()),
    };
    clear()?;
    fs::create_dir(&partial).map_err(|why| Failure::file(&partial, why))?;
    let made = make(&partial).and_then(|()| Ok(fs::rename(&partial, &entry)?));
    made.and(clear()).map(|()| entry)
}

/// SHA-256 of a file's content, 64 hex digits.
///
/// # Errors
/// If it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let read = fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hash));
    read.map_err(|why| Failure::file(path, why))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_half_made_is_thrown_away_and_what_fails_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("x.partial/left")).unwrap();
        let make = |folder: &Path| Ok(fs::write(folder.join("content"), folder.join("left").exists().to_string())?);
        let entry = entry_in(root.path(), "x", make).unwrap();
        assert_eq!(fs::read_to_string(entry.join("content")).unwrap(), "false");
        assert_eq!(entry_in(root.path(), "x", |_| panic!("it is there")).unwrap(), entry);
        let failed = entry_in(root.path(), "y", |folder| {
            fs::write(folder.join("content"), "half")?;
            Err(Failure::tool("make", "it failed"))
        });
        assert_eq!(failed.unwrap_err().code, Code::ToolFailed);
        assert!(!root.path().join("y").exists() && !root.path().join("y.partial").exists());
    }
}
