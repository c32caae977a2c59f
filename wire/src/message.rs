//! What a host asks a signer, and what it answers.
//!
//! The signer never calls out. Whatever it wants from elsewhere comes as part of a reply: envelopes for other signers in the
//! [`Reply::outbox`], and data keys to be opened by KMS as [`Body::Unwrap`]. The host delivers the answers in later requests.

use minicbor::{Decode, Decoder, Encode, decode};

use crate::{
    approval::Approval,
    blob::{SealedBlob, Wrap},
    bounded::{Bytes, List},
    certificate::{Certificate, CertificateBody, CertificateSignature},
    codec,
    delegation::Delegation,
    endorsement::Endorsed,
    identity::Introduction,
    ids::{BootId, CeremonyId, Hash, Incarnation, KeyId, Nonce, PolicyVersion, Sequence, SignerId, UnixMillis},
    limits,
    manifest::Manifest,
    order::StartOrder,
    peer::{Envelope, PeerFrame},
    policy::Policy,
    receipt::Receipt,
    recovery::{Canceller, Recovery},
    refusal::Refusal,
    request::Requested,
    review::Review,
    signature::Signature,
    switch::{Closing, Opening},
    tag::Tag,
};

/// A host's request. Every one is answered by one [`Reply`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Phase, policy and receipt chain, signed over `nonce`. Any phase.
    #[n(0)]
    Status {
        /// The caller's challenge.
        #[n(0)]
        nonce: Nonce,
    },
    /// Measures the manifest and the signer's number. Once, first of all.
    #[n(1)]
    Configure {
        /// Signed by the operator quorum.
        #[n(0)]
        manifest: Endorsed<Manifest>,
        /// Which signer this boot is to be.
        #[n(1)]
        signer: SignerId,
    },
    /// The boot statement with a fresh attestation document over `nonce`.
    #[n(2)]
    Attest {
        /// The caller's challenge.
        #[n(0)]
        nonce: Bytes<{ limits::NONCE }>,
    },
    /// Names the boots that take part, and the policy.
    #[n(3)]
    Start {
        /// Signed by the operator quorum.
        #[n(0)]
        order: Endorsed<StartOrder>,
        /// The policy that the order names.
        #[n(1)]
        policy: Endorsed<Policy>,
    },
    /// The nonce that peers' attestation documents have to carry.
    #[n(4)]
    Challenge,
    /// Introduces a peer: its statement and a document over this signer's challenge.
    #[n(5)]
    Introduce {
        /// The peer's answer to `Attest`.
        #[n(0)]
        peer: Introduction,
    },
    /// At genesis, once all peers are introduced: seals the signer key.
    #[n(6)]
    SealSignerKey,
    /// Presents a stored blob: to be opened, or to be read back after it was sealed.
    #[n(7)]
    Present {
        /// As it was stored.
        #[n(0)]
        blob: SealedBlob,
        /// For a share that is to be opened: its key's certificate.
        #[n(1)]
        certificate: Option<Certificate>,
    },
    /// KMS's answers to [`Body::Unwrap`], in the order of its wraps; `None` where KMS gave none.
    #[n(8)]
    Unwrapped {
        /// From [`Body::Unwrap`].
        #[n(0)]
        ticket: u64,
        /// `CiphertextForRecipient` of each.
        #[n(1)]
        envelopes: List<Option<Bytes<{ limits::ENVELOPE }>>, { limits::KMS_KEYS }>,
    },
    /// Puts the next policy version into force.
    #[n(9)]
    ApplyPolicy {
        /// Signed by the operator quorum.
        #[n(0)]
        policy: Endorsed<Policy>,
    },
    /// Begins a key generation: the signer checks the request and gives its nonce.
    #[n(10)]
    OpenKeygen {
        /// A [`crate::request::KeyRequest`].
        #[n(0)]
        request: Requested,
    },
    /// Goes on once every signer's nonce is known: round 1 leaves by the outbox.
    #[n(11)]
    StartKeygen {
        /// This signer's own nonce says which generation is meant.
        #[n(0)]
        nonces: List<Contribution, { limits::SIGNERS }>,
    },
    /// Delivers what another signer's outbox held.
    #[n(12)]
    Deliver {
        /// Who sent it, as the host says; the channel proves it.
        #[n(0)]
        from: SignerId,
        /// The frame.
        #[n(1)]
        frame: PeerFrame,
    },
    /// How far a key generation is.
    #[n(13)]
    Keygen {
        /// The ceremony.
        #[n(0)]
        ceremony: CeremonyId,
    },
    /// Gives up a key generation or presigning that cannot end.
    #[n(14)]
    Abandon {
        /// This signer's nonce in it.
        #[n(0)]
        nonce: Nonce,
    },
    /// The complete certificate: makes the new key usable.
    #[n(15)]
    Certify {
        /// Signed by every signer of the ceremony.
        #[n(0)]
        certificate: Certificate,
    },
    /// Fresh commitments for later signatures.
    #[n(16)]
    Commit {
        /// The key.
        #[n(0)]
        key: KeyId,
        /// How many; at most [`limits::COMMITMENTS`].
        #[n(1)]
        count: u16,
    },
    /// Signature shares for a batch of requests, each decided by itself.
    #[n(17)]
    Sign {
        /// The requests.
        #[n(0)]
        items: List<SignItem, { limits::BATCH }>,
    },
    /// Begins to make presignatures of an ECDSA key: the signer gives its nonce.
    #[n(18)]
    OpenPresigning {
        /// The key.
        #[n(0)]
        key: KeyId,
        /// The child that they are for; empty for the key itself.
        #[n(1)]
        path: List<u32, { limits::PATH }>,
        /// Who will sign with them: rising, as many as the threshold.
        #[n(2)]
        signers: List<SignerId, { limits::SIGNERS }>,
        /// How many; at most [`limits::PRESIGNING_BATCH`].
        #[n(3)]
        count: u16,
    },
    /// Goes on once the nonce of each of these signers is known: round 1 leaves by the outbox.
    #[n(19)]
    StartPresigning {
        /// This signer's own nonce says which presigning is meant.
        #[n(0)]
        nonces: List<Contribution, { limits::SIGNERS }>,
    },
    /// How far a presigning is.
    #[n(20)]
    Presigning {
        /// The ceremony.
        #[n(0)]
        ceremony: CeremonyId,
    },
    /// Has this signer and a peer set up for ECDSA, if this signer has no set-up with it: what it sends leaves by the outbox.
    #[n(21)]
    Pair {
        /// The other one.
        #[n(0)]
        peer: SignerId,
    },
    /// What the signer makes of a request, which it does not sign yet. With it, a delay that the policy asks for begins.
    #[n(22)]
    Review {
        /// A [`crate::request::SignRequest`].
        #[n(0)]
        request: Requested,
        /// What members have said of it so far.
        #[n(1)]
        approvals: List<Approval, { limits::APPROVALS }>,
    },
    /// Has a request never be signed by this boot.
    #[n(23)]
    Withdraw {
        /// A [`crate::request::SignRequest`].
        #[n(0)]
        request: Requested,
        /// By its requester, or by a member of the set that is to approve it.
        #[n(1)]
        withdrawal: Approval,
    },
    /// Closes a kill switch.
    #[n(24)]
    Close {
        /// Signed by an operator or more.
        #[n(0)]
        closing: Endorsed<Closing>,
    },
    /// Lifts kill switches.
    #[n(25)]
    Open {
        /// Signed by the quorum.
        #[n(0)]
        opening: Endorsed<Opening>,
    },
    /// Begins a recovery: the member gets the new credential once the guardians' delay is over.
    #[n(26)]
    Recover {
        /// The recovery.
        #[n(0)]
        recovery: Recovery,
        /// By guardians of the member.
        #[n(1)]
        approvals: List<Approval, { limits::APPROVALS }>,
    },
    /// Ends a recovery that waits, and has one that has not begun never begin.
    #[n(27)]
    CancelRecovery {
        /// All of it, so that a signer that missed it refuses it from then on.
        #[n(0)]
        recovery: Recovery,
        /// Who cancels it.
        #[n(1)]
        by: Canceller,
    },
    /// Ends a session key before its time.
    #[n(28)]
    Revoke {
        /// What the member had delegated.
        #[n(0)]
        delegation: Delegation,
        /// The member's withdrawal of it: its hash stands in the place of a request's.
        #[n(1)]
        withdrawal: Approval,
    },
}

