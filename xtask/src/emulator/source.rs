//! Debian's source packages of a suite that the machine may not run.
//!
//! Mirrors and keys are those of the machine's own apt sources. Its configuration and its package lists stay as they are: lists of the
//! other suite are fetched into a folder of their own. apt checks the archive's signature and all digests below it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use super::qemu::run;

/// Fetches and unpacks a source package, with Debian's patches applied, and returns its folder.
pub(super) fn unpack(sh: &Shell, folder: &Path, suite: &str, package: &str) -> Result<PathBuf> {
    let apt = folder.join("apt");
    let (sources, configuration) = (apt.join("sources"), apt.join("apt.conf"));
    for empty in [&sources, &apt.join("lists/partial"), &apt.join("cache/archives/partial")] {
        sh.create_dir(empty)?;
    }
    write_entries(sh, &sources, suite)?;
    sh.write_file(&configuration, settings(&apt))?;

    let sh = sh.clone();
    sh.change_dir(folder);
    run(cmd!(sh, "apt-get -c {configuration} update"))
        .with_context(|| format!("apt has no package lists of Debian's suite {suite}; is there a network?"))?;
    run(cmd!(sh, "apt-get -c {configuration} source {package}"))
        .with_context(|| format!("the source package {package} of Debian's suite {suite} cannot be had"))?;
    let prefix = format!("{package}-");
    let mut unpacked = sh.read_dir(folder)?.into_iter().filter(|path| path.is_dir());
    let unpacked =
        unpacked.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)));
    unpacked.with_context(|| format!("apt-get has not unpacked the source package {package}"))
}

/// What is read after the machine's own configuration, so that it has the last word.
fn settings(apt: &Path) -> String {
    let apt = apt.display();
    format!(
        r#"#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "";
Acquire::AllowInsecureRepositories "false";
Acquire::Retries "3";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{apt}/sources";
Dir::State::lists "{apt}/lists";
Dir::Cache "{apt}/cache";
"#
    )
}

/// Writes the machine's entries for the release that it runs, turned into entries for source packages of `suite`.
fn write_entries(sh: &Shell, folder: &Path, suite: &str) -> Result<()> {
    let release = running_release(sh)?;
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(sh.read_dir("/etc/apt/sources.list.d").unwrap_or_default());
    let read = |extension: &'static str, turn: fn(&str, &str, &str) -> BTreeSet<String>| {
        let files = files.iter().filter(move |file| file.extension().is_some_and(|found| found == extension));
        let texts = files.filter_map(|file| fs::read_to_string(file).ok());
        texts.flat_map(|text| turn(&text, &release, suite)).collect::<BTreeSet<_>>()
    };
    let (lines, stanzas) = (read("list", one_line), read("sources", deb822));
    if lines.is_empty() && stanzas.is_empty() {
        bail!(
            "apt's sources have no entry for the suite {release} from which one for Debian's {suite} could be derived"
        );
    }
    sh.write_file(folder.join("suite.list"), lines.into_iter().collect::<String>())?;
    sh.write_file(folder.join("suite.sources"), stanzas.into_iter().collect::<Vec<_>>().join("\n"))?;
    Ok(())
}

fn running_release(sh: &Shell) -> Result<String> {
    let text = sh.read_file("/etc/os-release").unwrap_or_default();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_matches('"'));
    ensure!(field("ID=") == Some("debian"), "this is not Debian, whose source package is built");
    field("VERSION_CODENAME=").map(str::to_owned).context("/etc/os-release names no release")
}

/// `deb [options] URI release component…`
fn one_line(text: &str, release: &str, suite: &str) -> BTreeSet<String> {
    let turn = |line: &str| {
        let entry = line.trim().strip_prefix("deb ").or_else(|| line.trim().strip_prefix("deb-src "))?.trim();
        let (options, rest) = match entry.strip_prefix('[') {
            Some(entry) => entry.split_once(']').map(|(options, rest)| (format!("[{options}] "), rest))?,
            None => (String::new(), entry),
        };
        let mut words = rest.split_whitespace();
        let uri = words.next()?;
        (words.next()? == release).then(|| format!("deb-src {options}{uri} {suite} main\n"))
    };
    text.lines().filter_map(turn).collect()
}

/// Stanzas of fields, of which a line that begins with a space continues the one before.
fn deb822(text: &str, release: &str, suite: &str) -> BTreeSet<String> {
    let lines = || text.lines().filter(|line| !line.starts_with('#'));
    let turn = |stanza: &[&str]| {
        let value = |field: &str| {
            let named = stanza.iter().filter_map(|line| line.split_once(':'));
            named.filter(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value.trim()).next()
        };
        let enabled = !value("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
        let ours = value("Suites").is_some_and(|suites| suites.split_whitespace().any(|name| name == release));
        (enabled && ours).then(|| stanza.iter().map(|line| field(line, suite) + "\n").collect::<String>())
    };
    lines().collect::<Vec<_>>().split(|line| line.trim().is_empty()).filter_map(turn).collect()
}

fn field(line: &str, suite: &str) -> String {
    let name = line.split_once(':').map_or("", |(name, _)| name);
    match name.to_ascii_lowercase().as_str() {
        "types" => "Types: deb-src".to_owned(),
        "suites" => format!("Suites: {suite}"),
        "components" => "Components: main".to_owned(),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_on_a_line_keep_mirror_and_options_and_name_the_other_suite() {
        let text = "# deb http://a.example/debian bookworm main\n\
            deb http://b.example/debian bookworm main contrib\n\
            deb-src http://b.example/debian bookworm main\n\
            deb [ signed-by=/key arch=amd64 ] http://c.example/debian  bookworm main\n\
            deb http://c.example/debian bookworm-updates main\n\
            deb http://d.example/other stable main\n";
        let entries: Vec<_> = one_line(text, "bookworm", "trixie").into_iter().collect();
        assert_eq!(
            entries,
            [
                "deb-src [ signed-by=/key arch=amd64 ] http://c.example/debian trixie main\n",
                "deb-src http://b.example/debian trixie main\n",
            ]
        );
    }

    #[test]
    fn stanzas_keep_mirror_and_key_and_name_the_other_suite() {
        let text = "Types: deb\n# once\nURIs: http://a.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\
            Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n Types: in the key\n\n\
            Types: deb\nURIs: http://a.example/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
            Enabled: no\nTypes: deb\nURIs: http://b.example/debian\nSuites: bookworm\nComponents: main\n";
        let stanzas: Vec<_> = deb822(text, "bookworm", "trixie").into_iter().collect();
        assert_eq!(
            stanzas,
            ["Types: deb-src\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n\
              Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n Types: in the key\n"]
        );
    }
}
