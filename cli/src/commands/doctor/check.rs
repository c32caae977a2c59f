use std::fmt;

use console::style;
use serde::Serialize;

use crate::printable::line;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) state: State,
    pub(super) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Good,
    /// Not wrong yet.
    Attention,
    Bad,
    /// Something is not what it claims to be.
    Unverified,
    Skipped,
}

impl Check {
    pub(super) fn good(check: &'static str, message: impl fmt::Display) -> Self {
        Self { check, state: State::Good, message: message.to_string(), hint: None }
    }

    pub(super) fn skipped(check: &'static str, message: impl fmt::Display) -> Self {
        Self { check, state: State::Skipped, message: message.to_string(), hint: None }
    }

    pub(super) fn attention(check: &'static str, message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { check, state: State::Attention, message: message.to_string(), hint: Some(hint.into()) }
    }

    pub(super) fn bad(check: &'static str, message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { check, state: State::Bad, message: message.to_string(), hint: Some(hint.into()) }
    }

    pub(super) fn unverified(check: &'static str, message: impl fmt::Display, hint: impl Into<String>) -> Self {
        Self { check, state: State::Unverified, message: message.to_string(), hint: Some(hint.into()) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.state {
            State::Good => style("good     ").green(),
            State::Attention => style("attention").yellow(),
            State::Bad => style("bad      ").red().bold(),
            State::Unverified => style("UNSAFE   ").red().bold(),
            State::Skipped => style("-        ").dim(),
        };
        // What was found are others' words: none of them begins a line that looks like a verdict.
        write!(f, "{mark}  {:12}  {}", self.check, line(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "\n{:25}{}", "", line(hint)),
            None => Ok(()),
        }
    }
}
