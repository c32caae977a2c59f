//! What a command says: one JSON object, or text for people with colours only on a terminal.

use std::{
    fmt::{self, Display},
    io::Write,
};

use console::style;
use serde::Serialize;

use crate::failure::{Failure, Said};

/// How to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Answers with a value whose `Display` is for people and whose serialisation is for machines.
    pub(crate) fn answer<T: Serialize + Display>(self, value: &T) {
        if self.json { print_json(value) } else { print(value) }
    }

    /// Answers with a value that also says what is wrong: still one object, with the error in it.
    pub(crate) fn answer_failed<T: Serialize + Display>(self, value: &T, failure: Failure) -> Failure {
        if self.json {
            let mut object = serde_json::to_value(value).expect("answers have string keys");
            object["error"] = serde_json::to_value(&failure).expect("failures have string keys");
            print_json(&object);
        } else {
            print(value);
        }
        Failure { said: Said::InTheAnswer, ..failure }
    }

    /// Says what failed and what to do: JSON on stdout, text on stderr.
    pub(crate) fn fail(self, failure: &Failure) {
        match failure.said {
            Said::InTheAnswer if self.json => return,
            Said::InTheAnswer | Said::NotYet => {}
        }
        if self.json {
            print_json(&Failed { error: failure });
        } else {
            eprintln!("{} {} ({})", style("error:").for_stderr().red().bold(), failure.message, failure.code);
            if !failure.hint.is_empty() {
                eprintln!("{} {}", style(" hint:").for_stderr().yellow().bold(), failure.hint);
            }
        }
    }

    /// A remark for people, on stderr.
    pub(crate) fn note(self, text: impl Display) {
        if !self.json {
            eprintln!("{}", style(text).for_stderr().dim());
        }
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    error: &'a Failure,
}

fn print_json(value: &impl Serialize) {
    print(&serde_json::to_string_pretty(value).expect("answers have string keys"));
}

/// Prints a line; a reader who has gone away is no error of ours.
fn print(value: &impl Display) {
    drop(writeln!(std::io::stdout(), "{value}"));
}

/// A block of labelled lines.
#[derive(Default)]
pub(crate) struct Lines(Vec<(&'static str, String)>);

impl Lines {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    #[must_use]
    pub(crate) fn line(mut self, label: &'static str, value: impl Display) -> Self {
        self.0.push((label, value.to_string()));
        self
    }

    /// Adds a line if there is something to say.
    #[must_use]
    pub(crate) fn maybe(self, label: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.line(label, value),
            None => self,
        }
    }

    /// Says so if everything above rests on another root than AWS's.
    #[must_use]
    pub(crate) fn simulated(self, simulated: bool) -> Self {
        let mark = style("SIMULATED").yellow().bold();
        self.maybe("attested", simulated.then(|| format!("{mark}: under a test root, not by AWS")))
    }
}

impl Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        for (position, (label, value)) in self.0.iter().enumerate() {
            let newline = if position == 0 { "" } else { "\n" };
            let padding = " ".repeat(width - label.len());
            write!(f, "{newline}{}{padding}  {value}", style(label).cyan())?;
        }
        Ok(())
    }
}
