//! Programs that end with the test, however it ends.

use std::{
    io::{self, Read},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
};

use super::console::{Console, Writer};

/// A running program. A shell watches over it: once our end of the shell's input is closed, by drop or by our own end, it kills it.
pub(super) struct Process {
    shell: Child,
    input: Option<ChildStdin>,
}

/// The shell lets go of the output, so that it ends with the program.
const WATCH: &str = r#""$@" </dev/null & exec >&- 2>&-; read -r _; kill -KILL $!; wait"#;

impl Process {
    /// Starts it, with a console of what it prints.
    pub(super) fn start(command: &Command) -> io::Result<(Self, Console)> {
        let mut shell = Command::new("sh")
            .args(["-c", WATCH, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (console, writer) = Console::new();
        let (input, output, errors) = (shell.stdin.take(), shell.stdout.take(), shell.stderr.take());
        if let Some(errors) = errors {
            copy(errors, writer.clone());
        }
        if let Some(output) = output {
            copy(output, writer);
        }
        Ok((Self { shell, input }, console))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        // It is gone already, or goes now.
        drop(self.shell.wait());
    }
}

fn copy(mut from: impl Read + Send + 'static, mut to: Writer) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            to.write(&buffer[..read]);
        }
    });
}
