//! Why a command failed: a stable code, a sentence, what to do, and the exit code.

use std::{fmt::Display, process::ExitCode};

use cloister_client::{Blame, Error};
use cloister_wire::refusal::Refusal;
use serde::Serialize;

/// A failed command.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: String,
    #[serde(skip)]
    pub(crate) exit: Exit,
    #[serde(skip)]
    pub(crate) said: Said,
}

/// Whether machines have been told already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    NotYet,
    /// As part of an answer's object.
    InTheAnswer,
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// This machine, the network or a host: 1.
    Failed = 1,
    /// What was asked cannot be asked: 2, as for arguments that cannot be read.
    Usage = 2,
    /// The group said no: 3.
    Refused = 3,
    /// Something did not verify: 4.
    Unverified = 4,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &str, message: impl Display, hint: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_string(), hint: hint.to_owned(), exit, said: Said::NotYet }
    }

    /// The caller asked for something that cannot be.
    pub(crate) fn usage(message: impl Display, hint: &str) -> Self {
        Self::new(Exit::Usage, "usage", message, hint)
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &std::path::Path, why: impl Display) -> Self {
        Self::new(Exit::Failed, "file", format!("{}: {why}", path.display()), "Check the path and its permissions.")
    }

    /// A new file whose name is taken.
    pub(crate) fn exists(path: &std::path::Path) -> Self {
        Error::Exists { path: path.display().to_string() }.into()
    }

    /// A file that was read, and is not what it should be.
    pub(crate) fn content(path: &std::path::Path, why: impl Display, hint: &str) -> Self {
        Self::new(Exit::Usage, "file_invalid", format!("{}: {why}", path.display()), hint)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.blame() {
            Blame::Request => Exit::Usage,
            Blame::Refused => Exit::Refused,
            Blame::Verification => Exit::Unverified,
            Blame::Surroundings => Exit::Failed,
        };
        let code = if is_code(error.code()) { error.code() } else { "host_error" };
        let allow = ALLOW.iter().find(|(refusal, _)| refusal.code() == error.code());
        let hint = allow.map_or_else(|| error.hint(), |(_, hint)| hint);
        Self::new(exit, code, &error, hint)
    }
}

impl From<cloister_client::operator::PlanError> for Failure {
    fn from(error: cloister_client::operator::PlanError) -> Self {
        Error::from(error).into()
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(
            Exit::Failed,
            "simulator",
            format!("{error:#}"),
            "Read the message; `--dir` keeps the logs of a simulated group.",
        )
    }
}

/// Whether it is a code and not whatever a host likes to have on the terminal.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// What operators do about a policy that does not allow a signature.
const ALLOW: [(Refusal, &str); 8] = [
    (
        Refusal::NoRule,
        "Have the operators allow it: cloister requester add NAME --allow KEY=WHAT, or by a rule (cloister policy --help)",
    ),
    (Refusal::EffectsNotAllowed, EXPLAIN),
    (Refusal::AmountNotAllowed, EXPLAIN),
    (Refusal::DeniedByRule, EXPLAIN),
    (
        Refusal::ChainNotAllowed,
        "Have the operators allow it: cloister requester add NAME --allow KEY=WHAT, where WHAT is such as bitcoin, ethereum:1 or cosmos:cosmoshub-4",
    ),
    (
        Refusal::ChainIdNotAllowed,
        "Have the operators allow it: cloister requester add NAME --allow KEY=ethereum:CHAIN_ID (or cosmos:CHAIN_ID)",
    ),
    (
        Refusal::DomainNotAllowed,
        "Have the operators allow it: cloister requester add NAME --allow KEY=typed-data:FILE (or the 0x domain separator)",
    ),
    (Refusal::ForeignInputs, "Have the operators allow it: cloister requester add NAME --allow KEY=bitcoin+foreign"),
];

/// Which rule it was, and which conditions of others did not hold.
const EXPLAIN: &str = "See what each rule says to it: cloister policy explain, with the same options and file";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