/// One signer's nonce towards a ceremony id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Contribution {
    /// The signer.
    #[n(0)]
    pub signer: SignerId,
    /// Its nonce, from [`Body::CeremonyNonce`].
    #[n(1)]
    pub nonce: Nonce,
}

/// One request of a batch, with the commitments that its signatures are to use.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignItem {
    /// A [`crate::request::SignRequest`].
    #[n(0)]
    pub request: Requested,
    /// One package for each digest of the payload, in order.
    #[n(1)]
    pub packages: List<Package, { limits::DIGESTS }>,
    /// By distinct members, where the policy asks for approvals.
    #[n(2)]
    pub approvals: List<Approval, { limits::APPROVALS }>,
}

impl CeremonyId {
    /// The id of the presignature that this ceremony makes as its `number`th, from 0.
    #[must_use]
    pub fn presignature(&self, number: u16) -> Hash {
        Tag::PRESIGNATURE.hash(&codec::encode(&(self, number)))
    }
}

/// The commitments of one signature, by rising signer id. For ECDSA, all of them are the id of one presignature.
pub type Package = List<SignerCommitment, { limits::SIGNERS }>;

/// One signer's commitment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignerCommitment {
    /// The signer.
    #[n(0)]
    pub signer: SignerId,
    /// As the FROST library serialises `SigningCommitments`; for ECDSA [`CeremonyId::presignature`]: [`limits::COMMITMENT_LEAST`] bytes at least.
    #[n(1)]
    #[cbor(decode_with = "long_enough")]
    pub commitment: Bytes<{ limits::COMMITMENT }>,
}

