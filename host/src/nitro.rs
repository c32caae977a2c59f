//! The enclaves of this machine, through `nitro-cli`.
//!
//! What it says is taken as a host takes everything: to find an enclave, and to say early what is wrong. Whether an enclave is the right
//! one, its attestation shows.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::ErrorKind,
    path::Path,
    process::Stdio,
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    time::timeout,
};

/// `nitro-cli`, one process for each question.
#[derive(Clone, Debug)]
pub struct NitroCli {
    program: OsString,
    patience: Duration,
}

/// An enclave, as `nitro-cli describe-enclaves` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Enclave {
    /// The name it was started under. Old versions of `nitro-cli` know none.
    #[serde(rename = "EnclaveName", default)]
    pub name: String,
    /// Its id, new at each start.
    #[serde(rename = "EnclaveID")]
    pub id: String,
    /// Its vsock address, which may be another after each start.
    #[serde(rename = "EnclaveCID")]
    pub cid: u32,
    /// Virtual processors.
    #[serde(rename = "NumberOfCPUs")]
    pub cpus: u64,
    /// Memory, MiB.
    #[serde(rename = "MemoryMiB")]
    pub memory_mib: u64,
    /// `RUNNING` or `TERMINATING`, or empty while it starts.
    #[serde(rename = "State")]
    pub state: String,
    /// `NONE` or `DEBUG_MODE`.
    #[serde(rename = "Flags")]
    pub flags: String,
    /// `PCR0`, `PCR1`, `PCR2` and others by name, in hex, as `nitro-cli` computes them from the image file; beside them `HashAlgorithm`.
    #[serde(rename = "Measurements", default)]
    pub measurements: BTreeMap<String, String>,
}

/// How an enclave is started. There is no way to ask for debug mode.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// Its name.
    pub name: &'a str,
    /// The image.
    pub eif: &'a Path,
    /// Virtual processors.
    pub cpus: u64,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// The vsock address; by default a free one.
    pub cid: Option<u32>,
}

/// Why `nitro-cli` was of no use.
#[derive(Debug, thiserror::Error)]
pub enum NitroError {
    /// There is no such program.
    #[error("{program} is not there: this machine has no Nitro Enclaves command line")]
    Missing {
        /// Its name or path.
        program: String,
    },
    /// It cannot be run.
    #[error("{program} cannot be run: {why}")]
    Unusable {
        /// Its name or path.
        program: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// It ended with a failure.
    #[error("nitro-cli {command} failed ({status}): {said}")]
    Failed {
        /// Which command.
        command: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// What it said.
        said: String,
    },
    /// It did not end in time, and was ended.
    #[error("nitro-cli {command} did not end within {} seconds", patience.as_secs())]
    Silent {
        /// Which command.
        command: String,
        /// How long was waited.
        patience: Duration,
    },
    /// It said what cannot be read.
    #[error("nitro-cli {command} answered what cannot be read: {why}")]
    Unintelligible {
        /// Which command.
        command: String,
        /// What is wrong with it.
        why: String,
    },
    /// No enclave of that name runs.
    #[error("no enclave named {0} runs on this machine")]
    NotRunning(String),
    /// Several of them do.
    #[error("several enclaves named {0} run on this machine")]
    Several(String),
}

impl NitroError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "Install the package aws-nitro-enclaves-cli, on an instance with enclaves enabled.",
            Self::Unusable { .. } => "Check nitro-cli and its permissions.",
            Self::Failed { .. } => {
                "`nitro-cli explain --error-code E..` explains its codes; `cloister doctor` looks for causes."
            }
            Self::Silent { .. } => "Look into /var/log/nitro_enclaves, and at `cloister doctor`.",
            Self::Unintelligible { .. } => "Run it by hand; versions from 1.1 on are understood.",
            Self::NotRunning(_) => "Start it with `cloister enclave run`, or name another with --name.",
            Self::Several(_) => "End them with `cloister enclave stop`, and start one.",
        }
    }
}

