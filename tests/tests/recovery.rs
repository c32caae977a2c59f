//! Recoveries: guardians give a member another credential, after a delay in which its holder or any operator can stop that.

use cloister_tests::{
    charter::{
        ANY_CHAIN, CLERK, HOUR, RIVAL, TENANT, TREASURER, grant, list, member, requested, requester, secret, signer,
        tenant_named,
    },
    group::Group,
    machine::refusal,
    payload::solana_transfer,
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    credential::Credential,
    ids::{GroupId, Hash, KeyId, Nonce, Requester, RpId, SignerId, UnixMillis},
    message::{Request, SignOutcome},
    order::StartOrder,
    policy::{Member, MemberSet, Permission, Quorum, TenantPolicy, Verdict},
    receipt::{Event, Receipt},
    recovery::{Cancellation, Canceller, Recovery, RecoveryBody},
    refusal::Refusal,
    request::{Chain, Requested, Scheme},
    signature::PublicKey,
    switch::{Closing, Scope},
    webauthn::{Passkey, PasskeyKey},
};

/// Who can agree on another credential: two of them, and nobody on its own. The clerk belongs to no set.
const FAMILY: [&str; 3] = ["ann", "bob", TREASURER];
const DELAY: u64 = 48 * HOUR;

/// A 2-of-2 group in which the treasurer and ann have guardians.
struct Stage {
    group: Group,
    key: KeyId,
    policy: Hash,
    next: u8,
}

fn with_guardians(tenant: &mut TenantPolicy) {
    let mut members = core::mem::take(&mut tenant.members).into_vec();
    members.extend(["ann", "bob"].map(member));
    members.sort_by(|a, b| a.name.cmp(&b.name));
    tenant.members = list(members);
    let name = "family".parse().unwrap();
    tenant.sets = list([MemberSet { name, members: list(FAMILY.map(requester)) }]);
    let guardians = || Some(Quorum { set: "family".parse().unwrap(), count: 2, delay_ms: DELAY });
    for name in [TREASURER, "ann"] {
        change(tenant, name, |member| member.guardians = guardians());
    }
}

fn change(tenant: &mut TenantPolicy, name: &str, change: impl FnOnce(&mut Member)) {
    let mut members = core::mem::take(&mut tenant.members).into_vec();
    change(members.iter_mut().find(|member| member.name.as_str() == name).unwrap());
    tenant.members = list(members);
}

fn stage() -> Stage {
    let mut group = Group::founded(2, 2, 1);
    let key = group.make_key(ANY_CHAIN[0].0, Scheme::Ed25519);
    let policy = group.change_policy(with_guardians);
    Stage { group, key, policy, next: 0 }
}

/// The credential whose secret is called `name`.
fn credential(name: &str) -> Credential {
    PublicKey::of(&secret(name)).into()
}

impl Stage {
    /// The treasurer's, from its own credential to [`secret`]`("spare")`.
    fn body(&mut self) -> RecoveryBody {
        self.next += 1;
        RecoveryBody {
            group: self.group.charter.manifest.group,
            tenant: tenant_named(TENANT),
            member: requester(TREASURER),
            replaces: credential(TREASURER).hash(),
            credential: credential("spare"),
            nonce: Nonce::from_bytes([self.next; 32]),
            issued_at: self.group.now,
            not_after: self.group.now.plus(24 * HOUR),
        }
    }

    fn recovery(&mut self) -> Recovery {
        Recovery::new(&self.body()).unwrap()
    }

    fn word(&self, member: &str, recovery: &Recovery, stance: Stance) -> ApprovalBody {
        ApprovalBody {
            group: self.group.charter.manifest.group,
            request: recovery.hash(),
            policy: self.policy,
            member: requester(member),
            stance,
            at: self.group.now,
        }
    }

    fn says(&self, member: &str, recovery: &Recovery, stance: Stance) -> Approval {
        Approval::sign(&self.word(member, recovery, stance), &secret(member)).unwrap()
    }

    fn approved_by(&self, recovery: &Recovery, members: &[&str]) -> Vec<Approval> {
        members.iter().map(|member| self.says(member, recovery, Stance::Approve)).collect()
    }

