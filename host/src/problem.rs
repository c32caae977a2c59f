//! What callers are told when something is not done: RFC 9457 problems with stable codes.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cloister_wire::{ids::SignerId, refusal::Refusal};
use serde::{Deserialize, Serialize};

macro_rules! host_codes {
    ($($name:ident $code:literal $status:literal $title:literal $hint:literal)+) => {
        /// What the host itself cannot do. Codes are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum HostCode {
            $(#[doc = $title] $name,)+
        }

        impl HostCode {
            /// Every code there is.
            pub const ALL: &'static [HostCode] = &[$(HostCode::$name),+];

            /// The stable code, in snake case.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(HostCode::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(HostCode::$name => $status,)+ }
            }

            /// What happened.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(HostCode::$name => $title,)+ }
            }

            /// What to do.
            #[must_use]
            pub const fn hint(self) -> &'static str {
                match self { $(HostCode::$name => $hint,)+ }
            }
        }
    };
}

host_codes! {
    RequestInvalid "request_invalid" 400 "The request cannot be read." "Send the JSON that docs/api.md describes, documents as base64 of their canonical bytes."
    NotFound "not_found" 404 "There is nothing here." "Check the path, or the id in it, against docs/api.md."
    MethodNotAllowed "method_not_allowed" 405 "This path does not take this method." "Check the method against docs/api.md."
    RequestTimeout "request_timeout" 408 "The request's body did not arrive in time." "Send it again on a faster connection."
    AlreadyFounded "already_founded" 409 "The group has keys; a second genesis would orphan them." "Sign a start order of kind restart."
    RequestTooLarge "request_too_large" 413 "The request's body is larger than any valid one." "Split it, or send a smaller transaction."
    Internal "internal" 500 "The host met an error of its own." "Look at the host's log; the request may be sent again."
    StorageFailed "storage_failed" 500 "The host's store cannot be read or written." "Look at the host's log and at the disk; nothing acknowledged is lost."
    BadShare "bad_share" 502 "A signer's share does not verify." "Replace the signer that the problem names; the others go on."
    SignerReplyInvalid "signer_reply_invalid" 502 "A signer's answer is not what was asked for." "Check that host and enclave are of the same release."
    KmsDenied "kms_denied" 502 "KMS refused to open a data key." "Compare the key's policy with the measurements of the enclave, and the host's role with its grants."
    KmsAnswerInvalid "kms_answer_invalid" 502 "KMS's answer is not for the key that was asked." "Check what stands between this host and KMS."
    BlobMissing "blob_missing" 503 "The host's store has no sealed blob for this." "Restore the store of this signer's host from a copy."
    KmsUnavailable "kms_unavailable" 503 "KMS cannot be reached or does not answer." "Check the network, region and credentials of this host, then post the same request again."
    NotEnoughSigners "not_enough_signers" 503 "Fewer signers than the threshold can sign." "Look at GET /v1/signers, and bring the missing signers back."
    NotReady "not_ready" 503 "This host's signer is not active." "Look at GET /v1/signers; a restarted signer needs a start order."
    Overloaded "overloaded" 503 "The host has as much to do as it takes on." "Send the same request again after the time in Retry-After."
    SignerUnreachable "signer_unreachable" 503 "A signer, or its host, does not answer." "Check that enclave and host of this signer run and can be reached, then post the same request again."
    DeadlineExceeded "deadline_exceeded" 504 "It took too long and was given up." "Post the same request again: it continues or gets the same answer."
    StorageFull "storage_full" 507 "The host's disk is full." "Make room and send the same request again; nothing acknowledged is lost."
}

/// A problem, as callers see it and as hosts pass it on to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:cloister:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// What happened.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What happened in this case.
    pub detail: Box<str>,
    /// Stable, in snake case: a [`HostCode`], a [`Refusal`]'s code or one of `cloister_chains::Rejected`.
    pub code: Cow<'static, str>,
    /// What to do.
    pub hint: Cow<'static, str>,
    /// The signer that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<u16>,
}

impl Problem {
    /// A problem of the host's own.
    pub fn host(code: HostCode, detail: impl Into<Box<str>>) -> Self {
        Self::new(code.code(), code.status(), code.title(), code.hint(), detail.into())
    }

    /// A signer's refusal.
    pub fn refused(refusal: Refusal) -> Self {
        let (title, hint) = refusal.sentence().split_once("; ").unwrap_or((refusal.sentence(), ""));
        let detail = format!("{title}.").into();
        let problem = Self::new(refusal.code(), refusal_status(refusal), title, "", detail);
        Self { hint: capital(hint).into(), ..problem }
    }

    /// A payload that cannot be signed.
    pub fn payload(rejected: &cloister_chains::Rejected) -> Self {
        let said = rejected.to_string();
        let (detail, hint) = said.split_once("; ").unwrap_or((&said, "Correct the transaction or text."));
        let hint = capital(hint);
        let code = rejected.code();
        Self {
            kind: urn(code),
            title: "The payload cannot be signed.".into(),
            status: 422,
            detail: detail.into(),
            code: code.into(),
            hint: hint.into(),
            signer: None,
        }
    }