/// A batch may have two million of them. Those that are too short to be one would be far longer in memory than on the wire.
fn long_enough<C>(d: &mut Decoder<'_>, context: &mut C) -> Result<Bytes<{ limits::COMMITMENT }>, decode::Error> {
    let commitment = Bytes::decode(d, context)?;
    if commitment.as_slice().len() < limits::COMMITMENT_LEAST {
        return Err(decode::Error::message("commitment too short"));
    }
    Ok(commitment)
}

/// A signer's answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Reply {
    /// What was asked for, or why not.
    #[n(0)]
    pub outcome: Outcome,
    /// Messages that the host is to deliver to other signers.
    #[n(1)]
    pub outbox: List<Envelope, { limits::OUTBOX }>,
    /// Of what this request did; the host stores it before it uses the answer.
    #[n(2)]
    pub receipt: Option<Receipt>,
}

/// Whether a request was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Outcome {
    /// It was.
    #[n(0)]
    Done(#[n(0)] Body),
    /// It was not.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// What a request that was carried out brings.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Body {
    /// Nothing more to say.
    #[n(0)]
    Nothing,
    /// To `Status`.
    #[n(1)]
    Status(#[n(0)] SignedStatus),
    /// To `Attest`.
    #[n(2)]
    Introduction(#[n(0)] Introduction),
    /// To `Challenge`.
    #[n(3)]
    Challenge(#[n(0)] Nonce),
    /// To `SealSignerKey`: store it, then present it.
    #[n(4)]
    Sealed(#[n(0)] SealedBlob),
    /// To `Present`: have KMS decrypt these, with the document as `Recipient`. To open a blob, one answer is enough; to read one back,
    /// all are needed.
    #[n(5)]
    Unwrap {
        /// Names this unwrapping in `Unwrapped`.
        #[n(0)]
        ticket: u64,
        /// KMS `Recipient.AttestationDocument`.
        #[n(1)]
        document: Bytes<{ limits::DOCUMENT }>,
        /// KMS `CiphertextBlob` and `KeyId` of each.
        #[n(2)]
        wraps: List<Wrap, { limits::KMS_KEYS }>,
    },
    /// To `Unwrapped`, when a new share was read back through every KMS key.
    #[n(6)]
    Certified(#[n(0)] CertificateSignature),
    /// To `OpenKeygen` and `OpenPresigning`.
    #[n(7)]
    CeremonyNonce(#[n(0)] Nonce),
    /// To `StartKeygen` and `StartPresigning`.
    #[n(8)]
    CeremonyStarted(#[n(0)] CeremonyId),
    /// To `Keygen`.
    #[n(9)]
    Keygen(#[n(0)] KeygenState),
    /// To `Commit`: serialised `SigningCommitments`.
    #[n(10)]
    Commitments(#[n(0)] List<Bytes<{ limits::COMMITMENT }>, { limits::COMMITMENTS }>),
    /// To `Sign`: one for each item, in order.
    #[n(11)]
    Signed(#[n(0)] List<SignOutcome, { limits::BATCH }>),
    /// To `Presigning`.
    #[n(12)]
    Presigning(#[n(0)] PresigningState),
    /// To `Review`.
    #[n(13)]
    Review(#[n(0)] Review),
}

/// How far a key generation is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum KeygenState {
    /// Messages of others are missing.
    #[n(0)]
    Running,
    /// The share is made and sealed: store the blob, present it, collect the certificate's signatures.
    #[n(1)]
    Sealed {
        /// The share.
        #[n(0)]
        blob: SealedBlob,
        /// The certificate to be signed.
        #[n(1)]
        certificate: CertificateBody,
    },
    /// A check failed; nothing was kept.
    #[n(2)]
    Failed {
        /// What failed.
        #[n(0)]
        refusal: Refusal,
        /// The signer whose message it was, where that is certain.
        #[n(1)]
        culprit: Option<SignerId>,
    },
}

/// How far a presigning is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum PresigningState {
    /// Messages of others are missing.
    #[n(0)]
    Running,
    /// The presignatures are in the signer's pool, by their ids.
    #[n(1)]
    Made,
    /// A check failed; nothing was kept.
    #[n(2)]
    Failed {
        /// What failed.
        #[n(0)]
        refusal: Refusal,
        /// The signer whose message it was, where that is certain.
        #[n(1)]
        culprit: Option<SignerId>,
        /// The peer that this boot will not sign with again.
        #[n(2)]
        barred: Option<SignerId>,
        /// The peers that may have sent what failed, where it is not certain who did.
        #[n(3)]
        suspects: List<SignerId, { limits::ECDSA_SIGNERS }>,
    },
}

/// One item's outcome.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SignOutcome {
    /// A signature share for each digest, as the FROST library serialises it; for ECDSA `R ‖ u ‖ w`: 33 bytes SEC1, twice 32 bytes.
    #[n(0)]
    Released(#[n(0)] List<Bytes<{ limits::COMMITMENT }>, { limits::DIGESTS }>),
    /// No share.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// A status with the boot identity's signature over its tagged hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignedStatus {
    /// Canonical encoding of a [`StatusBody`].
    #[n(0)]
    pub body: Bytes<512>,
    /// Over the tagged hash of the body.
    #[n(1)]
    pub signature: Signature,
}

/// Where a signer stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StatusBody {
    /// The caller's challenge.
    #[n(0)]
    pub nonce: Nonce,
    /// The boot.
    #[n(1)]
    pub boot: BootId,
    /// Its phase.
    #[n(2)]
    pub phase: Phase,
    /// Its number, once configured.
    #[n(3)]
    pub signer: Option<SignerId>,
    /// Its manifest, once configured.
    #[n(4)]
    pub manifest: Option<Hash>,
    /// The start order in force.
    #[n(5)]
    pub incarnation: Option<Incarnation>,
    /// The policy in force.
    #[n(6)]
    pub policy: Option<PolicyVersion>,
    /// How many receipts it has made.
    #[n(7)]
    pub receipts: Sequence,
    /// Hash of the last receipt.
    #[n(8)]
    pub head: Option<Hash>,
    /// Its clock.
    #[n(9)]
    pub at: UnixMillis,
    /// Keys whose shares are loaded.
    #[n(10)]
    pub keys: u16,
    /// Hash of the policy in force: two signers at one version agree only if it is the same.
    #[n(11)]
    pub policy_hash: Option<Hash>,
}

/// Where in its life a boot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Phase {
    /// Fresh: no manifest.
    #[n(0)]
    Blank,
    /// Manifest and signer number are measured.
    #[n(1)]
    Measured,
    /// Genesis: the signer key is made, peers are being introduced and the key sealed.
    #[n(2)]
    Founding,
    /// A restart: the signer key is to be opened.
    #[n(3)]
    Reopening,
    /// Keys can be made, opened and used.
    #[n(4)]
    Active,
    /// Stopped for good.
    #[n(5)]
    Halted,
}

impl Phase {
    /// The phase's stable name, as every interface shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Blank => "blank",
            Phase::Measured => "measured",
            Phase::Founding => "founding",
            Phase::Reopening => "reopening",
            Phase::Active => "active",
            Phase::Halted => "halted",
        }
    }
}
