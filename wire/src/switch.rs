//! Kill switches: any operator closes, the quorum opens.

use minicbor::{Decode, Encode};

use crate::{
    bounded::List,
    endorsement::Endorsable,
    ids::{GroupId, Hash, KeyId, Nonce, Tenant},
    limits,
    tag::Tag,
};

/// Stops signatures and new keys, from the moment at which a signer takes it, until the quorum lifts it. One operator is enough.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Closing {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The manifest that it obeys.
    #[n(1)]
    pub manifest: Hash,
    /// What is stopped.
    #[n(2)]
    pub scope: Scope,
    /// Random: a closing that was lifted is not the next one.
    #[n(3)]
    pub nonce: Nonce,
}

/// What a closing stops.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Scope {
    /// Everything.
    #[n(0)]
    Group,
    /// All that one tenant asks for.
    #[n(1)]
    Tenant(#[n(0)] Tenant),
    /// Signatures with one key and its children.
    #[n(2)]
    Key(#[n(0)] KeyId),
}

/// Lifts closings, each named by its hash, so that none is lifted unseen and none twice.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Opening {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The manifest that it obeys.
    #[n(1)]
    pub manifest: Hash,
    /// The closings that it lifts.
    #[n(2)]
    pub closings: List<Hash, { limits::CLOSINGS }>,
}

impl Endorsable for Closing {
    const TAG: Tag = Tag::CLOSING;
}

impl Endorsable for Opening {
    const TAG: Tag = Tag::OPENING;
}
