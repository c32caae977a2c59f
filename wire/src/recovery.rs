//! Recoveries: guardians give a member another credential, its holder or any operator can stop that while it waits.
//!
//! ```text
//!   RecoveryBody ──guardians approve its hash──▶ waits for the policy's delay ──▶ in force
//!                                                  │ cancelled by the credential that it replaces, or by one operator
//!                                                  ▼
//!                                                never
//! ```

use minicbor::{Decode, Encode};

use crate::{
    approval::Approval,
    bounded::{Bytes, TooLong},
    codec::{self, DecodeError},
    credential::Credential,
    endorsement::{Endorsable, Endorsed},
    ids::{GroupId, Hash, Nonce, Requester, Tenant, UnixMillis},
    limits,
    tag::Tag,
};

/// A new credential for a member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RecoveryBody {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The member's tenant.
    #[n(1)]
    pub tenant: Tenant,
    /// Whose credential is replaced.
    #[n(2)]
    pub member: Requester,
    /// Hash of the credential in force ([`Credential::hash`]).
    #[n(3)]
    pub replaces: Hash,
    /// The new one.
    #[n(4)]
    pub credential: Credential,
    /// Random: a recovery that was cancelled is not the next one.
    #[n(5)]
    pub nonce: Nonce,
    /// When it was drafted: one that is older than the group's last start never begins, since boots may have forgotten its end.
    #[n(6)]
    pub issued_at: UnixMillis,
    /// By when it has to have begun; at most a day later.
    #[n(7)]
    pub not_after: UnixMillis,
}

/// The exact bytes that guardians approve: their [`Approval`]s name its hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Recovery {
    /// Canonical encoding of a [`RecoveryBody`].
    #[n(0)]
    pub body: Bytes<{ limits::RECOVERY }>,
}

/// Ends a recovery that waits. One operator is enough.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Cancellation {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The manifest that it obeys.
    #[n(1)]
    pub manifest: Hash,
    /// Hash of the recovery.
    #[n(2)]
    pub recovery: Hash,
}

/// Who cancels a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Canceller {
    /// The member, with the credential that is to be replaced: a withdrawal of the recovery's hash.
    #[n(0)]
    Holder(#[n(0)] Approval),
    /// An operator or more.
    #[n(1)]
    Operator(#[n(0)] Endorsed<Cancellation>),
}

impl Recovery {
    /// Encodes it.
    ///
    /// # Errors
    /// None that its fields' bounds allow.
    pub fn new(body: &RecoveryBody) -> Result<Self, TooLong> {
        Ok(Self { body: codec::encode(body).try_into()? })
    }

    /// What guardians approve.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Tag::RECOVERY.hash(self.body.as_slice())
    }

    /// What it says, whoever approves it.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn unverified(&self) -> Result<RecoveryBody, DecodeError> {
        codec::decode(self.body.as_slice())
    }
}

impl Endorsable for Cancellation {
    const TAG: Tag = Tag::CANCELLATION;
}
