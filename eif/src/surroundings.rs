//! What of the surroundings a compiler gets to see: where tools and caches are and how to reach the network, and fixed values for
//! everything that could end up in the result.

use std::{env, process::Command};

use crate::{
    failure::{Code, Failure, Result},
    recipe::Checkout,
};

/// A program with nothing but these surroundings.
#[must_use]
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_let_through)));
    command.envs([("LC_ALL", "C"), ("TZ", "UTC"), ("SOURCE_DATE_EPOCH", "1")]);
    command
}

fn is_let_through(name: &str) -> bool {
    const NAMES: [&str; 8] =
        ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "TERM"];
    const NETWORK: [&str; 4] = ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_SOURCE_"];
    NAMES.contains(&name)
        || NETWORK.iter().any(|prefix| name.starts_with(prefix))
        || name.to_ascii_lowercase().ends_with("_proxy")
}

/// Runs it to its end. What it prints is shown if it fails.
///
/// # Errors
/// The program is missing, or fails; the message holds the end of what it printed.
pub fn run(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|why| {
        let hint = "Install it: eif/README.md lists what a build needs.";
        Failure::new(Code::ToolMissing, format!("{name} cannot be run: {why}"), hint)
    })?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = printed.lines().collect();
        let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
        return Err(Failure::tool(&name, format!("it failed ({}):\n{end}", output.status)));
    }
    Ok(output.stdout)
}

/// The first line that a program prints for `--version` where `checkout` decides which one it is: part of what a build depends on.
///
/// # Errors
/// The program is missing.
pub fn version(checkout: &Checkout, program: &str) -> Result<String> {
    let printed = run(command(program).current_dir(checkout.root()).arg("--version"))?;
    Ok(String::from_utf8_lossy(&printed).lines().next().unwrap_or_default().to_owned())
}

const LINES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_for_compilers_do_not_get_through() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CFLAGS",
            "CC",
            "RUSTC_WRAPPER",
            "RUSTUP_TOOLCHAIN",
            "CARGO_PROFILE_RELEASE_LTO",
            "LD_PRELOAD",
        ] {
            assert!(!is_let_through(name), "{name}");
        }
        assert!(
            is_let_through("https_proxy")
                && is_let_through("HTTPS_PROXY")
                && is_let_through("CARGO_REGISTRIES_X_INDEX")
        );
    }
}
