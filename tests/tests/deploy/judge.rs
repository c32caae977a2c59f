//! The programs that judge, and the copies that they have to refuse.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

const INSTALL: &str = "run `cargo xtask test --only install`, which installs the judges";

/// What a judge says.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) accepted: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Verdict {
    /// Accepted without a word.
    pub(crate) fn is_clean(&self) -> bool {
        self.accepted && self.stdout.is_empty() && self.stderr.is_empty()
    }

    /// The JSON of a judge that has nothing to complain about.
    pub(crate) fn json(&self) -> Value {
        assert!(self.accepted, "{}", self.stderr);
        serde_json::from_str(&self.stdout).expect("JSON")
    }
}

/// Asks one of Debian's programs.
pub(crate) fn ask(program: impl AsRef<Path>, arguments: &[&str]) -> Verdict {
    verdict(Command::new(program.as_ref()).args(arguments))
}

/// Asks a program below `target/judges`.
pub(crate) fn ask_installed(program: &str, arguments: &[&str]) -> Verdict {
    ask(installed(program), arguments)
}

/// Has Python, with the judges' packages, print JSON about a file: `print` is what follows the file's name `f`.
pub(crate) fn ask_python(print: &str, file: &Path) -> Value {
    let script = format!("import json, sys; f = sys.argv[1]; {print}");
    ask_installed("venv/bin/python", &["-c", &script, text(file)]).json()
}

/// Has a script of `tests/judges/deploy` say something about files. Node looks for the packages of a script without a file in the
/// working directory.
pub(crate) fn ask_node(script: &str, files: &[PathBuf]) -> Verdict {
    let source = read(&root().join("tests/judges/deploy").join(script));
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", &source, "--"]).args(files).current_dir(installed("deploy"));
    verdict(&mut command)
}

fn verdict(command: &mut Command) -> Verdict {
    let output = command.env("SYSTEMD_COLORS", "0").stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("no {:?} ({error}): {INSTALL}", command.get_program()));
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    Verdict { accepted: output.status.success(), stdout, stderr }
}

fn installed(what: &str) -> PathBuf {
    let path = root().join("target/judges").join(what);
    assert!(path.exists(), "no {}: {INSTALL}", path.display());
    path
}

/// Something in `deploy/`.
pub(crate) fn deploy(path: &str) -> PathBuf {
    root().join("deploy").join(path)
}

/// The checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the checkout").to_path_buf()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The files of a folder, sorted.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// A copy of a folder's files in which one says something else.
pub(crate) fn altered(folder: &str, file: &str, from: &str, to: &str) -> TempDir {
    // checkov passes over hidden folders, which temporary ones are by default.
    let copy = tempfile::Builder::new().prefix("cloister-deploy-").tempdir().expect("a folder");
    for entry in fs::read_dir(deploy(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("a copy");
        }
    }
    let path = copy.path().join(file);
    let original = read(&path);
    assert!(original.contains(from), "{file} does not say {from:?}");
    fs::write(path, original.replace(from, to)).expect("a file");
    copy
}
