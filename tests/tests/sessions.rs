//! Session keys: they ask in a member's name for less than the member may, for a while, and for nothing but signatures.

use cloister_tests::{
    charter::{
        CLERK, HOUR, RIVAL, TENANT, TREASURER, grant, list, member, quantity, requested, requester, secret,
        tenant_named,
    },
    group::Group,
    machine::refusal,
    payload::solana_transfer,
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    credential::Proof,
    delegation::{Delegation, DelegationBody},
    ids::{GroupId, Hash, KeyId, SignerId, UnixMillis},
    limits,
    message::{Request, SignOutcome},
    policy::{
        Amount, AssetName, EffectKind, Effects, MemberSet, Pattern, Permission, Quantifier, Quorum, Rule, Verdict,
    },
    receipt::{Event, Receipt},
    refusal::Refusal,
    request::{Chain, Requested, Scheme, SignRequest},
    signature::Signature,
};

const KEY: &str = "ed25519";
const BOT: &str = "bot";

/// A 2-of-2 group with a key that its treasurer may use for everything.
struct Stage {
    group: Group,
    key: KeyId,
    policy: Hash,
    next: u8,
}

fn stage() -> Stage {
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_key(KEY, Scheme::Ed25519);
    let policy = group.policy().hash();
    Stage { group, key, policy, next: 0 }
}

fn signer() -> SignerId {
    cloister_tests::charter::signer(1)
}

/// Solana transfers of at most 100 lamports, and a fee.
fn scope() -> Rule {
    let transfer =
        Pattern { kind: EffectKind::Transfer, assets: None, with: None, most: Some(quantity(100)), functions: None };
    Rule {
        name: "bot".parse().unwrap(),
        requesters: None,
        payloads: Some(list([Permission::Solana])),
        effects: Some(Effects { quantifier: Quantifier::Every, patterns: list([transfer]) }),
        ..grant(KEY, &[])
    }
}

impl Stage {
    /// The treasurer's delegation to [`BOT`], for an hour.
    fn body(&self, scope: Rule) -> DelegationBody {
        DelegationBody {
            group: self.group.charter.manifest.group,
            tenant: tenant_named(TENANT),
            by: requester(TREASURER),
            session: member(BOT).credential,
            scope,
            from: self.group.now,
            until: self.group.now.plus(HOUR),
        }
    }

    fn delegation(&self) -> Delegation {
        Delegation::sign(&self.body(scope()), &secret(TREASURER)).unwrap()
    }

    fn transfer(&mut self, lamports: u64) -> SignRequest {
        self.next += 1;
        let payload = solana_transfer(&self.group.keys[&self.key].verifying_key(), lamports);
        self.group.charter.sign_request(self.key, Chain::Solana, &payload, self.next, self.group.now)
    }

    /// Asked by the session key.
    fn asked(&mut self, lamports: u64, delegation: &Delegation) -> Requested {
        let request = SignRequest { session: Some(delegation.hash()), ..self.transfer(lamports) };
        Requested { delegation: Some(delegation.clone()), ..requested(&request, BOT) }
    }

    fn sign(&mut self, request: &Requested) -> Result<(), Refusal> {
        self.sign_approved(request, &[])
    }

    fn sign_approved(&mut self, request: &Requested, approvals: &[Approval]) -> Result<(), Refusal> {
        let signers = [1, 2].map(cloister_tests::charter::signer);
        let packages = self.group.commit(self.key, &signers, 1);
        match self.group.sign_approved(signer(), request, &packages, approvals) {
            SignOutcome::Released(_) => Ok(()),
            SignOutcome::Refused(refusal) => Err(refusal),
        }
    }

    fn under(&mut self, delegation: &Delegation) -> Result<(), Refusal> {
        let request = self.asked(5, delegation);
        self.sign(&request)
    }

    fn says(&self, member: &str, hash: Hash, stance: Stance, key: &str) -> Approval {
        let (group, policy, at) = (self.group.charter.manifest.group, self.policy, self.group.now);
        let body = ApprovalBody { group, request: hash, policy, member: requester(member), stance, at };
        Approval::sign(&body, &secret(key)).unwrap()
    }

    fn revoke(&mut self, delegation: &Delegation, withdrawal: Approval) -> Result<(), Refusal> {
        let reply = self.group.ask(signer(), Request::Revoke { delegation: delegation.clone(), withdrawal });
        refusal(&reply).map_or(Ok(()), Err)
    }

    fn events(&self) -> Vec<Event> {
        let receipts = self.group.receipts.values().flatten();
        receipts.flat_map(Receipt::events).cloned().collect()
    }
}

#[test]
fn a_session_key_signs_what_its_scope_and_the_rules_let_it_and_the_receipt_names_the_session() {
    let mut stage = stage();
    let delegation = stage.delegation();
    assert_eq!(stage.under(&delegation), Ok(()));
    let sessions = stage.events().into_iter().filter_map(|event| match event {
        Event::Released { session, rule, .. } => Some((session, rule.to_string())),
        _ => None,
    });
    assert_eq!(sessions.collect::<Vec<_>>(), [(Some(delegation.hash()), format!("key:{KEY}"))]);
}

