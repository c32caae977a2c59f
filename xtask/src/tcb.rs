//! How many lines of ours have to be trusted, by crate: a table in the enclave's README.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::linked::LinkedCrates;

/// Where the table stands, below the workspace's root.
pub const PATH: &str = "enclave/README.md";

/// The README with the table as the sources have it.
pub fn readme(root: &Path) -> Result<String> {
    let text = fs::read_to_string(root.join(PATH))?;
    let (before, rest) = text.split_once(BEGIN).context("the README has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the README's table has no end")?;
    Ok([before, BEGIN, &table(root)?, END, after].concat())
}

fn table(root: &Path) -> Result<String> {
    let mut text = "\n| crate | lines |\n|---|---:|\n".to_owned();
    let mut total = 0_usize;
    for name in CRATES {
        let lines = production_lines(&root.join(name).join("src"))?;
        total += lines;
        text += &format!("| `{name}` | {lines} |\n");
    }
    let others = LinkedCrates::read(&root.join(LinkedCrates::PATH))?.names().count() - CRATES.len();
    Ok(text + &format!("| together | {total} |\n\nBeside them, it links {others} crates of others.\n"))
}

fn production_lines(src: &Path) -> Result<usize> {
    Ok(production_files(src)?.iter().map(|(_, code)| code.lines().count()).sum())
}

/// The files that are compiled into the enclave, from the crate's roots along its modules, without empty lines, comments and tests.
pub fn production_files(src: &Path) -> Result<Vec<(PathBuf, String)>> {
    let roots = ["lib.rs", "main.rs"].map(|name| src.join(name));
    let mut files: Vec<_> = roots.into_iter().filter(|file| file.exists()).collect();
    let mut read = Vec::new();
    while let Some(file) = files.pop() {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let lines = without_tests(&text);
        for name in lines.iter().filter_map(|line| module(line)) {
            files.push(file_of(&file, name)?);
        }
        read.push((file, lines.join("\n")));
    }
    Ok(read)
}

/// Code alone, without what is compiled for tests only. Code is formatted, so an item ends with a brace as far in as it began.
fn without_tests(text: &str) -> Vec<&str> {
    let is_code =
        |line: &&str| !matches!(line.trim_start(), comment if comment.is_empty() || comment.starts_with("//"));
    let mut lines = text.lines().filter(is_code);
    let mut code = Vec::new();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix("#[cfg(test)]") else {
            code.push(line);
            continue;
        };
        let closing = format!("{indent}}}");
        let first = lines.find(|line| !line.trim_start().starts_with("#["));
        if first.is_some_and(|first| first.ends_with('{')) {
            lines.find(|line| **line == *closing);
        }
    }
    code
}

/// The name in `mod name;`, whoever may see it.
fn module(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_suffix(';')?.rsplit_once("mod ")?;
    matches!(name.0, "" | "pub " | "pub(crate) " | "pub(super) ").then_some(name.1)
}

fn file_of(parent: &Path, name: &str) -> Result<PathBuf> {
    let folder = match parent.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") => parent.with_file_name(""),
        _ => parent.with_extension(""),
    };
    let places = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
    let found = places.into_iter().find(|file| file.exists());
    found.with_context(|| format!("{} has no file for its module {name}", parent.display()))
}

const CRATES: [&str; 6] = ["wire", "chains", "policy", "attestation", "protocol", "enclave"];
const BEGIN: &str = "<!-- `cargo xtask tcb` writes what follows -->";
const END: &str = "<!-- end -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_empty_lines_and_tests_are_not_counted() {
        let text = "//! Doc.\n\nuse a;\n/// Doc.\nfn f() {\n    // Why.\n    g();\n}\n\n#[cfg(test)]\nmod fixture;\nmod next;\n\
                    impl A {\n    #[cfg(test)]\n    #[must_use]\n    fn t() {\n        h();\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    use b;\n}\n";
        let expected = ["use a;", "fn f() {", "    g();", "}", "mod next;", "impl A {", "}"];
        assert_eq!(without_tests(text), expected);
    }

    #[test]
    fn modules_in_files_of_their_own_are_found() {
        for line in ["mod next;", "pub mod next;", "    pub(crate) mod next;"] {
            assert_eq!(module(line), Some("next"));
        }
        for line in ["mod next {", "use mod_next;", "let module = 1;", "//! mod next;"] {
            assert_eq!(module(line), None, "{line}");
        }
    }
}
