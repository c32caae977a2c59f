use cloister_wire::{
    approval::{ApprovalBody, Stance},
    bounded::List,
    delegation::Delegation,
    ids::{Nonce, PolicyVersion, RequestId},
    policy::{MemberSet, Paths, Rule},
    receipt::Event,
    recovery::Recovery,
    signature::PublicKey,
};
use ed25519_dalek::SigningKey;

use super::*;
use crate::fault::Fault;

const NOW: UnixMillis = UnixMillis(1_000_000_000);
const HOUR: u64 = 60 * 60 * 1000;
const GROUP: GroupId = GroupId::from_bytes([1; 16]);
const POLICY: Hash = Hash::from_bytes([2; 32]);

fn secret(name: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SigningKey::from_bytes(&seed)
}

fn list<T, const MAX: usize>(items: impl IntoIterator<Item = T>) -> List<T, MAX> {
    items.into_iter().collect::<Vec<_>>().try_into().map_err(|_| "too long").unwrap()
}

fn credential(name: &str) -> Credential {
    PublicKey::of(&secret(name)).into()
}

/// Members who may make keys, each of them with all others as guardians.
fn tenant(name: &str, members: impl IntoIterator<Item = String>) -> TenantPolicy {
    let names: Vec<Requester> = members.into_iter().map(|name| name.parse().unwrap()).collect();
    let guardians = || Quorum { set: "all".parse().unwrap(), count: 1, delay_ms: HOUR };
    let member = |name: &Requester| Member {
        name: name.clone(),
        credential: credential(name.as_str()),
        guardians: Some(guardians()),
    };
    TenantPolicy {
        members: list(names.iter().map(member)),
        key_creators: list(names.iter().cloned()),
        sets: list([MemberSet { name: "all".parse().unwrap(), members: list(names.iter().cloned()) }]),
        ..TenantPolicy::new(name.parse().unwrap())
    }
}

/// A gate with nothing behind it but a policy, and what a test has it remember.
struct Stage {
    policy: Policy,
    state: State,
    keyring: Keyring,
    threshold: u16,
    now: UnixMillis,
}

impl Stage {
    fn of(tenants: impl IntoIterator<Item = TenantPolicy>) -> Self {
        let (manifest, version) = (Hash::from_bytes([3; 32]), PolicyVersion(1));
        let policy = Policy { group: GROUP, manifest, version, previous: None, tenants: list(tenants) };
        Self { policy, state: State::default(), keyring: Keyring::default(), threshold: 2, now: NOW }
    }

    /// Ann and bob.
    fn small() -> Self {
        Self::of([tenant("acme", ["ann", "bob"].map(str::to_owned))])
    }

