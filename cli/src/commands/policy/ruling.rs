//! What the policy makes of a request, as it is shown.

use std::fmt;

use cloister_client::policy_question::{Question, Ruling};
use cloister_wire::{
    ids::UnixMillis,
    policy::{Quorum, TenantPolicy, Verdict},
};
use serde::Serialize;

use crate::{commands::attest::rfc3339, output::Lines};

#[derive(Serialize)]
pub(super) struct RulingView {
    tenant: String,
    requester: String,
    key: String,
    path: String,
    at: u64,
    /// What the payload does, a line each.
    does: Vec<String>,
    /// `allow`, `deny`, `approve`, or `none` if no rule fits.
    verdict: &'static str,
    /// The rule that decides.
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approvals: Option<ApprovalsView>,
    /// Where no rule fits, what a signer refuses with.
    refusal: Option<&'static str>,
    #[serde(skip)]
    sentence: &'static str,
    /// The scope of the session, if a session key asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    /// Every rule that was looked at, in order; none if the session's scope does not let the request through.
    rules: Vec<RuleView>,
}

#[derive(Serialize)]
struct SessionView {
    scope: String,
    lets_through: bool,
    /// The first condition that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

#[derive(Serialize)]
struct ApprovalsView {
    needed: u16,
    of: String,
    delay_ms: u64,
}

#[derive(Serialize)]
struct RuleView {
    rule: String,
    decides: bool,
    /// The first condition that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

impl RulingView {
    pub(super) fn new(question: &Question<'_>, tenant: &TenantPolicy, now: UnixMillis, ruling: Ruling) -> Self {
        let rule = |(name, why_not): (cloister_wire::ids::RuleName, Option<String>)| RuleView {
            rule: name.to_string(),
            decides: why_not.is_none(),
            why_not,
        };
        let (verdict, approvals) = match ruling.decided.as_ref().map(|(_, verdict)| verdict) {
            None => ("none", None),
            Some(Verdict::Allow) => ("allow", None),
            Some(Verdict::Deny) => ("deny", None),
            Some(Verdict::Approve(Quorum { set, count, delay_ms })) => {
                ("approve", Some(ApprovalsView { needed: *count, of: set.to_string(), delay_ms: *delay_ms }))
            }
        };
        Self {
            tenant: tenant.tenant.to_string(),
            requester: question.requester.to_string(),
            key: question.name.to_string(),
            path: question.path.to_string(),
            at: now.0,
            does: ruling.does,
            verdict,
            rule: ruling.decided.map(|(rule, _)| rule.to_string()),
            approvals,
            refusal: ruling.refusal.map(|refusal| refusal.code()),
            session: ruling.session.map(|(scope, why_not)| SessionView {
                scope: scope.to_string(),
                lets_through: why_not.is_none(),
                why_not,
            }),
            sentence: ruling.refusal.map(|refusal| refusal.sentence()).unwrap_or_default(),
            rules: ruling.rules.into_iter().map(rule).collect(),
        }
    }

    fn comes_to(&self) -> String {
        match (&self.rule, &self.approvals, self.refusal) {
            (Some(rule), Some(ApprovalsView { needed, of, delay_ms }), _) => {
                let wait =
                    if *delay_ms == 0 { String::new() } else { format!(", and then {} seconds", delay_ms / 1000) };
                format!("rule {rule} decides: {needed} approvals of set {of}{wait}")
            }
            (Some(rule), None, _) => format!("rule {rule} decides: {}", self.verdict),
            (None, _, Some(code)) => format!("no rule decides: {} ({code})", self.sentence),
            (None, _, None) => "no rule decides".to_owned(),
        }
    }
}

impl fmt::Display for RulingView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, requester, key, path, at, .. } = self;
        let asks = format!("{requester} of tenant {tenant}, for key {key}, {path}, at {}", rfc3339(*at));
        let lines = Lines::new().line("asks", asks);
        let lines = self.does.iter().fold(lines, |lines, does| lines.line("does", does));
        let lines = match &self.session {
            Some(SessionView { scope, why_not: Some(why), .. }) => lines.line("not", format!("session {scope}: {why}")),
            Some(SessionView { scope, why_not: None, .. }) => {
                lines.line("session", format!("{scope}: its scope lets this through"))
            }
            None => lines,
        };
        let lines = self.rules.iter().filter(|rule| !rule.decides).fold(lines, |lines, rule| {
            lines.line("not", format!("{}: {}", rule.rule, rule.why_not.as_deref().unwrap_or_default()))
        });
        let lines = lines.line("so", self.comes_to());
        write!(f, "{}", lines.line("limits", "taken as if nothing had been spent"))
    }
}
