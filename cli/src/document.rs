//! Files with wire documents in their canonical bytes.

use std::path::Path;

use cloister_wire::{
    codec,
    endorsement::{Endorsable, Endorsed},
};

use crate::{
    destination::{self, Destination},
    failure::Failure,
    input,
};

/// Reads an operator-signed document.
pub(crate) fn read<T: Endorsable>(path: &Path) -> Result<Endorsed<T>, Failure> {
    let bytes = input::read_file(path)?;
    codec::decode(&bytes).map_err(|why| Failure::content(path, why, "Get the document again, unaltered."))
}

/// Writes a document to a new file.
pub(crate) fn write_new<T: Endorsable>(path: &Path, document: &Endorsed<T>) -> Result<(), Failure> {
    destination::write_new(path, &codec::encode(document))
}

/// Puts a document in place of a file, whole or not at all. The file keeps its mode; a new one is its owner's alone.
pub(crate) fn replace<T: Endorsable>(path: &Path, document: &Endorsed<T>) -> Result<(), Failure> {
    Destination::open_private(path)?.write(&codec::encode(document))
}
