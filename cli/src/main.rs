//! `cloister`: the command line for operators, requesters and auditors, the simulator and the demo.
//!
//! Every command verifies the group before it sends anything, prints what it did, or with `--json` one object with stable field names,
//! and exits with 0 only if what was asked is true. `docs/cli.md` has the fields and exit codes.

mod arguments;
mod commands;
mod context;
mod destination;
mod document;
mod draft;
mod failure;
mod input;
mod output;
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
    match commands::run(arguments.command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.fail(&failure);
            failure.exit.into()
        }
    }
}

/// Arguments that cannot be read, or that ask for help.
fn unusable(why: &clap::Error) -> ExitCode {
    if why.use_stderr() && env::args_os().any(|argument| argument == "--json") {
        Output::new(true).fail(&Failure::usage(why.render().to_string().trim_end(), "See --help."));
        return Exit::Usage.into();
    }
    why.exit()
}

/// A part of a simulated group has ended: its launcher reads the reason in its log.
fn fail(why: &anyhow::Error) -> ExitCode {
    eprintln!("{why:#}");
    ExitCode::FAILURE
}
