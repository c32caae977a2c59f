//! The KMS stand-in's evaluator judges what is written; the linter is tried on everything that can be spoiled in it.

use cloister_attestation::{Pcr, PcrIndex};
use cloister_simulator::kms::policy::{Circumstances, Decision, Policy, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use lint::Expected;

const PARENT: &str = "arn:aws:iam::111122223333:role/cloister/signer-1";
const ADMIN: &str = "arn:aws:iam::111122223333:role/key-admin";
const STRANGER: &str = "arn:aws:iam::999922223333:role/stranger";
const NEIGHBOUR: &str = "arn:aws:iam::111122223333:role/neighbour";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

fn index(number: u8) -> PcrIndex {
    PcrIndex::new(number).unwrap()
}

/// The registers of an image that is told from others by `byte`.
fn release(byte: u8, signed: bool) -> Registers {
    let mut release: Registers = (0..3).map(|number| (index(number), Pcr::from([byte + number; Pcr::LEN]))).collect();
    if signed {
        release.insert(index(8), Pcr::from([byte + 8; Pcr::LEN]));
    }
    release
}

fn expected(releases: &[Registers]) -> Expected {
    let signer = [(3, of_role(PARENT)), (16, Pcr::from([0xa6; Pcr::LEN])), (17, Pcr::from([0xa7; Pcr::LEN]))];
    Expected {
        releases: releases.to_vec(),
        signer: signer.map(|(number, value)| (index(number), value)).into(),
        account: None,
    }
}

fn built(expected: &Expected) -> Value {
    write(&Plan { account: "111122223333", parent: PARENT, admin: ADMIN, releases: expected.registers() })
}

/// One release, a signed one, and two.
fn variants() -> [Expected; 3] {
    [
        expected(&[release(0x10, false)]),
        expected(&[release(0x10, true)]),
        expected(&[release(0x10, true), release(0x40, true)]),
    ]
}

fn decide(policy: &Value, caller: &str, action: &str, pcrs: Registers) -> Decision {
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let circumstances = Circumstances { pcrs, ..Circumstances::default() };
    let (caller, key) = (caller.parse().unwrap(), KEY.parse().unwrap());
    policy.decide(&Request { caller: &caller, action, key: &key, circumstances: &circumstances })
}

fn codes(policy: &Value, expected: &Expected) -> Vec<&'static str> {
    let document = Document::parse(policy.to_string().as_bytes()).unwrap();
    lint(&document, expected).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn what_is_built_opens_for_the_parent_and_each_register_that_differs_is_refused() {
    for expected in variants() {
        let policy = built(&expected);
        for shown in expected.registers() {
            assert_eq!(decide(&policy, PARENT, "Decrypt", shown.clone()), Decision::Allowed);
            for caller in [ADMIN, NEIGHBOUR, STRANGER] {
                assert_eq!(decide(&policy, caller, "Decrypt", shown.clone()), Decision::NotAllowed, "{caller}");
            }
            for register in shown.keys() {
                let mut other = shown.clone();
                other.insert(*register, Pcr::from([0xee; Pcr::LEN]));
                assert_eq!(decide(&policy, PARENT, "Decrypt", other.clone()), Decision::Denied, "{register} differs");
                other.remove(register);
                assert_eq!(decide(&policy, PARENT, "Decrypt", other), Decision::Denied, "{register} is absent");
            }
        }
        assert_eq!(decide(&policy, PARENT, "Decrypt", Registers::new()), Decision::Denied);
    }
}

#[test]
fn registers_of_two_accepted_releases_cannot_be_mixed() {
    let both = expected(&[release(0x10, true), release(0x40, true)]);
    let [first, second] = &both.registers()[..] else { panic!("two releases") };
    for number in [0, 1, 2, 8] {
        let mut mixed = first.clone();
        mixed.insert(index(number), second[&index(number)]);
        assert_ne!(decide(&built(&both), PARENT, "Decrypt", mixed), Decision::Allowed, "PCR{number}");
    }
}

#[test]
fn what_is_built_is_final_and_lets_one_role_end_the_key() {
    let policy = built(&variants()[0]);
    let shown = variants()[0].registers().remove(0);
    for caller in [PARENT, ADMIN, NEIGHBOUR, STRANGER] {
        for action in NEVER {
            let action = action.strip_prefix("kms:").unwrap();
            assert_eq!(decide(&policy, caller, action, shown.clone()), Decision::Denied, "{caller} {action}");
        }
        for action in ["RetireGrant", "RevokeGrant", "TagResource", "Encrypt", "UpdateAlias", "GenerateDataKey"] {
            assert_eq!(decide(&policy, caller, action, shown.clone()), Decision::NotAllowed, "{caller} {action}");
        }
    }
    for action in ["DisableKey", "ScheduleKeyDeletion"] {
        assert_eq!(decide(&policy, ADMIN, action, Registers::new()), Decision::Allowed);
        assert_eq!(decide(&policy, PARENT, action, Registers::new()), Decision::NotAllowed);
    }
    for action in ["DescribeKey", "GetKeyPolicy", "GetPublicKey", "ListGrants"] {
        assert_eq!(decide(&policy, NEIGHBOUR, action, Registers::new()), Decision::Allowed);
        assert_eq!(decide(&policy, STRANGER, action, Registers::new()), Decision::NotAllowed);
    }
}

#[test]
fn what_is_built_has_no_findings_however_much_is_known_and_fits_in_a_key_policy() {
    for expected in variants() {
        let policy = built(&expected);
        assert_eq!(codes(&policy, &expected), [""; 0]);
        assert!(format!("{policy:#}").len() < LARGEST / 2);
        if expected.releases.len() == 1 {
            assert_eq!(codes(&policy, &Expected::default()), [""; 0]);
        }
    }
}

/// A statement, a condition, an operator, or one of a statement's actions.
fn without_each(policy: &Value) -> Vec<(String, Value)> {
    let mut less = Vec::new();
    for (position, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
        let name = statement["Sid"].as_str().unwrap();
        let mut without = |what: String, change: &dyn Fn(&mut Value)| {
            let mut policy = policy.clone();
            change(&mut policy["Statement"][position]);
            less.push((format!("{name} without {what}"), policy));
        };
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            without(operator.clone(), &|it| drop(it["Condition"].as_object_mut().unwrap().remove(operator)));
            for key in keys.as_object().unwrap().keys() {
                without(key.clone(), &|it| drop(it["Condition"][operator].as_object_mut().unwrap().remove(key)));
            }
        }
        for place in 0..statement["Action"].as_array().map_or(0, Vec::len) {
            without(statement["Action"][place].to_string(), &|it| {
                drop(it["Action"].as_array_mut().unwrap().remove(place))
            });
        }
        let mut policy = policy.clone();
        policy["Statement"].as_array_mut().unwrap().remove(position);
        less.push((format!("without {name}"), policy));
    }
    less
}

