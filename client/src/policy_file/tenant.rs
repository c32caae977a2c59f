//! A tenant's part of a file.

use std::collections::BTreeMap;

use cloister_wire::{
    bounded::List,
    ids::{Hash, LimitName, ListName, Requester, SetName, SolanaAccount, Tenant},
    policy::{Account, AccountList, LookupTable, MemberSet, TenantPolicy},
};
use serde::{Deserialize, Serialize};

use super::{
    account,
    limit::LimitEntry,
    member::MemberEntry,
    rule::RuleEntry,
    text::{Text, Written},
};
use crate::operator::{PlanError, list};

type Named<K, V> = BTreeMap<Text<K>, V>;

/// What concerns one tenant; its name stands in front.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantForm {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    key_creators: Vec<Text<Requester>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    members: Named<Requester, MemberEntry>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sets: Named<SetName, Vec<Text<Requester>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    lists: Named<ListName, Vec<Text<Account>>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    limits: Named<LimitName, LimitEntry>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tables: Named<Table, Vec<Text<Table>>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleEntry>,
}

/// An address of Solana: of a lookup table, or in one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Table(Hash);

impl Written for Table {
    const WHAT: &'static str = "a Solana address in base58";

    fn read(text: &str) -> Result<Self, String> {
        account::solana(text).map(|account| Self(Hash::from_bytes(*account.as_bytes())))
    }

    fn write(&self) -> String {
        Account::Solana(SolanaAccount::from_bytes(*self.0.as_bytes())).write()
    }
}

impl TenantForm {
    pub(super) fn into_tenant(self, tenant: Tenant) -> Result<TenantPolicy, PlanError> {
        let set = |(name, members): (Text<SetName>, _)| {
            Ok(MemberSet { name: name.0, members: list("members of a set", plain(members))? })
        };
        let accounts = |(name, accounts): (Text<ListName>, _)| {
            Ok(AccountList { name: name.0, accounts: list("accounts of a list", plain(accounts))? })
        };
        let table = |(address, addresses): (Text<Table>, Vec<Text<Table>>)| {
            let addresses = addresses.into_iter().map(|one| one.0.0).collect();
            Ok(LookupTable { address: address.0.0, addresses: list("addresses of a lookup table", addresses)? })
        };
        let members = self.members.into_iter().map(|(name, member)| member.into_member(name.0)).collect();
        let limits = self.limits.into_iter().map(|(name, limit)| limit.into_limit(name.0)).collect();
        Ok(TenantPolicy {
            tenant,
            members: list("members", members)?,
            key_creators: list("key creators", plain(self.key_creators))?,
            sets: list("sets", self.sets.into_iter().map(set).collect::<Result<_, PlanError>>()?)?,
            lists: list("lists", self.lists.into_iter().map(accounts).collect::<Result<_, PlanError>>()?)?,
            limits: list("limits", limits)?,
            tables: list("lookup tables", self.tables.into_iter().map(table).collect::<Result<_, PlanError>>()?)?,
            rules: list("rules", self.rules.into_iter().map(|rule| rule.0).collect())?,
        })
    }
}

impl From<&TenantPolicy> for TenantForm {
    fn from(tenant: &TenantPolicy) -> Self {
        let text = |hash: &Hash| Text(Table(*hash));
        Self {
            key_creators: texts(&tenant.key_creators),
            members: tenant.members.iter().map(|member| (Text(member.name.clone()), member.into())).collect(),
            sets: tenant.sets.iter().map(|set| (Text(set.name.clone()), texts(&set.members))).collect(),
            lists: tenant.lists.iter().map(|list| (Text(list.name.clone()), texts(&list.accounts))).collect(),
            limits: tenant.limits.iter().map(|limit| (Text(limit.name.clone()), limit.into())).collect(),
            tables: tenant
                .tables
                .iter()
                .map(|table| (text(&table.address), table.addresses.iter().map(text).collect()))
                .collect(),
            rules: tenant.rules.iter().cloned().map(RuleEntry).collect(),
        }
    }
}

fn plain<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|text| text.0).collect()
}

fn texts<T: Clone, const MAX: usize>(list: &List<T, MAX>) -> Vec<Text<T>> {
    list.iter().cloned().map(Text).collect()
}
