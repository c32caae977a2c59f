//! Approvals, delays, withdrawals and limits, at signers that a host asks what it likes.

use bitcoin::{Amount, Psbt};
use cloister_policy::digest;
use cloister_tests::{
    charter::{
        CLERK, HOUR, RIVAL, TENANT, TREASURER, grant, list, member, quantity, requested, requester, secret, signer,
    },
    group::Group,
    machine::refusal,
    payload::{solana_transfer, taproot_psbt},
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    ids::{Hash, KeyId, SignerId, UnixMillis},
    message::{Body, Request, SignOutcome},
    policy::{
        AssetName, ForeignInputs, Limit, Measure, MemberSet, Network, Per, Permission, Quorum, TenantPolicy, Verdict,
    },
    receipt::{Event, Receipt},
    refusal::Refusal,
    request::{Chain, Requested, Scheme, SignRequest},
    review::Standing,
};

const KEY: &str = "ed25519";
const MINUTE: u64 = 60_000;

/// A 2-of-2 group whose key is under a rule that a test changes.
struct Stage {
    group: Group,
    key: KeyId,
    policy: Hash,
    next: u8,
}

/// Members of the board: the requester, too, whose own word does not count.
const BOARD: [&str; 4] = ["ann", "bob", CLERK, TREASURER];

/// The board, and a limit of 20,000 lamports an hour.
fn with_board(tenant: &mut TenantPolicy) {
    let mut members = core::mem::take(&mut tenant.members).into_vec();
    members.extend(["ann", "bob"].map(member));
    members.sort_by(|a, b| a.name.cmp(&b.name));
    tenant.members = list(members);
    let members = list(BOARD.map(requester));
    tenant.sets = list([MemberSet { name: "board".parse().unwrap(), members }]);
    let measure = Measure::Spending { network: Network::Solana, asset: AssetName::Native, most: quantity(20_000) };
    let name = "hourly".parse().unwrap();
    tenant.limits = list([Limit { name, measure, window_ms: HOUR, per: Per::Tenant }]);
}

fn stage(verdict: &Verdict, within: &[&str]) -> Stage {
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_key(KEY, Scheme::Ed25519);
    let policy = group.change_policy(|tenant| {
        with_board(tenant);
        let mut rule = grant(KEY, &[Permission::Solana]);
        rule.verdict = verdict.clone();
        rule.within = list(within.iter().map(|name| name.parse().unwrap()));
        tenant.rules = list([rule]);
    });
    Stage { group, key, policy, next: 0 }
}

fn board(count: u16, delay_ms: u64) -> Verdict {
    Verdict::Approve(Quorum { set: "board".parse().unwrap(), count, delay_ms })
}

impl Stage {
    fn transfer(&mut self, lamports: u64) -> SignRequest {
        self.next += 1;
        let payload = solana_transfer(&self.group.keys[&self.key].verifying_key(), lamports);
        self.group.charter.sign_request(self.key, Chain::Solana, &payload, self.next, self.group.now)
    }

    fn says(&self, member: &str, request: &Requested, stance: Stance) -> Approval {
        let body = self.body(member, request, stance);
        Approval::sign(&body, &secret(member)).unwrap()
    }

    fn body(&self, member: &str, request: &Requested, stance: Stance) -> ApprovalBody {
        ApprovalBody {
            group: self.group.charter.manifest.group,
            request: request.hash::<SignRequest>(),
            policy: self.policy,
            member: requester(member),
            stance,
            at: self.group.now,
        }
    }

    fn approved_by(&self, request: &Requested, members: &[&str]) -> Vec<Approval> {
        members.iter().map(|member| self.says(member, request, Stance::Approve)).collect()
    }

    fn sign_at(&mut self, at: SignerId, request: &Requested, approvals: &[Approval]) -> Result<(), Refusal> {
        let packages = self.group.commit(self.key, &[signer(1), signer(2)], 1);
        match self.group.sign_approved(at, request, &packages, approvals) {
            SignOutcome::Released(_) => Ok(()),
            SignOutcome::Refused(refusal) => Err(refusal),
        }
    }

    fn sign(&mut self, request: &Requested, approvals: &[Approval]) -> Result<(), Refusal> {
        self.sign_at(signer(1), request, approvals)
    }

    fn review(&mut self, request: &Requested, approvals: &[Approval]) -> Result<(String, Standing), Refusal> {
        let approvals = list(approvals.iter().cloned());
        let reply = self.group.ask(signer(1), Request::Review { request: request.clone(), approvals });
        if let Some(refusal) = refusal(&reply) {
            return Err(refusal);
        }
        let cloister_wire::message::Outcome::Done(Body::Review(review)) = reply.outcome else { panic!("no review") };
        let body = review.unverified().unwrap();
        Ok((String::from_utf8(body.rendering.into_vec()).unwrap(), body.standing))
    }

