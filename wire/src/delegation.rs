//! Session keys: a member's word that another key may ask in its name, for less than the member may itself, and for a while.
//!
//! What a session key asks has to fit the tenant's rules, as if the member asked, *and* the delegation's scope. It asks for signatures
//! alone: it makes no keys, approves nothing and delegates nothing further.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, TooLong},
    codec::{self, DecodeError},
    credential::{Credential, Proof},
    ids::{GroupId, Hash, Requester, Tenant, UnixMillis},
    limits,
    policy::Rule,
    signature::Signature,
    tag::Tag,
};

/// What a member delegates.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct DelegationBody {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The member's tenant.
    #[n(1)]
    pub tenant: Tenant,
    /// In whose name the session key asks.
    #[n(2)]
    pub by: Requester,
    /// Proves what the session key asks.
    #[n(3)]
    pub session: Credential,
    /// What it may ask for at most: the conditions of a rule of the policy, which names no requesters and no limits and allows
    /// ([`TenantPolicy::check_scope`](crate::policy::TenantPolicy::check_scope)). Its name is the session's.
    #[n(4)]
    pub scope: Rule,
    /// From then on.
    #[n(5)]
    pub from: UnixMillis,
    /// Until then; at most [`limits::SESSION_LIFE_MS`] later.
    #[n(6)]
    pub until: UnixMillis,
}

/// Exact bytes with the member's proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Delegation {
    /// Canonical encoding of a [`DelegationBody`].
    #[n(0)]
    pub body: Bytes<{ limits::DELEGATION }>,
    /// By the member's credential, of the tagged hash of the body.
    #[n(1)]
    pub proof: Proof,
}

impl Delegation {
    /// Encodes and signs it with Ed25519.
    ///
    /// # Errors
    /// If it is larger than [`limits::DELEGATION`].
    pub fn sign(body: &DelegationBody, secret: &SigningKey) -> Result<Self, TooLong> {
        let body: Bytes<_> = codec::encode(body).try_into()?;
        Ok(Self { proof: Proof::Ed25519(Signature::sign(secret, Tag::DELEGATION, body.as_slice())), body })
    }

    /// What the member signs, and what requests, withdrawals and receipts name.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Tag::DELEGATION.hash(self.body.as_slice())
    }

    /// What it says, without regard to the proof.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn unverified(&self) -> Result<DelegationBody, DecodeError> {
        codec::decode(self.body.as_slice())
    }
}
