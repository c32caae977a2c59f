//! Key policies: read in full or refused, and decided as AWS decides them (explicit Deny first, then Allow, else no).
//!
//! A statement with anything that this evaluator does not understand is refused when the policy is put
//! (`MalformedPolicyDocumentException`), so that no condition is ever ignored.
//! Source: "IAM JSON policy elements reference" (IAM User Guide) and "AWS KMS condition keys" (KMS Developer Guide).
//!
//! There are no IAM policies here: naming an account (`…:root`) in a key policy delegates to all of its callers, as
//! if every one of them had `kms:*` in IAM. That is the most permissive account there can be, which is the one to
//! test a key policy against.

mod actions;
mod conditions;
mod document;
mod written;

use super::arn::{AccountId, KeyArn, PrincipalArn};
pub(crate) use actions::ActionPattern;
pub use conditions::Circumstances;
use conditions::Condition;
pub use written::{default_for_account, for_signer};

/// Why a policy is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) String);

/// A policy that was read in full.
#[derive(Debug)]
pub struct Policy {
    text: String,
    statements: Vec<Statement>,
}

impl Policy {
    /// Reads a policy of at most 32 KiB of JSON.
    ///
    /// # Errors
    /// [`Malformed`] for everything that AWS would refuse, and for elements, operators, condition keys and action
    /// names that this evaluator does not know.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_LENGTH {
            return Err(Malformed(format!("The policy is longer than {MAX_LENGTH} bytes.")));
        }
        Ok(Self { text: text.into(), statements: document::statements(text)? })
    }

    /// The policy as it was put, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the policy says about this request.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let says = |effect| self.statements.iter().any(|s| s.effect == effect && s.applies(request));
        match (says(Effect::Deny), says(Effect::Allow)) {
            (true, _) => Decision::Denied,
            (false, true) => Decision::Allowed,
            (false, false) => Decision::NotAllowed,
        }
    }
}

/// One question to a policy.
#[derive(Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub caller: &'a PrincipalArn,
    /// To do what, such as `Decrypt` (without the `kms:`).
    pub action: &'a str,
    /// With which key.
    pub key: &'a KeyArn,
    /// What the condition keys stand for in this request.
    pub circumstances: &'a Circumstances,
}

/// A policy's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Some statement allows it, none denies it.
    Allowed,
    /// No statement speaks of it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug)]
struct Statement {
    effect: Effect,
    principals: Vec<Principal>,
    actions: Vec<ActionPattern>,
    resources: Vec<Pattern>,
    conditions: Vec<Condition>,
}

impl Statement {
    fn applies(&self, request: &Request<'_>) -> bool {
        self.principals.iter().any(|p| p.matches(request.caller))
            && self.actions.iter().any(|a| a.matches(request.action))
            && self.resources.iter().any(|r| r.matches(&request.key.to_string()))
            && self.conditions.iter().all(|c| c.holds(request))
    }
}

#[derive(Debug)]
enum Principal {
    Anyone,
    Account(AccountId),
    One(PrincipalArn),
}

impl Principal {
    fn matches(&self, caller: &PrincipalArn) -> bool {
        match self {
            Self::Anyone => true,
            Self::Account(account) => account == caller.account(),
            Self::One(arn) => arn == caller,
        }
    }
}

/// Text with `*` for any characters and `?` for one.
#[derive(Debug)]
struct Pattern(Vec<u8>);

impl Pattern {
    /// Linear in the text for each `*`: the last star alone is ever retried.
    fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (&self.0, text.as_bytes());
        let (mut p, mut t, mut retry) = (0, 0, None);
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    retry = Some((p, t));
                    p += 1;
                }
                Some(&c) if c == b'?' || c == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => {
                    let Some((star, from)) = retry else { return false };
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
            }
        }
        pattern[p..].iter().all(|&c| c == b'*')
    }
}

