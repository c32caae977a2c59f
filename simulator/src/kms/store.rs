//! The key file: every key and every credential of the stand-in, in one JSON document.
//!
//! Written whole to a temporary file, synced and renamed, so that a crash at any point leaves the old file or the
//! new one. Readable by its owner alone. One process at a time holds it (an advisory lock on `FILE.lock`).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::arn::{KeyArn, PrincipalArn};
use super::key::{Key, NewKey, StoredKey};
use super::policy::Policy;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The disk said no.
    #[error("the key file {path}: {1}", path = .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// Another process serves this file.
    #[error("the key file {path} is in use: stop the other KMS stand-in, or name another file", path = .0.display())]
    InUse(PathBuf),
    /// The file is not one that this program wrote.
    #[error("the key file {path} cannot be read ({1}): restore it, or remove it to begin anew", path = .0.display())]
    Unreadable(PathBuf, String),
    /// A key could not be made or written down.
    #[error("the key could not be generated or encoded")]
    KeyGeneration,
    /// A policy was refused.
    #[error("the key policy was refused: {0}")]
    Policy(#[from] super::policy::Malformed),
    /// No key has this name.
    #[error("there is no key {0}")]
    NoSuchKey(KeyArn),
}

/// A caller's access key.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credential {
    access_key_id: String,
    secret_access_key: String,
    principal: PrincipalArn,
}

impl Credential {
    /// An access key of this principal.
    pub fn new(access_key_id: &str, secret_access_key: &str, principal: PrincipalArn) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into(), principal }
    }

    /// The public half, `AWS_ACCESS_KEY_ID`.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret half, `AWS_SECRET_ACCESS_KEY`.
    pub fn secret(&self) -> &str {
        &self.secret_access_key
    }

    /// Whose it is.
    pub fn principal(&self) -> &PrincipalArn {
        &self.principal
    }
}

/// The open key file. Every change is on disk before it is seen.
pub struct KeyFile {
    path: PathBuf,
    _lock: File,
    contents: Contents,
}

#[derive(Clone, Default)]
struct Contents {
    credentials: BTreeMap<String, Credential>,
    keys: BTreeMap<KeyArn, Arc<Key>>,
}

/// The file's JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredContents {
    format: u32,
    credentials: Vec<Credential>,
    keys: Vec<StoredKey>,
}

impl KeyFile {
    /// Opens the file, or makes an empty one. Keys whose deletion was due before `now` (seconds of Unix time) are gone.
    pub fn open(path: &Path, now: u64) -> Result<Self, KeyFileError> {
        let lock = lock(path)?;
        let contents = match fs::read(path) {
            Ok(bytes) => Contents::parse(path, &bytes, now)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Contents::default(),
            Err(error) => return Err(KeyFileError::Io(path.into(), error)),
        };
        let mut file = Self { path: path.into(), _lock: lock, contents: Contents::default() };
        file.replace(contents)?;
        Ok(file)
    }

    /// Makes and keeps an access key for this principal.
    pub fn add_credential(&mut self, principal: PrincipalArn) -> Result<Credential, KeyFileError> {
        let random = |length: usize| -> Result<String, KeyFileError> {
            let mut bytes = vec![0; length];
            aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyFileError::KeyGeneration)?;
            Ok(hex::encode(bytes))
        };
        let id = format!("AKIA{}", random(8)?.to_ascii_uppercase());
        let credential = Credential::new(&id, &random(20)?, principal);
        let mut contents = self.contents.clone();
        contents.credentials.insert(id, credential.clone());
        self.replace(contents)?;
        Ok(credential)
    }

    /// Makes these keys, one thread each, and writes them down together; the answer is in the order of the question.
    pub fn create(&mut self, wanted: Vec<NewKey>, now: u64) -> Result<Vec<Arc<Key>>, KeyFileError> {
        let made: Vec<Arc<Key>> = std::thread::scope(|scope| {
            let threads: Vec<_> = wanted.into_iter().map(|new| scope.spawn(move || new.generate(now))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| KeyFileError::KeyGeneration)?.map(Arc::new))
                .collect::<Result<_, _>>()
        })?;
        self.insert(made.iter().cloned())?;
        Ok(made)
    }

    /// Replaces a key's policy, as its owner: nothing is asked of the policy in force.
    pub fn put_policy(&mut self, arn: &KeyArn, text: &str) -> Result<(), KeyFileError> {
        let key = self.key(arn).ok_or_else(|| KeyFileError::NoSuchKey(arn.clone()))?;
        self.insert([Arc::new(key.with_policy(Policy::parse(text)?))])
    }

    /// The key of this name.
    pub fn key(&self, arn: &KeyArn) -> Option<Arc<Key>> {
        self.contents.keys.get(arn).cloned()
    }

    /// All keys, ordered by name.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.contents.keys.values()
    }

    /// The key with this id in any region and account.
    pub(crate) fn key_by_id(&self, id: Uuid) -> Option<Arc<Key>> {
        self.keys().find(|key| key.arn().id() == id).cloned()
    }

    /// The credential with this access key id.
    pub(crate) fn credential(&self, access_key_id: &str) -> Option<&Credential> {
        self.contents.credentials.get(access_key_id)
    }

    /// Adds keys, or replaces those of the same name.
    pub(crate) fn insert(&mut self, keys: impl IntoIterator<Item = Arc<Key>>) -> Result<(), KeyFileError> {
        let mut contents = self.contents.clone();
        contents.keys.extend(keys.into_iter().map(|key| (key.arn().clone(), key)));
        self.replace(contents)
    }

    fn replace(&mut self, contents: Contents) -> Result<(), KeyFileError> {
        let bytes = contents.to_json()?;
        write_whole(&self.path, &bytes).map_err(|error| KeyFileError::Io(self.path.clone(), error))?;
        self.contents = contents;
        Ok(())
    }
}