    fn withdraw(&mut self, request: &Requested, by: &str) -> Result<(), Refusal> {
        let withdrawal = self.says(by, request, Stance::Withdraw);
        let reply = self.group.ask(signer(1), Request::Withdraw { request: request.clone(), withdrawal });
        refusal(&reply).map_or(Ok(()), Err)
    }

    fn events(&self, of: impl Fn(&Event) -> bool) -> Vec<Event> {
        let receipts = self.group.receipts.values().flatten();
        receipts.flat_map(Receipt::events).filter(|event| of(event)).cloned().collect()
    }

    fn released(&self) -> Vec<Event> {
        self.events(|event| matches!(event, Event::Released { .. }))
    }

    /// How often a delay began.
    fn delays(&self) -> usize {
        self.events(|event| matches!(event, Event::Approved { .. })).len()
    }
}

#[test]
fn a_request_is_signed_once_enough_members_have_approved_it() {
    let mut stage = stage(&board(2, 0), &[]);
    let request = requested(&stage.transfer(5), TREASURER);
    assert_eq!(stage.sign(&request, &[]), Err(Refusal::ApprovalsMissing));
    let approvals = stage.approved_by(&request, &["ann", "bob"]);
    assert_eq!(stage.sign(&request, &approvals[..1]), Err(Refusal::ApprovalsMissing));
    assert_eq!(stage.sign(&request, &approvals), Ok(()));
    let (rendering, _) = stage.review(&request, &[]).unwrap();
    let [Event::Released { rule, approved, effects, charges, .. }] = &stage.released()[..] else { panic!("one") };
    assert_eq!(rule.as_str(), "key:ed25519");
    assert_eq!(approved.as_slice(), [requester("ann"), requester("bob")]);
    assert_eq!((*effects, charges.len()), (digest(&rendering), 0));
    assert!(rendering.contains("pays 5 lamports to"), "{rendering}");
}

#[test]
fn every_signer_counts_for_itself() {
    let mut stage = stage(&board(1, 0), &[]);
    let request = requested(&stage.transfer(5), TREASURER);
    let approvals = stage.approved_by(&request, &["ann"]);
    assert_eq!(stage.sign(&request, &approvals), Ok(()));
    assert_eq!(stage.sign_at(signer(2), &request, &[]), Err(Refusal::ApprovalsMissing));
}

#[test]
fn approvals_that_do_not_count_refuse_the_request() {
    let mut stage = stage(&board(2, 0), &[]);
    let (request, other) = (requested(&stage.transfer(5), TREASURER), requested(&stage.transfer(6), TREASURER));
    let good = stage.says("ann", &request, Stance::Approve);
    let altered = |change: fn(&mut ApprovalBody)| {
        let mut body = stage.body("bob", &request, Stance::Approve);
        change(&mut body);
        Approval::sign(&body, &secret(body.member.as_str())).unwrap()
    };
    let by_another_key = Approval::sign(&stage.body("bob", &request, Stance::Approve), &secret(CLERK)).unwrap();
    let not_canonical = Approval { body: b"\0".as_slice().try_into().unwrap(), ..good.clone() };
    let bad = [
        ("twice by one member", good.clone()),
        ("by the requester itself", stage.says(TREASURER, &request, Stance::Approve)),
        ("by a member of another tenant", stage.says(RIVAL, &request, Stance::Approve)),
        ("for another request", stage.says("bob", &other, Stance::Approve)),
        ("against the request", stage.says("bob", &request, Stance::Withdraw)),
        ("under an older policy", altered(|body| body.policy = Hash::from_bytes([1; 32]))),
        ("for another group", altered(|body| body.group = cloister_wire::ids::GroupId::from_bytes([1; 16]))),
        ("by nobody", altered(|body| body.member = requester("nobody"))),
        ("with another member's key", by_another_key),
        ("that cannot be read", not_canonical),
    ];
    for (what, approval) in bad {
        assert_eq!(stage.sign(&request, &[good.clone(), approval]), Err(Refusal::ApprovalInvalid), "{what}");
    }
    let approvals = [good, stage.says("bob", &request, Stance::Approve)];
    assert_eq!(stage.sign(&request, &approvals), Ok(()), "nothing of that changed anything");
}

