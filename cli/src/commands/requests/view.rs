//! What the commands about requests answer.

use std::fmt;

use cloister_client::requests::Pending;
use cloister_wire::{ids::UnixMillis, review::Standing};
use serde::Serialize;

use crate::output::Lines;

/// A request that waits.
#[derive(Serialize)]
pub(crate) struct PendingView {
    request_hash: String,
    requester: String,
    tenant: String,
    key: String,
    path: String,
    /// What it does: the lines whose digest receipts carry.
    does: Vec<String>,
    effects_digest: String,
    /// Milliseconds since 1970.
    not_after: u64,
    signers: Vec<SignerView>,
    simulated: bool,
}

/// What one signer makes of it.
#[derive(Serialize)]
struct SignerView {
    signer: u16,
    policy_version: Option<u64>,
    rule: Option<String>,
    /// `signable`, `waiting`, `delayed`, `refused` or `unavailable`.
    standing: &'static str,
    /// The refusal's or problem's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needed: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approved: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signable_at: Option<u64>,
    #[serde(skip)]
    says: String,
}

impl PendingView {
    pub(crate) fn new(pending: &Pending, simulated: bool) -> Self {
        let reviews = pending.reviews.iter().map(|(signer, review)| SignerView {
            policy_version: Some(review.policy.0),
            rule: review.rule.as_ref().map(ToString::to_string),
            ..SignerView::standing(signer.get(), &review.standing, review.at)
        });
        let problems = pending.problems.iter().map(|(signer, problem)| SignerView {
            code: Some(problem.code.clone()),
            says: problem.to_string(),
            ..SignerView::new(signer.get(), "unavailable")
        });
        Self {
            request_hash: pending.hash.to_string(),
            requester: pending.request.requester.to_string(),
            tenant: pending.request.tenant.to_string(),
            key: pending.account.key().body().name.to_string(),
            path: pending.account.path().to_string(),
            does: pending.rendering.lines().map(str::to_owned).collect(),
            effects_digest: pending.effects().to_string(),
            not_after: pending.request.not_after.0,
            signers: reviews.chain(problems).collect(),
            simulated,
        }
    }
}

impl SignerView {
    fn new(signer: u16, standing: &'static str) -> Self {
        Self {
            signer,
            policy_version: None,
            rule: None,
            standing,
            code: None,
            set: None,
            needed: None,
            approved: Vec::new(),
            signable_at: None,
            says: String::new(),
        }
    }

    fn standing(signer: u16, standing: &Standing, at: UnixMillis) -> Self {
        match standing {
            Standing::Signable => Self { says: "would sign it now".to_owned(), ..Self::new(signer, "signable") },
            Standing::Refused(refusal) => Self {
                code: Some(refusal.code().to_owned()),
                says: format!("refuses it: {refusal}"),
                ..Self::new(signer, "refused")
            },
            Standing::Waiting { set, needed, approved, signable_at } => {
                let approved: Vec<_> = approved.iter().map(ToString::to_string).collect();
                let by = if approved.is_empty() { "nobody".to_owned() } else { approved.join(", ") };
                let (standing, says) = match signable_at {
                    None => ("waiting", format!("waits for {needed} of {set}; approved by {by}")),
                    Some(when) if *when > at => {
                        let seconds = when.0.saturating_sub(at.0).div_ceil(1000);
                        ("delayed", format!("signs it in {seconds} seconds; approved by {by}"))
                    }
                    Some(_) => ("signable", format!("would sign it now; approved by {by}")),
                };
                Self {
                    set: Some(set.to_string()),
                    needed: Some(*needed),
                    approved,
                    signable_at: signable_at.map(|at| at.0),
                    says,
                    ..Self::new(signer, standing)
                }
            }
        }
    }
}

impl fmt::Display for PendingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("request", &self.request_hash)
            .line("by", format!("{} of tenant {}", self.requester, self.tenant))
            .line("expires", left(self.not_after));
        let lines = self.does.iter().fold(lines, |lines, does| lines.line("does", does));
        let says = |lines: Lines, signer: &SignerView| {
            let rule = signer.rule.as_ref().map(|rule| format!(" (rule {rule})")).unwrap_or_default();
            lines.line("signer", format!("{} {}{rule}", signer.signer, signer.says))
        };
        write!(f, "{}", self.signers.iter().fold(lines, says).simulated(self.simulated))
    }
}

/// How long until then, by this machine's clock.
fn left(not_after: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    match not_after.saturating_sub(now) / 60_000 {
        0 => "within a minute".to_owned(),
        minutes => format!("in {} h {} min", minutes / 60, minutes % 60),
    }
}

/// All that wait.
#[derive(Serialize)]
pub(super) struct ListView {
    requests: Vec<PendingView>,
    simulated: bool,
}

impl ListView {
    pub(super) fn new(waiting: &[Pending], simulated: bool) -> Self {
        Self { requests: waiting.iter().map(|pending| PendingView::new(pending, simulated)).collect(), simulated }
    }
}

impl fmt::Display for ListView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.requests.is_empty() {
            return f.write_str("no request waits at this host");
        }
        let texts: Vec<_> = self.requests.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n\n"))
    }
}
