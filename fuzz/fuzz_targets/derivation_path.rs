//! A path that parses is shown as it was written.
#![no_main]

use cloister_chains::derivation::ChildPath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(path) = text.parse::<ChildPath>() {
        assert_eq!(path.to_string(), text);
    }
});
