use cloister_wire::{
    bounded::Bytes,
    endorsement::NotEndorsed,
    ids::{Incarnation, KeyName, Pcr, PolicyVersion, Requester, Tenant},
    manifest::{KmsKey, Manifest, Measurements, SignerSlot},
    order::{StartKind, StartOrder},
    policy::{MemberSet, Permission, Quorum, Rule, TenantPolicy, Verdict},
};

use super::*;

fn kms(signer: u16, key: u8) -> KmsKey {
    let arn = format!("arn:aws:kms:eu-central-1:{signer:012}:key/{key}").parse().unwrap();
    KmsKey { arn, spki: Bytes::try_from(vec![u8::try_from(signer).unwrap(), key]).unwrap() }
}

fn manifest(operators: &[Secret]) -> (Endorsed<Manifest>, ValidManifest) {
    let pcr = Pcr::from_bytes([7; 48]);
    let slot = |id: u16| SignerSlot {
        id: id.try_into().unwrap(),
        pcr3: pcr,
        kms: vec![kms(id, 1), kms(id, 2)].try_into().unwrap(),
    };
    let plan = ManifestPlan {
        group: new_group().unwrap(),
        threshold: 2,
        signers: (1..=3).map(slot).collect(),
        operators: operators.iter().map(Secret::public).collect(),
        quorum: 2,
        release: Measurements { pcr0: pcr, pcr1: pcr, pcr2: pcr, pcr8: None },
    };
    plan.build().unwrap()
}

fn operators() -> [Secret; 3] {
    core::array::from_fn(|_| Secret::generate().unwrap())
}

#[test]
fn a_manifest_counts_once_a_quorum_has_signed() {
    let operators = operators();
    let (mut endorsed, valid) = manifest(&operators);
    endorse(&mut endorsed, &valid, &operators[2]).unwrap();
    assert_eq!(endorsed.verify(&valid), Err(NotEndorsed::NoQuorum { got: 1, needed: 2 }));
    endorse(&mut endorsed, &valid, &operators[0]).unwrap();
    assert!(endorsed.verify(&valid).is_ok());
}

#[test]
fn a_restart_names_a_genesis_that_a_quorum_has_signed() {
    let operators = operators();
    let (_, valid) = manifest(&operators);
    let policy = Endorsed::new(&PolicyDraft::first(&valid).build().unwrap()).unwrap();
    let elsewhere = StartKind::Restart { genesis: policy.hash() };
    let order = start_order(&valid, elsewhere, Incarnation(1), &[], &policy).unwrap();
    let order = |kind| StartOrder { kind, ..order.clone() };
    let genesis = endorsed_by(&order(StartKind::Genesis), &valid, &operators).unwrap();
    let restart = restart_of(&valid, &genesis).unwrap();
    assert_eq!(restart, StartKind::Restart { genesis: genesis.hash() });

    let unsigned = Endorsed::new(&order(StartKind::Genesis)).unwrap();
    assert!(matches!(restart_of(&valid, &unsigned), Err(Error::NotEndorsed { what: "genesis order", .. })));
    let later = endorsed_by(&order(restart), &valid, &operators).unwrap();
    assert!(matches!(restart_of(&valid, &later), Err(Error::Plan(PlanError::NotGenesis))));
}

#[test]
fn strangers_cannot_sign_and_nobody_signs_twice() {
    let operators = operators();
    let (mut endorsed, valid) = manifest(&operators);
    let stranger = Secret::generate().unwrap();
    assert!(matches!(endorse(&mut endorsed, &valid, &stranger), Err(Error::Plan(PlanError::NotAnOperator(_)))));
    endorse(&mut endorsed, &valid, &operators[0]).unwrap();
    assert!(matches!(endorse(&mut endorsed, &valid, &operators[0]), Err(Error::Plan(PlanError::SignedAlready(0)))));
}

#[test]
fn the_next_policy_names_the_hash_of_the_one_before_and_keeps_its_rules() {
    let operators = operators();
    let (_, valid) = manifest(&operators);
    let (alice, key): (Requester, KeyName) = ("alice".parse().unwrap(), "cold".parse().unwrap());
    let mut first = PolicyDraft::first(&valid);
    first.add_requester(alice.clone(), "acme".parse().unwrap(), operators[0].public()).unwrap();
    first.allow_signing(&alice, &key, &[Permission::Solana]).unwrap();
    let first = endorsed_by(&first.build().unwrap(), &valid, &operators).unwrap();

    let mut next = PolicyDraft::following(&valid, &first).unwrap();
    next.allow_signing(&alice, &key, &[Permission::Message]).unwrap();
    let next = next.build().unwrap();
    assert_eq!((next.version, next.previous), (PolicyVersion(2), Some(first.hash())));
    let grants: Vec<_> = Grant::all(next.tenant(&"acme".parse().unwrap()).unwrap()).collect();
    let [Grant { key: named, requesters, permissions }] = grants[..] else { panic!("{grants:?}") };
    assert_eq!((named, requesters), (&key, &[alice][..]));
    assert_eq!(permissions, [Permission::Solana, Permission::Message]);
}