    fn gate(&self) -> Gate<'_> {
        let Self { policy, state, keyring, threshold, now } = self;
        let (group, policy_hash, started) = (GROUP, POLICY, NOW);
        Gate { group, policy, policy_hash, state, threshold: *threshold, keyring, now: *now, started }
    }

    /// Has it remember as much as a tenant may, a quarter of it for each of four members.
    fn fill(&mut self, tenant: &str) {
        for number in 0..self.gate().part_of(limits::REMEMBERED) {
            let mut request = [9; 32];
            request[..8].copy_from_slice(&number.to_be_bytes());
            let by = ["ann", "bob", "cat", "dan"][number % 4];
            let (request, by, tenant) = (Hash::from_bytes(request), by.parse().unwrap(), tenant.parse().unwrap());
            self.state.apply(self.now, &Event::Withdrawn { request, by, not_after: NOW.plus(HOUR), tenant });
        }
    }

    fn says(&self, member: &str, of: Hash, stance: Stance) -> Approval {
        let (group, policy, at, request) = (GROUP, POLICY, self.now, of);
        let body = ApprovalBody { group, request, policy, member: member.parse().unwrap(), stance, at };
        Approval::sign(&body, &secret(member)).unwrap()
    }

    fn recovery(&self, tenant: &str, member: &str) -> Recovery {
        self.nth_recovery(tenant, member, 0)
    }

    fn nth_recovery(&self, tenant: &str, member: &str, number: usize) -> Recovery {
        let mut nonce = [5; Nonce::LEN];
        nonce[..8].copy_from_slice(&number.to_be_bytes());
        let body = RecoveryBody {
            group: GROUP,
            tenant: tenant.parse().unwrap(),
            member: member.parse().unwrap(),
            replaces: credential(member).hash(),
            credential: credential("new"),
            nonce: Nonce::from_bytes(nonce),
            issued_at: self.now,
            not_after: self.now.plus(HOUR),
        };
        Recovery { body: codec::encode(&body).try_into().unwrap() }
    }

    fn recover(&self, tenant: &str, member: &str, guardian: &str) -> Result<Option<Event>, Refusal> {
        let recovery = self.recovery(tenant, member);
        self.gate().recover(&recovery, &[self.says(guardian, recovery.hash(), Stance::Approve)])
    }

    /// Whether that is remembered.
    fn revoke(&self, delegation: &Delegation) -> Result<bool, Fault> {
        let withdrawal = self.says("ann", delegation.hash(), Stance::Withdraw);
        self.gate().revoke(delegation, &withdrawal).map(|event| event.is_some())
    }
}

fn key_request(scheme: Scheme) -> Requested {
    let request = KeyRequest {
        group: GROUP,
        tenant: "acme".parse().unwrap(),
        name: "hot".parse().unwrap(),
        scheme,
        requester: "ann".parse().unwrap(),
        id: RequestId::from_bytes([4; 16]),
        issued_at: NOW,
        not_after: NOW.plus(HOUR),
    };
    Requested::sign(&request, &secret("ann")).unwrap()
}

/// Ann's, from `from` for as long as it may be.
fn delegation(from: UnixMillis, length: u64) -> Delegation {
    let scope = Rule {
        name: "bot".parse().unwrap(),
        requesters: None,
        keys: None,
        paths: Paths::Any,
        payloads: None,
        effects: None,
        spends: None,
        fee: None,
        fee_rate: None,
        hours: None,
        within: List::new(),
        verdict: Verdict::Allow,
    };
    let (tenant, by) = ("acme".parse().unwrap(), "ann".parse().unwrap());
    let body =
        DelegationBody { group: GROUP, tenant, by, session: credential("bot"), scope, from, until: from.plus(length) };
    Delegation::sign(&body, &secret("ann")).unwrap()
}

#[test]
fn no_ecdsa_key_is_made_where_more_have_to_sign_together_than_can() {
    let mut stage = Stage::small();
    for (threshold, scheme, refusal) in [
        (9, Scheme::Secp256k1Ecdsa, None),
        (10, Scheme::Secp256k1Ecdsa, Some(Refusal::ThresholdTooHigh)),
        (10, Scheme::Ed25519, None),
    ] {
        stage.threshold = threshold;
        let denied = stage.gate().authorize_key(&key_request(scheme)).err();
        assert_eq!(denied.map(|denied| denied.refusal), refusal, "{threshold} {scheme:?}");
    }
}

#[test]
fn what_a_full_signer_would_have_to_remember_it_refuses() {
    let mut stage = Stage::small();
    let (session, recovery) = (delegation(NOW, HOUR), stage.recovery("acme", "ann"));
    assert_eq!(stage.revoke(&session), Ok(true));
    assert!(stage.gate().cancel_by_operators(&recovery).is_ok_and(|event| event.is_some()));
    let begun = stage.recover("acme", "bob", "ann").unwrap().unwrap();
    stage.state.apply(NOW, &begun);
    stage.fill("acme");
    assert_eq!(stage.revoke(&session), Err(Refusal::RequesterBusy.into()));
    assert_eq!(stage.recover("acme", "ann", "bob"), Err(Refusal::RequesterBusy));
    assert_eq!(stage.gate().cancel_by_operators(&recovery), Err(Refusal::Busy), "it has not begun");
    let waiting = stage.gate().cancel_by_operators(&stage.recovery("acme", "bob"));
    assert!(waiting.is_ok_and(|event| event.is_some()), "what waits can be ended");
}