#[test]
fn without_any_one_statement_condition_or_action_there_is_a_finding() {
    for expected in variants() {
        for (what, policy) in without_each(&built(&expected)) {
            assert!(!codes(&policy, &expected).is_empty(), "{what}");
            assert!(!codes(&policy, &Expected::default()).is_empty(), "{what}, with nothing known");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_built_has_no_findings_and_with_less_it_has_some(
        bytes in prop::array::uniform6(1_u8..=255), signed: bool, pick: prop::sample::Index,
        account in "[0-9]{12}", role in "[A-Za-z0-9_+=,.@-]{1,20}(/[a-z]{1,5})?", partition in "aws(-cn|-us-gov)?",
    ) {
        let arn = |name: &str| format!("arn:{partition}:iam::{account}:role/{name}");
        let (parent, admin) = (arn(&role), arn("the-admin"));
        let value = |place: usize| Pcr::from([bytes[place]; Pcr::LEN]);
        let mut first: Registers = [(index(0), value(0)), (index(1), value(1)), (index(2), value(2))].into();
        if signed {
            first.insert(index(8), value(3));
        }
        let signer = [(index(3), of_role(&parent)), (index(16), value(4)), (index(17), value(5))].into();
        let expected = Expected { releases: vec![first], signer, account: None };
        let policy = write(&Plan { account: &account, parent: &parent, admin: &admin, releases: expected.registers() });
        prop_assert_eq!(codes(&policy, &expected), [""; 0]);
        let mut less = without_each(&policy);
        let (what, policy) = less.swap_remove(pick.index(less.len()));
        prop_assert!(!codes(&policy, &expected).is_empty(), "{}", what);
    }
}

type Spoil = fn(&mut Value);

/// The statement of that name.
fn named<'a>(policy: &'a mut Value, name: &str) -> &'a mut Value {
    policy["Statement"].as_array_mut().unwrap().iter_mut().find(|it| it["Sid"] == name).unwrap()
}

