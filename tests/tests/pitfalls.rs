//! `PITFALLS.md` names tests that exist.

use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn every_test_that_the_list_of_pitfalls_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut known = BTreeSet::new();
    for folder in [
        "attestation",
        "chains",
        "cli",
        "client",
        "enclave",
        "host",
        "policy",
        "protocol",
        "simulator",
        "tests",
        "wire",
    ] {
        functions(&root.join(folder), &mut known);
    }
    let list = include_str!("../PITFALLS.md");
    let named = list.split('`').skip(1).step_by(2).filter(|name| {
        name.len() > 20 && name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    let missing: Vec<_> = named.filter(|name| !known.contains(*name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

/// The names of all functions in the Rust files below `folder`.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let after = text.split("fn ").skip(1);
            names.extend(after.filter_map(|rest| Some(rest.split_once(['(', '<'])?.0.to_owned())));
        }
    }
}
