//! The Python judges, where they are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The programs of the virtual environment: `CLOISTER_JUDGES`, or what `cargo xtask test` installed.
///
/// Nothing without one, which is reported; in CI that is a failure.
pub(crate) fn programs() -> Option<PathBuf> {
    let installed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/judges/venv");
    let programs = std::env::var_os("CLOISTER_JUDGES").map_or_else(installed, PathBuf::from).join("bin");
    if programs.join("python").exists() && programs.join("aws").exists() {
        return Some(programs);
    }
    assert!(std::env::var_os("CI").is_none(), "no judges in {}: run `cargo xtask test`", programs.display());
    eprintln!("SKIPPED: no boto3 and aws in {}; `cargo xtask test` installs them", programs.display());
    None
}

/// A command that knows nothing of this machine's AWS settings.
pub(crate) fn isolated(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs a script of `tests/judges/kms` to its end and shows what it said.
pub(crate) fn run(programs: &Path, script: &str, arguments: &[&Path]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/kms").join(script);
    let output =
        isolated(&programs.join("python")).arg("-B").arg(&script).args(arguments).output().expect("python runs");
    println!("{}", said(&output));
    assert!(output.status.success(), "{}", script.display());
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
