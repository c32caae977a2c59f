//! Published test data: `$CLOISTER_VECTORS`, or `shared/vectors` beside the workspace. Where it is missing, tests say that they
//! were skipped; under `CI=true` they fail.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One genuine document and what `index.json` says of it.
pub(crate) struct Genuine {
    pub(crate) file: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) debug_mode: bool,
    pub(crate) module_id: String,
    pub(crate) timestamp: u64,
    pub(crate) pcrs: Vec<(u8, String)>,
    pub(crate) nonce: Option<Vec<u8>>,
    pub(crate) user_data: Option<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
}

/// All genuine documents; none where the vectors are missing.
pub(crate) fn genuine() -> Vec<Genuine> {
    entries("attestation").into_iter().map(|(folder, entry)| read(&folder, &entry)).collect()
}

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

fn read(folder: &Path, entry: &Value) -> Genuine {
    let text = |name: &str| entry[name].as_str().unwrap_or_else(|| panic!("{name}")).to_owned();
    let bytes = |name: &str| entry[name].as_str().map(|digits| hex::decode(digits).expect("hex"));
    let mut pcrs: Vec<_> = entry["pcrs"].as_object().expect("pcrs").iter().map(|(index, value)| {
        (index.parse().expect("index"), value.as_str().expect("value").to_owned())
    }).collect();
    pcrs.sort();
    Genuine {
        bytes: std::fs::read(folder.join(text("file"))).expect("document"),
        file: text("file"),
        debug_mode: entry["debug_mode"].as_bool().expect("debug_mode"),
        module_id: text("module_id"),
        timestamp: entry["timestamp_ms"].as_u64().expect("timestamp_ms"),
        pcrs,
        nonce: bytes("nonce"),
        user_data: bytes("user_data"),
        public_key: bytes("public_key"),
    }
}
