//! What differs between two policies, thing by thing.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use cloister_wire::policy::TenantPolicy;
use toml::{Table, Value};

use super::{Form, layout};

/// One thing that two policies say differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub tenant: String,
    /// What.
    pub subject: Subject,
    /// What the first says of it, in TOML; absent if it is not there.
    pub before: Option<String>,
    /// What the second says.
    pub after: Option<String>,
}

/// What policies are made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A member and its credential.
    Member(String),
    /// Who may make keys.
    KeyCreator(String),
    /// Who is in a set.
    Set(String),
    /// An account on a list.
    Listed {
        /// The list.
        list: String,
        /// The account.
        account: String,
    },
    /// A list as such.
    List(String),
    /// A limit.
    Limit(String),
    /// A lookup table.
    Table(String),
    /// A rule.
    Rule(String),
    /// In which order rules are read.
    Order,
}

impl Subject {
    /// Its kind, for machines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::KeyCreator(_) => "key_creator",
            Self::Set(_) => "set",
            Self::Listed { .. } => "listed",
            Self::List(_) => "list",
            Self::Limit(_) => "limit",
            Self::Table(_) => "table",
            Self::Rule(_) => "rule",
            Self::Order => "order",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => write!(f, "member {name}"),
            Self::KeyCreator(name) => write!(f, "key creator {name}"),
            Self::Set(name) => write!(f, "set {name}"),
            Self::Listed { list, account } => write!(f, "list {list}: {account}"),
            Self::List(name) => write!(f, "list {name}"),
            Self::Limit(name) => write!(f, "limit {name}"),
            Self::Table(name) => write!(f, "lookup table {name}"),
            Self::Rule(name) => write!(f, "rule {name}"),
            Self::Order => f.write_str("order of the rules"),
        }
    }
}

/// Everything that differs, by tenant and kind.
#[must_use]
pub fn compare(before: &[TenantPolicy], after: &[TenantPolicy]) -> Vec<Change> {
    let (before, after) = (things(before), things(after));
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |thing: &(String, Subject)| {
        let (before, after) = (before.get(thing).cloned(), after.get(thing).cloned());
        let (tenant, subject) = thing.clone();
        (before != after).then_some(Change { tenant, subject, before, after })
    };
    all.into_iter().filter_map(change).collect()
}

type Things = BTreeMap<(String, Subject), String>;

fn things(tenants: &[TenantPolicy]) -> Things {
    let form = Table::try_from(Form::of(tenants)).expect("all keys are texts");
    let mut things = Things::new();
    for (name, tenant) in form.get("tenant").and_then(Value::as_table).into_iter().flatten() {
        for (field, value) in tenant.as_table().into_iter().flatten() {
            things.extend(section(field, value).into_iter().map(|(subject, text)| ((name.clone(), subject), text)));
        }
    }
    things
}

/// What one field of a tenant says.
fn section(field: &str, value: &Value) -> Vec<(Subject, String)> {
    match field {
        "members" => named(value, Subject::Member),
        "key_creators" => strings(value).map(|name| (Subject::KeyCreator(name.clone()), name)).collect(),
        "sets" => named(value, Subject::Set),
        "lists" => lists(value),
        "limits" => named(value, Subject::Limit),
        "tables" => named(value, Subject::Table),
        _ => rules(value),
    }
}

fn named(value: &Value, subject: impl Fn(String) -> Subject) -> Vec<(Subject, String)> {
    let all = value.as_table().into_iter().flatten();
    all.map(|(name, value)| (subject(name.clone()), layout::line(value))).collect()
}

fn lists(value: &Value) -> Vec<(Subject, String)> {
    let mut things = Vec::new();
    for (list, accounts) in value.as_table().into_iter().flatten() {
        things.push((Subject::List(list.clone()), list.clone()));
        let listed = |account: String| (Subject::Listed { list: list.clone(), account: account.clone() }, account);
        things.extend(strings(accounts).map(listed));
    }
    things
}

fn rules(value: &Value) -> Vec<(Subject, String)> {
    let mut order = Vec::new();
    let mut things = Vec::new();
    for rule in value.as_array().into_iter().flatten().filter_map(Value::as_table) {
        let name = rule.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        things.push((Subject::Rule(name.clone()), layout::line(&Value::Table(rule.clone()))));
        order.push(name);
    }
    things.push((Subject::Order, order.join(", ")));
    things
}

fn strings(value: &Value) -> impl Iterator<Item = String> {
    value.as_array().into_iter().flatten().filter_map(|value| Some(value.as_str()?.to_owned()))
}
