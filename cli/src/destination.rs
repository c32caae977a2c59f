//! Files that are written: new ones, and those that are opened before anything that cannot be undone and then replaced, whole or not at
//! all.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::failure::Failure;

/// Writes a file that must not be there yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|why| Failure::file(path, why))
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
        let sink = Sink::open(path).map_err(|why| Failure::file(path, why))?;
        Ok(Self { path: path.to_owned(), sink })
    }

    /// Writes it.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        self.sink.write(&self.path, bytes).map_err(|why| Failure::file(&self.path, why))
    }
}

impl Sink {
    fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return OpenOptions::new().write(true).open(path).map(Self::Device);
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let usual = Permissions::from_mode(0o666);
        tempfile::Builder::new().prefix(".cloister-").permissions(usual).tempfile_in(folder).map(Self::Beside)
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
