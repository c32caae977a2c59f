//! What members say about a request of somebody else, or take back of their own.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, TooLong},
    codec::{self, DecodeError},
    credential::Proof,
    ids::{GroupId, Hash, Requester, UnixMillis},
    limits,
    signature::Signature,
    tag::Tag,
};

/// One member's word on one request, under one policy: nothing that was approved under an older one counts.
///
/// The request's hash covers all that it says; what people are shown of it follows from the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ApprovalBody {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// Hash of the request.
    #[n(1)]
    pub request: Hash,
    /// Hash of the policy in force.
    #[n(2)]
    pub policy: Hash,
    /// Who says it.
    #[n(3)]
    pub member: Requester,
    /// What.
    #[n(4)]
    pub stance: Stance,
    /// When, by the member's clock; for the record.
    #[n(5)]
    pub at: UnixMillis,
}

/// For or against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Stance {
    /// It may be signed.
    #[n(0)]
    Approve,
    /// It may never be signed: rejected by somebody who was to approve it, or cancelled by its requester.
    #[n(1)]
    Withdraw,
}

/// Exact bytes with the member's signature over them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Approval {
    /// Canonical encoding of an [`ApprovalBody`].
    #[n(0)]
    pub body: Bytes<{ limits::APPROVAL }>,
    /// Over the tagged hash of the body.
    #[n(1)]
    pub proof: Proof,
}

impl Approval {
    /// Encodes and signs it.
    ///
    /// # Errors
    /// None that its fields' bounds allow.
    pub fn sign(body: &ApprovalBody, secret: &SigningKey) -> Result<Self, TooLong> {
        let body: Bytes<_> = codec::encode(body).try_into()?;
        Ok(Self { proof: Proof::Ed25519(Signature::sign(secret, Tag::APPROVAL, body.as_slice())), body })
    }

    /// What the member signs.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Tag::APPROVAL.hash(self.body.as_slice())
    }

    /// What it says, without regard to the signature.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn unverified(&self) -> Result<ApprovalBody, DecodeError> {
        codec::decode(self.body.as_slice())
    }
}