    fn recover_with(&mut self, at: SignerId, recovery: &Recovery, approvals: &[Approval]) -> Result<(), Refusal> {
        let approvals = list(approvals.iter().cloned());
        self.ask(at, Request::Recover { recovery: recovery.clone(), approvals })
    }

    /// Approved by ann and bob.
    fn recover(&mut self, recovery: &Recovery) -> Result<(), Refusal> {
        let approvals = self.approved_by(recovery, &["ann", "bob"]);
        self.recover_with(signer(1), recovery, &approvals)
    }

    fn cancel(&mut self, recovery: &Recovery, by: Canceller) -> Result<(), Refusal> {
        self.ask(signer(1), Request::CancelRecovery { recovery: recovery.clone(), by })
    }

    fn holder(&self, recovery: &Recovery) -> Canceller {
        Canceller::Holder(self.says(TREASURER, recovery, Stance::Withdraw))
    }

    fn cancellation(&self, recovery: &Recovery) -> Cancellation {
        let charter = &self.group.charter;
        Cancellation { group: charter.manifest.group, manifest: charter.hash(), recovery: recovery.hash() }
    }

    fn operator(&self, recovery: &Recovery) -> Canceller {
        Canceller::Operator(self.group.charter.endorse_by(&self.cancellation(recovery), &[2]))
    }

    fn ask(&mut self, at: SignerId, request: Request) -> Result<(), Refusal> {
        refusal(&self.group.ask(at, request)).map_or(Ok(()), Err)
    }

    fn wait(&mut self, millis: u64) {
        self.group.now = self.group.now.plus(millis);
    }

    /// A transfer that the treasurer asks for with this secret.
    fn transfer(&mut self, by: &str) -> Requested {
        self.next += 1;
        let payload = solana_transfer(&self.group.keys[&self.key].verifying_key(), 5);
        let request = self.group.charter.sign_request(self.key, Chain::Solana, &payload, self.next, self.group.now);
        requested(&request, by)
    }

    fn sign_at(&mut self, at: SignerId, by: &str) -> Result<(), Refusal> {
        let (request, packages) = (self.transfer(by), self.group.commit(self.key, &[signer(1), signer(2)], 1));
        match self.group.sign(at, &request, &packages) {
            SignOutcome::Released(_) => Ok(()),
            SignOutcome::Refused(refusal) => Err(refusal),
        }
    }