fn opening(policy: &mut Value) -> &mut Value {
    named(policy, "OpenForThisSigner")
}

fn equals(policy: &mut Value) -> &mut Value {
    &mut opening(policy)["Condition"]["StringEqualsIgnoreCase"]
}

/// Moves PCR16's comparison to another operator.
fn compared_by(policy: &mut Value, operator: &str) {
    let condition = &mut opening(policy)["Condition"];
    let value = condition["StringEqualsIgnoreCase"].as_object_mut().unwrap().remove(PCR16).unwrap();
    condition[operator] = json!({ PCR16: value });
}

fn add(policy: &mut Value, statement: Value) {
    policy["Statement"].as_array_mut().unwrap().push(statement);
}

fn allow(policy: &mut Value, principal: &str, action: &str) {
    add(
        policy,
        json!({"Sid": "More", "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"}),
    );
}

fn deny(policy: &mut Value, action: &str, condition: Value) {
    add(
        policy,
        json!({"Sid": "More", "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", "Condition": condition}),
    );
}

/// Has calls without this register denied, in place of PCR0.
fn null_of(policy: &mut Value, register: &str) {
    named(policy, "NeverWithoutRecipient")["Condition"] = json!({"Null": {register: "true"}});
}

const PCR0: &str = "kms:RecipientAttestation:PCR0";
const PCR16: &str = "kms:RecipientAttestation:PCR16";