#[test]
fn a_requester_that_is_removed_may_do_nothing_and_others_keep_what_they_may() {
    let (_, valid) = manifest(&operators());
    let names: [Requester; 2] = ["alice", "bob"].map(|name| name.parse().unwrap());
    let (shared, own): (KeyName, KeyName) = ("shared".parse().unwrap(), "own".parse().unwrap());
    let mut draft = PolicyDraft::first(&valid);
    for name in &names {
        draft.add_requester(name.clone(), "acme".parse().unwrap(), Secret::generate().unwrap().public()).unwrap();
        draft.allow_key_creation(name).unwrap();
        draft.allow_signing(name, &shared, &[Permission::Solana]).unwrap();
    }
    draft.allow_signing(&names[0], &own, &[Permission::Solana]).unwrap();
    draft.remove_requester(&names[0]).unwrap();
    assert_eq!(draft.remove_requester(&names[0]), Err(PlanError::UnknownRequester(names[0].clone())));
    let policy = draft.build().unwrap();
    let tenant = policy.tenant(&"acme".parse().unwrap()).unwrap();
    assert!(policy.member(&names[0]).is_none());
    assert_eq!(tenant.key_creators.as_slice(), [names[1].clone()]);
    let grants: Vec<_> = Grant::all(tenant).map(|grant| (grant.key, grant.requesters)).collect();
    assert_eq!(grants, [(&shared, &names[1..])]);
}

#[test]
fn a_requester_must_be_named_before_it_is_allowed_anything() {
    let (_, valid) = manifest(&operators());
    let alice: Requester = "alice".parse().unwrap();
    let mut draft = PolicyDraft::first(&valid);
    assert_eq!(draft.allow_key_creation(&alice), Err(PlanError::UnknownRequester(alice.clone())));
    draft.add_requester(alice.clone(), "acme".parse().unwrap(), Secret::generate().unwrap().public()).unwrap();
    let other = draft.add_requester(alice.clone(), "acme".parse().unwrap(), Secret::generate().unwrap().public());
    assert_eq!(other, Err(PlanError::RequesterTaken(alice)));
}

/// A tenant whose board of alice and bob approves whatever is asked.
fn board(needed: u16) -> TenantPolicy {
    let names = |names: &[&str]| names.iter().map(|name| name.parse::<Requester>().unwrap()).collect::<Vec<_>>();
    let credential = || Secret::generate().unwrap().public().into();
    let member = |name| cloister_wire::policy::Member { name, credential: credential(), guardians: None };
    let set: cloister_wire::ids::SetName = "board".parse().unwrap();
    let verdict = Verdict::Approve(Quorum { set: set.clone(), count: needed, delay_ms: 0 });
    let mut tenant = TenantPolicy::new("acme".parse().unwrap());
    tenant.members = names(&["bob", "alice"]).into_iter().map(member).collect::<Vec<_>>().try_into().unwrap();
    tenant.sets =
        vec![MemberSet { name: set, members: names(&["bob", "alice"]).try_into().unwrap() }].try_into().unwrap();
    let mut draft = PolicyDraft::first(&manifest(&operators()).1);
    draft.replace_tenants([tenant.clone()]);
    draft.allow_signing(&"alice".parse().unwrap(), &"cold".parse().unwrap(), &[Permission::Message]).unwrap();
    let granted = draft.build().unwrap();
    let grant = granted.tenants.as_slice()[0].rules.as_slice()[0].clone();
    tenant.rules = vec![Rule { requesters: None, verdict, ..grant }].try_into().unwrap();
    tenant
}

#[test]
fn what_is_to_be_in_order_is_put_in_order() {
    let mut draft = PolicyDraft::first(&manifest(&operators()).1);
    draft.replace_tenants([board(2)]);
    let policy = draft.build().unwrap();
    assert!(policy.check().is_ok() && policy.member(&"bob".parse().unwrap()).is_some());
}

#[test]
fn nobody_is_removed_whose_approval_a_rule_cannot_do_without() {
    let (_, valid) = manifest(&operators());
    let mut draft = PolicyDraft::first(&valid);
    draft.replace_tenants([board(2)]);
    let refused = draft.remove_requester(&"bob".parse().unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "rule key:cold asks for 2 approvals of set board, which would have 1 members left");

    let mut draft = PolicyDraft::first(&valid);
    draft.replace_tenants([board(1)]);
    draft.remove_requester(&"bob".parse().unwrap()).unwrap();
    assert_eq!(draft.build().unwrap().tenants.as_slice()[0].sets.as_slice()[0].members.len(), 1);
}

#[test]
fn a_rule_that_was_given_conditions_is_no_grant_any_more() {
    let (alice, key): (Requester, KeyName) = ("alice".parse().unwrap(), "cold".parse().unwrap());
    let mut draft = PolicyDraft::first(&manifest(&operators()).1);
    draft.replace_tenants([board(1)]);
    let not_a_grant = Err(PlanError::NotAGrant("key:cold".parse().unwrap()));
    assert_eq!(draft.allow_signing(&alice, &key, &[Permission::Solana]), not_a_grant);
    let acme: Tenant = "acme".parse().unwrap();
    assert_eq!(draft.deny_signing(&acme, &key, &[Permission::Message]), not_a_grant);
}

#[test]
fn what_is_denied_leaves_the_rest_of_a_grant() {
    let (alice, key): (Requester, KeyName) = ("alice".parse().unwrap(), "cold".parse().unwrap());
    let acme: Tenant = "acme".parse().unwrap();
    let mut draft = PolicyDraft::first(&manifest(&operators()).1);
    draft.add_requester(alice.clone(), acme.clone(), Secret::generate().unwrap().public()).unwrap();
    draft.allow_signing(&alice, &key, &[Permission::Solana, Permission::Message]).unwrap();
    draft.deny_signing(&acme, &key, &[Permission::Message]).unwrap();
    let left = draft.clone().build().unwrap();
    let grants: Vec<_> = Grant::all(left.tenant(&acme).unwrap()).map(|grant| grant.permissions.to_vec()).collect();
    assert_eq!(grants, [[Permission::Solana]]);
    draft.deny_signing(&acme, &key, &[Permission::Solana]).unwrap();
    assert!(draft.build().unwrap().tenants.as_slice()[0].rules.is_empty());
}