impl NitroCli {
    /// The one that is found on the PATH.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self::at("nitro-cli", patience)
    }

    /// Another one.
    #[must_use]
    pub fn at(program: impl Into<OsString>, patience: Duration) -> Self {
        Self { program: program.into(), patience }
    }

    /// Every enclave that there is.
    ///
    /// # Errors
    /// [`NitroError`], also if the answer is longer than a machine has room for enclaves.
    pub async fn describe(&self) -> Result<Vec<Enclave>, NitroError> {
        let answer = self.ask("describe-enclaves", &[]).await?;
        serde_json::from_slice(&answer)
            .map_err(|why| NitroError::Unintelligible { command: "describe-enclaves".into(), why: why.to_string() })
    }

    /// The one enclave of that name that runs.
    ///
    /// # Errors
    /// [`NitroError::NotRunning`] and [`NitroError::Several`], or as [`NitroCli::describe`].
    pub async fn find(&self, name: &str) -> Result<Enclave, NitroError> {
        let mut named = self.describe().await?;
        named.retain(|enclave| enclave.name == name && enclave.is_running());
        match (named.pop(), named.is_empty()) {
            (Some(enclave), true) => Ok(enclave),
            (Some(_), false) => Err(NitroError::Several(name.into())),
            (None, _) => Err(NitroError::NotRunning(name.into())),
        }
    }

    /// Starts an enclave, and shows it once it runs.
    ///
    /// # Errors
    /// [`NitroError`]. What it prints is for people and differs by version, so that the enclave is looked for among all of them.
    pub async fn run(&self, start: &Start<'_>) -> Result<Enclave, NitroError> {
        let (cpus, memory, cid) =
            (start.cpus.to_string(), start.memory_mib.to_string(), start.cid.map(|cid| cid.to_string()));
        let mut arguments: Vec<&OsStr> = ["--enclave-name", start.name, "--eif-path"].map(OsStr::new).into();
        arguments.push(start.eif.as_os_str());
        arguments.extend(["--cpu-count", &cpus, "--memory", &memory].map(OsStr::new));
        arguments.extend(cid.iter().flat_map(|cid| ["--enclave-cid", cid.as_str()]).map(OsStr::new));
        self.ask("run-enclave", &arguments).await?;
        self.find(start.name).await
    }

    /// Ends an enclave.
    ///
    /// # Errors
    /// [`NitroError`].
    pub async fn terminate(&self, enclave: &Enclave) -> Result<(), NitroError> {
        self.ask("terminate-enclave", &["--enclave-id", &enclave.id].map(OsStr::new)).await.map(drop)
    }

    async fn ask(&self, command: &str, arguments: &[&OsStr]) -> Result<Vec<u8>, NitroError> {
        let program = || self.program.to_string_lossy().into_owned();
        let mut process = Command::new(&self.program);
        process.arg(command).args(arguments).kill_on_drop(true);
        process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|why| match why.kind() {
            ErrorKind::NotFound => NitroError::Missing { program: program() },
            _ => NitroError::Unusable { program: program(), why },
        })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let (said, complaint) = tokio::try_join!(bounded(stdout), bounded(stderr))?;
            Ok((child.wait().await?, said, complaint))
        };
        let silent = |_| NitroError::Silent { command: command.into(), patience: self.patience };
        let (status, said, complaint) = timeout(self.patience, ended)
            .await
            .map_err(silent)?
            .map_err(|why: std::io::Error| NitroError::Unusable { program: program(), why })?;
        if status.success() {
            return Ok(said);
        }
        Err(NitroError::Failed { command: command.into(), status, said: sentence(&complaint) })
    }
}

impl Enclave {
    /// Whether it is there to talk to.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state.eq_ignore_ascii_case("RUNNING")
    }

    /// Whether its console can be read and its registers are zero.
    #[must_use]
    pub fn is_in_debug_mode(&self) -> bool {
        !self.flags.eq_ignore_ascii_case("NONE")
    }
}

