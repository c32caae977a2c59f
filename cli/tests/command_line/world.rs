//! A simulated group shared by a file's tests, and the real binary run against it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use cloister_simulator::group::{Group, GroupPlan, Link, Programs};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A group whose processes end with this one.
pub(crate) struct World {
    pub(crate) dir: PathBuf,
    pub(crate) runtime: Runtime,
    pub(crate) group: Group,
}

/// What a command answered.
pub(crate) struct Answer {
    pub(crate) exit: i32,
    pub(crate) json: Value,
}

impl World {
    /// The group of this test program: 2 of 3.
    pub(crate) fn shared() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(|| {
            let mut world = World::founded("shared", 3);
            world.runtime.block_on(world.group.start(&|_| {})).expect("the group starts");
            world
        })
    }

    /// A new group whose processes run, and that operators have not started: 2 of `signers`.
    pub(crate) fn founded(name: &str, signers: u16) -> World {
        let dir = folder(name);
        let runtime = Runtime::new().expect("a runtime");
        let programs = Programs::within(Path::new(BINARY));
        let plan = GroupPlan { dir: dir.clone(), signers, threshold: 2, programs, link: Link::Direct };
        let group = runtime.block_on(Group::up(plan, &|_| {})).expect("the group's processes start");
        World { dir, runtime, group }
    }

    /// Runs a command with `--json` against this group.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with(arguments, b"")
    }

    /// The same with something on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Answer {
        run_in(&self.dir, arguments, input)
    }

    /// Runs a command that has to succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let Answer { exit, json } = self.run(arguments);
        assert_eq!(exit, 0, "{arguments:?}: {json:#}");
        json
    }

    /// Runs a command that has to fail with this exit code and error code.
    pub(crate) fn fails(&self, arguments: &[&str], exit: i32, code: &str) {
        self.run(arguments).fails(exit, code);
    }

    /// Makes a key that the folder's requester may use on these chains.
    pub(crate) fn key(&self, name: &str, scheme: &str, chains: &str) -> Value {
        let turn = OPERATORS.lock().unwrap_or_else(PoisonError::into_inner);
        self.ok(&["requester", "add", "demo", "--allow", &format!("{name}={chains}")]);
        drop(turn);
        self.ok(&["key", "create", "--scheme", scheme, "--name", name])
    }

    /// A path in the group's folder.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// Writes a file in the group's folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.dir.join(name), content).expect("a file is written");
        self.path(name)
    }
}

impl Answer {
    pub(crate) fn fails(&self, exit: i32, code: &str) {
        assert_eq!((self.exit, self.json["error"]["code"].as_str()), (exit, Some(code)), "{:#}", self.json);
        assert!(self.json["error"]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{:#}", self.json);
    }
}

/// Runs a command with `--json`, with `dir` as its group's folder.
pub(crate) fn run_in(dir: &Path, arguments: &[&str], input: &[u8]) -> Answer {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--json").env("CLOISTER_DIR", dir);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdin.take().expect("its input").write_all(input));
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{arguments:?}: {why}; {said}"));
    Answer { exit: output.status.code().unwrap_or(-1), json }
}

/// What a command tells people, on stdout and stderr together.
pub(crate) fn said(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().expect("it ends");
    [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat()
}

/// An empty place of that name; what an earlier run left there is removed.
pub(crate) fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("cloister-cli-{name}"));
    for left in [dir.clone(), dir.with_extension("founding")] {
        drop(fs::remove_dir_all(left));
    }
    dir
}

/// A string field.
pub(crate) fn text<'a>(json: &'a Value, field: &str) -> &'a str {
    json[field].as_str().unwrap_or_else(|| panic!("no text {field} in {json:#}"))
}

/// A field in hex.
pub(crate) fn bytes(json: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(json, field)).unwrap_or_else(|why| panic!("{field}: {why}"))
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cloister");

/// Each policy version follows the one before, so operators take turns.
pub(crate) static OPERATORS: Mutex<()> = Mutex::new(());
