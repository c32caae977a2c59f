//! Processes: started, found by the line that they print, and killed.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context, bail};
use cloister_wire::ids::SignerId;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    sync::oneshot,
    task::JoinHandle,
};

use super::{
    Link,
    founding::Parent,
    layout::Layout,
    programs::{Enclave, Program, Programs},
};
use crate::signer::image::Image;

/// A running process that has said where it listens. Killed when dropped; its end of the lifeline closes with ours. One that ends by
/// itself is reaped at once, and stderr says so.
pub(super) struct Process {
    id: u32,
    listening: String,
    kill: oneshot::Sender<()>,
    watch: JoinHandle<io::Result<()>>,
    _output: BufReader<ChildStdout>,
}

/// What each of our programs prints first.
#[derive(Deserialize)]
struct Hello {
    listening: String,
}

/// A process that has not said yet where it listens.
pub(super) struct Starting {
    child: Child,
    output: BufReader<ChildStdout>,
    program: PathBuf,
    log: PathBuf,
}

impl Starting {
    fn spawn(program: &Program, arguments: &[OsString], log: PathBuf) -> anyhow::Result<Self> {
        let mut child = Command::new(&program.path)
            .args(&program.arguments)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            // The terminal's Ctrl-C is for the launcher alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.path.display()))?;
        let output = BufReader::new(child.stdout.take().context("its output is piped")?);
        Ok(Self { child, output, program: program.path.clone(), log })
    }

    /// Waits until it serves.
    pub(super) async fn serving(self) -> anyhow::Result<Process> {
        let Self { child, mut output, program, log } = self;
        let mut line = String::new();
        output.read_line(&mut line).await?;
        let Ok(Hello { listening }) = serde_json::from_str(&line) else {
            let said = fs::read_to_string(&log).unwrap_or_default();
            bail!("{} did not start ({}): {}", program.display(), log.display(), said.trim_end());
        };
        let id = child.id().unwrap_or_default();
        let (kill, killed) = oneshot::channel();
        let watch = tokio::spawn(watch(child, killed, log));
        Ok(Process { id, listening, kill, watch, _output: output })
    }
}

impl Process {
    /// Where it listens: a URL, or a socket's path.
    pub(super) fn listening(&self) -> &str {
        &self.listening
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Kills it and waits until it is gone.
    pub(super) async fn kill(self) -> anyhow::Result<()> {
        drop(self.kill);
        Ok(self.watch.await??)
    }
}

/// Until it is to be killed, or ends by itself.
async fn watch(mut child: Child, killed: oneshot::Receiver<()>, log: PathBuf) -> io::Result<()> {
    let id = child.id().unwrap_or_default();
    // Waiting would close it.
    let _lifeline = child.stdin.take();
    tokio::select! {
        biased;
        _ = killed => child.kill().await,
        ended = child.wait() => {
            let part = log.file_stem().unwrap_or_default().display();
            eprintln!("{part} (process {id}) has ended: {}; its log is {}", ended?, log.display());
            Ok(())
        }
    }
}

/// The KMS stand-in, at the address of the URL `at` or any that is free.
pub(super) fn kms(programs: &Programs, layout: &Layout, at: Option<&str>) -> anyhow::Result<Starting> {
    let mut arguments = flags([("--key-file", layout.kms_keys()), ("--root", layout.root_certificate())]);
    for region in super::founding::REGIONS {
        arguments.extend(["--region".into(), region.into()]);
    }
    if let Some(address) = at.and_then(|url| url.strip_prefix("http://")) {
        arguments.extend(["--listen".into(), address.into()]);
    }
    Starting::spawn(&programs.kms, &arguments, layout.log("kms"))
}

/// Launches a signer: a process with the registers that a hypervisor would have measured, or a guest that is measured.
pub(super) fn signer(
    programs: &Programs,
    layout: &Layout,
    image: &Image,
    signer: SignerId,
) -> anyhow::Result<Starting> {
    let parent = Parent::of(signer);
    let role = parent.role().to_string();
    let mut arguments = flags([("--socket", layout.signer_socket(signer))]);
    let program = match &programs.enclave {
        Enclave::Process(program) => {
            arguments.extend(flags([("--root", layout.dir().into())]));
            for (index, value) in image.registers(&role, &parent.instance()) {
                arguments.extend(["--pcr".into(), format!("{index}={value}").into()]);
            }
            &Program { path: layout.image(), arguments: program.arguments.clone() }
        }
        Enclave::Guest { launcher, .. } => {
            arguments.extend(flags([("--image", layout.image()), ("--role", role.into())]));
            launcher
        }
    };
    Starting::spawn(program, &arguments, layout.log(&format!("signer-{signer}")))
}

pub(super) fn host(
    programs: &Programs,
    layout: &Layout,
    link: Link,
    kms: &str,
    signer: SignerId,
) -> anyhow::Result<Starting> {
    let enclave = match link {
        Link::Direct => layout.signer_socket(signer),
        Link::Proxied => layout.host_socket(signer),
    };
    let mut arguments = flags([
        ("--manifest", layout.manifest()),
        ("--enclave", enclave),
        ("--store", layout.store(signer)),
        ("--peers", layout.peers()),
        ("--root", layout.root_certificate()),
        ("--credential", layout.credential(signer)),
    ]);
    arguments.extend(["--signer".into(), signer.to_string().into(), "--kms".into(), kms.into()]);
    Starting::spawn(&programs.host, &arguments, layout.log(&format!("host-{signer}")))
}

fn flags<const N: usize>(flags: [(&str, PathBuf); N]) -> Vec<OsString> {
    flags.into_iter().flat_map(|(flag, path)| [flag.into(), path.into_os_string()]).collect()
}
