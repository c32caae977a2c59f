use std::{
    fs::{self, File},
    io::Read as _,
    path::PathBuf,
};

use super::check::Check;

/// Where a machine's files are: `/`, and elsewhere in tests.
pub(super) struct Machine(PathBuf);

impl Machine {
    pub(super) fn this() -> Self {
        Self(PathBuf::from("/"))
    }

    #[cfg(test)]
    pub(super) fn at(root: &std::path::Path) -> Self {
        Self(root.to_owned())
    }

    /// A small file of the system, or nothing if it cannot be read.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let mut text = String::new();
        File::open(self.0.join(path)).ok()?.take(LARGEST_FILE).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Whether it can have enclaves at all.
    pub(super) fn nitro(&self) -> Check {
        if self.0.join(DEVICE).exists() {
            return Check::good("nitro", format!("/{DEVICE} is there"));
        }
        Check::bad(
            "nitro",
            format!("this machine has no Nitro Enclaves: /{DEVICE} is not there"),
            "Run a signer on an EC2 instance that was started with EnclaveOptions Enabled=true; everywhere else, `cloister sim up` \
             runs a simulated group.",
        )
    }
}

const DEVICE: &str = "dev/nitro_enclaves";
const LARGEST_FILE: u64 = 64 * 1024;
