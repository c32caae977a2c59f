//! What the commands about recoveries answer.

use std::fmt;

use cloister_client::{
    credential,
    recoveries::{Known, Proposal, Taken, guarded},
};
use cloister_wire::{ids::Hash, policy::Policy};
use serde::Serialize;

use crate::{commands::attest::rfc3339, failure::Failure, output::Lines};

/// What a recovery says, whoever has approved it.
#[derive(Serialize)]
struct RecoveryView {
    recovery_hash: String,
    tenant: String,
    member: String,
    /// Hash of the credential that is replaced.
    replaces: String,
    /// Whether that is the one that the policy names.
    replaces_policys: bool,
    /// `ed25519`, `p256` or `passkey`.
    credential_kind: &'static str,
    /// The new public key, in hex.
    public_key: String,
    approved_by: Vec<String>,
    /// By when it has to have begun, milliseconds since 1970.
    not_after: u64,
    #[serde(skip)]
    credential: String,
}

/// A draft.
#[derive(Serialize)]
pub(super) struct ProposalView {
    #[serde(flatten)]
    recovery: RecoveryView,
    set: String,
    needed: u16,
    delay_ms: u64,
    simulated: bool,
}

/// Who has taken a recovery, or its end.
#[derive(Serialize)]
pub(super) struct TakenView {
    recovery_hash: String,
    signers: Vec<SignerView>,
    /// How long each of them now waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    simulated: bool,
}

#[derive(Serialize)]
struct SignerView {
    signer: u16,
    taken: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip)]
    says: String,
}

#[derive(Serialize)]
pub(super) struct ListView {
    recoveries: Vec<KnownView>,
    simulated: bool,
}

#[derive(Serialize)]
struct KnownView {
    #[serde(flatten)]
    recovery: RecoveryView,
    seen_at: u64,
    cancelled: bool,
    /// From when it counts, if signers saw it when the host did and nothing has ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_from: Option<u64>,
}

impl RecoveryView {
    fn new(proposal: &Proposal, policy: &Policy) -> Self {
        let body = &proposal.body;
        let known = policy.member(&body.member).map(|(_, member)| member.credential.hash());
        Self {
            recovery_hash: proposal.recovery.hash().to_string(),
            tenant: body.tenant.to_string(),
            member: body.member.to_string(),
            replaces: body.replaces.to_string(),
            replaces_policys: known == Some(body.replaces),
            credential_kind: credential::kind(&body.credential),
            public_key: credential::public_key(&body.credential),
            approved_by: proposal.approved_by().iter().map(ToString::to_string).collect(),
            not_after: body.not_after.0,
            credential: credential::text(&body.credential),
        }
    }

    fn show(&self, lines: Lines) -> Lines {
        let replaced = if self.replaces_policys { "the one that the policy names" } else { "not the policy's" };
        let approved = if self.approved_by.is_empty() { "nobody".to_owned() } else { self.approved_by.join(", ") };
        lines
            .line("recovery", &self.recovery_hash)
            .line("of", format!("{} of tenant {}", self.member, self.tenant))
            .line("replaces", format!("credential {}, {replaced}", self.replaces))
            .line("by", format!("{} {}", self.credential_kind, self.credential))
            .line("approved by", approved)
    }
}

impl ProposalView {
    pub(super) fn new(proposal: &Proposal, policy: &Policy, simulated: bool) -> Result<Self, Failure> {
        let (_, _, guardians) = guarded(policy, &proposal.body.member)?;
        Ok(Self {
            recovery: RecoveryView::new(proposal, policy),
            set: guardians.set.to_string(),
            needed: guardians.count,
            delay_ms: guardians.delay_ms,
            simulated,
        })
    }
}

impl TakenView {
    pub(super) fn new(recovery: &Hash, taken: Vec<Taken>, delay_ms: Option<u64>, simulated: bool) -> Self {
        let signers = taken.into_iter().map(|Taken { signer, taken, problem }| SignerView {
            signer,
            taken,
            says: problem.as_ref().map(ToString::to_string).unwrap_or_default(),
            code: problem.map(|problem| problem.code),
        });
        Self { recovery_hash: recovery.to_string(), signers: signers.collect(), delay_ms, simulated }
    }
}

impl ListView {
    pub(super) fn new(all: &[Known], policy: &Policy, simulated: bool) -> Self {
        let view = |known: &Known| {
            let delay = guarded(policy, &known.proposal.body.member).map(|(_, _, guardians)| guardians.delay_ms);
            let counts_from = delay.ok().filter(|_| !known.cancelled).map(|delay| known.seen_at.saturating_add(delay));
            let recovery = RecoveryView::new(&known.proposal, policy);
            KnownView { recovery, seen_at: known.seen_at, cancelled: known.cancelled, counts_from }
        };
        Self { recoveries: all.iter().map(view).collect(), simulated }
    }
}

impl fmt::Display for ProposalView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.recovery.show(Lines::new());
        let needed = format!("{} of {}, by {}", self.needed, self.set, rfc3339(self.recovery.not_after));
        let lines = lines.line("needed", needed).line("counts", format!("{} later", hours(self.delay_ms)));
        write!(f, "{}", lines.simulated(self.simulated))
    }
}

impl fmt::Display for TakenView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = |lines: Lines, signer: &SignerView| match signer.taken {
            true => lines.line("signer", format!("{} has taken it", signer.signer)),
            false => lines.line("signer", format!("{} has not: {}", signer.signer, signer.says)),
        };
        let lines = self.signers.iter().fold(Lines::new().line("recovery", &self.recovery_hash), says);
        let counts = self.delay_ms.map(|delay| format!("{} after a signer has taken it", hours(delay)));
        write!(f, "{}", lines.maybe("counts", counts).simulated(self.simulated))
    }
}

impl fmt::Display for ListView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.recoveries.is_empty() {
            return f.write_str("no recovery has been through this host");
        }
        let text = |known: &KnownView| {
            let state = match (known.cancelled, known.counts_from) {
                (true, _) => "cancelled".to_owned(),
                (false, Some(from)) => {
                    format!("counts from {}, unless a policy or a start has ended it", rfc3339(from))
                }
                (false, None) => "counts no more: the policy names no such member, or no guardians".to_owned(),
            };
            known.recovery.show(Lines::new()).line("state", state).to_string()
        };
        let texts: Vec<_> = self.recoveries.iter().map(text).collect();
        write!(f, "{}\n{}", texts.join("\n\n"), Lines::new().simulated(self.simulated))
    }
}

fn hours(millis: u64) -> String {
    let minutes = millis / 60_000;
    format!("{} h {} min", minutes / 60, minutes % 60)
}