impl Contents {
    fn parse(path: &Path, bytes: &[u8], now: u64) -> Result<Self, KeyFileError> {
        let unreadable = |why: String| KeyFileError::Unreadable(path.into(), why);
        let stored: StoredContents = serde_json::from_slice(bytes).map_err(|e| unreadable(e.to_string()))?;
        if stored.format != FORMAT {
            return Err(unreadable(format!("format {} is not {FORMAT}", stored.format)));
        }
        let mut contents = Self::default();
        for credential in stored.credentials {
            contents.credentials.insert(credential.access_key_id.clone(), credential);
        }
        for key in stored.keys {
            let key = Key::try_from(key).map_err(|e| unreadable(e.to_string()))?;
            if !key.is_deleted_at(now) {
                contents.keys.insert(key.arn().clone(), Arc::new(key));
            }
        }
        Ok(contents)
    }

    fn to_json(&self) -> Result<Vec<u8>, KeyFileError> {
        let keys = self.keys.values().map(|key| key.to_stored()).collect::<Result<_, _>>()?;
        let stored = StoredContents { format: FORMAT, credentials: self.credentials.values().cloned().collect(), keys };
        serde_json::to_vec_pretty(&stored).map_err(|_| KeyFileError::KeyGeneration)
    }
}

fn lock(path: &Path) -> Result<File, KeyFileError> {
    let io = |error| KeyFileError::Io(path.into(), error);
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::create(name).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(KeyFileError::InUse(path.into())),
        Err(fs::TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Replaces a file's content so that a crash leaves the old or the new one. The file is its owner's alone, as
/// `tempfile` makes them.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = NamedTempFile::new_in(directory)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    File::open(directory)?.sync_all()
}

const FORMAT: u32 = 1;

#[cfg(test)]
mod tests {
    use super::super::key::KeyState;
    use super::super::material::KeySpec;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn new_key() -> NewKey {
        NewKey {
            region: "eu-central-1".parse().unwrap(),
            account: "111122223333".parse().unwrap(),
            spec: KeySpec::SymmetricDefault,
            description: "a test".into(),
            policy: None,
        }
    }

    fn principal() -> PrincipalArn {
        "arn:aws:iam::111122223333:role/host".parse().unwrap()
    }

    #[test]
    fn finds_after_a_restart_what_was_kept_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        let mut file = KeyFile::open(&path, 0).unwrap();
        let credential = file.add_credential(principal()).unwrap();
        let made = file.create(vec![new_key(), new_key()], 7).unwrap();
        drop(file);

        let file = KeyFile::open(&path, 0).unwrap();
        assert_eq!(file.keys().count(), 2);
        assert_eq!(file.key(made[1].arn()).unwrap().description(), "a test");
        assert_eq!(file.credential(credential.access_key_id()).unwrap().secret(), credential.secret());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn refuses_a_second_process_on_the_same_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        let _held = KeyFile::open(&path, 0).unwrap();
        assert!(matches!(KeyFile::open(&path, 0), Err(KeyFileError::InUse(_))));
    }

    #[test]
    fn forgets_a_key_once_its_deletion_is_due() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        let mut file = KeyFile::open(&path, 0).unwrap();
        let key = file.create(vec![new_key()], 0).unwrap().remove(0);
        file.insert([Arc::new(key.with_state(KeyState::PendingDeletion { due: 100 }))]).unwrap();
        drop(file);
        assert_eq!(KeyFile::open(&path, 99).unwrap().keys().count(), 1);
        assert_eq!(KeyFile::open(&path, 100).unwrap().keys().count(), 0);
    }

    #[test]
    fn keeps_the_old_file_when_the_new_one_cannot_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        let mut file = KeyFile::open(&path, 0).unwrap();
        file.add_credential(principal()).unwrap();
        let before = fs::read(&path).unwrap();
        file.path = directory.path().join("no such directory/keys.json");
        assert!(matches!(file.add_credential(principal()), Err(KeyFileError::Io(..))));
        assert_eq!(file.contents.credentials.len(), 1);
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn refuses_a_damaged_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        for text in
            ["", "{", r#"{"format":2,"credentials":[],"keys":[]}"#, r#"{"format":1,"credentials":[],"keys":[{}]}"#]
        {
            fs::write(&path, text).unwrap();
            assert!(matches!(KeyFile::open(&path, 0), Err(KeyFileError::Unreadable(..))), "{text}");
        }
    }
}
