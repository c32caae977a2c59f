//! The enclave image: built once for the tests, and once more elsewhere to show that it comes out the same.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::{install, step::programs_and_tests};

/// Builds the production image at `target/eif/production`, and the one for rehearsals at `target/eif/rehearsal`.
pub fn build(sh: &Shell) -> Result<()> {
    // Not by `cargo eif`, which would build a third of the workspace's dependencies once more, with other features.
    programs_and_tests(sh)?;
    let program = builder(sh);
    cmd!(sh, "{program} build").run()?;
    Ok(cmd!(sh, "{program} build --rehearsal").run()?)
}

fn builder(sh: &Shell) -> PathBuf {
    sh.current_dir().join("target/release/cloister-eif")
}

/// Builds from a copy of the checkout at a path of another length, with a cold cache, cold crates, another user, umask, time zone, locale
/// and number of jobs. Once that has been shown for an image, it is not shown again for the same one.
pub fn reproduce(sh: &Shell) -> Result<()> {
    build(sh)?;
    let first = sh.current_dir().join("target/eif/production");
    let (image, shown) = (read(&first.join("cloister.eif"))?, first.join("reproduced"));
    let digest = read(&first.join("pcr.json"))?;
    if fs::read(&shown).is_ok_and(|before| before == digest) {
        println!("this very image has been reproduced before");
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("cloister-reproduced-elsewhere-").tempdir()?;
    let [checkout, cache, home] = ["checkout", "cache", "cargo"].map(|name| folder.path().join(name));
    copy_checkout(sh, &checkout)?;
    cold_crates(sh, &home)?;
    share_source(sh, &cache)?;
    let program = builder(sh);
    let output = folder.path().join("output");
    let as_another = as_another_user(sh);
    let build = cmd!(
        sh,
        "env {as_another...} sh -c 'umask 077; exec \"$@\"' sh {program} build --jobs 3 --checkout {checkout} --output {output}"
    );
    let build = build
        .env("XDG_CACHE_HOME", &cache)
        .env("CARGO_HOME", &home)
        .env("TZ", "Pacific/Chatham")
        .env("LC_ALL", "C.UTF-8");
    build.env("RUSTFLAGS", "-Copt-level=0").env("CFLAGS", "-O0 -g").env("KBUILD_BUILD_USER", "somebody").run()?;
    for (name, before) in
        [("cloister.eif", &image), ("pcr.json", &digest), ("sbom.json", &read(&first.join("sbom.json"))?)]
    {
        ensure!(
            read(&output.join(name))? == *before,
            "{name} came out differently from the same checkout at {}",
            checkout.display()
        );
    }
    fs::write(shown, digest)?;
    println!("a second build, cold, in other surroundings, is equal byte for byte");
    Ok(())
}

/// Every file that belongs to the checkout, with what is not committed yet.
fn copy_checkout(sh: &Shell, target: &Path) -> Result<()> {
    for path in cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?.lines() {
        let (from, to) = (sh.current_dir().join(path), target.join(path));
        if from.is_file() {
            fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// A Cargo home with the downloaded packages, none of them unpacked, and the user's settings for the network.
fn cold_crates(sh: &Shell, home: &Path) -> Result<()> {
    fs::create_dir_all(home.join("registry"))?;
    let own = env::var_os("CARGO_HOME")
        .map(Into::into)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .context("no Cargo home")?;
    for name in ["registry/cache", "registry/index", "config.toml"] {
        let (from, to) = (own.join(name), home.join(name));
        if from.exists() {
            cmd!(sh, "cp -r {from} {to}").quiet().run()?;
        }
    }
    Ok(())
}

/// The kernel's source is pinned by digest: it need not be downloaded again.
fn share_source(sh: &Shell, cache: &Path) -> Result<()> {
    let target = cache.join("cloister");
    fs::create_dir_all(&target)?;
    for entry in fs::read_dir(install::cache()?)? {
        let entry = entry?;
        let name = entry.file_name();
        // Locks and what is half-made have endings.
        if name.to_string_lossy().starts_with("source-") && !name.to_string_lossy().contains('.') {
            let from = entry.path();
            cmd!(sh, "cp -r {from} {target}").quiet().run()?;
        }
    }
    Ok(())
}

/// Another user id, by a user namespace, where this machine lets us.
fn as_another_user(sh: &Shell) -> Vec<&'static str> {
    let unshare = vec!["unshare", "--user", "--map-user=4711", "--map-group=4711"];
    let works = cmd!(sh, "env").args(&unshare).arg("true").quiet().ignore_stderr().run().is_ok();
    if works { unshare } else { Vec::new() }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
