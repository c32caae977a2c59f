//! The policy: who may make keys, and who may sign what with which key.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::{
    bounded::List,
    endorsement::Endorsable,
    ids::{CosmosChain, GroupId, Hash, KeyName, PolicyVersion, Requester, Tenant},
    limits,
    refusal::Refusal,
    request::{Chain, Purpose},
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
    /// What they may sign.
    #[n(3)]
    pub permissions: List<Permission, { limits::PERMISSIONS }>,
}

/// One thing that a key may sign.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Permission {
    /// Texts, under Cloister's own prefix.
    #[n(0)]
    Message,
    /// Solana transactions.
    #[n(1)]
    Solana,
    /// Bitcoin transactions.
    #[n(2)]
    Bitcoin {
        /// What becomes of inputs that are not the key's.
        #[n(0)]
        foreign: ForeignInputs,
    },
    /// Ethereum transactions for one chain.
    #[n(3)]
    Ethereum {
        /// EIP-155.
        #[n(0)]
        chain_id: u64,
    },
    /// Ethereum messages (EIP-191).
    #[n(4)]
    EthereumMessage,
    /// Typed data (EIP-712) of one domain.
    #[n(5)]
    TypedData {
        /// Its domain separator.
        #[n(0)]
        domain: Hash,
    },
    /// Cosmos transactions for one chain.
    #[n(6)]
    Cosmos {
        /// As the chain's genesis names it.
        #[n(0)]
        chain_id: CosmosChain,
    },
}

/// What becomes of a PSBT's inputs that are not the key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ForeignInputs {
    /// The whole PSBT is refused.
    #[n(0)]
    Refused,
    /// They are left to others to sign.
    #[n(1)]
    LeftAlone,
}

impl KeyRule {
    /// Whether the rule is for this requester.
    #[must_use]
    pub fn names(&self, requester: &Requester) -> bool {
        self.requesters.iter().any(|name| name == requester)
    }

    /// Whether anything may be signed for this chain.
    #[must_use]
    pub fn concerns(&self, chain: Chain) -> bool {
        self.permissions.iter().any(|permission| permission.kind().0 == chain)
    }

    /// Whether exactly this may be signed.
    ///
    /// # Errors
    /// The refusal that says what is not allowed.
    pub fn permits(&self, needed: &Permission) -> Result<(), Refusal> {
        if self.permissions.iter().any(|permission| permission.covers(needed)) {
            return Ok(());
        }
        Err(match needed {
            Permission::Message | Permission::Solana | Permission::EthereumMessage => Refusal::ChainNotAllowed,
            Permission::Bitcoin { .. } => Refusal::ForeignInputs,
            Permission::Ethereum { .. } | Permission::Cosmos { .. } => Refusal::ChainIdNotAllowed,
            Permission::TypedData { .. } => Refusal::DomainNotAllowed,
        })
    }
}

impl Permission {
    fn covers(&self, needed: &Self) -> bool {
        // Who may sign beside others may sign alone.
        let beside_others = Self::Bitcoin { foreign: ForeignInputs::LeftAlone };
        self == needed || (*self == beside_others && matches!(needed, Self::Bitcoin { .. }))
    }

    /// Chain and purpose of the requests that it is for.
    #[must_use]
    pub fn kind(&self) -> (Chain, Purpose) {
        match self {
            Permission::Message => (Chain::Message, Purpose::Message),
            Permission::Solana => (Chain::Solana, Purpose::Transaction),
            Permission::Bitcoin { .. } => (Chain::Bitcoin, Purpose::Transaction),
            Permission::Ethereum { .. } => (Chain::Ethereum, Purpose::Transaction),
            Permission::EthereumMessage => (Chain::Ethereum, Purpose::Message),
            Permission::TypedData { .. } => (Chain::Ethereum, Purpose::TypedData),
            Permission::Cosmos { .. } => (Chain::Cosmos, Purpose::Transaction),
        }
    }
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
