//! The condition block: operators, condition keys, and what they are compared with.

use std::collections::BTreeMap;

use cloister_attestation::{Pcr, PcrIndex};

use super::{Malformed, Pattern, Request};

/// What a request's condition keys stand for. A key without a value is absent, which `Null` and `IfExists` see.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// Registers of an *authenticated* attestation document, compared as lower-case hexadecimal; empty without a
    /// `Recipient`.
    pub pcrs: BTreeMap<PcrIndex, Pcr>,
    /// `kms:EncryptionAlgorithm`, in operations that have one.
    pub encryption_algorithm: Option<&'static str>,
    /// `kms:BypassPolicyLockoutSafetyCheck`, in operations that put a policy.
    pub bypasses_lockout_check: Option<bool>,
}

/// One comparison of a statement's condition block. The values are alternatives.
#[derive(Debug)]
pub(super) struct Condition {
    key: ConditionKey,
    test: Test,
    when_absent: WhenAbsent,
}

impl Condition {
    /// Reads `operator: { key: values }`.
    pub(super) fn parse(operator: &str, key: &str, values: &[String]) -> Result<Self, Malformed> {
        if values.is_empty() {
            return Err(Malformed(format!("Condition {operator} on {key} has no values.")));
        }
        if values.iter().any(|value| value.contains("${")) {
            return Err(Malformed("Policy variables are not supported.".into()));
        }
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator, false),
        };
        let test =
            Test::parse(name, values).ok_or_else(|| Malformed(format!("Invalid condition {operator} on {key}.")))?;
        let when_absent = match (&test, if_exists) {
            (Test::Null(_), true) => return Err(Malformed("Null has no IfExists.".into())),
            (Test::NoneEqual(_) | Test::NoneEqualIgnoringCase(_), _) | (_, true) => WhenAbsent::Holds,
            (_, false) => WhenAbsent::Fails,
        };
        Ok(Self { key: ConditionKey::parse(key)?, test, when_absent })
    }

    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        match (self.key.value(request), &self.test) {
            (value, Test::Null(expected)) => value.is_none() == *expected,
            (Some(value), test) => test.holds(&value),
            (None, _) => matches!(self.when_absent, WhenAbsent::Holds),
        }
    }
}

/// What a comparison says of a condition key that the request does not have.
#[derive(Debug)]
enum WhenAbsent {
    Holds,
    Fails,
}

#[derive(Debug)]
enum Test {
    AnyEqual(Vec<String>),
    NoneEqual(Vec<String>),
    AnyEqualIgnoringCase(Vec<String>),
    NoneEqualIgnoringCase(Vec<String>),
    AnyLike(Vec<Pattern>),
    /// Whether the condition key is absent.
    Null(bool),
}

impl Test {
    fn parse(name: &str, values: &[String]) -> Option<Self> {
        let flag = |value: &String| value.to_ascii_lowercase().parse::<bool>().ok();
        match name {
            "StringEquals" => Some(Self::AnyEqual(values.to_vec())),
            "StringNotEquals" => Some(Self::NoneEqual(values.to_vec())),
            "StringEqualsIgnoreCase" => Some(Self::AnyEqualIgnoringCase(values.to_vec())),
            "StringNotEqualsIgnoreCase" => Some(Self::NoneEqualIgnoringCase(values.to_vec())),
            "StringLike" => Some(Self::AnyLike(values.iter().map(|v| Pattern(v.clone().into_bytes())).collect())),
            "Bool" if values.iter().all(|v| flag(v).is_some()) => Some(Self::AnyEqualIgnoringCase(values.to_vec())),
            "Null" => match values {
                [value] => Some(Self::Null(flag(value)?)),
                _ => None,
            },
            _ => None,
        }
    }

    fn holds(&self, actual: &str) -> bool {
        match self {
            Self::AnyEqual(values) => values.iter().any(|v| v == actual),
            Self::NoneEqual(values) => values.iter().all(|v| v != actual),
            Self::AnyEqualIgnoringCase(values) => values.iter().any(|v| v.eq_ignore_ascii_case(actual)),
            Self::NoneEqualIgnoringCase(values) => !values.iter().any(|v| v.eq_ignore_ascii_case(actual)),
            Self::AnyLike(patterns) => patterns.iter().any(|p| p.matches(actual)),
            Self::Null(expected) => !expected,
        }
    }
}

#[derive(Debug)]
enum ConditionKey {
    RecipientPcr(PcrIndex),
    EncryptionAlgorithm,
    BypassPolicyLockoutSafetyCheck,
    CallerAccount,
    PrincipalArn,
}

impl ConditionKey {
    /// Names of condition keys are compared without regard to case.
    fn parse(name: &str) -> Result<Self, Malformed> {
        match name.to_ascii_lowercase().as_str() {
            "kms:recipientattestation:imagesha384" => Ok(Self::RecipientPcr(PcrIndex::IMAGE)),
            "kms:encryptionalgorithm" => Ok(Self::EncryptionAlgorithm),
            "kms:bypasspolicylockoutsafetycheck" => Ok(Self::BypassPolicyLockoutSafetyCheck),
            "kms:calleraccount" | "aws:principalaccount" => Ok(Self::CallerAccount),
            "aws:principalarn" => Ok(Self::PrincipalArn),
            lower => {
                let index = lower.strip_prefix("kms:recipientattestation:pcr").and_then(pcr_index);
                index.map(Self::RecipientPcr).ok_or_else(|| Malformed(format!("Unknown condition key {name:?}.")))
            }
        }
    }

    fn value(&self, request: &Request<'_>) -> Option<String> {
        let circumstances = request.circumstances;
        match self {
            Self::RecipientPcr(index) => circumstances.pcrs.get(index).map(Pcr::to_string),
            Self::EncryptionAlgorithm => circumstances.encryption_algorithm.map(Into::into),
            Self::BypassPolicyLockoutSafetyCheck => circumstances.bypasses_lockout_check.map(|b| b.to_string()),
            Self::CallerAccount => Some(request.caller.account().to_string()),
            Self::PrincipalArn => Some(request.caller.to_string()),
        }
    }
}

/// `0` to `31`, in its only spelling.
fn pcr_index(digits: &str) -> Option<PcrIndex> {
    let index = PcrIndex::new(digits.parse().ok()?)?;
    (index.get().to_string() == digits).then_some(index)
}