/// The beginning of an output; whoever says more is not listened to.
async fn bounded(output: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(output) = output {
        output.take(LONGEST_ANSWER).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// The beginning of a complaint, in one line.
fn sentence(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "it said nothing".into() } else { line.chars().take(LONGEST_COMPLAINT).collect() }
}

const LONGEST_ANSWER: u64 = 256 * 1024;
const LONGEST_COMPLAINT: usize = 600;

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use super::*;

    /// Writes a program, in a process of its own: a file that another thread's child still holds open for writing cannot be run.
    pub(crate) fn write_program(path: &Path, script: &str) {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", script]).arg(path);
        assert!(shell.status().unwrap().success());
    }

    /// A program that stands in for `nitro-cli`.
    struct StandIn(tempfile::TempDir);

    impl StandIn {
        fn new(script: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let program = dir.path().join("nitro-cli");
            let said = dir.path().join("said");
            write_program(&program, &format!("#!/bin/sh\necho \"$@\" >> {}\n{script}\n", said.display()));
            Self(dir)
        }

        fn answering(json: &str) -> Self {
            Self::new(&format!("cat <<'END'\n{json}\nEND"))
        }

        fn cli(&self) -> NitroCli {
            NitroCli::at(self.0.path().join("nitro-cli"), Duration::from_secs(20))
        }

        fn said(&self) -> String {
            fs::read_to_string(self.0.path().join("said")).unwrap()
        }
    }

    /// One of the answer's objects, as the manual of `nitro-cli` has it.
    fn enclave(name: &str, cid: u32, state: &str) -> String {
        format!(
            r#"{{"EnclaveName": "{name}", "EnclaveID": "i-abc12345def67890a-enc9876abcd543210ef{cid}", "ProcessID": 12345,
            "EnclaveCID": {cid}, "NumberOfCPUs": 2, "CPUIDs": [1, 3], "MemoryMiB": 1600, "State": "{state}", "Flags": "NONE",
            "Measurements": {{"HashAlgorithm": "Sha384 {{ ... }}", "PCR0": "ab"}}}}"#
        )
    }

    #[tokio::test]
    async fn an_enclave_is_found_by_its_name_among_others() {
        let (ours, theirs, ended) =
            (enclave("ours", 16, "RUNNING"), enclave("theirs", 17, "RUNNING"), enclave("ours", 18, "TERMINATING"));
        let nitro = StandIn::answering(&format!("[{theirs}, {ended}, {ours}]"));
        let found = nitro.cli().find("ours").await.unwrap();
        assert_eq!((found.cid, found.cpus, found.memory_mib), (16, 2, 1600));
        assert!(found.is_running() && !found.is_in_debug_mode());
        assert_eq!(nitro.said(), "describe-enclaves\n");
    }

    #[tokio::test]
    async fn none_of_a_name_and_several_of_it_are_told_apart() {
        let nitro = StandIn::answering("[]");
        assert!(matches!(nitro.cli().find("ours").await, Err(NitroError::NotRunning(_))));
        let both = format!("[{}, {}]", enclave("ours", 16, "RUNNING"), enclave("ours", 17, "RUNNING"));
        assert!(matches!(StandIn::answering(&both).cli().find("ours").await, Err(NitroError::Several(_))));
    }

    #[tokio::test]
    async fn an_enclave_is_started_with_its_size_and_never_in_debug_mode() {
        let nitro = StandIn::answering(&format!("[{}]", enclave("ours", 16, "RUNNING")));
        let start = Start { name: "ours", eif: Path::new("/an/image.eif"), cpus: 2, memory_mib: 128, cid: Some(16) };
        assert_eq!(nitro.cli().run(&start).await.unwrap().cid, 16);
        let run =
            "run-enclave --enclave-name ours --eif-path /an/image.eif --cpu-count 2 --memory 128 --enclave-cid 16";
        assert_eq!(nitro.said(), format!("{run}\ndescribe-enclaves\n"));
    }

    #[tokio::test]
    async fn a_program_that_is_missing_or_fails_or_hangs_or_raves_is_an_error_of_its_own() {
        let missing = NitroCli::at("/nowhere/nitro-cli", Duration::from_secs(1)).describe().await.unwrap_err();
        assert!(matches!(missing, NitroError::Missing { .. }), "{missing}");
        let failed = StandIn::new("echo '[ E26 ] Insufficient memory' >&2; exit 5").cli().describe().await.unwrap_err();
        assert!(failed.to_string().contains("exit status: 5") && failed.to_string().contains("E26"), "{failed}");
        for raving in ["[{}]", "", "Start allocating memory...", "[[[[[["] {
            let why = StandIn::answering(raving).cli().describe().await.unwrap_err();
            assert!(matches!(why, NitroError::Unintelligible { .. }), "{why}");
        }
        let endless = StandIn::new("exec yes").cli().describe().await.unwrap_err();
        assert!(matches!(endless, NitroError::Failed { .. } | NitroError::Unintelligible { .. }), "{endless}");
        let hanging = StandIn::new("exec sleep 600");
        let cli = NitroCli { patience: Duration::from_millis(300), ..hanging.cli() };
        assert!(matches!(cli.describe().await, Err(NitroError::Silent { .. })));
    }
}
