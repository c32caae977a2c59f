//! What the service answers when it refuses: AWS JSON 1.1 error bodies.

use std::fmt;

/// A refusal, as its caller sees it: an exception name, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Fault {
    kind: FaultKind,
    message: String,
}

impl Fault {
    /// A refusal of this kind, with the sentence for its caller.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Which exception this is.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// The body that AWS JSON 1.1 clients parse.
    pub(crate) fn body(&self) -> serde_json::Value {
        serde_json::json!({ "__type": self.kind.name(), "message": self.message })
    }
}

/// A `ValidationException`, by far the most frequent refusal.
pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Validation, message)
}

/// The exceptions that this service raises. Names are those of the KMS API reference ("Common Errors" and the
/// errors of each operation); where JSON services differ from the older query protocol (`SignatureDoesNotMatch`), the
/// name that KMS sends over JSON is used (`InvalidSignatureException`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The key policy does not allow this call, or denies it.
    AccessDenied,
    /// The key is disabled.
    Disabled,
    /// The `Authorization` header lacks a part, or cannot be read.
    IncompleteSignature,
    /// The ciphertext belongs to another key than the one named.
    IncorrectKey,
    /// The ciphertext does not open.
    InvalidCiphertext,
    /// The algorithm does not fit the key.
    InvalidKeyUsage,
    /// The pagination marker names nothing.
    InvalidMarker,
    /// The signature does not match, has expired, or is scoped to something else.
    InvalidSignature,
    /// The service failed.
    Internal,
    /// The key waits for its deletion.
    InvalidState,
    /// The policy cannot be read, or would lock its author out.
    MalformedPolicy,
    /// The request is not signed.
    MissingAuthenticationToken,
    /// There is no such key.
    NotFound,
    /// The body is longer than the service reads.
    RequestTooLarge,
    /// The body is not JSON.
    Serialization,
    /// No such operation is provided.
    UnknownOperation,
    /// The access key id is not known.
    UnrecognizedClient,
    /// KMS has it, this stand-in refuses it.
    UnsupportedOperation,
    /// A parameter is missing, unknown, or out of range.
    Validation,
}

impl FaultKind {
    /// The name on the wire (`__type`).
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::Disabled => "DisabledException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::IncorrectKey => "IncorrectKeyException",
            Self::InvalidCiphertext => "InvalidCiphertextException",
            Self::InvalidKeyUsage => "InvalidKeyUsageException",
            Self::InvalidMarker => "InvalidMarkerException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::Internal => "KMSInternalException",
            Self::InvalidState => "KMSInvalidStateException",
            Self::MalformedPolicy => "MalformedPolicyDocumentException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::NotFound => "NotFoundException",
            Self::RequestTooLarge => "RequestEntityTooLargeException",
            Self::Serialization => "SerializationException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::UnsupportedOperation => "UnsupportedOperationException",
            Self::Validation => "ValidationException",
        }
    }

    /// The HTTP status that goes with it.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Internal => 500,
            Self::RequestTooLarge => 413,
            _ => 400,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
