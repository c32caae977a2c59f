//! Texts that are no policy.

use crate::operator::PlanError;

/// Why a text is no policy, or no file of cases for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPolicy {
    /// A field that is missing, unknown or not understood.
    #[error("{}{}{reason}", line.map(|line| format!("line {line}: ")).unwrap_or_default(), path(place))]
    Field {
        /// Where: `tenant.treasury.rules[0].then`. Empty for the whole text.
        place: String,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
    },
    /// What it says as a whole.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

fn path(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!("{place}: ") }
}

impl NotAPolicy {
    pub(super) fn syntax(line: Option<usize>, why: &impl ToString) -> Self {
        Self::Field { place: String::new(), line, reason: why.to_string() }
    }

    pub(super) fn json(why: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let (place, inner) = (why.path().to_string(), why.inner());
        // The position stands in front already.
        let said = inner.to_string();
        let reason = said.split(" at line ").next().unwrap_or_default().to_owned();
        Self::Field { place: shown(&place), line: Some(inner.line()), reason }
    }

    pub(super) fn toml(text: &str, place: &str, why: &toml::de::Error) -> Self {
        let before = why.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        Self::Field { place: shown(place), line, reason: why.message().to_owned() }
    }
}

/// The root has no name.
fn shown(place: &str) -> String {
    if place == "." { String::new() } else { place.to_owned() }
}
