//! Files with wire documents in their canonical bytes.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
};

use cloister_wire::{
    codec,
    endorsement::{Endorsable, Endorsed},
};

use crate::failure::Failure;

/// Reads an operator-signed document.
pub(crate) fn read<T: Endorsable>(path: &Path) -> Result<Endorsed<T>, Failure> {
    let bytes = fs::read(path).map_err(|why| Failure::file(path, why))?;
    codec::decode(&bytes).map_err(|why| Failure::content(path, why, "Get the document again, unaltered."))
}

/// Writes a document to a new file.
pub(crate) fn write_new<T: Endorsable>(path: &Path, document: &Endorsed<T>) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|file| write(file, document)).map_err(|why| Failure::file(path, why))
}

/// Puts a document in place of a file, whole or not at all.
pub(crate) fn replace<T: Endorsable>(path: &Path, document: &Endorsed<T>) -> Result<(), Failure> {
    let next = path.with_extension("next");
    let written = File::create(&next).and_then(|file| write(file, document)).and_then(|()| fs::rename(&next, path));
    written.map_err(|why| Failure::file(path, why))
}

fn write<T: Endorsable>(mut file: File, document: &Endorsed<T>) -> std::io::Result<()> {
    file.write_all(&codec::encode(document))?;
    file.sync_all()
}
