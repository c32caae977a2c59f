//! What the tests need and a fresh Debian machine with Rust and a C compiler lacks.
//!
//! Tools go to a cache in the user's home, keyed by version; Python and Node judges go to
//! `target/judges`, where the tests look for them.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    slice,
};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::emulator::Emulator;

/// Where each judge of the tests keeps its pinned `requirements.txt` or `package.json`, or `requirements-alone.txt` if its Python
/// packages do not go with the other judges'.
const JUDGES: &str = "tests/judges";
/// Where they are installed; Python's interpreter is `venv/bin/python` in it, and `JUDGE/bin/python` for one that is alone.
const INSTALLED: &str = "target/judges";

/// Checks dependencies.
pub const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", options: WITHOUT_CERTIFICATE_STORES };
/// Builds and runs fuzz targets.
pub const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", options: WITHOUT_CERTIFICATE_STORES };

/// The parent's end of an emulated enclave's vsock.
pub const VHOST_DEVICE_VSOCK: Tool = Tool { name: "vhost-device-vsock", version: "0.3.0", options: &[] };

/// They are all that default features add to these tools.
const WITHOUT_CERTIFICATE_STORES: &[&str] = &["--no-default-features"];

/// Installs all of it; what is there already is left alone.
pub fn everything(sh: &Shell) -> Result<()> {
    debian_packages(sh)?;
    python_judges(sh)?;
    node_judges(sh)?;
    for tool in [CARGO_DENY, CARGO_FUZZ] {
        println!("{}", tool.path(sh)?.display());
    }
    println!("{}", Emulator::install(sh)?);
    Ok(())
}

/// A program from crates.io at one exact version.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    name: &'static str,
    version: &'static str,
    options: &'static [&'static str],
}

impl Tool {
    /// The program, which is installed first where it is missing.
    pub fn path(self, sh: &Shell) -> Result<PathBuf> {
        let Self { name, version, options } = self;
        let program = self.program()?;
        if !program.is_file() {
            let root = self.root()?;
            let install = cmd!(sh, "cargo install --quiet --locked").args(options);
            install.args(["--version", version, "--root"]).arg(root).arg(name).run()?;
        }
        Ok(program)
    }

    /// Where the program is, if it is installed.
    pub fn program(self) -> Result<PathBuf> {
        Ok(self.root()?.join("bin").join(self.name))
    }

    fn root(self) -> Result<PathBuf> {
        Ok(cache()?.join(format!("{}-{}", self.name, self.version)))
    }
}

/// The cache in the user's home.
pub(crate) fn cache() -> Result<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let home = || env::home_dir().map(|home| home.join(".cache"));
    Ok(xdg.or_else(home).context("neither XDG_CACHE_HOME nor HOME is set")?.join("cloister"))
}

/// Installs the packages that are missing, or names them where only root could.
pub(crate) fn debian_packages(sh: &Shell) -> Result<()> {
    let mut missing = Vec::new();
    let mut need = |present: bool, package| {
        if !present {
            missing.push(package);
        }
    };
    need(works(sh, &["g++", "--version"]), "g++");
    need(works(sh, &["git", "--version"]), "git");
    need(works(sh, &["python3", "-c", "import ensurepip, venv"]), "python3-venv");
    need(works(sh, &["systemd-analyze", "--version"]), "systemd");
    if !judges_with(sh, "package.json")?.is_empty() {
        need(works(sh, &["npm", "--version"]), "npm");
    }
    for (package, program) in [("dpkg-dev", "dpkg-source"), ("ninja-build", "ninja"), ("pkg-config", "pkg-config")] {
        need(works(sh, &[program, "--version"]), package);
    }
    for program in ["bc", "bison", "flex"] {
        need(works(sh, &[program, "--version"]), program);
    }
    for (package, library) in
        [("libcbor-dev", "libcbor"), ("libgnutls28-dev", "gnutls"), ("libglib2.0-dev", "glib-2.0")]
    {
        need(works(sh, &["pkg-config", "--exists", library]), package);
    }
    for (package, file) in [
        ("libelf-dev", "/usr/include/libelf.h"),
        ("libfdt-dev", "/usr/include/libfdt.h"),
        ("libssl-dev", "/usr/include/openssl/ssl.h"),
        ("qemu-system-data", "/usr/share/qemu/qboot.rom"),
    ] {
        need(sh.path_exists(file), package);
    }
    if missing.is_empty() {
        return Ok(());
    }
    if cmd!(sh, "id -u").read()? != "0" {
        bail!("these Debian packages are missing; run: sudo apt-get install -y {}", missing.join(" "));
    }
    let install = || {
        let packages = &missing;
        cmd!(sh, "apt-get install -y --no-install-recommends {packages...}").run()
    };
    if install().is_err() {
        cmd!(sh, "apt-get update").run()?;
        install()?;
    }
    Ok(())
}