#[test]
fn recoveries_that_begin_and_are_cancelled_without_end_leave_others_their_room() {
    let mut stage = Stage::of(
        [("acme", ["ann", "bob"]), ("rivals", ["cat", "dan"])].map(|(name, of)| tenant(name, of.map(str::to_owned))),
    );
    let mut begun_and_cancelled = |number| -> Result<(), Refusal> {
        let recovery = stage.nth_recovery("acme", "ann", number);
        let approval = stage.says("bob", recovery.hash(), Stance::Approve);
        let begun = stage.gate().recover(&recovery, &[approval])?.unwrap();
        stage.state.apply(NOW, &begun);
        let word = stage.says("ann", recovery.hash(), Stance::Withdraw);
        let cancelled = stage.gate().cancel_by_holder(&recovery, &word).unwrap().unwrap();
        stage.state.apply(NOW, &cancelled);
        Ok(())
    };
    let refused =
        (0..=limits::REMEMBERED).find_map(|number| begun_and_cancelled(number).err().map(|refusal| (number, refusal)));
    assert_eq!(refused, Some((limits::REMEMBERED / 2 / 4, Refusal::RequesterBusy)));
    for (tenant, member) in [("acme", "bob"), ("rivals", "cat")] {
        let recovery = stage.recovery(tenant, member);
        let word = stage.says(member, recovery.hash(), Stance::Withdraw);
        assert!(stage.gate().cancel_by_holder(&recovery, &word).is_ok_and(|event| event.is_some()), "{member}");
    }
}

#[test]
fn a_session_begins_at_most_a_minute_from_now_and_lasts_thirty_days_at_most() {
    let stage = Stage::small();
    let month = limits::SESSION_LIFE_MS;
    for (from, length, revoked) in [
        (NOW.plus(60_000), month, Ok(true)),
        (NOW.plus(60_001), 1, Err(Refusal::DelegationInvalid.into())),
        (NOW, month + 1, Err(Refusal::DelegationInvalid.into())),
    ] {
        assert_eq!(stage.revoke(&delegation(from, length)), revoked, "{from:?} {length}");
    }
}

#[test]
fn a_session_that_is_over_needs_no_end() {
    let mut stage = Stage::small();
    let session = delegation(NOW, HOUR);
    for (later, revoked) in [(HOUR - 1, true), (HOUR, false)] {
        stage.now = NOW.plus(later);
        assert_eq!(stage.revoke(&session), Ok(revoked));
    }
}

#[test]
fn a_tenant_has_a_quarter_of_the_room_for_recoveries_or_less_if_there_are_many() {
    let names =
        |count: usize, prefix: &str| (0..count).map(|number| format!("{prefix}-{number:02}")).collect::<Vec<_>>();
    let most = |others: usize| {
        let others = names(others, "tenant").into_iter().map(|name| TenantPolicy::new(name.parse().unwrap()));
        let mut stage = Stage::of([tenant("acme", names(30, "member"))].into_iter().chain(others));
        let begun = names(30, "member").into_iter().take_while(|member| {
            let guardian = if member == "member-00" { "member-01" } else { "member-00" };
            match stage.recover("acme", member, guardian) {
                Ok(event) => event.is_some_and(|event| {
                    stage.state.apply(NOW, &event);
                    true
                }),
                Err(refusal) => {
                    assert_eq!(refusal, Refusal::Busy);
                    false
                }
            }
        });
        begun.count()
    };
    assert_eq!(most(0), limits::TENANT_RECOVERIES);
    assert_eq!(most(15), limits::RECOVERIES / 16);
    assert_eq!(most(63), 1);
}
