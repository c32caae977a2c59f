//! QEMU with nothing but the machine that is wanted, built from Debian's source package.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use xshell::{Cmd, Shell, cmd};

use super::source;
use crate::install;

/// The suite whose source package is built, and the series that it stays at for all of its life.
const SUITE: &str = "trixie";
const SERIES: &str = "10.0";
/// Debian's own is too old in releases before that suite.
const MESON: &str = "meson==1.5.0";
/// The one machine; it pulls in the few devices that it has.
const DEVICES: &str = "CONFIG_NITRO_ENCLAVE=y\n";
/// GnuTLS and libcbor are what the machine reads images and answers `/dev/nsm` with.
const CONFIGURE: [&str; 13] = [
    "--target-list=x86_64-softmmu",
    "--without-default-features",
    "--without-default-devices",
    "--with-devices-x86_64=nitro",
    "--enable-tcg",
    "--enable-libcbor",
    "--enable-gnutls",
    "--enable-vhost-user",
    "--enable-fdt=system",
    "--disable-docs",
    "--disable-tools",
    "--disable-werror",
    "--disable-install-blobs",
];
/// What it loads to boot a kernel, from the package `qemu-system-data`.
const FIRMWARE: [&str; 2] = ["/usr/share/qemu/qboot.rom", "/usr/share/qemu/linuxboot_dma.bin"];

/// What a build leaves.
pub(super) struct Build {
    pub(super) program: PathBuf,
    pub(super) firmware: PathBuf,
}

impl Build {
    fn of(folder: &Path) -> Self {
        Self { program: folder.join(PROGRAM), firmware: folder.join("firmware") }
    }

    /// Where the build of exactly this recipe is kept.
    pub(super) fn in_cache() -> Result<Self> {
        Ok(Self::of(&folder()?))
    }
}

const PROGRAM: &str = "qemu-system-x86_64";

fn folder() -> Result<PathBuf> {
    let recipe = [&[SUITE, SERIES, MESON, DEVICES], CONFIGURE.as_slice(), FIRMWARE.as_slice()].concat().join("\n");
    let digest = hex::encode(Sha256::digest(recipe));
    Ok(install::cache()?.join(format!("qemu-{SERIES}-{}", &digest[..16])))
}

/// Builds it unless it is there. Whoever else builds is waited for, and what was left half-finished is thrown away.
pub(super) fn install(sh: &Shell) -> Result<()> {
    let folder = folder()?;
    let beside = |ending| {
        let mut path = OsString::from(&folder);
        path.push(ending);
        PathBuf::from(path)
    };
    let (lock, partial) = (beside(".lock"), beside(".partial"));
    sh.create_dir(install::cache()?)?;
    let lock = File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
    lock.lock()?;
    if folder.is_dir() {
        return Ok(());
    }
    println!("building QEMU's nitro-enclave machine, once; this takes some minutes");
    let built = build(sh, &partial).and_then(|product| Ok(fs::rename(product, &folder)?));
    sh.remove_path(&partial)?;
    built
}

/// Builds in an empty folder and returns the folder in it that is to be kept.
fn build(sh: &Shell, folder: &Path) -> Result<PathBuf> {
    sh.remove_path(folder)?;
    let (venv, tree, product) = (folder.join("venv"), folder.join("build"), folder.join("product"));
    let source = source::unpack(sh, &sh.create_dir(folder)?, SUITE, "qemu")?;
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    ensure!(name.starts_with(&format!("qemu-{SERIES}.")), "the suite {SUITE} has {name}, not QEMU {SERIES}");
    fs::write(source.join("configs/devices/x86_64-softmmu/nitro.mak"), DEVICES)?;

    run(cmd!(sh, "python3 -m venv {venv}"))?;
    let python = venv.join("bin/python");
    run(cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check {MESON}"))?;

    let sh = sh.clone();
    sh.change_dir(sh.create_dir(&tree)?);
    let configure = source.join("configure");
    run(cmd!(sh, "{configure} --python={python}").args(CONFIGURE))?;
    run(cmd!(sh, "ninja {PROGRAM}"))?;
    run(cmd!(sh, "strip {PROGRAM}"))?;

    let build = Build::of(&product);
    sh.create_dir(&build.firmware)?;
    sh.copy_file(tree.join(PROGRAM), &product)?;
    FIRMWARE.iter().try_for_each(|file| sh.copy_file(file, &build.firmware))?;
    Ok(product)
}

/// Runs a command that has nothing to say unless it fails.
pub(super) fn run(command: Cmd<'_>) -> Result<()> {
    const LINES: usize = 30;
    let line = command.to_string();
    let output = command.ignore_status().quiet().output()?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let lines: Vec<_> = said.lines().collect();
    let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
    ensure!(output.status.success(), "`{line}` failed:\n{end}");
    Ok(())
}
