//! Founded groups, kept in the target folder: their RSA-4096 keys take seconds to make, and protect nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cloister_simulator::{
    group::{Enclave, Group, GroupPlan, Link, Program, Programs},
    signer::image::Image,
};
use tokio::sync::Mutex;

/// Puts a founded group, never started, into the folder `dir`, which does not exist yet.
pub(super) async fn copy(plan: &GroupPlan) -> io::Result<()> {
    static FOUNDING: Mutex<()> = Mutex::const_new(());
    let GroupPlan { threshold, signers, programs, .. } = plan;
    let template = folder().join(format!("{threshold}-of-{signers}-{}", &image(programs)?[..16]));
    let one_at_a_time = FOUNDING.lock().await;
    if !template.exists() {
        found(plan.clone(), &template).await?;
    }
    drop(one_at_a_time);
    copy_files(&template, &plan.dir)
}

/// Signers as processes that make no system call that an enclave could not make.
pub(super) fn processes() -> Enclave {
    Enclave::Process(Program { path: program(), arguments: vec!["sim-signer".into(), CONFINED.into()] })
}

/// Signers as guests of the emulator.
pub(super) fn guests(eif: &Path) -> Enclave {
    Enclave::Guest { eif: eif.into(), launcher: Program { path: guest(), arguments: Vec::new() } }
}

/// The plan of a group in `dir` whose hosts connect to proxies.
pub(super) fn plan(signers: u16, threshold: u16, dir: &Path, enclave: Enclave) -> GroupPlan {
    let programs = Programs { enclave, ..Programs::within(&program()) };
    GroupPlan { dir: dir.into(), signers, threshold, programs, link: Link::Proxied }
}

async fn found(plan: GroupPlan, template: &Path) -> io::Result<()> {
    let founding = tempfile::tempdir()?;
    let dir = founding.path().join("g");
    let group = Group::up(GroupPlan { dir: dir.clone(), ..plan }, &|_| {}).await.map_err(io::Error::other)?;
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
    crate::profile().join("cloister-test-part")
}

/// `cloister-test-guest`, beside it.
pub(super) fn guest() -> PathBuf {
    crate::profile().join("cloister-test-guest")
}

/// What is measured: a group that was founded for another build of it is not used.
fn image(programs: &Programs) -> io::Result<String> {
    Ok(Image::measure(programs.enclave.file())?.pcr0.to_string())
}

fn folder() -> PathBuf {
    let folder = crate::profile().with_file_name("tmp").join("groups");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// The option by which a simulated signer restricts itself as an enclave does.
pub(super) const CONFINED: &str = "--confined";