#[test]
fn an_approval_is_void_under_the_next_policy() {
    let mut stage = stage(&board(1, 0), &[]);
    let request = requested(&stage.transfer(5), TREASURER);
    stage.policy = stage.group.charter.endorse(&stage.group.charter.policy()).hash();
    let old = stage.approved_by(&request, &["ann"]);
    assert_eq!(stage.sign(&request, &old), Err(Refusal::ApprovalInvalid));
}

#[test]
fn a_delay_begins_with_the_last_approval_and_ends_by_the_signers_clock() {
    let mut stage = stage(&board(2, 10 * MINUTE), &[]);
    let request = requested(&stage.transfer(5), TREASURER);
    let approvals = stage.approved_by(&request, &["ann", "bob"]);
    assert!(matches!(stage.review(&request, &approvals[..1]), Ok((_, Standing::Waiting { signable_at: None, .. }))));
    stage.group.now = stage.group.now.plus(20 * MINUTE);
    let began = stage.group.now;
    assert_eq!(stage.sign(&request, &approvals), Err(Refusal::DelayRunning));
    let at = |standing| match standing {
        Ok((_, Standing::Waiting { signable_at, .. })) => signable_at,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(stage.review(&request, &approvals)), Some(began.plus(10 * MINUTE)));
    stage.group.now = began.plus(10 * MINUTE - 1);
    assert_eq!(stage.sign(&request, &approvals), Err(Refusal::DelayRunning));
    assert_eq!(at(stage.review(&request, &approvals)), Some(began.plus(10 * MINUTE)), "looking again begins nothing");
    assert_eq!(at(stage.review(&request, &approvals[..1])), None, "with these approvals it never ends");
    assert_eq!(stage.delays(), 1);
    stage.group.now = began.plus(10 * MINUTE);
    assert_eq!(stage.sign(&request, &[]), Err(Refusal::ApprovalsMissing), "the approvals are looked at again");
    assert_eq!(stage.sign(&request, &approvals), Ok(()));
    assert_eq!(stage.sign_at(signer(2), &request, &approvals), Err(Refusal::DelayRunning), "nobody told the other one");
}

#[test]
fn a_rule_without_a_delay_has_nothing_remembered_of_its_approvals() {
    let mut stage = stage(&board(1, 0), &[]);
    let request = requested(&stage.transfer(5), TREASURER);
    let approvals = stage.approved_by(&request, &["ann"]);
    assert!(matches!(stage.review(&request, &approvals), Ok((_, Standing::Waiting { signable_at: Some(_), .. }))));
    assert_eq!(stage.delays(), 0);
}

#[test]
fn what_is_too_long_to_be_shown_whole_is_not_approved() {
    let mut stage = stage(&board(1, 0), &[]);
    stage.key = stage.group.make_key("taproot", Scheme::Secp256k1Taproot);
    stage.policy = stage.group.change_policy(|tenant| {
        let mut rule = grant("taproot", &[Permission::Bitcoin { foreign: ForeignInputs::Refused }]);
        rule.verdict = board(1, 0);
        tenant.rules = list([rule]);
    });
    let key = stage.group.keys[&stage.key].verifying_key();
    for (outputs, verdict) in [(10, Ok(())), (1000, Err(Refusal::NotShown))] {
        let mut psbt = Psbt::deserialize(&taproot_psbt(&[&key[1..]])).unwrap();
        psbt.unsigned_tx.output[0].value = Amount::from_sat(1);
        psbt.unsigned_tx.output = vec![psbt.unsigned_tx.output[0].clone(); outputs];
        psbt.outputs = vec![psbt.outputs[0].clone(); outputs];
        stage.next += 1;
        let payload = psbt.serialize();
        let request =
            stage.group.charter.sign_request(stage.key, Chain::Bitcoin, &payload, stage.next, stage.group.now);
        let request = requested(&request, TREASURER);
        let approvals = stage.approved_by(&request, &["ann"]);
        let (_, standing) = stage.review(&request, &approvals).unwrap();
        assert_eq!(standing == Standing::Refused(Refusal::NotShown), verdict.is_err());
        assert_eq!(stage.sign(&request, &approvals), verdict);
    }
}

#[test]
fn a_request_that_was_rejected_or_cancelled_is_never_signed() {
    for by in [TREASURER, "ann", CLERK] {
        let mut stage = stage(&board(1, 10 * MINUTE), &[]);
        let request = requested(&stage.transfer(5), TREASURER);
        let approvals = stage.approved_by(&request, &["bob"]);
        stage.review(&request, &approvals).unwrap();
        assert_eq!(stage.withdraw(&request, by), Ok(()));
        assert_eq!(stage.withdraw(&request, by), Ok(()), "again");
        stage.group.now = stage.group.now.plus(11 * MINUTE);
        assert_eq!(stage.sign(&request, &approvals), Err(Refusal::Withdrawn), "{by}");
        let refused = Standing::Refused(Refusal::Withdrawn);
        assert!(matches!(stage.review(&request, &approvals), Ok((_, standing)) if standing == refused));
    }
}

