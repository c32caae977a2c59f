//! The kernel: Debian's source at one exact version, with nothing on but what `kernel/config` gives a reason for.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use serde::Deserialize;

use crate::{
    cache,
    failure::{Code, Failure, Result},
    progress::Progress,
    recipe::Checkout,
    surroundings::{command, run, version},
};

/// A kernel that has been built.
#[derive(Debug)]
pub struct Kernel {
    /// The `bzImage`.
    pub file: PathBuf,
    /// The source's package and version.
    pub name: String,
    /// SHA-256 of the source's package, 64 hex digits.
    pub source: String,
}

/// `kernel/source.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    package: String,
    version: String,
    sha256: String,
    tarball: String,
}

/// Builds it, or takes it from the cache. `given` is the source's package where apt cannot get it.
///
/// # Errors
/// The source cannot be had or is another one, a tool is missing, or an option of the configuration has no effect.
pub fn build(checkout: &Checkout, given: Option<&Path>, jobs: usize, progress: &Progress) -> Result<Kernel> {
    let source: Source = toml::from_str(&checkout.read(SOURCE)?).map_err(|why| Checkout::invalid(SOURCE, why))?;
    let config = checkout.read("eif/kernel/config")?;
    let tools = [version(checkout, "gcc")?, version(checkout, "ld")?];
    let identity = cache::digest([source.sha256.as_str(), &config, &tools[0], &tools[1], RECIPE]);
    let entry = cache::entry(&format!("kernel-{}", short(&identity)?), |folder| {
        let package = fetch(&source, given, progress)?;
        progress.say(format!("kernel: unpacking {} {}", source.package, source.version));
        let tree = unpack(checkout, &source, &package, folder)?;
        progress.say("kernel: configuring");
        configure(&tree, &checkout.root().join("eif/kernel/config"), &config)?;
        progress.say("kernel: compiling, some minutes");
        compile(&tree, jobs)?;
        fs::rename(tree.join("arch/x86/boot/bzImage"), folder.join(FILE))?;
        fs::rename(tree.join(".config"), folder.join("config"))?;
        Ok(fs::remove_dir_all(folder.join("source"))?)
    })?;
    Ok(Kernel { file: entry.join(FILE), name: format!("{} {}", source.package, source.version), source: source.sha256 })
}

/// The source's package: the one given, the one in the cache, or what apt downloads; each checked against the pinned digest.
fn fetch(source: &Source, given: Option<&Path>, progress: &Progress) -> Result<PathBuf> {
    let Source { package, version, sha256, .. } = source;
    if let Some(file) = given {
        return pinned(source, file.to_owned());
    }
    let entry = cache::entry(&format!("source-{}", short(sha256)?), |folder| {
        progress.say(format!("kernel: downloading {package} {version}"));
        run(command("apt-get").args(["download", &format!("{package}={version}")]).current_dir(folder)).map_err(|why| {
            let hint = format!("apt knows it from Debian's bookworm security suite (run apt-get update); elsewhere take the package from Debian's archive of snapshots, SHA-256 {sha256}, and give it with --kernel-source FILE.");
            Failure::new(Code::SourceMissing, format!("cannot get {package} {version}: {why}"), hint)
        })?;
        Ok(fs::rename(pinned(source, only_file(folder)?)?, folder.join(PACKAGE))?)
    })?;
    pinned(source, entry.join(PACKAGE))
}

/// The file, if it is the pinned one.
fn pinned(Source { package, version, sha256, .. }: &Source, file: PathBuf) -> Result<PathBuf> {
    let found = cache::sha256(&file)?;
    if found == *sha256 {
        return Ok(file);
    }
    let file = file.display();
    let message =
        format!("{file} is not {package} {version}: its SHA-256 is {found}, and {sha256} is pinned in {SOURCE}");
    let hint = "Get the package of that version; one in the cache has to be deleted first.";
    Err(Failure::new(Code::SourceDiffers, message, hint))
}

/// The digits of a digest that name a folder of the cache.
fn short(digest: &str) -> Result<&str> {
    digest.get(..16).ok_or_else(|| Checkout::invalid(SOURCE, "its sha256 is too short"))
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let first = fs::read_dir(folder)?.next();
    Ok(first.ok_or_else(|| Failure::tool("apt-get download", "it left no file"))??.path())
}

fn unpack(checkout: &Checkout, source: &Source, package: &Path, folder: &Path) -> Result<PathBuf> {
    let (unpacked, tree) = (folder.join("source/package"), folder.join("source/tree"));
    fs::create_dir_all(&tree)?;
    run(command("dpkg-deb").arg("--extract").arg(package).arg(&unpacked))?;
    let tar = unpacked.join(&source.tarball);
    let never = checkout.root().join("eif/kernel/never-compiled");
    let mut extract = command("tar");
    extract.args(["--extract", "--strip-components=1", "--no-same-owner", "--exclude-from"]).arg(never);
    run(extract.arg("-C").arg(&tree).arg("-f").arg(tar))?;
    fs::remove_dir_all(unpacked)?;
    Ok(tree)
}

