//! The scripts of `tests/judges/ecdsa`, which get a list of questions and give a list of answers.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A judge.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judge {
    /// eth-account.
    Ethereum,
    /// CosmJS.
    Cosmos,
    /// bitcoinjs-lib and bip32.
    Bitcoin,
}

const INSTALL: &str = "`cargo xtask test --only install` installs the judges";

impl Judge {
    /// The answers, in the order of the questions.
    pub(crate) fn ask_all(self, questions: &[Value]) -> Vec<Value> {
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{self:?}: {error}; {INSTALL}"));
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(&serde_json::to_vec(questions).expect("JSON")).expect("the judge reads");
        drop(stdin);
        let output = child.wait_with_output().expect("the judge ends");
        assert!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list of answers");
        assert_eq!(answers.len(), questions.len());
        answers
    }

    /// The answer to one question.
    pub(crate) fn ask(self, question: Value) -> Value {
        self.ask_all(&[question]).remove(0)
    }

    fn command(self) -> Command {
        match self {
            Self::Ethereum => {
                let mut command = Command::new(installed("venv/bin/python"));
                command.arg("-B").arg(script("ethereum.py"));
                command
            }
            Self::Cosmos => node("cosmos.mjs"),
            Self::Bitcoin => node("bitcoin.mjs"),
        }
    }
}

/// Node looks for the packages of a script without a file in the working directory.
fn node(name: &str) -> Command {
    let source = std::fs::read_to_string(script(name)).expect("a script");
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", &source]).current_dir(installed("ecdsa"));
    command
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/ecdsa").join(name)
}

/// Something below `target/judges`.
pub(crate) fn installed(what: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/judges").join(what);
    assert!(path.exists(), "no {}; {INSTALL}", path.display());
    path
}
