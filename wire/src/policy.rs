//! The policy: who may make keys, and who may sign what with which key.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::{
    bounded::List,
    endorsement::Endorsable,
    ids::{GroupId, Hash, KeyName, PolicyVersion, Requester, Tenant},
    limits,
    request::Chain,
    signature::PublicKey,
    tag::Tag,
};

/// One version of the policy. What no rule allows is refused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Policy {
    /// The group.
    #[n(0)]
    pub group: GroupId,
    /// The manifest that the group obeys.
    #[n(1)]
    pub manifest: Hash,
    /// From 1, each one more than the one before.
    #[n(2)]
    pub version: PolicyVersion,
    /// Hash of the version before; absent in version 1.
    #[n(3)]
    pub previous: Option<Hash>,
    /// Everybody who may ask for anything.
    #[n(4)]
    pub requesters: List<RequesterKey, { limits::REQUESTERS }>,
    /// Names of the requesters who may create keys.
    #[n(5)]
    pub key_creators: List<Requester, { limits::REQUESTERS }>,
    /// Who may sign with which key, on which chains.
    #[n(6)]
    pub keys: List<KeyRule, { limits::KEY_RULES }>,
}

/// A requester's credential.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RequesterKey {
    /// Its name, unique in the policy.
    #[n(0)]
    pub name: Requester,
    /// The one tenant that it may name.
    #[n(1)]
    pub tenant: Tenant,
    /// Verifies its requests.
    #[n(2)]
    pub key: PublicKey,
}

/// What may be signed with one key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KeyRule {
    /// The key's tenant.
    #[n(0)]
    pub tenant: Tenant,
    /// The key's name.
    #[n(1)]
    pub key: KeyName,
    /// Names of the requesters who may sign with it.
    #[n(2)]
    pub requesters: List<Requester, { limits::REQUESTERS }>,
    /// What they may sign. [`Chain::Message`] is there only where it is named.
    #[n(3)]
    pub chains: List<Chain, { limits::CHAINS }>,
}

impl Policy {
    /// Whether every requester and every key is named once, so that a reader cannot miss which entry counts.
    #[must_use]
    pub fn is_unambiguous(&self) -> bool {
        let requesters: BTreeSet<_> = self.requesters.iter().map(|known| &known.name).collect();
        let keys: BTreeSet<_> = self.keys.iter().map(|rule| (&rule.tenant, &rule.key)).collect();
        requesters.len() == self.requesters.len() && keys.len() == self.keys.len()
    }

    /// The credential of `requester`.
    #[must_use]
    pub fn requester(&self, requester: &Requester) -> Option<&RequesterKey> {
        self.requesters.iter().find(|known| known.name == *requester)
    }

    /// The rule of a key.
    #[must_use]
    pub fn rule(&self, tenant: &Tenant, key: &KeyName) -> Option<&KeyRule> {
        self.keys.iter().find(|rule| rule.tenant == *tenant && rule.key == *key)
    }
}

impl Endorsable for Policy {
    const TAG: Tag = Tag::POLICY;
}
