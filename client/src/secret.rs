//! Secret keys of operators (Ed25519) and requesters (Ed25519 or P-256), and the files that hold them.

mod p256;

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use cloister_wire::{
    credential::{Credential, Proof},
    endorsement::{Endorsable, Endorsed},
    ids::Hash,
    request::{Requestable, Requested},
    signature::{PublicKey, Signature},
};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

pub use self::p256::P256Secret;
use crate::{error::Error, requester::Unproved};

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

    /// Adds this operator's signature.
    pub(crate) fn endorse<T: Endorsable>(&self, document: &mut Endorsed<T>, operator: u16) -> Result<(), Error> {
        document.sign(operator, &self.0).map_err(|why| Error::TooLarge { what: "list of signatures", why })
    }
}

/// A requester's secret key.
pub enum RequesterSecret {
    /// An Ed25519 key.
    Ed25519(Secret),
    /// A P-256 key.
    P256(P256Secret),
}

impl RequesterSecret {
    /// What the policy names it by.
    #[must_use]
    pub fn credential(&self) -> Credential {
        match self {
            Self::Ed25519(secret) => Credential::Ed25519(secret.public()),
            Self::P256(secret) => Credential::P256(secret.public()),
        }
    }

    /// Signs a request.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NoRandomness`].
    pub fn request<T: Requestable>(&self, request: &T) -> Result<Requested, Error> {
        let unproved = Unproved::new(request)?;
        let proof = self.prove(&unproved.challenge())?;
        Ok(unproved.assemble(proof))
    }

    /// Signs a hash.
    pub(crate) fn prove(&self, hash: &Hash) -> Result<Proof, Error> {
        match self {
            Self::Ed25519(Secret(key)) => {
                Ok(Proof::Ed25519(Signature::from_bytes(key.sign(hash.as_bytes()).to_bytes())))
            }
            Self::P256(secret) => secret.sign(hash).map(Proof::P256),
        }
    }
}

impl From<Secret> for RequesterSecret {
    fn from(secret: Secret) -> Self {
        Self::Ed25519(secret)
    }
}

/// A file with one secret key, readable by its owner alone: for Ed25519 64 hex digits (the RFC 8032 seed) and a newline; for P-256, which
/// requesters may have, PKCS #8 in PEM.
pub struct SecretFile;

impl SecretFile {
    /// Writes a new file with mode 0600. An existing file is never overwritten, and one that could not be written whole is removed.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::SecretFile`].
    pub fn create(path: &Path, secret: &Secret) -> Result<(), Error> {
        let mut line = Zeroizing::new(hex::encode(secret.0.as_bytes()));
        line.push('\n');
        write_new(path, &line)
    }

    /// The same for a requester's key.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::SecretFile`].
    pub fn create_for_requester(path: &Path, secret: &RequesterSecret) -> Result<(), Error> {
        match secret {
            RequesterSecret::Ed25519(secret) => Self::create(path, secret),
            RequesterSecret::P256(secret) => write_new(path, &secret.to_pem().map_err(|why| refused(path, why))?),
        }
    }

    /// Reads an Ed25519 key from a file, which nobody but its owner may read.
    ///
    /// # Errors
    /// [`Error::SecretFile`].
    pub fn read(path: &Path) -> Result<Secret, Error> {
        let text = read_private(path)?;
        seed(&text).ok_or_else(|| refused(path, "not an Ed25519 secret key: the file has to hold 64 hex digits"))
    }

    /// Reads a requester's key from a file, which nobody but its owner may read.
    ///
    /// # Errors
    /// [`Error::SecretFile`].
    pub fn read_of_requester(path: &Path) -> Result<RequesterSecret, Error> {
        let text = read_private(path)?;
        if text.starts_with("-----BEGIN") {
            let secret = P256Secret::from_pem(&text).map_err(|why| refused(path, why))?;
            return Ok(RequesterSecret::P256(secret));
        }
        let secret = seed(&text).ok_or_else(|| {
            refused(path, "not a secret key: the file has to hold 64 hex digits (Ed25519), or PKCS #8 in PEM (P-256)")
        })?;
        Ok(RequesterSecret::Ed25519(secret))
    }
}

fn seed(text: &str) -> Option<Secret> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_end(), seed.as_mut()).ok()?;
    Some(Secret(SigningKey::from_bytes(&seed)))
}

fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::Exists { path: path.display().to_string() },
        _ => refused(path, error),
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| {
        // The disk is full, say: what has to be said is that, and nothing may block the next try.
        drop(fs::remove_file(path));
        refused(path, error)
    })
}

fn read_private(path: &Path) -> Result<Zeroizing<String>, Error> {
    let metadata = fs::metadata(path).map_err(|error| refused(path, error))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(refused(
            path,
            "others may read this secret key; run chmod 600 on it, and replace the key if they did",
        ));
    }
    Ok(Zeroizing::new(fs::read_to_string(path).map_err(|error| refused(path, error))?))
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

    #[test]
    fn a_requesters_p256_key_reads_back_and_signs_with_the_lower_s() {
        let folder = std::env::temp_dir().join(format!("cloister-secret-p256-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("requester.pem");
        let secret = RequesterSecret::P256(P256Secret::generate().unwrap());
        SecretFile::create_for_requester(&path, &secret).unwrap();
        let read = SecretFile::read_of_requester(&path).unwrap();
        assert_eq!(read.credential(), secret.credential());
        for byte in 0..16 {
            let hash = Hash::from_bytes([byte; 32]);
            assert_eq!(secret.credential().verify(&hash, &read.prove(&hash).unwrap()), Ok(()));
        }
        assert!(SecretFile::read(&path).is_err(), "operators' keys are Ed25519");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("PRIVATE", "EC PRIVATE")).unwrap();
        assert!(SecretFile::read_of_requester(&path).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
