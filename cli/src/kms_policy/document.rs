//! A key policy as it is written. Elements that IAM does not have, and names that stand twice, are refused here.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{
        Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

use crate::commands::manifest::arn;

/// The most that is read: the quota of KMS on a key policy document.
pub(crate) const LARGEST: usize = 32 * 1024;

/// Why text is no policy.
#[derive(Debug)]
pub(crate) struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A policy.
#[derive(Debug)]
pub(crate) struct Document {
    pub(super) version: Option<String>,
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Statement {
    /// Its `Sid`, or its place, from 1.
    pub(super) name: String,
    pub(super) effect: Effect,
    pub(super) principals: Principals,
    pub(super) actions: Actions,
    pub(super) every_resource: bool,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug)]
pub(super) enum Principals {
    Anyone,
    Listed(Vec<Principal>),
    /// `NotPrincipal`.
    AllBut,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Principal {
    /// The ARN of a role.
    Role(String),
    /// All of an account whom its IAM policies allow it.
    Account(String),
    /// Part of an ARN.
    Wildcard(String),
    /// What AWS leaves in a policy of a role or user that was deleted.
    Gone(String),
    /// A user, a session, a service, somebody from elsewhere.
    Other(String),
}

#[derive(Debug)]
pub(super) enum Actions {
    Listed(Vec<String>),
    /// `NotAction`.
    AllBut,
}

/// One comparison; the values are alternatives.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) operator: String,
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Document {
    /// Reads at most [`LARGEST`] bytes of JSON.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Unreadable> {
        if text.len() > LARGEST {
            return Err(Unreadable(format!("a key policy has at most {LARGEST} bytes")));
        }
        let written: Written =
            serde_json::from_slice(text).map_err(|why| Unreadable(format!("no key policy: {why}")))?;
        let statements = written.statement.into_vec();
        if statements.is_empty() {
            return Err(Unreadable("a key policy without a statement".into()));
        }
        let statements = statements.into_iter().enumerate().map(|(position, statement)| statement.read(position + 1));
        Ok(Self { version: written.version, statements: statements.collect::<Result<_, _>>()? })
    }
}

impl Statement {
    /// Whether it speaks of an action, written as IAM does (`kms:Decrypt`). A wildcard speaks of whatever it may mean.
    pub(super) fn speaks_of(&self, action: &str) -> bool {
        match &self.actions {
            Actions::AllBut => true,
            Actions::Listed(listed) => listed.iter().any(|listed| covers(listed, action)),
        }
    }

    /// Whether it holds for everybody, always.
    pub(super) fn is_unconditional(&self) -> bool {
        matches!(self.principals, Principals::Anyone) && self.conditions.is_empty() && self.every_resource
    }
}

/// Whether the pattern is the action, or may be: up to its first wildcard.
pub(super) fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    match pattern.find(['*', '?']) {
        None => pattern == action,
        Some(end) => action.starts_with(&pattern[..end]),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written {
    version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<WrittenStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WrittenStatement {
    sid: Option<String>,
    effect: Effect,
    principal: Option<WrittenPrincipal>,
    not_principal: Option<WrittenPrincipal>,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: Pairs<Pairs<OneOrMany<Scalar>>>,
}

impl WrittenStatement {
    fn read(self, position: usize) -> Result<Statement, Unreadable> {
        let name = self.sid.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("statement {position}"));
        let needs = |what: &str| Unreadable(format!("{name}: expected {what}"));
        let principals = match (self.principal, self.not_principal) {
            (Some(principal), None) => principal.read(),
            (None, Some(_)) => Principals::AllBut,
            _ => return Err(needs("either Principal or NotPrincipal")),
        };
        let actions = match (self.action, self.not_action) {
            (Some(actions), None) => Actions::Listed(actions.into_vec()),
            (None, Some(_)) => Actions::AllBut,
            _ => return Err(needs("either Action or NotAction")),
        };
        let every_resource = match (self.resource, self.not_resource) {
            (Some(resources), None) => resources.into_vec() == ["*"],
            (None, Some(_)) => false,
            _ => return Err(needs("either Resource or NotResource")),
        };
        let conditions = self.condition.0.into_iter().flat_map(|(operator, keys)| {
            keys.0.into_iter().map(move |(key, values)| {
                let values = values.into_vec().into_iter().map(Scalar::into_text).collect();
                Condition { operator: operator.clone(), key, values }
            })
        });
        Ok(Statement {
            effect: self.effect,
            principals,
            actions,
            every_resource,
            conditions: conditions.collect(),
            name,
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenPrincipal {
    Text(String),
    Listed(Pairs<OneOrMany<String>>),
}

impl WrittenPrincipal {
    fn read(self) -> Principals {
        let kinds = match self {
            Self::Text(text) if text == "*" => return Principals::Anyone,
            Self::Text(text) => return Principals::Listed(vec![Principal::Other(text)]),
            Self::Listed(kinds) => kinds.0,
        };
        let each = kinds
            .into_iter()
            .flat_map(|(kind, names)| names.into_vec().into_iter().map(move |name| Principal::read(&kind, name)));
        let listed: Vec<_> = each.collect();
        let anyone = listed.iter().any(|principal| *principal == Principal::Wildcard("*".into()));
        if anyone { Principals::Anyone } else { Principals::Listed(listed) }
    }
}

impl Principal {
    fn read(kind: &str, name: String) -> Self {
        let gone = ["AROA", "AIDA"].iter().any(|prefix| name.starts_with(prefix));
        if kind != "AWS" {
            Self::Other(name)
        } else if name.contains(['*', '?']) {
            Self::Wildcard(name)
        } else if digits(&name) || is_root(&name) {
            Self::Account(name)
        } else if gone {
            Self::Gone(name)
        } else if arn::role(&name).is_ok() {
            Self::Role(name)
        } else {
            Self::Other(name)
        }
    }
}

/// Whether it is `arn:PARTITION:iam::ACCOUNT:root`.
fn is_root(name: &str) -> bool {
    let parts: Vec<_> = name.split(':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, "root"]
        if (partition == "aws" || partition.starts_with("aws-")) && digits(account))
}

/// Whether it is an account's number.
fn digits(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A value, or a list of them.
struct OneOrMany<T>(Vec<T>);

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

/// Not serde's untagged, which forgets what was wrong.
struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<OneOrMany<T>, E> {
        T::deserialize(flag.into_deserializer()).map(|one| OneOrMany(vec![one]))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<OneOrMany<T>, E> {
        T::deserialize(number.into_deserializer()).map(|one| OneOrMany(vec![one]))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        T::deserialize(text.into_deserializer()).map(|one| OneOrMany(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMany<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMany)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<OneOrMany<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|one| OneOrMany(vec![one]))
    }
}

/// `"true"` and `true` mean the same to AWS, and so do `"1"` and `1`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Flag(bool),
    Number(serde_json::Number),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// A JSON object as written: a map would silently keep one of two equal names.
struct Pairs<T>(Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
    type Value = Pairs<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<T>, A::Error> {
        let mut pairs: Vec<(String, T)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, T>()? {
            if pairs.iter().any(|(there, _)| *there == name) {
                return Err(serde::de::Error::custom(format!("{name} stands twice")));
            }
            pairs.push((name, value));
        }
        Ok(Pairs(pairs))
    }
}
