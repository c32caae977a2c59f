//! PID 1: one static program, with no path, time or user of the machine that built it.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    cache,
    failure::{Code, Failure, Result},
    recipe::{Checkout, Firmware},
    surroundings::{command, run, version},
};

/// A program that has been built.
#[derive(Debug)]
pub struct Built {
    /// The ELF file's bytes.
    pub bytes: Vec<u8>,
    /// What made it: compilers, the linker and the C library, each with version or digest.
    pub tools: Vec<(&'static str, String)>,
}

/// Builds it below `target`, where Cargo keeps what it needs again.
///
/// # Errors
/// A compiler is missing or fails.
pub fn build(checkout: &Checkout, firmware: Firmware, target: &Path, jobs: usize) -> Result<Built> {
    fs::create_dir_all(target).map_err(|why| Failure::file(target, why))?;
    let home = home()?;
    check_settings(checkout, &home)?;
    unpack_crates(checkout, firmware)?;
    let map = mapping(checkout, home, &target.canonicalize()?)?;
    let mut cargo = command("cargo");
    cargo.current_dir(checkout.root()).args(["build", "--quiet", "--locked", "--profile", PROFILE, "--target", TARGET]);
    cargo.args(["--package", firmware.package(), "--bin", firmware.program()]);
    cargo.args(["--jobs", &jobs.to_string(), "--target-dir"]).arg(target);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&map)).env("CFLAGS", c_flags(&map)).env("CXXFLAGS", c_flags(&map));
    run(&mut cargo)?;
    let file = target.join(TARGET).join(PROFILE).join(firmware.program());
    let bytes = fs::read(&file).map_err(|why| Failure::file(&file, why))?;
    Ok(Built { bytes, tools: tools(checkout)? })
}

/// Downloads and unpacks what the program links, and nothing else of the workspace: before that, the registry's folder, whose name
/// [`mapping`] needs, need not exist.
fn unpack_crates(checkout: &Checkout, firmware: Firmware) -> Result<()> {
    let mut cargo = command("cargo");
    cargo.current_dir(checkout.root()).args(["tree", "--quiet", "--locked", "--edges", "normal,build"]);
    run(cargo.args(["--package", firmware.package(), "--target", TARGET]))?;
    Ok(())
}

/// Cargo's own folder.
fn home() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .ok_or_else(|| Failure::new(Code::Usage, "neither CARGO_HOME nor HOME is set", "Set one."))
}

/// Refuses settings that would reach the compilers: Cargo takes them from its own folder and from those above the checkout.
fn check_settings(checkout: &Checkout, home: &Path) -> Result<()> {
    let above = checkout.root().ancestors().skip(1).map(|folder| folder.join(".cargo"));
    let files =
        above.chain([home.to_owned()]).flat_map(|folder| ["config.toml", "config"].map(|name| folder.join(name)));
    for file in files {
        let text = match fs::read_to_string(&file) {
            Err(why) if why.kind() == ErrorKind::NotFound => continue,
            text => text.map_err(|why| Failure::file(&file, why))?,
        };
        let found = toml::from_str::<toml::Table>(&text).map_err(|why| Failure::file(&file, why))?;
        if let Some(table) = found.keys().find(|table| !HARMLESS.contains(&table.as_str())) {
            let message = format!("{} has [{table}], which could make another image of it", file.display());
            let hint = "Take it away for this build, or name a folder without it by CARGO_HOME.";
            return Err(Failure::new(Code::SettingsForeign, message, hint));
        }
    }
    Ok(())
}

/// Folders of this machine, and what compilers are to call them. Later ones are more special, and win.
fn mapping(checkout: &Checkout, home: PathBuf, target: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut map = vec![(checkout.root().to_owned(), "/cloister"), (home.clone(), "/cargo")];
    // A registry's folder has a name that depends on where it is reached.
    if let Ok(registries) = fs::read_dir(home.join("registry/src")) {
        for registry in registries {
            map.push((registry?.path(), "/registry"));
        }
    }
    map.push((target.to_owned(), "/target"));
    match map.iter().find(|(path, _)| path.to_string_lossy().contains(char::is_whitespace)) {
        None => Ok(map),
        Some((path, _)) => {
            let message = format!("{} has a blank in it, which C compilers' options cannot carry", path.display());
            Err(Failure::new(Code::Usage, message, "Build elsewhere."))
        }
    }
}

/// Static, with the system call for randomness alone, and with fixed paths. They are separated by 0x1f, so that paths may have blanks.
fn rust_flags(map: &[(PathBuf, &str)]) -> OsString {
    let mut flags = OsString::from("-Ctarget-feature=+crt-static\x1f--cfg=getrandom_backend=\"linux_getrandom\"");
    for (from, to) in map {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

fn c_flags(map: &[(PathBuf, &str)]) -> OsString {
    let mut flags = OsString::new();
    for (from, to) in map {
        flags.push(" -ffile-prefix-map=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

fn tools(checkout: &Checkout) -> Result<Vec<(&'static str, String)>> {
    let libc = run(command("gcc").arg("-print-file-name=libc.a"))?;
    let libc = PathBuf::from(String::from_utf8_lossy(&libc).trim_end());
    let libc = cache::sha256(&libc).map_err(|why| {
        Failure::new(Code::ToolMissing, format!("there is no static C library: {why}"), "Install libc6-dev.")
    })?;
    let version = |program| version(checkout, program).map(|version| (program, version));
    Ok(vec![version("rustc")?, version("gcc")?, version("ld")?, ("libc.a", libc)])
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Tables of Cargo's settings that say where crates come from and how Cargo looks, and nothing of how they are compiled. What comes from elsewhere
/// has the checksums of Cargo.lock.
const HARMLESS: [&str; 10] = [
    "alias",
    "cache",
    "credential-alias",
    "future-incompat-report",
    "http",
    "net",
    "registries",
    "registry",
    "source",
    "term",
];
/// In the workspace's Cargo.toml.
const PROFILE: &str = "enclave";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_would_reach_the_compilers_are_refused_wherever_cargo_would_find_them() {
        let folder = tempfile::tempdir().unwrap();
        let (root, home) = (folder.path().join("above/checkout"), folder.path().join("home"));
        for made in [root.join("eif"), folder.path().join("above/.cargo"), home.clone()] {
            fs::create_dir_all(made).unwrap();
        }
        fs::write(root.join("eif/cmdline.txt"), "").unwrap();
        let checkout = Checkout::at(root).unwrap();
        check_settings(&checkout, &home).unwrap();
        for place in [home.join("config.toml"), home.join("config"), folder.path().join("above/.cargo/config.toml")] {
            fs::write(&place, "[net]\nretry = 3\n").unwrap();
            check_settings(&checkout, &home).unwrap();
            for table in ["profile.enclave", "env", "build", "target.x86_64-unknown-linux-gnu", "unstable"] {
                fs::write(&place, format!("[{table}]\n")).unwrap();
                let failure = check_settings(&checkout, &home).unwrap_err();
                let named = failure.message.contains(&place.display().to_string());
                assert!(failure.code == Code::SettingsForeign && named, "{failure}");
            }
            fs::remove_file(place).unwrap();
        }
    }
}
