//! Files that are written: new ones, and those that are opened before anything that cannot be undone and then replaced, whole or not at
//! all.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// Writes a file that must not be there yet, whole or not at all.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = beside(path, ANYBODY).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    });
    written.map_err(|why| match why.kind() {
        ErrorKind::AlreadyExists => Failure::exists(path),
        _ => Failure::file(path, why),
    })
}

/// Where a result goes.
pub(crate) struct Destination {
    path: PathBuf,
    sink: Sink,
}

enum Sink {
    /// A file beside it, which takes its place.
    Beside(NamedTempFile),
    /// A pipe or device, which nothing can take the place of.
    Device(File),
}

impl Destination {
    /// Makes sure that the file can be written.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::with_mode(path, ANYBODY)
    }

    /// The same; a file that is not there yet becomes its owner's alone.
    pub(crate) fn open_private(path: &Path) -> Result<Self, Failure> {
        Self::with_mode(path, 0o600)
    }

    fn with_mode(path: &Path, mode: u32) -> Result<Self, Failure> {
        let sink = Sink::open(path, mode).map_err(|why| Failure::file(path, why))?;
        Ok(Self { path: path.to_owned(), sink })
    }

    /// Writes it.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        self.sink.write(&self.path, bytes).map_err(|why| Failure::file(&self.path, why))
    }
}

impl Sink {
    fn open(path: &Path, mode: u32) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(there) if there.is_file() => beside(path, there.permissions().mode() & 0o777).map(Self::Beside),
            Ok(_) => OpenOptions::new().write(true).open(path).map(Self::Device),
            Err(_) => beside(path, mode).map(Self::Beside),
        }
    }

    fn write(self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Device(mut file) => file.write_all(bytes),
            Self::Beside(mut file) => {
                file.write_all(bytes)?;
                file.as_file().sync_all()?;
                file.persist(path)?;
                Ok(())
            }
        }
    }
}

/// A file in the same folder, which is removed again unless it takes its place.
fn beside(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".cloister-").permissions(Permissions::from_mode(mode)).tempfile_in(folder)
}

/// As the umask narrows it.
const ANYBODY: u32 = 0o666;
