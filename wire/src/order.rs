//! Start orders: which boots make up the group.

use minicbor::{Decode, Encode};

use crate::{
    bounded::List,
    endorsement::Endorsable,
    ids::{BootId, GroupId, Hash, Incarnation, SignerId, UnixMillis},
    limits,
    tag::Tag,
};

/// An operator-quorum order that names the boots which take part from now on. A boot that no order names gets nothing.
///
/// A restarted signer has forgotten everything, so the order also says which policy is in force and from when on requests count: a
/// host can revive neither an older policy nor an older request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StartOrder {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The manifest that every named boot has measured.
    #[n(1)]
    pub manifest: Hash,
    /// Genesis or a later start.
    #[n(2)]
    pub kind: StartKind,
    /// Strictly rising over the group's life; 1 at genesis.
    #[n(3)]
    pub incarnation: Incarnation,
    /// The complete roster.
    #[n(4)]
    pub roster: List<RosterEntry, { limits::SIGNERS }>,
    /// Hash of the policy in force.
    #[n(5)]
    pub policy: Hash,
    /// Requests issued before this moment are refused, and so is this order [`limits::START_LIFE_MS`] after it.
    #[n(6)]
    pub issued_at: UnixMillis,
}

/// Whether signer keys are to be made or to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum StartKind {
    /// Once in a group's life: every signer makes its signer key.
    #[n(0)]
    Genesis,
    /// Signers open the keys that they made under one genesis; what was made under another does not count.
    #[n(1)]
    Restart {
        /// Hash of the genesis order.
        #[n(0)]
        genesis: Hash,
    },
}

/// One boot of one signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RosterEntry {
    /// The signer.
    #[n(0)]
    pub signer: SignerId,
    /// The boot that counts for it.
    #[n(1)]
    pub boot: BootId,
}

impl StartOrder {
    /// The boot that counts for `signer`.
    #[must_use]
    pub fn boot_of(&self, signer: SignerId) -> Option<BootId> {
        self.roster.iter().find(|entry| entry.signer == signer).map(|entry| entry.boot)
    }
}

impl Endorsable for StartOrder {
    const TAG: Tag = Tag::START_ORDER;
}
