//! Files of cases: requests, one after the other, and what the policy has to make of each. Time passes as the file says, so that limits
//! can be tested.

mod payment;

use std::{collections::BTreeMap, path::PathBuf};

use cloister_chains::derivation::ChildPath;
use cloister_policy::Spending;
use cloister_wire::{
    ids::{KeyName, RequestId, Requester, RuleName, UnixMillis},
    policy::{TenantPolicy, Verdict},
    refusal::Refusal,
};
use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    error::Error,
    policy_file::{self, NotAPolicy, Span, Text, Written, formed},
    policy_question::{PolicyKey, PolicyKeyForm, Question, Ruling},
    scheme::Kind,
};
use payment::Payment;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    #[serde(default)]
    keys: BTreeMap<Text<KeyName>, KeyEntry>,
    cases: Vec<Case>,
}

struct KeyEntry(PolicyKey);

/// One request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// A moment; without `at` and `after`, that of the case before.
    at: Option<Text<Moment>>,
    after: Option<Text<Span>>,
    requester: Text<Requester>,
    key: Text<KeyName>,
    path: Option<Text<ChildPath>>,
    /// As `sign --chain`; of a payment it follows.
    chain: Option<Text<Kind>>,
    payload: Option<String>,
    file: Option<PathBuf>,
    pay: Option<Payment>,
    /// The rule that has to decide.
    decides: Option<Text<RuleName>>,
    /// The refusal that has to come, where no rule decides.
    refused: Option<Text<Refusal>>,
    /// Whether it is then signed, and so counts in limits.
    #[serde(default = "yes")]
    signed: bool,
}

fn yes() -> bool {
    true
}