/// What is done to a good policy, and a code that has to be found then.
const SPOILED: &[(Fault, Spoil)] = &[
    (Fault::Version, |policy| policy["Version"] = "2008-10-17".into()),
    (Fault::Version, |policy| drop(policy.as_object_mut().unwrap().remove("Version"))),
    (Fault::StatementTwice, |policy| named(policy, "EndTheKey")["Sid"] = "ReadAndAudit".into()),
    (Fault::NotPrincipal, |policy| {
        let statement = named(policy, "NeverAnotherWay").as_object_mut().unwrap();
        let principal = statement.remove("Principal").unwrap();
        statement.insert("NotPrincipal".into(), principal);
    }),
    (Fault::NotAction, |policy| {
        let statement = named(policy, "EndTheKey").as_object_mut().unwrap();
        let action = statement.remove("Action").unwrap();
        statement.insert("NotAction".into(), action);
    }),
    (Fault::Resource, |policy| named(policy, "NeverAnotherWay")["Resource"] = KEY.into()),
    (Fault::Resource, |policy| {
        let statement = opening(policy).as_object_mut().unwrap();
        let resource = statement.remove("Resource").unwrap();
        statement.insert("NotResource".into(), resource);
    }),
    (Fault::PrincipalWildcard, |policy| opening(policy)["Principal"] = "*".into()),
    (Fault::PrincipalWildcard, |policy| named(policy, "ReadAndAudit")["Principal"] = json!({"AWS": ["*"]})),
    (Fault::PrincipalWildcard, |policy| {
        opening(policy)["Principal"]["AWS"] = "arn:aws:iam::111122223333:role/signer-*".into();
    }),
    (Fault::PrincipalAccount, |policy| opening(policy)["Principal"]["AWS"] = "arn:aws:iam::111122223333:root".into()),
    (Fault::PrincipalAccount, |policy| named(policy, "EndTheKey")["Principal"]["AWS"] = "111122223333".into()),
    (Fault::PrincipalGone, |policy| opening(policy)["Principal"]["AWS"] = "AROAEXAMPLE1234567890".into()),
    (Fault::PrincipalUnknown, |policy| opening(policy)["Principal"] = json!({"Service": "ec2.amazonaws.com"})),
    (Fault::PrincipalUnknown, |policy| {
        opening(policy)["Principal"]["AWS"] = "arn:aws:iam::111122223333:user/me".into()
    }),
    (Fault::PrincipalUnknown, |policy| {
        named(policy, "ReadAndAudit")["Principal"]["AWS"] = "arn:aws-cn:iam::x:y:root".into();
    }),
    (Fault::PrincipalNone, |policy| named(policy, "EndTheKey")["Principal"]["AWS"] = json!([])),
    (Fault::PrincipalNone, |policy| opening(policy)["Principal"] = json!({})),
    (Fault::AccountForeign, |policy| {
        named(policy, "ReadAndAudit")["Principal"]["AWS"] = "arn:aws:iam::999922223333:root".into();
    }),
    (Fault::AccountForeign, |policy| named(policy, "ReadAndAudit")["Principal"]["AWS"] = "999922223333".into()),
    (Fault::AccountForeign, |policy| named(policy, "EndTheKey")["Principal"]["AWS"] = STRANGER.into()),
    (Fault::EnderOpens, |policy| named(policy, "EndTheKey")["Principal"]["AWS"] = PARENT.into()),
    (Fault::EnderOpens, |policy| allow(policy, PARENT, "kms:DisableKey")),
    (Fault::EnderSecond, |policy| named(policy, "EndTheKey")["Principal"]["AWS"] = json!([ADMIN, NEIGHBOUR])),
    (Fault::EnderSecond, |policy| allow(policy, NEIGHBOUR, "kms:ScheduleKeyDeletion")),
    (Fault::ActionWildcard, |policy| allow(policy, ADMIN, "kms:*")),
    (Fault::ActionWildcard, |policy| allow(policy, ADMIN, "*")),
    (Fault::ActionWildcard, |policy| allow(policy, ADMIN, "kms:Put*")),
    (Fault::PolicyChange, |policy| allow(policy, ADMIN, "kms:PutKeyPolicy")),
    (Fault::PolicyChange, |policy| allow(policy, ADMIN, "KMS:replicatekey")),
    (Fault::PolicyChange, |policy| allow(policy, ADMIN, "kms:EnableKey")),
    (Fault::Grants, |policy| allow(policy, PARENT, "kms:CreateGrant")),
    (Fault::Grants, |policy| allow(policy, ADMIN, "kms:RetireGrant")),
    (Fault::RightNotNeeded, |policy| allow(policy, PARENT, "kms:GenerateDataKey")),
    (Fault::RightNotNeeded, |policy| allow(policy, PARENT, "kms:ReEncryptFrom")),
    (Fault::DecryptUnconditioned, |policy| allow(policy, PARENT, "kms:Decrypt")),
    (Fault::DecryptUnconditioned, |policy| allow(policy, PARENT, "kms:D*")),
    (Fault::OpensWhatIsClosed, |policy| allow(policy, PARENT, "kms:Decrypt")),
    (Fault::OpensWhatIsClosed, |policy| {
        let mut other = opening(policy).clone();
        other["Sid"] = "More".into();
        other["Condition"] = json!({"StringEquals": {PCR0: "10".repeat(48)}});
        add(policy, other);
    }),
    (Fault::OperatorPattern, |policy| compared_by(policy, "StringLike")),
    (Fault::OperatorPattern, |policy| equals(policy)[PCR16] = "a6*".into()),
    (Fault::OperatorIfExists, |policy| compared_by(policy, "StringEqualsIfExists")),
    (Fault::OperatorSet, |policy| compared_by(policy, "ForAnyValue:StringEquals")),
    (Fault::OperatorSet, |policy| compared_by(policy, "ForAllValues:StringEqualsIgnoreCase")),
    (Fault::OperatorUnknown, |policy| compared_by(policy, "StringNotEquals")),
    (Fault::ConditionUnknown, |policy| equals(policy)["aws:SourceIp"] = "10.0.0.1".into()),
    (Fault::ConditionUnknown, |policy| equals(policy)["kms:RecipientAttestation:PCR032"] = "ab".into()),
    (Fault::PcrMissing, |policy| drop(equals(policy).as_object_mut().unwrap().remove(PCR16))),
    (Fault::PcrMissing, |policy| compared_by(policy, "StringLike")),
    (Fault::PcrDiffers, |policy| equals(policy)[PCR0] = "77".repeat(48).into()),
    (Fault::PcrDiffers, |policy| equals(policy)[PCR16] = "77".repeat(48).into()),
    (Fault::PcrDiffers, |policy| equals(policy)["kms:RecipientAttestation:PCR8"] = "77".repeat(48).into()),
    (Fault::PcrMalformed, |policy| equals(policy)[PCR0] = "10".repeat(47).into()),
    (Fault::PcrMalformed, |policy| equals(policy)[PCR0] = "xy".repeat(48).into()),
    (Fault::PcrCase, |policy| equals(policy)[PCR16] = "A6".repeat(48).into()),
    (Fault::PcrZero, |policy| equals(policy)[PCR0] = "00".repeat(48).into()),
    (Fault::PcrAlternatives, |policy| equals(policy)[PCR0] = json!(["10".repeat(48), "11".repeat(48)])),
    (Fault::PcrAlternatives, |policy| equals(policy)[PCR0] = json!([])),
    (Fault::CallerNotMeasured, |policy| opening(policy)["Principal"]["AWS"] = ADMIN.into()),
    (Fault::CallerNotMeasured, |policy| opening(policy)["Principal"]["AWS"] = json!([PARENT, NEIGHBOUR])),
    (Fault::ReleaseSecond, |policy| {
        let mut other = opening(policy).clone();
        other["Sid"] = "More".into();
        other["Condition"]["StringEqualsIgnoreCase"][PCR0] = "77".repeat(48).into();
        add(policy, other);
    }),
    (Fault::NeverOpens, |policy| opening(policy)["Action"] = "kms:GetPublicKey".into()),
    (Fault::NeverOpens, |policy| equals(policy)["kms:RecipientAttestation:ImageSha384"] = "77".repeat(48).into()),
    (Fault::RecipientNotDemanded, |policy| {
        named(policy, "NeverWithoutRecipient")["Condition"]["Null"][PCR0] = "false".into();
    }),
    (Fault::RecipientNotDemanded, |policy| {
        named(policy, "NeverWithoutRecipient")["Principal"] = json!({"AWS": PARENT})
    }),
    (Fault::RecipientNotDemanded, |policy| named(policy, "NeverWithoutRecipient")["Effect"] = "Allow".into()),
    (Fault::RecipientNotDemanded, |policy| null_of(policy, "kms:RecipientAttestation:PCR30")),
    (Fault::DenyCloses, |policy| null_of(policy, "kms:RecipientAttestation:PCR30")),
    (Fault::DenyMissing, |policy| named(policy, "NeverAnotherWay")["Principal"] = json!({"AWS": ADMIN})),
    (Fault::DenyMissing, |policy| named(policy, "NeverAnotherWay")["Principal"] = json!({"Service": "*"})),
    (Fault::DenyMissing, |policy| {
        let condition = &mut named(policy, "NeverWithAnotherPCR0")["Condition"]["StringNotEqualsIgnoreCase"];
        condition[PCR0] = json!([condition[PCR0], "77".repeat(48)]);
    }),
    (Fault::DenyUnclear, |policy| {
        named(policy, "NeverAnotherWay")["Condition"] = json!({"StringEquals": {"aws:PrincipalArn": ADMIN}});
    }),
    (Fault::DenyUnclear, |policy| deny(policy, "kms:Decrypt", json!({"StringLike": {PCR0: "*"}}))),
    (Fault::DenyCloses, |policy| deny(policy, "kms:Decrypt", json!({}))),
    (Fault::DenyCloses, |policy| deny(policy, "kms:*", json!({}))),
    (Fault::DenyCloses, |policy| deny(policy, "kms:Decrypt", json!({"StringNotEquals": {PCR0: "77".repeat(48)}}))),
    (Fault::CannotEnd, |policy| named(policy, "EndTheKey")["Action"] = "kms:ScheduleKeyDeletion".into()),
    (Fault::CannotRead, |policy| named(policy, "ReadAndAudit")["Action"] = "kms:GetPublicKey".into()),
];

