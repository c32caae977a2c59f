//! Ed25519 secret keys of operators and requesters, and the files that hold them.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use cloister_wire::{
    endorsement::{Endorsable, Endorsed},
    request::{Requestable, Requested},
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::error::Error;

/// An Ed25519 secret key. Never printed; erased on drop.
pub struct Secret(SigningKey);

impl Secret {
    /// A new key from the operating system's generator.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Its public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::of(&self.0)
    }

    /// Signs a request.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn request<T: Requestable>(&self, request: &T) -> Result<Requested, Error> {
        Requested::sign(request, &self.0).map_err(|why| Error::TooLarge { what: "request", why })
    }

    /// Adds this operator's signature.
    pub(crate) fn endorse<T: Endorsable>(&self, document: &mut Endorsed<T>, operator: u16) -> Result<(), Error> {
        document.sign(operator, &self.0).map_err(|why| Error::TooLarge { what: "list of signatures", why })
    }
}

/// A file with one secret key: 64 hex digits (the RFC 8032 seed) and a newline, readable by its owner alone.
pub struct SecretFile;

impl SecretFile {
    /// Writes a new file with mode 0600. An existing file is never overwritten, and one that could not be written whole is removed.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::SecretFile`].
    pub fn create(path: &Path, secret: &Secret) -> Result<(), Error> {
        let mut line = Zeroizing::new(hex::encode(secret.0.as_bytes()));
        line.push('\n');
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = made.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::Exists { path: path.display().to_string() },
            _ => refused(path, error),
        })?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
            // The disk is full, say: what has to be said is that, and nothing may block the next try.
            drop(fs::remove_file(path));
            refused(path, error)
        })
    }

    /// Reads a file, which nobody but its owner may read.
    ///
    /// # Errors
    /// [`Error::SecretFile`].
    pub fn read(path: &Path) -> Result<Secret, Error> {
        let metadata = fs::metadata(path).map_err(|error| refused(path, error))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(refused(
                path,
                "others may read this secret key; run chmod 600 on it, and replace the key if they did",
            ));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| refused(path, error))?);
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_end(), seed.as_mut())
            .map_err(|_| refused(path, "not a secret key: the file has to hold 64 hex digits"))?;
        Ok(Secret(SigningKey::from_bytes(&seed)))
    }
}

fn refused(path: &Path, reason: impl ToString) -> Error {
    Error::SecretFile { path: path.display().to_string(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_written_key_reads_back_and_is_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("cloister-secret-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("operator.key");
        let secret = Secret::generate().unwrap();
        SecretFile::create(&path, &secret).unwrap();
        assert_eq!(SecretFile::read(&path).unwrap().public(), secret.public());
        assert!(SecretFile::create(&path, &secret).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(SecretFile::read(&path).is_err(), "a key that others may read was taken");
        fs::remove_dir_all(&folder).unwrap();
    }
}
