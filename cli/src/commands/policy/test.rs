//! `cloister policy test`.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use cloister_client::policy_cases::{Cases, NotACase, Outcome, Source};
use serde::Serialize;

use super::source;
use crate::{
    commands::attest::rfc3339,
    failure::{Exit, Failure},
    input::Payload,
    output::{Lines, Output},
};

#[derive(Args, Debug)]
pub(crate) struct Test {
    /// The policy file, a signed policy or a draft.
    policy: PathBuf,
    /// The file of cases, in TOML or JSON.
    cases: PathBuf,
}

impl Test {
    pub(super) fn run(&self, output: &Output) -> Result<(), Failure> {
        let tenants = source::any(&self.policy)?;
        let cases = Cases::read(&source::text(&self.cases)?);
        let cases = cases.map_err(|why| source::not_a_policy(&self.cases, &why))?;
        let folder = self.cases.parent().unwrap_or(Path::new("."));
        let read = |source: Source<'_>, kind| match source {
            Source::Text(text) => Payload::detect(text.as_bytes().to_vec(), kind).map(|payload| payload.bytes),
            Source::File(file) => Payload::read(&folder.join(file), kind).map(|payload| payload.bytes),
        };
        let outcomes = cases.run(&tenants, read).map_err(|why| match why {
            NotACase::Payload(failure) => failure,
            why @ NotACase::Case { .. } => {
                let hint = "Correct the case; docs/policy.md has every field.";
                Failure::new(Exit::Usage, "policy_case_invalid", why, hint)
            }
        })?;
        let view = View::new(outcomes);
        if view.failed == 0 {
            output.answer(&view);
            return Ok(());
        }
        let message = format!("{} of {} cases came out otherwise than expected", view.failed, view.cases.len());
        let hint = "Correct the policy or the case; `cloister policy explain` says more of one request.";
        let failure = Failure::new(Exit::Unverified, "policy_test_failed", message, hint);
        Err(output.answer_failed(&view, failure))
    }
}

#[derive(Serialize)]
struct View {
    failed: usize,
    cases: Vec<CaseView>,
}

#[derive(Serialize)]
struct CaseView {
    case: String,
    at: u64,
    holds: bool,
    /// `rule NAME`, or a refusal's code.
    expected: String,
    found: String,
    does: Vec<String>,
    /// Why rules before did not fit.
    why_not: Vec<String>,
}

impl View {
    fn new(outcomes: Vec<Outcome>) -> Self {
        let failed = outcomes.iter().filter(|outcome| !outcome.holds()).count();
        Self { failed, cases: outcomes.into_iter().map(CaseView::new).collect() }
    }
}

impl CaseView {
    fn new(outcome: Outcome) -> Self {
        let holds = outcome.holds();
        let Outcome { name, at, expected, found, ruling } = outcome;
        let why_not = ruling.rules.into_iter().filter_map(|(rule, why)| Some(format!("{rule}: {}", why?)));
        Self { case: name, at: at.0, holds, expected, found, does: ruling.does, why_not: why_not.collect() }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.cases.iter().fold(Lines::new(), |lines, case| {
            if case.holds {
                return lines.line("holds", format!("{}: {}", case.case, case.found));
            }
            let wrong = format!("{}: {} was expected, and it is {}", case.case, case.expected, case.found);
            let lines = lines.line("FAILS", wrong).line("  at", rfc3339(case.at));
            let lines = case.does.iter().fold(lines, |lines, does| lines.line("  does", does));
            case.why_not.iter().fold(lines, |lines, why| lines.line("  not", why))
        });
        write!(f, "{}", lines.line("cases", format!("{}, of which {} fail", self.cases.len(), self.failed)))
    }
}
