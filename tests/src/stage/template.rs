//! Founded groups, kept in the target folder: their RSA-4096 keys take seconds to make, and protect nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cloister_simulator::{
    group::{Group, GroupPlan, Link, Programs},
    signer::image::Image,
};
use tokio::sync::Mutex;

/// Puts a founded group, never started, into the folder `dir`, which does not exist yet.
pub(super) async fn copy(signers: u16, threshold: u16, dir: &Path) -> io::Result<()> {
    static FOUNDING: Mutex<()> = Mutex::const_new(());
    let template = folder().join(format!("{threshold}-of-{signers}-{}", &image()?[..16]));
    let one_at_a_time = FOUNDING.lock().await;
    if !template.exists() {
        found(signers, threshold, &template).await?;
    }
    drop(one_at_a_time);
    copy_files(&template, dir)
}

/// The plan of a group in `dir` whose hosts connect to proxies, and whose signers make no system call that an enclave could not make.
pub(super) fn plan(signers: u16, threshold: u16, dir: &Path) -> GroupPlan {
    let mut programs = Programs::within(&program());
    programs.signer.arguments.push(CONFINED.into());
    GroupPlan { dir: dir.into(), signers, threshold, programs, link: Link::Proxied }
}

async fn found(signers: u16, threshold: u16, template: &Path) -> io::Result<()> {
    let founding = tempfile::tempdir()?;
    let dir = founding.path().join("g");
    let group = Group::up(plan(signers, threshold, &dir), &|_| {}).await.map_err(io::Error::other)?;
    group.stop().await.map_err(io::Error::other)?;
    let draft = template.with_extension(format!("{}.draft", std::process::id()));
    copy_files(&dir, &draft)?;
    // Another test program may have been faster, which is as good.
    if fs::rename(&draft, template).is_err() {
        fs::remove_dir_all(&draft)?;
    }
    Ok(())
}

/// Without sockets, logs and what hosts have stored.
fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).recursive(true).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let passing = [".log", ".sqlite", ".sqlite-wal", ".sqlite-shm", "lock"]
            .iter()
            .any(|end| name.to_string_lossy().ends_with(end));
        if entry.file_type()?.is_file() && !passing {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

/// `cloister-test-part`, which cargo builds beside the tests: they lie in `target/PROFILE/deps`.
pub(super) fn program() -> PathBuf {
    profile().join("cloister-test-part")
}

/// What the program measures: a group that was founded for another build of it is not used.
fn image() -> io::Result<String> {
    Ok(Image::measure(&program())?.pcr0.to_string())
}

fn folder() -> PathBuf {
    let folder = profile().with_file_name("tmp").join("groups");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn profile() -> PathBuf {
    let program = std::env::current_exe().expect("a running program");
    program.ancestors().nth(2).expect("a folder of a target folder").into()
}

/// The option by which a simulated signer restricts itself as an enclave does.
pub(super) const CONFINED: &str = "--confined";