#[test]
fn a_session_key_asks_for_nothing_beyond_its_scope() {
    let mut stage = stage();
    let delegation = stage.delegation();
    let request = stage.asked(101, &delegation);
    assert_eq!(stage.sign(&request), Err(Refusal::DelegationExceeded), "its member may");
    let whole = requested(&stage.transfer(101), TREASURER);
    assert_eq!(stage.sign(&whole), Ok(()));
    let spends = Some(list([Amount { asset: AssetName::Native, most: quantity(4) }]));
    let narrower = [
        Rule { keys: Some(list(["another".parse().unwrap()])), ..scope() },
        Rule { payloads: Some(list([Permission::Message])), ..scope() },
        Rule { spends, ..scope() },
        Rule { fee: Some(quantity(0)), ..scope() },
    ];
    for scope in narrower {
        let delegation = Delegation::sign(&stage.body(scope), &secret(TREASURER)).unwrap();
        assert_eq!(stage.under(&delegation), Err(Refusal::DelegationExceeded));
    }
}

#[test]
fn a_session_key_may_no_more_than_its_member() {
    let mut stage = stage();
    let body = DelegationBody { by: requester(CLERK), ..stage.body(scope()) };
    let delegation = Delegation::sign(&body, &secret(CLERK)).unwrap();
    let request = SignRequest { session: Some(delegation.hash()), requester: requester(CLERK), ..stage.transfer(5) };
    let request = Requested { delegation: Some(delegation), ..requested(&request, BOT) };
    assert_eq!(stage.sign(&request), Err(Refusal::NoRule));
}

#[test]
fn what_a_session_key_asks_for_waits_for_the_same_approvals() {
    let mut stage = stage();
    let quorum = Quorum { set: "board".parse().unwrap(), count: 1, delay_ms: 0 };
    stage.policy = stage.group.change_policy(|tenant| {
        tenant.sets =
            list([MemberSet { name: "board".parse().unwrap(), members: list([CLERK, TREASURER].map(requester)) }]);
        tenant.rules = list([Rule { verdict: Verdict::Approve(quorum), ..grant(KEY, &[Permission::Solana]) }]);
    });
    let delegation = stage.delegation();
    let request = stage.asked(5, &delegation);
    assert_eq!(stage.sign(&request), Err(Refusal::ApprovalsMissing));
    let hash = request.hash::<SignRequest>();
    for (member, key) in [(TREASURER, BOT), (TREASURER, TREASURER), (BOT, BOT), (CLERK, BOT)] {
        let approval = stage.says(member, hash, Stance::Approve, key);
        assert_eq!(stage.sign_approved(&request, &[approval]), Err(Refusal::ApprovalInvalid), "{member} by {key}");
    }
    let approval = stage.says(CLERK, hash, Stance::Approve, CLERK);
    assert_eq!(stage.sign_approved(&request, &[approval]), Ok(()));
}

#[test]
fn a_delegation_that_is_not_the_members_for_now_counts_for_nothing() {
    let mut stage = stage();
    let (now, good) = (stage.group.now, stage.body(scope()));
    let limits = list(["daily".parse().unwrap()]);
    let bad = [
        ("of another group", DelegationBody { group: GroupId::from_bytes([9; 16]), ..good.clone() }),
        ("of another tenant", DelegationBody { tenant: tenant_named("rivals"), ..good.clone() }),
        ("of another member", DelegationBody { by: requester(CLERK), ..good.clone() }),
        ("that is over", DelegationBody { from: UnixMillis(now.0 - HOUR), until: now, ..good.clone() }),
        ("for later", DelegationBody { from: now.plus(60_001), ..good.clone() }),
        ("from before the start", DelegationBody { from: UnixMillis(now.0 - 1), ..good.clone() }),
        ("for too long", DelegationBody { until: now.plus(limits::SESSION_LIFE_MS + 1), ..good.clone() }),
        ("to ask as others", stage.body(Rule { requesters: Some(list([requester(TREASURER)])), ..scope() })),
        ("with limits of its own", stage.body(Rule { within: limits, ..scope() })),
        ("that denies", stage.body(Rule { verdict: Verdict::Deny, ..scope() })),
        ("for no payload", stage.body(Rule { payloads: Some(list([])), ..scope() })),
    ];
    for (what, body) in bad {
        let delegation = Delegation::sign(&body, &secret(TREASURER)).unwrap();
        assert_eq!(stage.under(&delegation), Err(Refusal::DelegationInvalid), "{what}");
    }
    for by in [CLERK, BOT, RIVAL] {
        let delegation = Delegation::sign(&good, &secret(by)).unwrap();
        assert_eq!(stage.under(&delegation), Err(Refusal::DelegationInvalid), "signed by {by}");
    }
    let unreadable = Delegation { body: b"\0".as_slice().try_into().unwrap(), ..stage.delegation() };
    assert_eq!(stage.under(&unreadable), Err(Refusal::DelegationInvalid));
    let delegation = stage.delegation();
    assert_eq!(stage.under(&delegation), Ok(()), "nothing of that changed anything");
    stage.group.now = stage.group.now.plus(HOUR);
    assert_eq!(stage.under(&delegation), Err(Refusal::DelegationInvalid), "its time is over");
}

