//! Ramdisks: cpio archives (`newc`) with gzip, the same bytes for the same content.

use std::io::{self, Write as _};

use cpio::{NewcBuilder, newc::ModeFileType, newc::trailer};
use flate2::{Compression, GzBuilder};

use crate::failure::Result;

/// One file or folder in it.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// An empty folder, to be mounted on.
    Folder(&'a str),
    /// A program, for its owner to run.
    Program(&'a str, &'a [u8]),
}

/// The archive of these, owned by root, made at the epoch. Names have no leading slash.
///
/// # Errors
/// A content longer than an archive can hold, 4 GiB.
pub fn pack(entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    for (number, entry) in (1..).zip(entries) {
        let (name, kind, mode, content): (_, _, _, &[u8]) = match *entry {
            Entry::Folder(name) => (name, ModeFileType::Directory, 0o755, &[]),
            Entry::Program(name, content) => (name, ModeFileType::Regular, 0o500, content),
        };
        let builder = NewcBuilder::new(name).ino(number).mode(mode).set_mode_file_type(kind).nlink(1);
        let mut writer = builder.write(&mut archive, u32::try_from(content.len()).map_err(io::Error::other)?);
        writer.write_all(content)?;
        writer.finish()?;
    }
    trailer(&mut archive)?;
    // No name, no time: `gzip -n`.
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(&archive)?;
    Ok(gzip.finish()?)
}
