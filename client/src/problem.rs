//! What hosts answer when something went wrong (RFC 9457, `application/problem+json`).

use core::fmt;

use serde::{Deserialize, Serialize};

/// A host's problem. Everything in it is the host's word; [`Problem::code`] is stable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// A short title.
    #[serde(default)]
    pub title: String,
    /// What went wrong this time.
    #[serde(default)]
    pub detail: String,
    /// The stable code: a signer's refusal, or the host's own.
    pub code: String,
    /// What to do.
    #[serde(default)]
    pub hint: String,
    /// The signer concerned, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<u16>,
}

impl Problem {
    /// Whether this says what is wrong with a host or signer, beyond that it does not answer.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        const SERVER_ERROR: u16 = 500;
        self.status >= SERVER_ERROR && self.code != "signer_unreachable"
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = if self.detail.is_empty() { &self.title } else { &self.detail };
        match self.signer {
            Some(signer) => write!(f, "signer {signer}: {said}"),
            None => f.write_str(said),
        }
    }
}