#[test]
fn a_request_and_its_delegation_belong_together() {
    let mut stage = stage();
    let (delegation, mut longer) = (stage.delegation(), stage.body(scope()));
    longer.until = longer.until.plus(1);
    let other = Delegation::sign(&longer, &secret(TREASURER)).unwrap();
    let asked = stage.asked(5, &delegation);
    let unnamed = requested(&stage.transfer(5), BOT);
    let own = requested(&stage.transfer(5), TREASURER);
    let key = stage.group.charter.key_request("another", Scheme::Ed25519, stage.group.now);
    let bad = [
        Requested { delegation: None, ..asked.clone() },
        Requested { delegation: Some(other), ..asked.clone() },
        Requested { delegation: Some(delegation.clone()), ..unnamed },
        Requested { delegation: Some(delegation.clone()), ..own },
    ];
    for request in bad {
        assert_eq!(stage.sign(&request), Err(Refusal::DelegationInvalid));
    }
    let Requested { body, delegation: named, .. } = &asked;
    let by_member = Signature::sign(&secret(TREASURER), cloister_wire::tag::Tag::SIGN_REQUEST, body.as_slice());
    let by_member = Requested { body: body.clone(), proof: Proof::Ed25519(by_member), delegation: named.clone() };
    assert_eq!(stage.sign(&by_member), Err(Refusal::RequestSignature), "the session key has to prove it");
    let key = Requested { delegation: Some(delegation), ..requested(&key, BOT) };
    let refused = stage.group.refused(signer(), Request::OpenKeygen { request: key });
    assert_eq!(refused, Refusal::DelegationInvalid, "session keys make no keys");
}

#[test]
fn a_revoked_session_never_asks_again() {
    let mut stage = stage();
    let (delegation, hash) = (stage.delegation(), stage.delegation().hash());
    assert_eq!(stage.under(&delegation), Ok(()));
    for (member, stance, key) in
        [(CLERK, Stance::Withdraw, CLERK), (TREASURER, Stance::Withdraw, BOT), (TREASURER, Stance::Approve, TREASURER)]
    {
        let withdrawal = stage.says(member, hash, stance, key);
        assert_eq!(stage.revoke(&delegation, withdrawal), Err(Refusal::ApprovalInvalid), "{member} by {key}");
    }
    assert_eq!(stage.under(&delegation), Ok(()));
    let withdrawal = stage.says(TREASURER, hash, Stance::Withdraw, TREASURER);
    assert_eq!(stage.revoke(&delegation, withdrawal.clone()), Ok(()));
    assert_eq!(stage.revoke(&delegation, withdrawal.clone()), Ok(()), "safe to repeat");
    assert_eq!(stage.under(&delegation), Err(Refusal::DelegationInvalid));
    let mut another = stage.body(scope());
    another.until = another.until.plus(1);
    let another = Delegation::sign(&another, &secret(TREASURER)).unwrap();
    assert_eq!(stage.revoke(&another, withdrawal), Err(Refusal::ApprovalInvalid), "it is of one session alone");
    assert_eq!(stage.under(&another), Ok(()));
    let withdrawn = stage.events().into_iter().filter(|event| matches!(event, Event::Withdrawn { .. })).count();
    assert_eq!(withdrawn, 1);
}

#[test]
fn nothing_is_remembered_of_a_delegation_for_the_far_future() {
    let mut stage = stage();
    let far = UnixMillis(u64::MAX);
    let body = DelegationBody { from: far, until: far, ..stage.body(scope()) };
    let delegation = Delegation::sign(&body, &secret(TREASURER)).unwrap();
    let withdrawal = stage.says(TREASURER, delegation.hash(), Stance::Withdraw, TREASURER);
    assert_eq!(stage.revoke(&delegation, withdrawal), Err(Refusal::DelegationInvalid));
}

#[test]
fn a_session_ends_with_its_members_credential() {
    let mut stage = stage();
    let delegation = stage.delegation();
    assert_eq!(stage.under(&delegation), Ok(()));
    stage.group.change_policy(|tenant| {
        let mut members = core::mem::take(&mut tenant.members).into_vec();
        members.iter_mut().filter(|known| known.name.as_str() == TREASURER).for_each(|known| {
            known.credential = member("treasurer-2").credential;
        });
        tenant.members = list(members);
    });
    assert_eq!(stage.under(&delegation), Err(Refusal::DelegationInvalid));
}
