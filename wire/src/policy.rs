//! The policy: who belongs to a tenant, what its keys may sign, and who has to agree.
//!
//! A version is one document that a quorum of operators signs. Tenants stand in it side by side: a rule, a member, a list or a limit of one
//! cannot be named by another. Rules are read from the first; the first that fits a request decides, and what none fits is refused.
//! There are no loops, no recursion and no expressions, so that a decision takes time linear in the rules.
//!
//! What is looked up by name or account stands in rising order, once: [`Policy::check`] refuses every other document, and a lookup is a
//! binary search in the document itself.

mod coherence;
mod effect;
mod limit;
mod rule;

use minicbor::{Decode, Encode};

pub use coherence::{Incoherent, What};
pub use effect::{
    Account, Argument, AssetName, Check, Counterparty, EffectKind, Effects, Function, Pattern, Quantifier,
};
pub use limit::{Limit, Measure, Network, Per};
pub use rule::{Amount, ForeignInputs, Hours, Paths, Permission, Quorum, Rule, Verdict};

use crate::{
    bounded::List,
    credential::Credential,
    endorsement::Endorsable,
    ids::{GroupId, Hash, ListName, PolicyVersion, Requester, SetName, Tenant},
    limits,
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
    /// Rising by name.
    #[n(4)]
    pub tenants: List<TenantPolicy, { limits::TENANTS }>,
}

/// All that concerns one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct TenantPolicy {
    /// Its name.
    #[n(0)]
    pub tenant: Tenant,
    /// Everybody who may ask for or approve anything, rising by name.
    #[n(1)]
    pub members: List<Member, { limits::MEMBERS }>,
    /// Names of the members who may create keys, rising.
    #[n(2)]
    pub key_creators: List<Requester, { limits::MEMBERS }>,
    /// Those who approve together, rising by name.
    #[n(3)]
    pub sets: List<MemberSet, { limits::SETS }>,
    /// Accounts that rules name together, rising by name.
    #[n(4)]
    pub lists: List<AccountList, { limits::LISTS }>,
    /// What may be spent in a window of time, rising by name.
    #[n(5)]
    pub limits: List<Limit, { limits::SPENDING_LIMITS }>,
    /// Solana address lookup tables whose contents are relied on, rising by address.
    #[n(6)]
    pub tables: List<LookupTable, { limits::LOOKUP_TABLES }>,
    /// The first that fits decides.
    #[n(7)]
    pub rules: List<Rule, { limits::RULES }>,
}

/// Somebody with a credential: a requester, an approver or both.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Member {
    /// Unique in the whole policy.
    #[n(0)]
    pub name: Requester,
    /// Verifies what it signs.
    #[n(1)]
    pub credential: Credential,
    /// Who can replace its credential ([`crate::recovery`]); the member itself does not count.
    #[n(2)]
    pub guardians: Option<Quorum>,
}

/// Members of whom some have to approve.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct MemberSet {
    /// Its name.
    #[n(0)]
    pub name: SetName,
    /// Names of members, rising.
    #[n(1)]
    pub members: List<Requester, { limits::SET_MEMBERS }>,
}

/// Accounts under one name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct AccountList {
    /// Its name.
    #[n(0)]
    pub name: ListName,
    /// Rising.
    #[n(1)]
    pub accounts: List<Account, { limits::ACCOUNTS }>,
}

/// The contents of a Solana address lookup table, which a transaction names by position.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LookupTable {
    /// Its account, 32 bytes.
    #[n(0)]
    pub address: Hash,
    /// Its addresses by position, 32 bytes each.
    #[n(1)]
    pub addresses: List<Hash, { limits::TABLE_ADDRESSES }>,
}

impl Policy {
    /// A tenant's part.
    #[must_use]
    pub fn tenant(&self, name: &Tenant) -> Option<&TenantPolicy> {
        find(&self.tenants, name, |tenant| &tenant.tenant)
    }

    /// The member of this name, with its tenant's part. Names are unique in the whole policy.
    #[must_use]
    pub fn member(&self, name: &Requester) -> Option<(&TenantPolicy, &Member)> {
        self.tenants.iter().find_map(|tenant| Some((tenant, tenant.member(name)?)))
    }
}

impl TenantPolicy {
    /// A tenant of which nothing is said yet.
    #[must_use]
    pub fn new(tenant: Tenant) -> Self {
        Self {
            tenant,
            members: List::new(),
            key_creators: List::new(),
            sets: List::new(),
            lists: List::new(),
            limits: List::new(),
            tables: List::new(),
            rules: List::new(),
        }
    }

    /// The member of this name.
    #[must_use]
    pub fn member(&self, name: &Requester) -> Option<&Member> {
        find(&self.members, name, |member| &member.name)
    }

    /// Whether it may create keys.
    #[must_use]
    pub fn may_create_keys(&self, name: &Requester) -> bool {
        self.key_creators.as_slice().binary_search(name).is_ok()
    }

    /// The set of this name.
    #[must_use]
    pub fn set(&self, name: &SetName) -> Option<&MemberSet> {
        find(&self.sets, name, |set| &set.name)
    }

    /// The list of this name.
    #[must_use]
    pub fn list(&self, name: &ListName) -> Option<&AccountList> {
        find(&self.lists, name, |list| &list.name)
    }

    /// The limit of this name.
    #[must_use]
    pub fn limit(&self, name: &crate::ids::LimitName) -> Option<&Limit> {
        find(&self.limits, name, |limit| &limit.name)
    }
}

impl MemberSet {
    /// Whether this member belongs to it.
    #[must_use]
    pub fn has(&self, name: &Requester) -> bool {
        self.members.as_slice().binary_search(name).is_ok()
    }
}

impl AccountList {
    /// Whether this account is on it.
    #[must_use]
    pub fn has(&self, account: &Account) -> bool {
        self.accounts.as_slice().binary_search(account).is_ok()
    }
}

impl Endorsable for Policy {
    const TAG: Tag = Tag::POLICY;
}

/// Looks up what stands in rising order.
fn find<'a, T, K: Ord, const MAX: usize>(all: &'a List<T, MAX>, key: &K, key_of: impl Fn(&T) -> &K) -> Option<&'a T> {
    let all = all.as_slice();
    all.binary_search_by(|each| key_of(each).cmp(key)).ok().and_then(|at| all.get(at))
}