#[test]
fn nobody_else_withdraws_a_request() {
    let mut stage = stage(&Verdict::Allow, &[]);
    let request = requested(&stage.transfer(5), TREASURER);
    for by in ["ann", RIVAL] {
        assert_eq!(stage.withdraw(&request, by), Err(Refusal::ApprovalInvalid), "{by}");
    }
    assert_eq!(stage.sign(&request, &[]), Ok(()));
    let approvals = stage.approved_by(&request, &["ann"]);
    assert_eq!(stage.sign(&request, &approvals), Err(Refusal::ApprovalInvalid), "approvals that nobody asked for");
    assert_eq!(stage.withdraw(&request, TREASURER), Ok(()), "its requester, who need not be of any board");
    assert_eq!(stage.sign(&request, &[]), Err(Refusal::Withdrawn));
}

#[test]
fn a_member_of_another_set_than_the_rules_withdraws_nothing() {
    let mut stage = stage(&board(1, 0), &[]);
    stage.policy = stage.group.change_policy(|tenant| {
        let members = list(["ann", CLERK].map(requester));
        tenant.sets = list([MemberSet { name: "board".parse().unwrap(), members }]);
    });
    let request = requested(&stage.transfer(5), TREASURER);
    assert_eq!(stage.withdraw(&request, "bob"), Err(Refusal::ApprovalInvalid));
    assert_eq!(stage.withdraw(&request, TREASURER), Ok(()));
}

#[test]
fn only_the_requesters_own_signature_has_a_request_reviewed() {
    let mut stage = stage(&board(1, 0), &[]);
    let transfer = stage.transfer(5);
    assert_eq!(stage.review(&requested(&transfer, CLERK), &[]).map(drop), Err(Refusal::RequestSignature));
    let theirs = SignRequest { tenant: "rivals".parse().unwrap(), requester: requester(RIVAL), ..transfer };
    assert_eq!(stage.review(&requested(&theirs, RIVAL), &[]).map(drop), Err(Refusal::TenantMismatch), "{TENANT}");
}

#[test]
fn a_limit_counts_each_request_once_and_the_highest_fee_with_it() {
    // Each costs 5,000 lamports for its signature.
    let mut stage = stage(&Verdict::Allow, &["hourly"]);
    let first = requested(&stage.transfer(4_000), TREASURER);
    for _ in 0..3 {
        assert_eq!(stage.sign(&first, &[]), Ok(()), "tried again after it failed elsewhere");
    }
    let second = requested(&stage.transfer(6_001), TREASURER);
    assert_eq!(stage.sign(&second, &[]), Err(Refusal::LimitReached));
    let third = requested(&stage.transfer(6_000), TREASURER);
    assert_eq!(stage.sign(&third, &[]), Ok(()));
    let nothing = requested(&stage.transfer(0), TREASURER);
    assert_eq!(stage.sign(&nothing, &[]), Err(Refusal::LimitReached));
    assert_eq!(stage.sign_at(signer(2), &second, &[]), Ok(()), "the other one has released nothing so far");
    stage.group.now = stage.group.now.plus(HOUR - 1);
    assert_eq!(stage.sign(&nothing, &[]), Err(Refusal::LimitReached));
    stage.group.now = stage.group.now.plus(1);
    let all = requested(&stage.transfer(15_000), TREASURER);
    assert_eq!(stage.sign(&all, &[]), Ok(()), "the window is over");
}

#[test]
fn what_was_refused_is_not_counted() {
    let mut stage = stage(&board(1, 0), &["hourly"]);
    for _ in 0..5 {
        let request = requested(&stage.transfer(5_000), TREASURER);
        assert_eq!(stage.sign(&request, &[]), Err(Refusal::ApprovalsMissing));
    }
    let request = requested(&stage.transfer(15_000), TREASURER);
    let approvals = stage.approved_by(&request, &["ann"]);
    assert_eq!(stage.sign(&request, &approvals), Ok(()));
    let [Event::Released { charges, .. }] = &stage.released()[..] else { panic!("one") };
    let [charge] = charges.as_slice() else { panic!("one") };
    assert_eq!((charge.limit.as_str(), charge.amount), ("hourly", quantity(20_000)));
    assert_eq!(charge.until, UnixMillis(stage.group.now.0 + HOUR));
}
