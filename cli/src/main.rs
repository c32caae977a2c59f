//! `cloister`: the command line for operators, requesters and auditors, the simulator and the demo.
//!
//! Every command verifies the group before it sends anything, prints what it did, or with `--json` one object with stable field names,
//! and exits with 0 only if what was asked is true. `docs/cli.md` has the fields and exit codes.

mod account;
mod arguments;
mod commands;
mod context;
mod destination;
mod document;
mod draft;
mod failure;
mod image;
mod input;
mod kms_policy;
mod network;
mod output;
mod printable;
mod progress;

use std::{env, process::ExitCode};

use clap::Parser;
use cloister_simulator::group;

use crate::{
    arguments::Arguments,
    failure::{Exit, Failure},
    output::Output,
};

fn main() -> ExitCode {
    if let Some(ended) = group::run_hidden(env::args_os()) {
        return ended.map_or_else(|why| fail(&why), |()| ExitCode::SUCCESS);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(why) => return unusable(&why),
    };
    let output = Output::new(arguments.json);
    let ended = commands::run(arguments.command, &output).map_err(|failure| {
        output.fail(&failure);
        failure.exit
    });
    match ended.and(output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.into(),
    }
}

/// Arguments that cannot be read, or that ask for help.
fn unusable(why: &clap::Error) -> ExitCode {
    if why.use_stderr() && env::args_os().any(|argument| argument == "--json") {
        let output = Output::new(true);
        output.fail(&in_sentences(&why.render().to_string()));
        return output.finish().map_or_else(Into::into, |()| Exit::Usage.into());
    }
    let printed = why.print();
    if why.use_stderr() {
        return Exit::Usage.into();
    }
    printed.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// What is wrong, and how the command is used, without the layout for people.
fn in_sentences(rendered: &str) -> Failure {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = rendered.split("\n\n").map(line);
    let message = paragraphs.next().unwrap_or_default();
    let usage = paragraphs.find(|paragraph| paragraph.starts_with("Usage:"));
    Failure::usage(message.trim_start_matches("error: "), &usage.unwrap_or_else(|| "See --help.".to_owned()))
}

/// A part of a simulated group has ended: its launcher reads the reason in its log.
fn fail(why: &anyhow::Error) -> ExitCode {
    output::say(format!("{why:#}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_cannot_be_read_are_refused_in_one_sentence_with_the_usage_as_a_hint() {
        for arguments in [&["cloister", "sign"][..], &["cloister", "key", "show", "x", "--network", "moon"]] {
            let failure = in_sentences(&Arguments::try_parse_from(arguments).unwrap_err().render().to_string());
            let message = &failure.message;
            assert!(
                !message.contains('\n') && !message.contains("Usage") && !message.starts_with("error"),
                "{message}"
            );
            assert!(failure.hint.starts_with("Usage: cloister ") || failure.hint == "See --help.", "{}", failure.hint);
        }
    }
}
