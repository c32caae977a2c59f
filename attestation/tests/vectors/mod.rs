//! Published test data: `$CLOISTER_VECTORS`, or `shared/vectors` beside the workspace. Where it is missing, tests say that they
//! were skipped; under `CI=true` they fail.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The entries of `index.json` in a folder of the vectors.
pub(crate) fn entries(folder: &str) -> Vec<(PathBuf, Value)> {
    let path = root().join(folder);
    if !path.is_dir() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is missing", path.display());
        eprintln!("SKIPPED: {} is missing; set CLOISTER_VECTORS to the folder that holds it", path.display());
        return Vec::new();
    }
    let index = std::fs::read(path.join("index.json")).expect("index.json");
    let index: Vec<Value> = serde_json::from_slice(&index).expect("index.json is a list");
    index.into_iter().map(|entry| (path.clone(), entry)).collect()
}

fn root() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    std::env::var_os("CLOISTER_VECTORS").map_or_else(beside, PathBuf::from)
}

/// The bytes that a hexadecimal field holds, if it is not null.
pub(crate) fn bytes(entry: &Value, field: &str) -> Option<Vec<u8>> {
    entry[field].as_str().map(|digits| hex::decode(digits).expect("hexadecimal"))
}

/// The file that a field names.
pub(crate) fn file(folder: &Path, entry: &Value, field: &str) -> Vec<u8> {
    std::fs::read(folder.join(entry[field].as_str().expect("a file's name"))).expect("a file of the vectors")
}
