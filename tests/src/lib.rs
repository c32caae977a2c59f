//! What no single crate can test: the workspace's shape, whole groups of signers, and hostile hosts. All of it is in `tests/`.
//!
//! The library is a group in memory, which those tests build on:
//!
//! ```text
//!   Charter: what operators and requesters sign ─┐
//!   Kms: the group's RSA keys ───────────────────┤
//!   Machine 1..n: Signer + StandInNsm ───────────┴─▶ Group: the host that drives them, its post and its store
//! ```
//!
//! Signers run unchanged: real documents under a test root, real RSA, real FROST. Time and randomness are the test's own, so a run
//! repeats but for the keys that `aws-lc-rs` draws by itself (RSA, and the stand-in's certificates). Everything here panics where an
//! honest group would not go on.
//!
//! Beside it, [`stage`] runs whole groups as processes, and [`nitro`] boots enclave images in an emulator.

pub mod charter;
pub mod cheat;
pub mod group;
pub mod hardware;
pub mod impostor;
pub mod kms;
pub mod machine;
pub mod nitro;
pub mod payload;
pub mod presigning;
pub mod signature;
pub mod stage;
pub mod stored_key;

/// `target/PROFILE`, in which programs lie, and tests in its `deps`.
fn profile() -> std::path::PathBuf {
    let program = std::env::current_exe().expect("a running program");
    let folders = program.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    folders.expect("a folder of a target folder").into()
}
