//! What documentation and help tell people to type is a command that there is.

use std::{fs, path::Path};

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::Arguments;

/// A command line as it stands somewhere.
struct Named {
    place: String,
    words: Vec<String>,
    /// Within a sentence it may be the beginning of one.
    whole: bool,
}

impl Named {
    /// The commands of a line for a shell, without what it pipes them to, redirects or substitutes.
    fn in_line(place: &str, line: &str) -> Vec<Self> {
        if !line.contains("cloister ") {
            return Vec::new();
        }
        let words = shlex::split(line).unwrap_or_else(|| panic!("{place}: {line}"));
        let commands = words.split(|word| matches!(word.as_str(), "|" | "||" | "&&" | ";" | "&"));
        let ours = commands.filter_map(|words| {
            let first = words.iter().position(|word| word == "cloister" || word.ends_with("/cloister"))?;
            // What is before it may set variables for it.
            let set = words[..first]
                .iter()
                .all(|word| word.contains('=') || matches!(word.as_str(), "until" | "then" | "do"));
            let words = words[first..].iter().map(|word| word.trim_end_matches(';').to_owned());
            let words = words.take_while(|word| !word.starts_with(['<', '>']) && !word.starts_with("2>")).collect();
            set.then(|| Self { place: place.to_owned(), words, whole: true })
        });
        ours.collect()
    }

    /// The commands that a page names: in its blocks for a shell, and within sentences.
    fn in_page(place: &str, text: &str) -> Vec<Self> {
        let mut named = Vec::new();
        for (position, part) in text.split("```").enumerate() {
            match (position % 2, part.strip_prefix("sh\n")) {
                (0, _) => named.extend(part.split('`').skip(1).step_by(2).flat_map(|code| {
                    let code = code.replace('\n', " ");
                    let commands = if code.starts_with("cloister ") { Self::in_line(place, &code) } else { Vec::new() };
                    commands.into_iter().map(|named| Self { whole: false, ..named })
                })),
                (_, Some(script)) => {
                    let script = script.replace("\\\n", " ");
                    named.extend(script.lines().flat_map(|line| Self::in_line(place, line)));
                }
                (_, None) => {}
            }
        }
        named
    }

    /// Those of a command's help, and of the commands below it.
    fn in_help(command: &clap::Command) -> Vec<Self> {
        let help = [command.get_after_help(), command.get_after_long_help()];
        let lines = help.into_iter().flatten().flat_map(|help| {
            let lines = help.to_string().replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>();
            lines.into_iter().filter(|line| line.starts_with("  ")).collect::<Vec<_>>()
        });
        let place = format!("help of {}", command.get_name());
        let mut named: Vec<_> = lines.flat_map(|line| Self::in_line(&place, &line)).collect();
        named.extend(command.get_subcommands().flat_map(Self::in_help));
        named
    }

    fn check(&self) {
        let Err(why) = Arguments::try_parse_from(&self.words) else { return };
        let tolerated = match why.kind() {
            // A word that stands for a value of a certain form.
            ErrorKind::ValueValidation => self.has_placeholder(),
            ErrorKind::InvalidValue => self.has_placeholder() || !self.whole,
            ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => !self.whole,
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
            _ => false,
        };
        assert!(tolerated, "{}: {}\n{why}", self.place, self.words.join(" "));
    }

    fn has_placeholder(&self) -> bool {
        let stands_for = |word: &String| {
            word.contains('…')
                || word.contains("...")
                || word.chars().any(char::is_uppercase) && !word.chars().any(char::is_lowercase)
        };
        self.words.iter().any(stands_for)
    }
}

fn pages(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            pages(&path, found);
        } else if name.ends_with(".md") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn documentation() -> Vec<(String, String)> {
    let mut found = Vec::new();
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    found
}

#[test]
fn every_command_in_the_documentation_is_one() {
    let named: Vec<_> = documentation().iter().flat_map(|(place, text)| Named::in_page(place, text)).collect();
    assert!(named.len() > 60, "{} commands were found", named.len());
    named.iter().for_each(Named::check);
}

#[test]
fn every_example_in_the_help_is_a_command() {
    let named = Named::in_help(&Arguments::command());
    assert!(named.len() > 40, "{} commands were found", named.len());
    named.iter().for_each(Named::check);
}

#[test]
fn the_reference_names_every_command() {
    fn leaves(path: &str, command: &clap::Command) -> Vec<String> {
        let below = command.get_subcommands().flat_map(|below| leaves(&format!("{path} {}", below.get_name()), below));
        let below: Vec<_> = below.collect();
        if below.is_empty() { vec![path.trim_start().to_owned()] } else { below }
    }
    let reference = include_str!("../../../docs/cli.md");
    for leaf in leaves("", &Arguments::command()) {
        assert!(reference.contains(&format!("`{leaf}")), "docs/cli.md does not have {leaf}");
    }
}