    /// The same with the signer that it is about.
    #[must_use]
    pub fn at(self, signer: SignerId) -> Self {
        Self { signer: Some(signer.get()), ..self }
    }

    /// The same with more to say.
    #[must_use]
    pub fn because(self, detail: impl Into<Box<str>>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Whether this is the problem of `code`.
    #[must_use]
    pub fn is(&self, code: HostCode) -> bool {
        self.code == code.code()
    }

    fn new(code: &'static str, status: u16, title: &'static str, hint: &'static str, detail: Box<str>) -> Self {
        Self {
            kind: urn(code),
            title: title.into(),
            status,
            detail,
            code: code.into(),
            hint: hint.into(),
            signer: None,
        }
    }
}

fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn urn(code: &str) -> Box<str> {
    format!("urn:cloister:problem:{code}").into()
}

fn refusal_status(refusal: Refusal) -> u16 {
    use Refusal as R;
    match refusal {
        R::Malformed | R::LifeTooLong | R::NotYetValid => 400,
        R::RequestSignature | R::RequesterUnknown => 401,
        R::NotEndorsed
        | R::ChainNotAllowed
        | R::ChainIdNotAllowed
        | R::DomainNotAllowed
        | R::ForeignInputs
        | R::NoRule
        | R::EffectsNotAllowed
        | R::AmountNotAllowed
        | R::FeeNotAllowed
        | R::OutsideHours
        | R::DeniedByRule
        | R::SwitchClosed
        | R::ApprovalInvalid
        | R::CreationNotAllowed
        | R::DelegationInvalid
        | R::DelegationExceeded
        | R::TenantMismatch => 403,
        R::UnknownSigner | R::KeyUnknown | R::CeremonyUnknown | R::RecoveryUnknown => 404,
        R::WrongPhase
        | R::StaleIncarnation
        | R::StartExpired
        | R::WrongGenesis
        | R::KeyNameTaken
        | R::RequestIdReused
        | R::RequestCertified
        | R::PolicyMismatch
        | R::ApprovalsMissing
        | R::RecoveryInvalid
        | R::RecoveryWaiting
        | R::DelayRunning
        | R::NotRostered => 409,
        R::Expired | R::BeforeStart | R::Withdrawn | R::RecoveryCancelled => 410,
        R::ManifestInvalid
        | R::WrongGroup
        | R::SchemeMismatch
        | R::PathNotSupported
        | R::PathInvalid
        | R::PurposeMismatch
        | R::PayloadRejected
        | R::AmountTooLarge
        | R::PolicyIncoherent
        | R::NotShown
        | R::TooManyEffects
        | R::ThresholdTooHigh => 422,
        R::RetriesExhausted | R::RequesterBusy | R::LimitReached => 429,
        R::AttestationRejected
        | R::ChannelFailed
        | R::BlobForeign
        | R::BlobForged
        | R::UnwrapFailed
        | R::CertificateInvalid
        | R::CeremonyFailed
        | R::EchoMismatch
        | R::CommitmentUnknown
        | R::PackageInvalid
        | R::PairBarred => 502,
        R::Halted | R::Busy | R::PoolFull | R::PairMissing => 503,
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_codes_of_signers_and_hosts_are_equal() {
        let signers = Refusal::ALL.iter().map(|refusal| refusal.code());
        let all: Vec<_> = signers.chain(HostCode::ALL.iter().map(|code| code.code())).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn a_problem_reads_back_from_its_json() {
        let problem = Problem::refused(Refusal::KeyUnknown).at(SignerId::try_from(2).unwrap());
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
        assert!(json.contains(r#""code":"key_unknown""#) && json.contains(r#""signer":2"#), "{json}");
    }

    #[test]
    fn a_rejected_payload_keeps_its_own_code_and_says_what_to_do() {
        let rejected = cloister_chains::bitcoin::Psbt::parse(b"not a psbt").unwrap_err();
        let problem = Problem::payload(&rejected);
        assert_eq!(problem.code, "psbt_bad_magic");
        assert!(!problem.hint.is_empty());
    }

    #[test]
    fn a_refusal_says_once_what_happened_and_once_what_to_do() {
        for problem in Refusal::ALL.iter().map(|refusal| Problem::refused(*refusal)) {
            assert!(!problem.hint.is_empty() && !problem.detail.contains(problem.hint.as_ref()), "{problem:?}");
            assert!(problem.detail.starts_with(problem.title.as_ref()) && !problem.title.contains("; "), "{problem:?}");
        }
    }

    #[test]
    fn a_busy_host_says_when_to_come_back() {
        let response = Problem::host(HostCode::Overloaded, "full").into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn the_documentation_lists_every_code() {
        let documented = include_str!("../../docs/api.md");
        let rows = Refusal::ALL.iter().map(|refusal| (refusal.code(), refusal_status(*refusal)));
        for (code, status) in rows.chain(HostCode::ALL.iter().map(|code| (code.code(), code.status()))) {
            assert!(
                documented.contains(&format!("| `{code}` | {status} |")),
                "docs/api.md lacks `{code}` with {status}"
            );
        }
    }
}
