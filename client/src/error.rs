//! Everything that can go wrong for a client, by who is to blame.

use cloister_attestation::Rejected;
use cloister_chains::cosmos;
use cloister_wire::{
    bounded::TooLong,
    codec::DecodeError,
    endorsement::NotEndorsed,
    ids::{Hash, SignerId},
    manifest::ManifestError,
    refusal::Refusal,
};

use crate::{
    authorization_json::NotAnAuthorization, boot::BootRejected, key::CertificateRejected, operator::PlanError,
    problem::Problem, signature::SignatureRejected, signed::is_about_tables, transaction_json::NotATransaction,
    typed_data::NotTypedData, user_operation_json::NotAUserOperation,
};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error("{0} is no address of a host; give one such as http://127.0.0.1:8080")]
    Address(String),
    /// No connection, or it broke off.
    #[error("the host at {url} cannot be reached: {reason}")]
    Unreachable {
        /// The host.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// The host took the request, and has not answered in time.
    #[error("the host at {url} has not answered within {seconds} seconds")]
    NoAnswer {
        /// The host.
        url: String,
        /// How long it had.
        seconds: u64,
    },
    /// The host or a signer says no.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The host's answer is not what the API says.
    #[error("the host's answer is not what its API promises: {0}")]
    Unintelligible(&'static str),
    /// Bytes in an answer or a file are not the document that they should be.
    #[error("the {what} cannot be read: {why}")]
    Unreadable {
        /// Which document.
        what: &'static str,
        /// What is wrong.
        why: DecodeError,
    },
    /// The group is not the pinned one.
    #[error("the host serves manifest {found}, and {pinned} is pinned: this is another group")]
    WrongManifest {
        /// What was demanded.
        pinned: Hash,
        /// What the host has.
        found: Hash,
    },
    /// The manifest describes no group.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// An operator-signed document lacks its quorum.
    #[error("the {what} does not count: {why}")]
    NotEndorsed {
        /// Which document.
        what: &'static str,
        /// Why.
        why: NotEndorsed,
    },
    /// A signer did not show that it is what it should be.
    #[error("signer {signer} is not trusted: {why}")]
    Boot {
        /// The signer.
        signer: SignerId,
        /// What was wrong.
        why: BootRejected,
    },
    /// Fewer signers than the threshold proved who they are.
    #[error("{proved} signers are attested and started, and {needed} have to be")]
    TooFewSigners {
        /// How many did.
        proved: usize,
        /// *t*.
        needed: u16,
    },
    /// A key's certificate does not hold.
    #[error("the key's certificate is not valid: {0}")]
    Certificate(#[from] CertificateRejected),
    /// A signature that came back is not what was asked for.
    #[error("what came back is not the signature that was asked for: {0}")]
    Signature(#[from] SignatureRejected),
    /// The payload cannot be signed by anybody.
    #[error("{0}")]
    Payload(#[from] cloister_chains::Rejected),
    /// The key's scheme cannot sign for the chain.
    #[error("a key of this scheme cannot sign for this chain")]
    SchemeMismatch,
    /// A path that no signer takes.
    #[error("the path has {length} steps, and {max} are the most")]
    PathTooLong {
        /// How many it has.
        length: usize,
        /// How many it may have.
        max: usize,
    },
    /// The key's scheme has no children.
    #[error("keys of this scheme have no child keys, and no extended public key")]
    PathNotSupported,
    /// A document that is no authorisation.
    #[error(transparent)]
    Authorization(#[from] NotAnAuthorization),
    /// A document that is no user operation.
    #[error(transparent)]
    UserOperation(#[from] NotAUserOperation),
    /// A document that is not typed data.
    #[error(transparent)]
    TypedData(#[from] NotTypedData),
    /// A JSON document that is no transaction.
    #[error(transparent)]
    Transaction(#[from] NotATransaction),
    /// No such key.
    #[error("the group has no key {0}")]
    NoSuchKey(String),
    /// Larger than a document may be.
    #[error("the {what} is too large: {why}")]
    TooLarge {
        /// Which document.
        what: &'static str,
        /// By how much.
        why: TooLong,
    },
    /// An operator's plan that cannot be carried out.
    #[error("{0}")]
    Plan(#[from] PlanError),
    /// A key file cannot be used.
    #[error("{path}: {reason}")]
    SecretFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A new file would take the place of another.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: String,
    },
    /// What signers would refuse, found before they are asked.
    #[error("{0}")]
    Refused(Refusal),
    /// A signer shows another text for a request than its bytes give.
    #[error("signer {0} shows something else than what the request says")]
    Disagreement(SignerId),
    /// Signers do not say by which policy they judge a request, or by different ones.
    #[error("the signers that answer do not judge the request by one policy")]
    NoReview,
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    NoRandomness,
}

/// Who has to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller: what it asked cannot be asked.
    Request,
    /// The group said no.
    Refused,
    /// Something did not verify: do not go on.
    Verification,
    /// This machine, the network or the host.
    Surroundings,
}

impl Error {
    /// Whether another host may answer what this one did not.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoAnswer { .. })
    }

    /// The stable code, in snake case.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Address(_) => "address_invalid",
            Self::Unreachable { .. } => "host_unreachable",
            Self::NoAnswer { .. } => "host_no_answer",
            Self::Problem(problem) => &problem.code,
            Self::Unintelligible(_) => "host_unintelligible",
            Self::Unreadable { .. } => "document_unreadable",
            Self::WrongManifest { .. } => "manifest_not_pinned",
            Self::Manifest(_) => "manifest_invalid",
            Self::NotEndorsed { .. } => "not_endorsed",
            Self::Boot { why, .. } => why.code(),
            Self::TooFewSigners { .. } => "not_enough_signers_attested",
            Self::Certificate(_) => "certificate_invalid",
            Self::Signature(_) => "signature_invalid",
            Self::Payload(why) => why.code(),
            Self::SchemeMismatch => "scheme_mismatch",
            Self::PathTooLong { .. } => "derivation_too_many_steps",
            Self::PathNotSupported => "path_not_supported",
            Self::TypedData(why) => why.code(),
            Self::Authorization(why) => why.code(),
            Self::UserOperation(why) => why.code(),
            Self::Transaction(why) => why.code(),
            Self::NoSuchKey(_) => "key_unknown",
            Self::TooLarge { .. } => "document_too_large",
            Self::Plan(why) => plan_code(why),
            Self::SecretFile { .. } => "key_file",
            Self::Exists { .. } => "exists",
            Self::Refused(refusal) => refusal.code(),
            Self::Disagreement(_) => "review_differs",
            Self::NoReview => "review_missing",
            Self::NoRandomness => "no_randomness",
        }
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub fn hint(&self) -> &str {
        match self {
            Self::Address(_) => "Check the URL.",
            Self::Unreachable { .. } => {
                "Check that the host runs and that the URL is right; `cloister sim up` prints it."
            }
            Self::NoAnswer { .. } => {
                "The host may still be at work: look at `cloister status`, and for a key at `cloister key list`; then try again."
            }
            Self::Problem(problem) if problem.hint.is_empty() => "Look the code up in the documentation.",
            Self::Problem(problem) => &problem.hint,
            Self::Unintelligible(_) => "Check that the URL is a Cloister host of this version.",
            Self::Unreadable { .. } => "Get the document again, unaltered.",
            Self::WrongManifest { .. } => {
                "Ask the operators for the group's manifest hash; if yours is right, do not use this host."
            }
            Self::Manifest(_) => "Correct the manifest and have it signed again.",
            Self::NotEndorsed { .. } => "Collect the operators' signatures; every one of them has to be good.",
            Self::Boot { .. } => {
                "Do not use this signer; find out which image it runs, with which manifest, and restart it."
            }
            Self::TooFewSigners { .. } => {
                "Start the missing signers, or have the operators issue a start order for those that were restarted."
            }
            Self::Certificate(_) => "Do not use this key; get its certificate from another host or from an archive.",
            Self::Signature(_) => "Do not use the signature; ask another host of the group.",
            Self::Payload(cloister_chains::Rejected::Derivation(_)) => {
                "Give a path such as m/0/5: steps below 2147483648, none of them hardened."
            }
            Self::Payload(cloister_chains::Rejected::Cosmos(cosmos::Unsignable::BadPrefix)) => {
                "Give what the chain writes in front of its addresses, such as cosmos or osmo."
            }
            Self::Payload(why) if is_about_tables(why) => {
                "Have the tenant's policy pin what the table holds: `tables` in the file of `cloister policy show`."
            }
            Self::Payload(_) => "Correct the transaction or text.",
            Self::SchemeMismatch => {
                "Use an ed25519 key for Solana, secp256k1-taproot or -ecdsa for Bitcoin, secp256k1-ecdsa for Ethereum and Cosmos."
            }
            Self::PathTooLong { .. } => "Choose a child that is nearer to its key.",
            Self::PathNotSupported => {
                "Leave the path out and make a key for each account, or use a secp256k1-taproot or secp256k1-ecdsa key."
            }
            Self::TypedData(_) => "Give the JSON that eth_signTypedData_v4 takes: types, primaryType, domain, message.",
            Self::Authorization(_) => "Give JSON with chainId (0 for every chain), address (the contract) and nonce.",
            Self::UserOperation(_) => {
                "Give JSON with userOperation (of version 0.7, packed or not), entryPoint and chainId; eip7702Auth is signed apart."
            }
            Self::Transaction(_) => "Give the JSON that eth_signTransaction takes, with chainId, nonce, gas and fees.",
            Self::NoSuchKey(_) => "List the keys and check the name; another tenant's keys do not show.",
            Self::TooLarge { .. } => "Make it smaller.",
            Self::Plan(PlanError::NotAnOperator(_)) => "Give the key file of an operator of this manifest.",
            Self::Plan(PlanError::SignedAlready(_)) => "Have another operator sign; this signature is in place.",
            Self::Plan(PlanError::NotAllowed(_)) => {
                "See what is allowed, and name exactly that: cloister requester list"
            }
            Self::Plan(PlanError::UnknownRequester(_)) => "See who there is: cloister requester list",
            Self::Plan(PlanError::RequesterTaken(_)) => "Choose another name, or remove the requester first.",
            Self::Plan(PlanError::QuorumBroken { .. }) => {
                "Put somebody else into the set first, or change the rule: cloister policy apply"
            }
            Self::Plan(PlanError::NotAGrant(_)) => {
                "Change the rule in a policy file: cloister policy show, cloister policy apply"
            }
            Self::Plan(PlanError::NoGuardians(_)) => {
                "Have the operators replace the credential in the policy: cloister policy show, cloister policy apply"
            }
            Self::Plan(PlanError::NotAGuardian { .. }) => "See who is: cloister policy show",
            Self::Plan(PlanError::CredentialInForce(_)) => "Give the member's new key or passkey.",
            Self::Plan(PlanError::Incoherent(_)) => {
                "Correct what it names; cloister policy check reads a file without a group."
            }
            Self::Plan(_) => "Correct the input and try again.",
            Self::SecretFile { .. } => "Check the path, its owner and its permissions (0600).",
            Self::Exists { .. } => "Choose another name: what is there is never overwritten.",
            Self::Refused(_) => "Correct the request.",
            Self::Disagreement(_) => {
                "Approve nothing: this program and that signer are not of the same release, or one of them is not what it should be."
            }
            Self::NoReview => "Have the policy put into force at every signer, and look at `cloister status`.",
            Self::NoRandomness => "Repair this machine first.",
        }
    }

    /// Who has to do something about it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Address(_)
            | Self::Payload(_)
            | Self::SchemeMismatch
            | Self::PathTooLong { .. }
            | Self::PathNotSupported
            | Self::TypedData(_)
            | Self::Authorization(_)
            | Self::UserOperation(_)
            | Self::Transaction(_)
            | Self::NoSuchKey(_)
            | Self::TooLarge { .. }
            | Self::Exists { .. }
            | Self::Refused(_)
            | Self::Plan(_) => Blame::Request,
            Self::Problem(problem) if problem.status >= SERVER_ERROR => Blame::Surroundings,
            Self::Problem(_) => Blame::Refused,
            Self::WrongManifest { .. }
            | Self::Manifest(_)
            | Self::NotEndorsed { .. }
            | Self::Boot { .. }
            | Self::Certificate(_)
            | Self::Disagreement(_)
            | Self::Signature(_) => Blame::Verification,
            Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Unintelligible(_)
            | Self::Unreadable { .. }
            | Self::TooFewSigners { .. }
            | Self::NoReview
            | Self::SecretFile { .. }
            | Self::NoRandomness => Blame::Surroundings,
        }
    }
}

/// What stands in the way of a signature or a policy has names of its own.
fn plan_code(why: &PlanError) -> &'static str {
    match why {
        PlanError::NotAnOperator(_) => "not_an_operator",
        PlanError::SignedAlready(_) => "signed_already",
        PlanError::UnknownRequester(_) => "unknown_requester",
        PlanError::NotAllowed(_) => "not_allowed",
        PlanError::RequesterTaken(_) => "requester_taken",
        PlanError::QuorumBroken { .. } => "quorum_broken",
        PlanError::NotAGrant(_) => "not_a_grant",
        PlanError::Incoherent(_) => "policy_incoherent",
        PlanError::NoGuardians(_) => "no_guardians",
        PlanError::NotAGuardian { .. } => "not_a_guardian",
        PlanError::CredentialInForce(_) => "credential_in_force",
        _ => "plan_invalid",
    }
}

/// The first HTTP status that blames the host: what is below is the request's fault or a refusal.
const SERVER_ERROR: u16 = 500;

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<getrandom::Error> for Error {
    fn from(_: getrandom::Error) -> Self {
        Self::NoRandomness
    }
}

/// Attestation's reasons are part of a boot's.
impl From<Rejected> for BootRejected {
    fn from(why: Rejected) -> Self {
        Self::Document(why)
    }
}
