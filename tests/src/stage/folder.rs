//! Where a stage's files lie.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder with a short path, since sockets lie in it. Test programs don't drop what their tests share: the next one removes it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn make() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        for old in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
            let name = old.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix(STAGES)?.split_once('-'));
            if owner.is_some_and(|(process, _)| !Path::new("/proc").join(process).exists()) {
                drop(fs::remove_dir_all(old.path()));
            }
        }
        let name = format!("{STAGES}{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

const STAGES: &str = "cloister-stage-";