#[test]
fn everything_that_can_be_wrong_is_found_and_named() {
    let expected = &variants()[0];
    for (position, (fault, spoil)) in SPOILED.iter().enumerate() {
        let mut policy = built(expected);
        spoil(&mut policy);
        let found = codes(&policy, expected);
        assert!(found.contains(&fault.described().0), "case {position}, {fault:?}: {found:?}");
    }
}

#[test]
fn a_policy_of_one_release_lacks_the_other_and_a_signed_image_needs_pcr8() {
    let (one, both) = (expected(&[release(0x10, false)]), expected(&[release(0x10, false), release(0x40, false)]));
    assert!(codes(&built(&one), &both).contains(&"release_missing"));
    assert!(codes(&built(&both), &one).contains(&"release_second"));
    assert!(codes(&built(&one), &expected(&[release(0x10, true)])).contains(&"pcr_missing"));
}

#[test]
fn a_register_that_all_have_to_show_stands_for_recipient_as_well_as_pcr0() {
    let (expected, mut policy) = (&variants()[0], built(&variants()[0]));
    null_of(&mut policy, PCR16);
    assert_eq!(codes(&policy, expected), [""; 0]);
    assert_eq!(decide(&policy, PARENT, "Decrypt", Registers::new()), Decision::Denied);
}