/// Where a payload comes from, for whoever reads files and encodings.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The text of a file in any form that `cloister sign` takes.
    Text(&'a str),
    /// A file, from the folder of the file of cases.
    File(&'a std::path::Path),
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case.
    pub name: String,
    /// When it was asked.
    pub at: UnixMillis,
    /// A rule or a refusal.
    pub expected: String,
    /// A rule or a refusal.
    pub found: String,
    /// All of the ruling.
    pub ruling: Ruling,
}

impl Outcome {
    /// Whether it is as expected.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// Why a case cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum NotACase<E> {
    /// The case itself.
    #[error("case {case}: {why}")]
    Case {
        /// Its name.
        case: String,
        /// What is wrong.
        why: String,
    },
    /// Its payload.
    #[error("{0:?}")]
    Payload(E),
}

impl Cases {
    /// Reads TOML or JSON.
    ///
    /// # Errors
    /// [`NotAPolicy`], with the place.
    pub fn read(text: &str) -> Result<Self, NotAPolicy> {
        policy_file::parse(text)
    }

    /// Runs all, in order, from a Monday noon on.
    ///
    /// # Errors
    /// [`NotACase`] for the first that cannot be run.
    pub fn run<E>(
        &self,
        tenants: &[TenantPolicy],
        payload: impl Fn(Source<'_>, Kind) -> Result<Vec<u8>, E>,
    ) -> Result<Vec<Outcome>, NotACase<E>> {
        let (mut spending, mut now) = (Spending::default(), START);
        let mut outcomes = Vec::new();
        for (number, case) in (0_u128..).zip(&self.cases) {
            let wrong = |why: String| NotACase::Case { case: case.name.clone(), why };
            now = case.moment(now).map_err(wrong)?;
            let (kind, bytes) = self.payload(case, &payload)?;
            let path = case.path.as_ref().map(|path| path.0.clone()).unwrap_or_default();
            let question = Question {
                session: None,
                requester: &case.requester.0,
                name: &case.key.0,
                key: self.key(case).map_err(wrong)?,
                path: &path,
                kind,
                payload: &bytes,
                id: RequestId::from_bytes(number.to_be_bytes()),
            };
            let member = |tenant: &&TenantPolicy| tenant.members.iter().any(|member| member.name == case.requester.0);
            let tenant = tenants.iter().find(member);
            let tenant = tenant.ok_or_else(|| wrong(format!("no tenant has a member {}", case.requester.0)))?;
            let ruling = question.ask(tenant, &spending, now).map_err(|why: Error| wrong(why.to_string()))?;
            if case.signed && !matches!(ruling.decided, Some((_, Verdict::Deny))) {
                ruling.charges.iter().for_each(|charge| spending.charge(charge, now));
            }
            outcomes.push(Outcome {
                name: case.name.clone(),
                at: now,
                expected: case.expected().map_err(wrong)?,
                found: found(&ruling),
                ruling,
            });
        }
        Ok(outcomes)
    }

    fn key(&self, case: &Case) -> Result<&PolicyKey, String> {
        let key = self.keys.get(&case.key).map(|entry| &entry.0);
        key.ok_or_else(|| format!("the file says nothing of key {}: add [keys.{}]", case.key.0, case.key.0))
    }

    fn payload<E>(
        &self,
        case: &Case,
        read: &impl Fn(Source<'_>, Kind) -> Result<Vec<u8>, E>,
    ) -> Result<(Kind, Vec<u8>), NotACase<E>> {
        let wrong = |why: &str| NotACase::Case { case: case.name.clone(), why: why.to_owned() };
        let kind = case.chain.as_ref().map(|kind| kind.0);
        let source = match (&case.payload, &case.file, &case.pay) {
            (None, None, Some(pay)) if kind.is_none() => {
                let key = self.key(case).map_err(|why| wrong(&why))?;
                return pay.build(key).map_err(|why| wrong(&format!("pay: {why}")));
            }
            (None, None, Some(_)) => return Err(wrong("a payment's network says its chain: leave chain out")),
            (Some(text), None, None) => Source::Text(text),
            (None, Some(file), None) => Source::File(file),
            _ => return Err(wrong("give one of payload, file and pay")),
        };
        let kind = kind.ok_or_else(|| wrong("say what the payload is: chain = \"ethereum\""))?;
        read(source, kind).map(|bytes| (kind, bytes)).map_err(NotACase::Payload)
    }
}

fn found(ruling: &Ruling) -> String {
    match (&ruling.decided, ruling.refusal) {
        (Some((rule, _)), _) => format!("rule {rule}"),
        (None, Some(refusal)) => refusal.code().to_owned(),
        (None, None) => "nothing".to_owned(),
    }
}

impl Case {
    fn moment(&self, before: UnixMillis) -> Result<UnixMillis, String> {
        match (&self.at, &self.after) {
            (None, None) => Ok(before),
            (None, Some(after)) => Ok(before.plus(after.0.0)),
            (Some(at), None) if at.0.0 >= before => Ok(at.0.0),
            (Some(_), None) => Err("time does not go back: the case before is later".to_owned()),
            (Some(_), Some(_)) => Err("give either at or after".to_owned()),
        }
    }

    fn expected(&self) -> Result<String, String> {
        match (&self.decides, &self.refused) {
            (Some(rule), None) => Ok(format!("rule {}", rule.0)),
            (None, Some(refusal)) => Ok(refusal.0.code().to_owned()),
            _ => Err("give either decides or refused".to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for KeyEntry {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        formed::<D, PolicyKeyForm, Self>(deserializer)
    }
}

impl TryFrom<PolicyKeyForm> for KeyEntry {
    type Error = String;

    fn try_from(form: PolicyKeyForm) -> Result<Self, String> {
        form.try_into().map(Self)
    }
}

struct Moment(UnixMillis);

impl Written for Moment {
    const WHAT: &'static str = "a moment, such as \"2026-03-02T10:00:00Z\"";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("expected {}", Self::WHAT);
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(wrong)?;
        let millis = u64::try_from(time.unix_timestamp_nanos() / 1_000_000);
        millis.map(|millis| Self(UnixMillis(millis))).map_err(|_| "before 1970".to_owned())
    }

    fn write(&self) -> String {
        self.0.to_string()
    }
}

impl Written for ChildPath {
    const WHAT: &'static str = "a path, such as \"m/0/5\"";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why: cloister_chains::Rejected| why.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Written for Kind {
    const WHAT: &'static str = "what a payload is, as `cloister sign --chain` takes it";

    fn read(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("expected one of {}", names.join(", "))
        })
    }

    fn write(&self) -> String {
        self.name().to_owned()
    }
}

impl Written for Refusal {
    const WHAT: &'static str = "a refusal's code, such as \"limit_reached\"";

    fn read(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|refusal| refusal.code() == text)
            .ok_or_else(|| "no signer refuses with that".to_owned())
    }

    fn write(&self) -> String {
        self.code().to_owned()
    }
}

/// 2026-01-05, a Monday, at 12:00 UTC.
const START: UnixMillis = UnixMillis(1_767_614_400_000);