fn works(sh: &Shell, command: &[&str]) -> bool {
    let (program, arguments) = command.split_first().expect("every caller names a program");
    cmd!(sh, "{program} {arguments...}").quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

fn python_judges(sh: &Shell) -> Result<()> {
    virtual_environment(sh, "venv".as_ref(), &judges_with(sh, "requirements.txt")?)?;
    for requirements in judges_with(sh, "requirements-alone.txt")? {
        virtual_environment(sh, name(&requirements)?, slice::from_ref(&requirements))?;
    }
    Ok(())
}

fn virtual_environment(sh: &Shell, name: &OsStr, requirements: &[PathBuf]) -> Result<()> {
    if requirements.is_empty() {
        return Ok(());
    }
    let venv = sh.current_dir().join(INSTALLED).join(name);
    unless_done(sh, &venv, requirements, || {
        cmd!(sh, "python3 -m venv --clear {venv}").run()?;
        let pip = venv.join("bin/pip");
        let files = requirements.iter().flat_map(|file| [Path::new("-r"), file]);
        cmd!(sh, "{pip} install --quiet --disable-pip-version-check").args(files).run()?;
        Ok(())
    })
}

fn node_judges(sh: &Shell) -> Result<()> {
    for package in judges_with(sh, "package.json")? {
        let source = package.parent().context("a file has a folder")?;
        let target = sh.current_dir().join(INSTALLED).join(name(&package)?);
        let lock = source.join("package-lock.json");
        unless_done(sh, &target, &[package.clone(), lock.clone()], || {
            sh.copy_file(&package, &target)?;
            sh.copy_file(&lock, &target)?;
            cmd!(sh, "npm ci --ignore-scripts --no-audit --no-fund --prefix {target}").run()?;
            Ok(())
        })?;
    }
    Ok(())
}

/// The file of this name in each judge's folder, in a fixed order.
fn judges_with(sh: &Shell, file: &str) -> Result<Vec<PathBuf>> {
    if !sh.path_exists(JUDGES) {
        return Ok(Vec::new());
    }
    let files = sh.read_dir(JUDGES)?.into_iter().map(|judge| judge.join(file));
    Ok(files.filter(|path| sh.path_exists(path)).collect())
}

/// The judge whose file this is.
fn name(file: &Path) -> Result<&OsStr> {
    file.parent().and_then(Path::file_name).context("a judge's file is in the judge's folder")
}

/// Runs `install` unless `folder` was filled from inputs of exactly this content.
fn unless_done(sh: &Shell, folder: &Path, inputs: &[PathBuf], install: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = folder.join("installed-from");
    let content = inputs.iter().map(|path| sh.read_file(path)).collect::<Result<String, _>>()?;
    if sh.read_file(&stamp).is_ok_and(|installed| installed == content) {
        return Ok(());
    }
    sh.create_dir(folder)?;
    install()?;
    Ok(sh.write_file(stamp, content)?)
}