/// `allnoconfig` with our options on; every one of them has to have taken effect.
fn configure(tree: &Path, path: &Path, config: &str) -> Result<()> {
    let mut all = std::ffi::OsString::from("KCONFIG_ALLCONFIG=");
    all.push(path);
    run(make(tree).arg(all).arg("allnoconfig"))?;
    let result = fs::read_to_string(tree.join(".config"))?;
    let missing = without_effect(config, &result);
    if !missing.is_empty() {
        return Err(otherwise("have no effect in this kernel", &missing));
    }
    let on = forbidden(&result);
    if on.is_empty() { Ok(()) } else { Err(otherwise("turn these on, which must stay off", &on)) }
}

fn otherwise(what: &str, options: &[&str]) -> Failure {
    let message = format!("options of eif/kernel/config {what}: {}", options.join(" "));
    Failure::new(
        Code::KernelConfig,
        message,
        "Mend eif/kernel/config: the kernel of another version has other options.",
    )
}

/// What is on although it must not be: options select others.
fn forbidden(result: &str) -> Vec<&'static str> {
    let is_on = |name: &&str| {
        options(result).any(|line| [format!("CONFIG_{name}=y"), format!("CONFIG_{name}=m")].contains(&line.into()))
    };
    FORBIDDEN.into_iter().filter(is_on).collect()
}

fn without_effect<'a>(config: &'a str, result: &str) -> Vec<&'a str> {
    options(config).filter(|option| !result.lines().any(|line| line == *option)).collect()
}

fn options(config: &str) -> impl Iterator<Item = &str> {
    config.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn compile(tree: &Path, jobs: usize) -> Result<()> {
    run(make(tree).arg(format!("-j{jobs}")).arg("bzImage"))?;
    Ok(())
}

/// `make` with a fixed time, user, host and version: a build's own would end up in the image. A number for the time needs the `@`.
fn make(tree: &Path) -> std::process::Command {
    let mut make = command("make");
    make.arg("-s").arg("-C").arg(tree);
    make.envs([
        ("KBUILD_BUILD_TIMESTAMP", "@1"),
        ("KBUILD_BUILD_USER", "cloister"),
        ("KBUILD_BUILD_HOST", "cloister"),
        ("KBUILD_BUILD_VERSION", "1"),
    ]);
    make
}

/// As many jobs as there are processors.
#[must_use]
pub fn processors() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}

/// What would load code, open memory or files to others, let a debugger or another ABI in, or make randomness and vsock come from
/// elsewhere.
const FORBIDDEN: [&str; 28] = [
    "BPF_SYSCALL",
    "COREDUMP",
    "CRASH_DUMP",
    "CROSS_MEMORY_ATTACH",
    "DEBUG_FS",
    "DEVMEM",
    "DEVPORT",
    "HW_RANDOM_VIRTIO",
    "IA32_EMULATION",
    "INET",
    "IO_URING",
    "KEXEC",
    "KEXEC_CORE",
    "KEXEC_FILE",
    "KPROBES",
    "MAGIC_SYSRQ",
    "MODULES",
    "NETLINK_DIAG",
    "PACKET",
    "PROC_FS",
    "SWAP",
    "SYSVIPC",
    "UNIX",
    "USERFAULTFD",
    "USER_NS",
    "VSOCKETS_LOOPBACK",
    "X86_MSR",
    "X86_X32_ABI",
];
/// Changes when the way in which a kernel is built does, so that older ones in caches are not taken for it.
const RECIPE: &str = "1";
const FILE: &str = "bzImage";
const SOURCE: &str = "eif/kernel/source.toml";
const PACKAGE: &str = "package.deb";

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = include_str!("../kernel/config");

    #[test]
    fn every_option_has_a_reason_above_it_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for block in CONFIG.split("\n\n").skip(1) {
            assert!(block.trim_start().starts_with("# "), "no reason above: {block}");
            for option in options(block) {
                assert!(option.starts_with("CONFIG_") && option.contains('='), "{option}");
                assert!(seen.insert(option), "{option} stands twice");
            }
        }
        assert!(seen.len() > 50);
    }

    #[test]
    fn what_another_option_turned_on_although_it_is_forbidden_is_named() {
        let result =
            "CONFIG_SMP=y\nCONFIG_KEXEC=y\n# CONFIG_UNIX is not set\nCONFIG_MODULES_TREE_LOOKUP=y\nCONFIG_INET=m\n";
        assert_eq!(forbidden(result), ["INET", "KEXEC"]);
        assert_eq!(forbidden(CONFIG), [""; 0]);
    }

    #[test]
    fn an_option_that_the_kernel_dropped_is_named() {
        assert_eq!(
            without_effect("# why\nCONFIG_A=y\nCONFIG_B=y\n", "CONFIG_A=y\n# CONFIG_B is not set\n"),
            ["CONFIG_B=y"]
        );
    }

    #[test]
    fn another_source_than_the_pinned_one_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, b"another kernel").unwrap();
        let source: Source = toml::from_str(include_str!("../kernel/source.toml")).unwrap();
        let error = fetch(&source, Some(file.path()), &Progress::silent()).unwrap_err().to_string();
        assert!(error.contains("is not linux-source-6.12") && error.contains(&source.sha256), "{error}");
    }
}