#[test]
fn a_key_of_another_account_than_the_parents_is_read_and_ended_there() {
    let mut expected = expected(&[release(0x10, false)]);
    let plan = Plan { account: "999922223333", parent: PARENT, admin: STRANGER, releases: expected.registers() };
    let policy = write(&plan);
    assert_eq!(codes(&policy, &expected), ["account_foreign"; 2]);
    expected.own("999922223333");
    assert_eq!(codes(&policy, &expected), [""; 0]);
}

#[test]
fn a_name_in_a_policy_begins_no_line_of_its_own() {
    let mut policy = built(&variants()[0]);
    named(&mut policy, "EndTheKey")["Sid"] = "x\u{1b}[2K\npolicy.json: in order".into();
    named(&mut policy, "x\u{1b}[2K\npolicy.json: in order")["Principal"]["AWS"] = "y\nz".into();
    let document = Document::parse(policy.to_string().as_bytes()).unwrap();
    for finding in lint(&document, &variants()[0]) {
        assert_eq!(finding.to_string().lines().count(), 2, "{finding}");
    }
}

#[test]
fn the_default_policy_of_aws_is_found_open() {
    let account = "111122223333".parse().unwrap();
    let policy = serde_json::from_str(&cloister_simulator::kms::policy::default_for_account(&account)).unwrap();
    let found = codes(&policy, &Expected::default());
    for code in
        ["action_wildcard", "principal_account", "decrypt_unconditioned", "recipient_not_demanded", "deny_missing"]
    {
        assert!(found.contains(&code), "{code}: {found:?}");
    }
}

#[test]
fn what_is_no_policy_is_refused_in_a_sentence() {
    let statement = |more: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt"{more}}}}}"#
        )
    };
    let cases = [
        (String::new(), "EOF"),
        ("[]".into(), "no key policy"),
        (r#"{"Version":"2012-10-17","Statement":[]}"#.into(), "without a statement"),
        (statement(""), "Resource"),
        (statement(r#","Resource":"*","NotPrincipal":"*""#), "Principal"),
        (statement(r#","Resource":"*","Grants":"*""#), "no key policy"),
        (statement(r#","Resource":"*","Condition":{"Null":{"a":"true","a":"true"}}"#), "a stands twice"),
        (statement(r#","Resource":"*","Condition":{"Null":{"a":"true"},"Null":{"b":"true"}}"#), "Null stands twice"),
        (statement(&format!(r#","Resource":"*","Condition":{{"Null":{{"a":{}"#, "[".repeat(5000))), "recursion"),
        (" ".repeat(LARGEST + 1), "at most"),
    ];
    for (text, words) in cases {
        let why = Document::parse(text.as_bytes()).map(drop).unwrap_err().to_string();
        assert!(why.contains(words), "{words}: {why}");
    }
}
