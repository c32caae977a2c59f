//! What a policy leaves open.

use std::fmt;

use console::style;
use serde::Serialize;

use crate::printable::line;

/// One thing that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    /// The statement's `Sid` or place; none if it is about the policy as a whole.
    pub(crate) statement: Option<String>,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

impl Finding {
    /// About what the policy is compared with: none of the images is of the manifest's release.
    pub(crate) fn other_release() -> Self {
        Self::new(Fault::ReleaseOther, None, "what it is compared with by --pcrs is not the manifest's release")
    }

    pub(super) fn new(fault: Fault, statement: Option<&str>, message: impl fmt::Display) -> Self {
        let (code, hint) = fault.described();
        Self { code, statement: statement.map(Into::into), message: message.to_string(), hint }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names and values are the policy's own words: none of them begins a line that looks like a verdict.
        let statement = line(self.statement.as_deref().unwrap_or("the policy"));
        writeln!(f, "{} {statement}: {} ({})", style("found").red().bold(), line(&self.message), self.code)?;
        write!(f, "      {}", self.hint)
    }
}

/// What to do where an image is not of the manifest's release.
pub(crate) const OTHER_RELEASE: &str = "A mistake for a first generation of keys: give the pcr.json that the manifest's operators signed for \
(`cloister manifest show`). Say --later-generation if the policy is for a later release.";

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Version,
    StatementTwice,
    NotPrincipal,
    NotAction,
    Resource,
    PrincipalWildcard,
    PrincipalAccount,
    PrincipalGone,
    PrincipalUnknown,
    PrincipalNone,
    AccountForeign,
    EnderOpens,
    EnderSecond,
    ActionWildcard,
    PolicyChange,
    Grants,
    RightNotNeeded,
    DecryptUnconditioned,
    OperatorPattern,
    OperatorIfExists,
    OperatorSet,
    OperatorUnknown,
    ConditionUnknown,
    PcrMissing,
    PcrDiffers,
    PcrMalformed,
    PcrCase,
    PcrZero,
    PcrAlternatives,
    CallerNotMeasured,
    ReleaseSecond,
    ReleaseMissing,
    ReleaseOther,
    OpensWhatIsClosed,
    NeverOpens,
    RecipientNotDemanded,
    DenyMissing,
    DenyUnclear,
    DenyCloses,
    CannotEnd,
    CannotRead,
}

impl Fault {
    /// The stable code, and what to do.
    pub(super) const fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Version => ("version", "Write \"Version\": \"2012-10-17\"."),
            Self::StatementTwice => ("statement_twice", "Give each statement a Sid of its own."),
            Self::NotPrincipal => {
                ("not_principal", "Name who is meant with Principal: NotPrincipal means all others there will ever be.")
            }
            Self::NotAction => {
                ("not_action", "Name what is meant with Action: NotAction means all others there will ever be.")
            }
            Self::Resource => ("resource", "Write \"Resource\": \"*\", which in a key policy is this key."),
            Self::PrincipalWildcard => ("principal_wildcard", "Name the one role that needs it, by its full ARN."),
            Self::PrincipalAccount => (
                "principal_account",
                "Name a role: an account lets its administrators give this right to anybody in IAM.",
            ),
            Self::PrincipalGone => (
                "principal_gone",
                "The role was deleted, and one of the same name is another: name a role that exists, on a new key.",
            ),
            Self::PrincipalUnknown => ("principal_unknown", "Name a role by its full ARN."),
            Self::PrincipalNone => ("principal_none", "Name the role that it is for, or take it out."),
            Self::AccountForeign => (
                "account_foreign",
                "Name the key's own account, or a role of it. The parent role's account counts as that unless --account says another.",
            ),
            Self::EnderOpens => (
                "ender_opens",
                "Name another role: whoever holds the host could end its keys, and with them its shares.",
            ),
            Self::EnderSecond => ("ender_second", "Name the one administrators' role, which no instance has."),
            Self::ActionWildcard => ("action_wildcard", "Name each action."),
            Self::PolicyChange => ("policy_change", "Take it out: whoever may do this opens the key for themselves."),
            Self::Grants => ("grants", "Take it out: a grant opens around the policy."),
            Self::RightNotNeeded => ("right_not_needed", "Take it out: nothing of a signer needs it."),
            Self::DecryptUnconditioned => (
                "decrypt_unconditioned",
                "Demand PCR0, 1, 2, 3, 16 and 17: `cloister kms policy build` writes such a policy.",
            ),
            Self::OperatorPattern => ("operator_pattern", "Compare with StringEqualsIgnoreCase and the whole value."),
            Self::OperatorIfExists => (
                "operator_if_exists",
                "Compare with StringEqualsIgnoreCase: …IfExists holds for a call without a document.",
            ),
            Self::OperatorSet => (
                "operator_set",
                "Compare with StringEqualsIgnoreCase: ForAllValues holds for a call without a document.",
            ),
            Self::OperatorUnknown => ("operator_unknown", "Compare with StringEqualsIgnoreCase."),
            Self::ConditionUnknown => ("condition_unknown", "Take it out: what it does to a signer is not known here."),
            Self::PcrMissing => ("pcr_missing", "Demand it with StringEqualsIgnoreCase, in the same statement."),
            Self::PcrDiffers => (
                "pcr_differs",
                "Build the policy again, from this pcr.json and manifest; another release needs new keys.",
            ),
            Self::PcrMalformed => ("pcr_malformed", "Write 96 lower-case hex digits."),
            Self::PcrCase => ("pcr_case", "Write it in lower case, as KMS does."),
            Self::PcrZero => {
                ("pcr_zero", "Demand the value of a real image: all zero is what every enclave in debug mode shows.")
            }
            Self::PcrAlternatives => {
                ("pcr_alternatives", "Give each release a statement of its own: alternatives can be mixed.")
            }
            Self::CallerNotMeasured => {
                ("caller_not_measured", "Let the role whose ARN PCR3 measures call, and no other.")
            }
            Self::ReleaseSecond => {
                ("release_second", "Keep one release for each key; if two are meant, say so with --also-accept.")
            }
            Self::ReleaseMissing => ("release_missing", "Build the policy again with --also-accept, on a new key."),
            Self::ReleaseOther => ("release_other", OTHER_RELEASE),
            Self::OpensWhatIsClosed => {
                ("opens_what_is_closed", "Take this statement out: any one Allow is enough to open.")
            }
            Self::NeverOpens => ("never_opens", "Build the policy again: what is sealed to this key is lost."),
            Self::RecipientNotDemanded => {
                ("recipient_not_demanded", "Deny kms:Decrypt to \"*\" where kms:RecipientAttestation:PCR0 is Null.")
            }
            Self::DenyMissing => {
                ("deny_missing", "Deny it to \"*\" without regard to anything else, which binds grants as well.")
            }
            Self::DenyUnclear => ("deny_unclear", "Take it out, or write it as `cloister kms policy build` does."),
            Self::DenyCloses => ("deny_closes", "Take it out: a Deny wins over every Allow."),
            Self::CannotEnd => {
                ("cannot_end", "Let one administrators' role disable the key: nothing else retires a generation.")
            }
            Self::CannotRead => {
                ("cannot_read", "Let the account read key and policy: audits and `cloister doctor` do.")
            }
        }
    }
}
