use crate::PcrIndex;

/// Why an attestation document was refused: one variant for each thing that a caller can do about it.
///
/// It always blames the document or its bearer, never this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not the bytes that a Nitro Secure Module emits. Carries the part that is wrong.
    #[error("this is not an attestation document ({0}): get it again, unaltered, as the enclave sent it")]
    Malformed(&'static str),
    /// The chain begins at another root than the pinned one.
    #[error(
        "the document's certificates begin at another root: check whether it comes from a simulator or from AWS, and pin that root"
    )]
    WrongRoot,
    /// The chain from the pinned root to the document's certificate does not hold. Carries the rule that it breaks.
    #[error("the document's certificate chain is not valid ({0}): do not trust this enclave")]
    UntrustedChain(&'static str),
    /// A certificate of the chain is not valid at the time in question.
    #[error(
        "a certificate of the document is not valid at this time: ask the enclave for a fresh document, or verify this one as an archived one"
    )]
    CertificateNotValidNow,
    /// The signature over the document is wrong.
    #[error("the document's signature is wrong: it was altered or forged")]
    BadSignature,
    /// The document is older than the caller's limit.
    #[error("the document is too old: ask the enclave for a fresh one")]
    Stale,
    /// The document's time is ahead of the caller's by more than the allowed skew.
    #[error("the document's time lies in the future: correct this machine's clock")]
    FromTheFuture,
    /// The nonce is not the caller's.
    #[error("the document does not answer this challenge (nonce differs): ask the enclave again with a new nonce")]
    WrongNonce,
    /// The enclave runs in debug mode, where its operator reads its console and its registers say nothing.
    #[error("the enclave runs in debug mode: start it without --debug-mode")]
    DebugMode,
    /// PCR0, 1 and 2 (and 8 where one is demanded) match no accepted release.
    #[error(
        "the enclave runs an image that is no accepted release: compare its PCR0, 1, 2 and 8 with the releases you accept"
    )]
    WrongRelease,
    /// A demanded register is absent or has another value.
    #[error("{0} is not the expected one: the enclave was started with another manifest, signer id or role")]
    WrongPcr(PcrIndex),
    /// `user_data` is not what the caller expects.
    #[error("the document attests other data than its bearer claims")]
    WrongUserData,
}

impl Rejected {
    /// The stable name of this reason, for machines.
    pub fn code(self) -> &'static str {
        match self {
            Rejected::Malformed(_) => "attestation_malformed",
            Rejected::WrongRoot => "attestation_wrong_root",
            Rejected::UntrustedChain(_) => "attestation_untrusted_chain",
            Rejected::CertificateNotValidNow => "attestation_certificate_not_valid_now",
            Rejected::BadSignature => "attestation_bad_signature",
            Rejected::Stale => "attestation_stale",
            Rejected::FromTheFuture => "attestation_from_the_future",
            Rejected::WrongNonce => "attestation_wrong_nonce",
            Rejected::DebugMode => "attestation_debug_mode",
            Rejected::WrongRelease => "attestation_wrong_release",
            Rejected::WrongPcr(_) => "attestation_wrong_pcr",
            Rejected::WrongUserData => "attestation_wrong_user_data",
        }
    }
}
