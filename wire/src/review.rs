//! What a signer makes of a request before it signs anything: what people are shown of it, and what is still missing.

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    codec::{self, DecodeError},
    ids::{BootId, Hash, PolicyVersion, Requester, RuleName, SetName, UnixMillis},
    limits,
    refusal::Refusal,
    signature::Signature,
};

/// One signer's view at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ReviewBody {
    /// The boot that says it.
    #[n(0)]
    pub boot: BootId,
    /// Hash of the request.
    #[n(1)]
    pub request: Hash,
    /// The policy in force.
    #[n(2)]
    pub policy: PolicyVersion,
    /// Hash of it: what approvals name.
    #[n(3)]
    pub policy_hash: Hash,
    /// When.
    #[n(4)]
    pub at: UnixMillis,
    /// What the request does, UTF-8: lines that the same request gives everywhere. Its tagged hash is the effects digest of receipts.
    #[n(5)]
    pub rendering: Bytes<{ limits::RENDERING }>,
    /// The rule that fits.
    #[n(6)]
    pub rule: Option<RuleName>,
    /// What it comes to.
    #[n(7)]
    pub standing: Standing,
}

/// What a request comes to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Standing {
    /// It would be signed now.
    #[n(0)]
    Signable,
    /// It would be refused.
    #[n(1)]
    Refused(#[n(0)] Refusal),
    /// Members have to approve it.
    #[n(2)]
    Waiting {
        /// Of this set.
        #[n(0)]
        set: SetName,
        /// So many.
        #[n(1)]
        needed: u16,
        /// Who has.
        #[n(2)]
        approved: List<Requester, { limits::APPROVALS }>,
        /// When it may be signed, once they have; absent as long as they have not.
        #[n(3)]
        signable_at: Option<UnixMillis>,
    },
}

/// A review's exact bytes with the boot identity's signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Review {
    /// Canonical encoding of a [`ReviewBody`].
    #[n(0)]
    pub body: Bytes<{ limits::REVIEW }>,
    /// Over the tagged hash of the body.
    #[n(1)]
    pub signature: Signature,
}

impl Review {
    /// What it says, without regard to the signature.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn unverified(&self) -> Result<ReviewBody, DecodeError> {
        codec::decode(self.body.as_slice())
    }
}
