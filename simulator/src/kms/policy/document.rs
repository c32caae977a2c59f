//! The policy's JSON, field by field; an unknown field is an error.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::{ActionPattern, Condition, Effect, Malformed, Pattern, Principal, Statement};

/// Reads a policy document's statements; there is at least one.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, Malformed> {
    let document: Document =
        serde_json::from_str(text).map_err(|e| Malformed(format!("This policy contains invalid Json: {e}")))?;
    if document.version != "2012-10-17" {
        return Err(Malformed("The policy's Version must be 2012-10-17.".into()));
    }
    let written = document.statement.into_vec();
    if written.is_empty() {
        return Err(Malformed("The policy has no Statement.".into()));
    }
    written.into_iter().map(WrittenStatement::read).collect()
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    version: String,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<WrittenStatement>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WrittenStatement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: WrittenEffect,
    principal: WrittenPrincipal,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
    #[serde(default)]
    condition: Pairs<Pairs<OneOrMany<Scalar>>>,
}

#[derive(serde::Deserialize)]
enum WrittenEffect {
    Allow,
    Deny,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum WrittenPrincipal {
    Star(String),
    Aws(AwsPrincipals),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AwsPrincipals {
    #[serde(rename = "AWS")]
    aws: OneOrMany<String>,
}

impl WrittenStatement {
    fn read(self) -> Result<Statement, Malformed> {
        let effect = match self.effect {
            WrittenEffect::Allow => Effect::Allow,
            WrittenEffect::Deny => Effect::Deny,
        };
        let principals = match self.principal {
            WrittenPrincipal::Star(text) => vec![text],
            WrittenPrincipal::Aws(listed) => listed.aws.into_vec(),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in self.condition.0 {
            for (key, values) in keys.0 {
                let values: Vec<String> = values.into_vec().into_iter().map(Scalar::into_text).collect();
                conditions.push(Condition::parse(&operator, &key, &values)?);
            }
        }
        Ok(Statement {
            effect,
            principals: some_of("Principal", principals, principal)?,
            actions: some_of("Action", self.action.into_vec(), ActionPattern::parse)?,
            resources: some_of("Resource", self.resource.into_vec(), |r| Ok(Pattern(r.as_bytes().to_vec())))?,
            conditions,
        })
    }
}

fn principal(text: &str) -> Result<Principal, Malformed> {
    if text == "*" {
        return Ok(Principal::Anyone);
    }
    let account = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root")).unwrap_or(text);
    if let Ok(account) = account.parse() {
        return Ok(Principal::Account(account));
    }
    let invalid = |_| Malformed(format!("Policy contains a statement with one or more invalid principals: {text:?}."));
    text.parse().map(Principal::One).map_err(invalid)
}

fn some_of<T>(
    what: &str,
    texts: Vec<String>,
    read: impl Fn(&str) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    if texts.is_empty() {
        return Err(Malformed(format!("A statement's {what} is empty.")));
    }
    texts.iter().map(|text| read(text)).collect()
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// `"true"` and `true` mean the same to AWS.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Flag(bool),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Flag(flag) => flag.to_string(),
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
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
