//! What lies where in a group's folder.

use std::{
    fs::{self, File},
    io::Write,
    path::{self, Path, PathBuf},
};

use anyhow::{Context, bail};
use cloister_wire::ids::SignerId;
use tempfile::NamedTempFile;

/// A group's folder. Names are short, since a socket's path may have 107 characters.
#[derive(Clone, Debug)]
pub(super) struct Layout(PathBuf);

impl Layout {
    pub(super) fn new(dir: &Path) -> anyhow::Result<Self> {
        let dir = path::absolute(dir)?;
        let longest = SignerId::try_from(32).map(|last| Self(dir.clone()).host_socket(last))?;
        if longest.as_os_str().len() > SOCKET_PATH {
            bail!("{} is too long a path for sockets: choose a shorter folder", dir.display());
        }
        Ok(Self(dir))
    }

    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    /// The folder in which this one is made before it is complete.
    pub(super) fn draft(&self) -> Self {
        let mut name = self.0.as_os_str().to_owned();
        name.push(".founding");
        Self(name.into())
    }

    /// Holds the folder for this process.
    pub(super) fn lock(&self) -> anyhow::Result<File> {
        let file = File::create(self.0.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(_) => bail!("the group in {} is up already: stop it first, or choose another folder", self.0.display()),
        }
    }

    pub(super) fn record(&self) -> PathBuf {
        self.0.join("group.json")
    }

    pub(super) fn image(&self) -> PathBuf {
        self.0.join("image")
    }

    pub(super) fn root_certificate(&self) -> PathBuf {
        self.0.join(ROOT_CERTIFICATE)
    }

    pub(super) fn kms_keys(&self) -> PathBuf {
        self.0.join("kms-keys.json")
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.0.join("manifest.cbor")
    }

    pub(super) fn policy(&self) -> PathBuf {
        self.0.join("policy.cbor")
    }

    pub(super) fn genesis(&self) -> PathBuf {
        self.0.join("genesis.cbor")
    }

    pub(super) fn peers(&self) -> PathBuf {
        self.0.join("peers.json")
    }

    pub(super) fn operator(&self, number: u16) -> PathBuf {
        self.0.join(format!("operator-{number}.key"))
    }

    pub(super) fn signer_socket(&self, signer: SignerId) -> PathBuf {
        self.0.join(format!("signer-{signer}.sock"))
    }

    pub(super) fn host_socket(&self, signer: SignerId) -> PathBuf {
        self.0.join(format!("host-{signer}.sock"))
    }

    pub(super) fn store(&self, signer: SignerId) -> PathBuf {
        self.0.join(format!("host-{signer}.sqlite"))
    }

    pub(super) fn credential(&self, signer: SignerId) -> PathBuf {
        self.0.join(format!("host-{signer}.aws.json"))
    }

    pub(super) fn log(&self, process: &str) -> PathBuf {
        self.0.join(format!("{process}.log"))
    }
}

/// Replaces a file's content at once; only its owner can read it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file in a folder")?;
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Makes an empty folder for its owner alone; what an interrupted founding left there is removed.
pub(super) fn make_empty(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    let made = fs::DirBuilder::new().mode(0o700).recursive(true).create(dir);
    made.with_context(|| format!("cannot make {}", dir.display()))
}

/// As [`crate::nsm::TestRoot::save`] names it.
pub(super) const ROOT_CERTIFICATE: &str = "test-root.der";
/// The longest path of a socket (`sun_path` less its final zero).
const SOCKET_PATH: usize = 107;