    /// Which of these secrets count as the treasurer's at the first signer.
    fn counts(&mut self, secrets: &[&'static str]) -> Vec<&'static str> {
        secrets.iter().copied().filter(|by| self.sign_at(signer(1), by).is_ok()).collect()
    }

    fn change_policy(&mut self, change: impl FnOnce(&mut TenantPolicy)) {
        self.policy = self.group.change_policy(change);
    }

    /// Names the same boots in another order, under the policy in force.
    fn start_again(&mut self) {
        let policy = self.group.policy();
        let order = StartOrder { policy: policy.hash(), ..self.group.order(self.group.again()) };
        self.group.incarnation += 1;
        let request = Request::Start { order: self.group.charter.endorse(&order), policy };
        for at in self.group.charter.signers() {
            self.group.done(at, request.clone());
        }
        self.group.introduce_all();
    }

    /// What receipts say of recoveries.
    fn events(&self) -> Vec<Event> {
        let receipts = self.group.receipts.values().flatten();
        let events = receipts.flat_map(Receipt::events).cloned();
        let of_recoveries =
            |event: &Event| matches!(event, Event::RecoveryBegun { .. } | Event::RecoveryCancelled { .. });
        events.filter(of_recoveries).collect()
    }
}

const BOTH: [&str; 2] = [TREASURER, "spare"];

#[test]
fn the_old_credential_counts_until_the_delay_is_over_and_the_new_one_from_then_on() {
    let mut stage = stage();
    let recovery = stage.recovery();
    assert_eq!(stage.counts(&BOTH), [TREASURER]);
    assert_eq!(stage.recover(&recovery), Ok(()));
    assert_eq!(stage.counts(&BOTH), [TREASURER]);
    stage.wait(DELAY - 1);
    assert_eq!(stage.counts(&BOTH), [TREASURER]);
    stage.wait(1);
    assert_eq!(stage.counts(&BOTH), ["spare"]);
    assert_eq!(stage.sign_at(signer(1), TREASURER), Err(Refusal::RequestSignature));
    assert_eq!(
        stage.sign_at(signer(2), TREASURER),
        Ok(()),
        "nobody told the other signer, and each keeps its own time"
    );
}

#[test]
fn a_recovery_that_is_sent_again_begins_no_other_delay_and_a_second_receipt() {
    let mut stage = stage();
    let recovery = stage.recovery();
    let began = stage.group.now;
    for _ in 0..2 {
        assert_eq!(stage.recover(&recovery), Ok(()));
        stage.wait(HOUR);
    }
    assert_eq!(stage.recover_with(signer(1), &recovery, &[]), Ok(()), "it waits already");
    let body = recovery.unverified().unwrap();
    let begun = Event::RecoveryBegun {
        recovery: recovery.hash(),
        tenant: body.tenant,
        member: body.member,
        base: credential(TREASURER).hash(),
        credential: body.credential,
        effective_at: began.plus(DELAY),
        approved: list(["ann", "bob"].map(requester)),
        not_after: body.not_after,
    };
    assert_eq!(stage.events(), [begun]);
    stage.wait(DELAY - 2 * HOUR);
    assert_eq!(stage.counts(&BOTH), ["spare"]);
    assert_eq!(stage.recover(&recovery), Ok(()), "it is in force");
    assert_eq!(stage.counts(&BOTH), ["spare"]);
}

#[test]
fn approvals_that_do_not_count_begin_nothing() {
    let mut stage = stage();
    let (recovery, other) = (stage.recovery(), stage.recovery());
    let good = stage.says("ann", &recovery, Stance::Approve);
    let altered = |change: fn(&mut ApprovalBody)| {
        let mut body = stage.word("bob", &recovery, Stance::Approve);
        change(&mut body);
        Approval::sign(&body, &secret("bob")).unwrap()
    };
    let by_another_key = Approval::sign(&stage.word("bob", &recovery, Stance::Approve), &secret(CLERK)).unwrap();
    let bad = [
        ("twice by one guardian", good.clone()),
        ("by the member itself, who is in the set", stage.says(TREASURER, &recovery, Stance::Approve)),
        ("by a member outside of the set", stage.says(CLERK, &recovery, Stance::Approve)),
        ("by a member of another tenant", stage.says(RIVAL, &recovery, Stance::Approve)),
        ("for another recovery", stage.says("bob", &other, Stance::Approve)),
        ("against it", stage.says("bob", &recovery, Stance::Withdraw)),
        ("under an older policy", altered(|body| body.policy = Hash::from_bytes([1; 32]))),
        ("for another group", altered(|body| body.group = GroupId::from_bytes([1; 16]))),
        ("with another member's key", by_another_key),
    ];
    for (what, approval) in bad {
        let refused = stage.recover_with(signer(1), &recovery, &[good.clone(), approval]);
        assert_eq!(refused, Err(Refusal::ApprovalInvalid), "{what}");
    }
    for too_few in [&[][..], &[good]] {
        assert_eq!(stage.recover_with(signer(1), &recovery, too_few), Err(Refusal::ApprovalsMissing));
    }
    assert_eq!(stage.recover(&recovery), Ok(()), "nothing of that changed anything");
}

#[test]
fn only_what_replaces_a_guarded_members_credential_in_force_begins() {
    let mut stage = stage();
    let altered = |stage: &mut Stage, change: fn(&mut RecoveryBody)| {
        let mut body = stage.body();
        change(&mut body);
        let recovery = Recovery::new(&body).unwrap();
        stage.recover(&recovery)
    };
    type Altered = (&'static str, fn(&mut RecoveryBody), Refusal);
    let nobody = |body: &mut RecoveryBody| {
        let (rp_id, origins) = ("example.org".parse::<RpId>().unwrap(), list([]));
        let key = PasskeyKey::Ed25519(PublicKey::of(&secret("spare")));
        body.credential = Credential::WebAuthn(Passkey { key, rp_id, origins });
    };
    let cases: [Altered; 11] = [
        ("another credential", |body| body.replaces = credential("spare").hash(), Refusal::RecoveryInvalid),
        ("the same credential", |body| body.credential = credential(TREASURER), Refusal::RecoveryInvalid),
        ("a passkey that nobody can use", nobody, Refusal::RecoveryInvalid),
        (
            "a member without guardians",
            |body| (body.member, body.replaces) = (requester(CLERK), credential(CLERK).hash()),
            Refusal::RecoveryInvalid,
        ),
        ("nobody", |body| body.member = requester("nobody"), Refusal::RequesterUnknown),
        ("another tenant", |body| body.tenant = tenant_named("rivals"), Refusal::TenantMismatch),
        ("another group", |body| body.group = GroupId::from_bytes([9; 16]), Refusal::WrongGroup),
        ("in the past", |body| body.not_after = UnixMillis(body.issued_at.0), Refusal::LifeTooLong),
        ("more than a day ahead", |body| body.not_after = body.not_after.plus(1), Refusal::LifeTooLong),
        (
            "drafted in the future",
            |body| (body.issued_at, body.not_after) = (body.issued_at.plus(HOUR), body.not_after.plus(HOUR)),
            Refusal::NotYetValid,
        ),
        ("drafted before the start", |body| body.issued_at = UnixMillis(body.issued_at.0 - 1), Refusal::LifeTooLong),
    ];
    for (what, change, expected) in cases {
        assert_eq!(altered(&mut stage, change), Err(expected), "{what}");
    }
    let before_the_start = |body: &mut RecoveryBody| {
        (body.issued_at, body.not_after) = (UnixMillis(body.issued_at.0 - 1), UnixMillis(body.not_after.0 - 1));
    };
    assert_eq!(altered(&mut stage, before_the_start), Err(Refusal::BeforeStart));
    let late = stage.recovery();
    stage.wait(24 * HOUR);
    assert_eq!(stage.recover(&late), Err(Refusal::Expired));
    assert_eq!(stage.events(), []);
    assert_eq!(altered(&mut stage, |_| {}), Ok(()));
}

#[test]
fn what_its_holder_or_one_operator_has_cancelled_never_begins_again() {
    for by in [Stage::holder, Stage::operator] {
        let mut stage = stage();
        let recovery = stage.recovery();
        stage.recover(&recovery).unwrap();
        stage.wait(23 * HOUR);
        let canceller = by(&stage, &recovery);
        for _ in 0..2 {
            assert_eq!(stage.cancel(&recovery, canceller.clone()), Ok(()));
        }
        assert_eq!(stage.recover(&recovery), Err(Refusal::RecoveryCancelled), "a host that plays it again");
        stage.wait(DELAY);
        assert_eq!(stage.counts(&BOTH), [TREASURER]);
        assert_eq!(stage.recover(&recovery), Err(Refusal::Expired), "by then its time is over, too");
        let holder = matches!(canceller, Canceller::Holder(_)).then(|| requester(TREASURER));
        let not_after = recovery.unverified().unwrap().not_after;
        let tenant = tenant_named(TENANT);
        let cancelled = Event::RecoveryCancelled { recovery: recovery.hash(), by: holder, not_after, tenant };
        assert_eq!(stage.events()[1..], [cancelled]);
        let next = stage.recovery();
        assert_eq!(stage.recover(&next), Ok(()), "another one may");
    }
}

#[test]
fn one_that_waits_is_cancelled_after_the_day_in_which_it_had_to_begin() {
    let mut stage = stage();
    let recovery = stage.recovery();
    stage.recover(&recovery).unwrap();
    stage.wait(DELAY - 1);
    let by = stage.holder(&recovery);
    assert_eq!(stage.cancel(&recovery, by), Ok(()));
    stage.wait(HOUR);
    assert_eq!(stage.counts(&BOTH), [TREASURER]);
}

#[test]
fn a_signer_that_missed_the_beginning_takes_the_end_all_the_same() {
    for by in [Stage::holder, Stage::operator] {
        let mut stage = stage();
        let recovery = stage.recovery();
        let by = by(&stage, &recovery);
        assert_eq!(stage.cancel(&recovery, by), Ok(()));
        assert_eq!(stage.recover(&recovery), Err(Refusal::RecoveryCancelled));
        stage.wait(DELAY);
        assert_eq!(stage.counts(&BOTH), [TREASURER]);
    }
}

#[test]
fn what_could_never_begin_is_not_remembered_as_cancelled() {
    let mut stage = stage();
    let expired = stage.recovery();
    stage.wait(24 * HOUR);
    let elsewhere = Recovery::new(&RecoveryBody { group: GroupId::from_bytes([9; 16]), ..stage.body() }).unwrap();
    for (recovery, expected) in [(expired, Refusal::Expired), (elsewhere, Refusal::WrongGroup)] {
        for by in [stage.holder(&recovery), stage.operator(&recovery)] {
            assert_eq!(stage.cancel(&recovery, by), Err(expected));
        }
    }
    assert_eq!(stage.events(), []);
}

#[test]
fn nobody_else_cancels_a_recovery() {
    let mut stage = stage();
    let (recovery, other) = (stage.recovery(), stage.recovery());
    stage.recover(&recovery).unwrap();
    let charter = &stage.group.charter;
    let cancellation = stage.cancellation(&recovery);
    let group = GroupId::from_bytes([9; 16]);
    let manifest = Hash::from_bytes([9; 32]);
    let withdrawal = stage.word(TREASURER, &recovery, Stance::Withdraw);
    let bad = [
        (Canceller::Holder(stage.says("ann", &recovery, Stance::Withdraw)), Refusal::ApprovalInvalid),
        (Canceller::Holder(stage.says(TREASURER, &recovery, Stance::Approve)), Refusal::ApprovalInvalid),
        (Canceller::Holder(stage.says(TREASURER, &other, Stance::Withdraw)), Refusal::ApprovalInvalid),
        (Canceller::Holder(Approval::sign(&withdrawal, &secret("spare")).unwrap()), Refusal::ApprovalInvalid),
        (Canceller::Operator(charter.endorse_by(&cancellation, &[])), Refusal::NotEndorsed),
        (
            Canceller::Operator(charter.endorse_by(&Cancellation { group, ..cancellation.clone() }, &[0])),
            Refusal::WrongGroup,
        ),
        (
            Canceller::Operator(charter.endorse_by(&Cancellation { manifest, ..cancellation }, &[0])),
            Refusal::WrongGroup,
        ),
        (stage.operator(&other), Refusal::RecoveryUnknown),
    ];
    for (by, expected) in bad {
        assert_eq!(stage.cancel(&recovery, by.clone()), Err(expected), "{by:?}");
    }
    stage.wait(DELAY);
    assert_eq!(stage.counts(&BOTH), ["spare"]);
}

#[test]
fn what_is_in_force_is_cancelled_by_nobody() {
    let mut stage = stage();
    let recovery = stage.recovery();
    stage.recover(&recovery).unwrap();
    stage.wait(DELAY);
    let (old, operator) = (stage.holder(&recovery), stage.operator(&recovery));
    assert_eq!(stage.cancel(&recovery, old), Err(Refusal::ApprovalInvalid), "who lost it is not the holder any more");
    let new = Approval::sign(&stage.word(TREASURER, &recovery, Stance::Withdraw), &secret("spare")).unwrap();
    assert_eq!(stage.cancel(&recovery, Canceller::Holder(new)), Err(Refusal::RecoveryUnknown));
    assert_eq!(stage.cancel(&recovery, operator), Err(Refusal::RecoveryUnknown), "that takes a policy");
    assert_eq!(stage.counts(&BOTH), ["spare"]);
}

#[test]
fn one_recovery_of_a_member_waits_at_a_time() {
    let mut stage = stage();
    let [first, second] = [stage.recovery(), stage.recovery()];
    stage.recover(&first).unwrap();
    assert_eq!(stage.recover(&second), Err(Refusal::RecoveryWaiting));
    let by = stage.holder(&first);
    stage.cancel(&first, by).unwrap();
    assert_eq!(stage.recover(&second), Ok(()));
    stage.wait(DELAY);
    assert_eq!(stage.counts(&BOTH), ["spare"]);
}

#[test]
fn a_credential_that_is_lost_twice_is_replaced_twice() {
    let mut stage = stage();
    let quick = 2 * HOUR;
    stage.change_policy(|tenant| {
        change(tenant, TREASURER, |member| member.guardians.as_mut().unwrap().delay_ms = quick)
    });
    let next = |stage: &mut Stage, replaces: &str, by: &str| {
        let body = RecoveryBody { replaces: credential(replaces).hash(), credential: credential(by), ..stage.body() };
        Recovery::new(&body).unwrap()
    };
    const ALL: [&str; 4] = [TREASURER, "spare", "third", "fourth"];
    let first = stage.recovery();
    stage.recover(&first).unwrap();
    stage.wait(quick);
    let stale = next(&mut stage, TREASURER, "third");
    assert_eq!(stage.recover(&stale), Err(Refusal::RecoveryInvalid), "it replaces what is not in force any more");
    let second = next(&mut stage, "spare", "third");
    assert_eq!(stage.recover(&second), Ok(()));
    assert_eq!(stage.counts(&ALL), ["spare"]);
    stage.wait(quick);
    assert_eq!(stage.counts(&ALL), ["third"]);
    let back = next(&mut stage, "third", TREASURER);
    assert_eq!(stage.recover(&back), Ok(()), "it was found again");
    stage.wait(quick);
    assert_eq!(stage.counts(&ALL), [TREASURER]);
    let fourth = next(&mut stage, TREASURER, "fourth");
    stage.recover(&fourth).unwrap();
    let by = stage.holder(&fourth);
    stage.cancel(&fourth, by).unwrap();
    assert_eq!(stage.recover(&first), Err(Refusal::RecoveryCancelled), "each counts once, though it would fit again");
    stage.wait(quick);
    assert_eq!(stage.counts(&ALL), [TREASURER]);
}

#[test]
fn another_policy_ends_what_waits() {
    let mut stage = stage();
    let recovery = stage.recovery();
    stage.recover(&recovery).unwrap();
    stage.change_policy(|_| {});
    stage.wait(DELAY);
    assert_eq!(stage.counts(&BOTH), [TREASURER]);
    let ended = stage.events();
    let [Event::RecoveryBegun { .. }, Event::RecoveryCancelled { recovery: of, by: None, .. }] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert_eq!(*of, recovery.hash());
    let next = stage.recovery();
    assert_eq!(stage.recover(&next), Ok(()));
}

#[test]
fn what_is_in_force_lasts_until_a_policy_gives_the_member_another_credential() {
    let mut stage = stage();
    let recovery = stage.recovery();
    stage.recover(&recovery).unwrap();
    stage.wait(DELAY);
    const ALL: [&str; 3] = [TREASURER, "spare", "third"];
    let gives = |name: &'static str| {
        move |tenant: &mut TenantPolicy| change(tenant, TREASURER, |member| member.credential = credential(name))
    };
    stage.change_policy(|_| {});
    assert_eq!(stage.counts(&ALL), ["spare"], "the policy still names what was replaced");
    stage.change_policy(gives("third"));
    assert_eq!(stage.counts(&ALL), ["third"]);
    stage.change_policy(gives(TREASURER));
    assert_eq!(stage.counts(&ALL), [TREASURER], "what has ended does not come back");
    assert_eq!(stage.events().len(), 2);
}

#[test]
fn a_start_ends_what_waits_and_leaves_what_is_in_force() {
    let mut stage = stage();
    let of_ann = |stage: &mut Stage| {
        let (member, replaces) = (requester("ann"), credential("ann").hash());
        Recovery::new(&RecoveryBody { member, replaces, ..stage.body() }).unwrap()
    };
    let recovery = stage.recovery();
    stage.recover(&recovery).unwrap();
    stage.wait(DELAY);
    let waiting = of_ann(&mut stage);
    let approvals = [
        stage.says("bob", &waiting, Stance::Approve),
        Approval::sign(&stage.word(TREASURER, &waiting, Stance::Approve), &secret("spare")).unwrap(),
    ];
    stage.recover_with(signer(1), &waiting, &approvals).unwrap();
    stage.wait(1);
    stage.start_again();
    assert_eq!(stage.counts(&BOTH), ["spare"]);
    assert_eq!(stage.events().len(), 3);
    assert_eq!(stage.recover_with(signer(1), &waiting, &approvals), Err(Refusal::BeforeStart));
}

#[test]
fn a_boot_that_has_forgotten_a_cancellation_begins_nothing_that_is_older_than_its_start() {
    let mut stage = stage();
    let recovery = stage.recovery();
    stage.recover(&recovery).unwrap();
    let by = stage.operator(&recovery);
    stage.cancel(&recovery, by).unwrap();
    stage.wait(HOUR);
    stage.group.restart();
    assert_eq!(stage.recover(&recovery), Err(Refusal::BeforeStart));
}

#[test]
fn nothing_begins_while_a_kill_switch_is_closed_for_the_tenant_or_the_group() {
    let mut stage = stage();
    let recovery = stage.recovery();
    let scopes = [
        (Scope::Group, Err(Refusal::SwitchClosed)),
        (Scope::Tenant(tenant_named(TENANT)), Err(Refusal::SwitchClosed)),
        (Scope::Tenant(tenant_named("rivals")), Ok(())),
    ];
    for (number, (scope, expected)) in (0..).zip(scopes) {
        let charter = &stage.group.charter;
        let (group, manifest) = (charter.manifest.group, charter.hash());
        let closing = Closing { group, manifest, scope, nonce: Nonce::from_bytes([number; 32]) };
        let closing = charter.endorse_by(&closing, &[0]);
        stage.ask(signer(1), Request::Close { closing: closing.clone() }).unwrap();
        assert_eq!(stage.recover(&recovery), expected);
        let opening = cloister_wire::switch::Opening { group, manifest, closings: list([closing.hash()]) };
        let opening = stage.group.charter.endorse(&opening);
        stage.ask(signer(1), Request::Open { opening }).unwrap();
    }
}

#[test]
fn what_a_member_approves_is_proved_with_its_credential_in_force() {
    let mut stage = stage();
    let verdict = Verdict::Approve(Quorum { set: "family".parse().unwrap(), count: 1, delay_ms: 0 });
    stage.change_policy(|tenant| {
        let mut rule = grant(ANY_CHAIN[0].0, &[Permission::Solana]);
        rule.verdict = verdict;
        tenant.rules = list([rule]);
    });
    let (member, replaces): (Requester, Hash) = (requester("ann"), credential("ann").hash());
    let recovery = Recovery::new(&RecoveryBody { member, replaces, ..stage.body() }).unwrap();
    let approvals = stage.approved_by(&recovery, &["bob", TREASURER]);
    stage.recover_with(signer(1), &recovery, &approvals).unwrap();
    for (secrets, wait) in [(["ann", "spare"], DELAY), (["spare", "ann"], 0)] {
        let request = stage.transfer(TREASURER);
        let hash = request.hash::<cloister_wire::request::SignRequest>();
        let word = ApprovalBody { request: hash, ..stage.word("ann", &recovery, Stance::Approve) };
        let outcomes = secrets.map(|name| {
            let approval = Approval::sign(&word, &secret(name)).unwrap();
            let packages = stage.group.commit(stage.key, &[signer(1), signer(2)], 1);
            match stage.group.sign_approved(signer(1), &request, &packages, &[approval]) {
                SignOutcome::Released(_) => Ok(()),
                SignOutcome::Refused(refusal) => Err(refusal),
            }
        });
        assert_eq!(outcomes, [Ok(()), Err(Refusal::ApprovalInvalid)], "{secrets:?}");
        stage.wait(wait);
    }
}
