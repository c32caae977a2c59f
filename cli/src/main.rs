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
mod input;
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
        output.fail(&Failure::usage(why.render().to_string().trim_end(), "See --help."));
        return output.finish().map_or_else(Into::into, |()| Exit::Usage.into());
    }
    let printed = why.print();
    if why.use_stderr() {
        return Exit::Usage.into();
    }
    printed.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// A part of a simulated group has ended: its launcher reads the reason in its log.
fn fail(why: &anyhow::Error) -> ExitCode {
    output::say(format!("{why:#}"));
    ExitCode::FAILURE
}