/// The quota of KMS on a key policy document.
const MAX_LENGTH: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use cloister_attestation::{Pcr, PcrIndex};

    const HOST: &str = "arn:aws:iam::111122223333:role/host";
    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn policy(statements: &str) -> Policy {
        parse(statements).unwrap()
    }

    fn parse(statements: &str) -> Result<Policy, Malformed> {
        Policy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
    }

    fn decide(policy: &Policy, caller: &str, action: &str, circumstances: &Circumstances) -> Decision {
        let (caller, key) = (caller.parse().unwrap(), KEY.parse().unwrap());
        policy.decide(&Request { caller: &caller, action, key: &key, circumstances })
    }

    fn plain(policy: &Policy, caller: &str, action: &str) -> Decision {
        decide(policy, caller, action, &Circumstances::default())
    }

    fn allow(principal: &str, action: &str, condition: &str) -> String {
        statement("Allow", principal, action, condition)
    }

    fn statement(effect: &str, principal: &str, action: &str, condition: &str) -> String {
        format!(
            r#"{{"Effect":"{effect}","Principal":{principal},"Action":{action},"Resource":"*","Condition":{condition}}}"#
        )
    }

    fn anyone(condition: &str) -> Policy {
        policy(&allow(r#""*""#, r#""kms:Decrypt""#, condition))
    }

    fn attested(index: u8, byte: u8) -> Circumstances {
        let pcrs = [(PcrIndex::new(index).unwrap(), Pcr::from([byte; Pcr::LEN]))].into();
        Circumstances { pcrs, ..Circumstances::default() }
    }

    fn register(byte: &str) -> String {
        byte.repeat(Pcr::LEN)
    }

    #[test]
    fn denies_what_no_statement_allows() {
        let policy = policy(&allow(&format!(r#"{{"AWS":"{HOST}"}}"#), r#""kms:Decrypt""#, "{}"));
        assert_eq!(plain(&policy, HOST, "Decrypt"), Decision::Allowed);
        assert_eq!(plain(&policy, HOST, "Encrypt"), Decision::NotAllowed);
        assert_eq!(plain(&policy, "arn:aws:iam::111122223333:role/other", "Decrypt"), Decision::NotAllowed);
    }

    #[test]
    fn lets_an_explicit_deny_win() {
        let both = [allow(r#""*""#, r#""kms:*""#, "{}"), statement("Deny", r#""*""#, r#""kms:Decrypt""#, "{}")];
        for order in [both.join(","), [&*both[1], &*both[0]].join(",")] {
            assert_eq!(plain(&policy(&order), HOST, "Decrypt"), Decision::Denied);
            assert_eq!(plain(&policy(&order), HOST, "Encrypt"), Decision::Allowed);
        }
    }

    #[test]
    fn takes_the_account_for_all_its_callers_and_nobody_else() {
        for account in [r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, r#"{"AWS":["111122223333"]}"#] {
            let policy = policy(&allow(account, r#""kms:*""#, "{}"));
            assert_eq!(plain(&policy, HOST, "Decrypt"), Decision::Allowed);
            assert_eq!(plain(&policy, "arn:aws:iam::999922223333:role/host", "Decrypt"), Decision::NotAllowed);
        }
    }

    #[test]
    fn matches_actions_by_wildcard_and_without_regard_to_case() {
        let policy = policy(&allow(r#""*""#, r#"["kms:Get*","KMS:decrypt"]"#, "{}"));
        for action in ["GetPublicKey", "GetKeyPolicy", "Decrypt"] {
            assert_eq!(plain(&policy, HOST, action), Decision::Allowed, "{action}");
        }
        assert_eq!(plain(&policy, HOST, "Encrypt"), Decision::NotAllowed);
    }

    #[test]
    fn matches_the_resource_against_this_key() {
        let on = |resource: &str| {
            policy(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"{resource}"}}"#))
        };
        for resource in ["*", KEY, "arn:aws:kms:*:111122223333:key/1234????-*"] {
            assert_eq!(plain(&on(resource), HOST, "Decrypt"), Decision::Allowed, "{resource}");
        }
        for resource in ["arn:aws:kms:us-east-1:*", "arn:aws:kms:*:key", "?"] {
            assert_eq!(plain(&on(resource), HOST, "Decrypt"), Decision::NotAllowed, "{resource}");
        }
    }

    #[test]
    fn compares_pcrs_by_operator() {
        let cases = [
            ("StringEquals", register("ab"), true),
            ("StringEquals", register("AB"), false),
            ("StringEqualsIgnoreCase", register("AB"), true),
            ("StringEqualsIgnoreCase", register("ac"), false),
            ("StringNotEquals", register("ab"), false),
            ("StringNotEquals", register("ac"), true),
            ("StringLike", "ab*".into(), true),
            ("StringLike", "*3".into(), false),
        ];
        for (operator, wanted, holds) in cases {
            let policy = anyone(&format!(r#"{{"{operator}":{{"kms:RecipientAttestation:PCR3":"{wanted}"}}}}"#));
            let decision = decide(&policy, HOST, "Decrypt", &attested(3, 0xab));
            assert_eq!(decision == Decision::Allowed, holds, "{operator} {wanted}");
        }
    }

    #[test]
    fn treats_a_missing_key_as_aws_does() {
        let cases = [
            ("StringEquals", "ab", false),
            ("StringEqualsIfExists", "ab", true),
            ("StringEqualsIgnoreCase", "ab", false),
            ("StringLike", "*", false),
            ("StringNotEquals", "ab", true),
            ("Null", "true", true),
            ("Null", "false", false),
        ];
        for (operator, value, holds) in cases {
            let policy = anyone(&format!(r#"{{"{operator}":{{"kms:RecipientAttestation:PCR0":"{value}"}}}}"#));
            assert_eq!(plain(&policy, HOST, "Decrypt") == Decision::Allowed, holds, "{operator} {value}");
        }
    }

    #[test]
    fn reads_the_image_digest_as_pcr0() {
        let digest = register("ab");
        let policy = anyone(&format!(
            r#"{{"StringEqualsIgnoreCase":{{"KMS:recipientattestation:imagesha384":["00","{digest}"]}}}}"#
        ));
        assert_eq!(decide(&policy, HOST, "Decrypt", &attested(0, 0xab)), Decision::Allowed);
        assert_eq!(decide(&policy, HOST, "Decrypt", &attested(1, 0xab)), Decision::NotAllowed);
    }

    #[test]
    fn demands_every_condition() {
        let policy = anyone(
            r#"{"StringLike":{"kms:RecipientAttestation:PCR0":"aa*","kms:RecipientAttestation:PCR1":"bb*"},
                "Bool":{"kms:BypassPolicyLockoutSafetyCheck":false}}"#,
        );
        let mut circumstances = attested(0, 0xaa);
        assert_eq!(decide(&policy, HOST, "Decrypt", &circumstances), Decision::NotAllowed);
        circumstances.pcrs.extend(attested(1, 0xbb).pcrs);
        assert_eq!(decide(&policy, HOST, "Decrypt", &circumstances), Decision::NotAllowed);
        circumstances.bypasses_lockout_check = Some(false);
        assert_eq!(decide(&policy, HOST, "Decrypt", &circumstances), Decision::Allowed);
    }

    #[test]
    fn refuses_what_it_would_otherwise_ignore() {
        let key = |k: &str| format!(r#"{{"StringEquals":{{"{k}":"a"}}}}"#);
        let operator = |o: &str, v: &str| format!(r#"{{"{o}":{{"kms:RecipientAttestation:PCR0":{v}}}}}"#);
        let conditions = [
            key("aws:SourceIp"),
            key("kms:RecipientAttestation:PCR32"),
            key("kms:RecipientAttestation:PCR01"),
            key("kms:RecipientAttestation:PCR"),
            operator("StringMatches", r#""a""#),
            operator("ForAllValues:StringEquals", r#""a""#),
            operator("NullIfExists", r#""true""#),
            operator("Null", r#""yes""#),
            operator("StringEquals", "[]"),
            operator("StringEquals", "7"),
            operator("StringEquals", r#""${aws:username}""#),
        ];
        for condition in conditions {
            assert!(parse(&allow(r#""*""#, r#""kms:Decrypt""#, &condition)).is_err(), "{condition}");
        }
        for action in [r#""kms:Decript""#, r#""s3:Get*""#, r#""Decrypt""#, "[]"] {
            assert!(parse(&allow(r#""*""#, action, "{}")).is_err(), "{action}");
        }
        for principal in
            [r#"{"Service":"ec2.amazonaws.com"}"#, r#"{"AWS":"arn:aws:iam::111122223333:role/*"}"#, r#"{"AWS":[]}"#]
        {
            assert!(parse(&allow(principal, r#""kms:*""#, "{}")).is_err(), "{principal}");
        }
    }

    #[test]
    fn refuses_documents_of_another_shape() {
        for text in [
            "",
            "[]",
            r#"{"Version":"2008-10-17","Statement":[]}"#,
            r#"{"Version":"2012-10-17","Statement":[]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotPrincipal":"*","Action":"kms:*","Resource":"*"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"allow","Principal":"*","Action":"kms:*","Resource":"*"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"}]}"#,
        ] {
            assert!(Policy::parse(text).is_err(), "{text}");
        }
        assert!(Policy::parse(&" ".repeat(MAX_LENGTH + 1)).is_err());
    }

    #[test]
    fn keeps_both_of_two_conditions_with_the_same_name() {
        let policy =
            anyone(r#"{"StringLike":{"kms:RecipientAttestation:PCR0":"aa*","kms:RecipientAttestation:PCR0":"bb*"}}"#);
        assert_eq!(decide(&policy, HOST, "Decrypt", &attested(0, 0xbb)), Decision::NotAllowed);
    }
}
