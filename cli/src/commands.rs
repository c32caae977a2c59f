//! One module for each group of commands.

pub(crate) mod attest;
pub(crate) mod audit;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod enclave;
pub(crate) mod group;
pub(crate) mod image;
pub(crate) mod key;
pub(crate) mod kms;
pub(crate) mod manifest;
pub(crate) mod operator;
pub(crate) mod policy;
pub(crate) mod pools;
pub(crate) mod recovery;
pub(crate) mod requester;
pub(crate) mod requests;
pub(crate) mod session;
pub(crate) mod sign;
pub(crate) mod sim;
pub(crate) mod status;
pub(crate) mod switch;

use std::future::Future;

use crate::{arguments::Command, failure::Failure, output::Output};

/// Runs a command to its end.
pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Demo(arguments) => wait(demo::run(arguments, output)),
        Command::Sim(command) => wait(sim::run(command, output)),
        Command::Key(command) => wait(key::run(command, output)),
        Command::Sign(arguments) => wait(sign::run(arguments, output)),
        Command::Attest(arguments) => wait(attest::run(arguments, output)),
        Command::Audit(command) => wait(audit::run(command, output)),
        Command::Operator(command) => wait(operator::run(command, output)),
        Command::Manifest(command) => manifest::run(command, output),
        Command::Image(command) => image::run(command, output),
        Command::Enclave(command) => wait(enclave::run(command, output)),
        Command::Doctor(arguments) => wait(doctor::run(arguments, output)),
        Command::Kms(command) => kms::run(command, output),
        Command::Group(command) => wait(group::run(command, output)),
        Command::Requester(command) => wait(requester::run(command, output)),
        Command::Policy(command) => wait(policy::run(command, output)),
        Command::Approve(word) => wait(requests::run(requests::Command::Approve(word), output)),
        Command::Reject(word) => wait(requests::run(requests::Command::Reject(word), output)),
        Command::Cancel(word) => wait(requests::run(requests::Command::Cancel(word), output)),
        Command::Requests(command) => wait(requests::run(command, output)),
        Command::Session(command) => wait(session::run(command, output)),
        Command::Recovery(command) => wait(recovery::run(command, output)),
        Command::Switch(command) => wait(switch::run(command, output)),
        Command::Pools(arguments) => wait(pools::run(arguments, output)),
        Command::Status(arguments) => wait(status::run(arguments, output)),
    }
}

fn wait(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(anyhow::Error::from)?.block_on(future)
}
