//! What a command says: one JSON object, or text for people with colours only on a terminal.

use std::{
    cell::RefCell,
    fmt::{self, Display},
    io::{self, ErrorKind, Write},
};

use console::style;
use serde::Serialize;

use crate::{
    failure::{Exit, Failure, Said},
    printable,
};

/// How to answer. Commands answer without a thought to whether stdout takes it; [`Output::finish`] says whether it did.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    /// The first write that failed.
    lost: RefCell<Option<io::Error>>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, lost: RefCell::new(None) }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Answers with a value whose `Display` is for people and whose serialisation is for machines.
    pub(crate) fn answer<T: Serialize + Display>(&self, value: &T) {
        if self.json { self.print_json(value) } else { self.print(value) }
    }

    /// Writes bytes to stdout as they are.
    pub(crate) fn pipe(&self, bytes: &[u8]) {
        let mut stdout = io::stdout();
        if let Err(why) = stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            self.lost.borrow_mut().get_or_insert(why);
        }
    }

    /// Answers with a value that also says what is wrong: still one object, with the error in it.
    pub(crate) fn answer_failed<T: Serialize + Display>(&self, value: &T, failure: Failure) -> Failure {
        if self.json {
            let mut object = serde_json::to_value(value).expect("answers have string keys");
            object["error"] = serde_json::to_value(&failure).expect("failures have string keys");
            self.print_json(&object);
        } else {
            self.print(value);
        }
        Failure { said: Said::InTheAnswer, ..failure }
    }

    /// Says what failed and what to do: JSON on stdout, text on stderr.
    pub(crate) fn fail(&self, failure: &Failure) {
        match failure.said {
            Said::InTheAnswer | Said::NotYet if !self.json => tell(failure),
            Said::InTheAnswer => {}
            Said::NotYet => self.print_json(&Failed { error: failure }),
        }
    }

    /// A remark for people, on stderr.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.json {
            say(style(text).for_stderr().dim());
        }
    }

    /// Fails if stdout did not take everything. A reader who has gone away knows that; of all else, stderr alone can still be told.
    pub(crate) fn finish(self) -> Result<(), Exit> {
        let Some(why) = self.lost.into_inner() else { return Ok(()) };
        if why.kind() != ErrorKind::BrokenPipe {
            let hint = "Whatever the command did is done: look before you repeat it.";
            tell(&Failure::new(Exit::Failed, "output", format!("stdout did not take the answer: {why}"), hint));
        }
        Err(Exit::Failed)
    }

    fn print_json(&self, value: &impl Serialize) {
        self.write(&serde_json::to_string_pretty(value).expect("answers have string keys"), false);
    }

    fn print(&self, value: &impl Display) {
        self.write(value, console::colors_enabled());
    }

    fn write(&self, value: &impl Display, colours: bool) {
        self.pipe(format!("{}\n", printable::page(value, colours)).as_bytes());
    }
}

/// Tells people what failed.
fn tell(failure: &Failure) {
    let (message, hint) = (printable::line(&failure.message), printable::line(&failure.hint));
    say(format!("{} {message} ({})", style("error:").for_stderr().red().bold(), failure.code));
    if !hint.is_empty() {
        say(format!("{} {hint}", style(" hint:").for_stderr().yellow().bold()));
    }
}

/// Writes to stderr, if it takes it.
pub(crate) fn say(text: impl Display) {
    drop(writeln!(io::stderr(), "{}", printable::page(text, console::colors_enabled_stderr())));
}

#[derive(Serialize)]
struct Failed<'a> {
    error: &'a Failure,
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
        self.0.push((label, printable::line(value)));
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
    pub(crate) fn simulated(mut self, simulated: bool) -> Self {
        if simulated {
            let mark = style("SIMULATED").yellow().bold();
            self.0.push(("attested", format!("{mark}: under a test root, not by AWS")));
        }
        self
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
