//! Tenants: whatever requests and their parts of two tenants are mixed, nothing of another tenant can be named.
//!
//! Both tenants have everything that the protocol lets them have alike: the names of keys, sets, lists, limits and rules, the address of a
//! lookup table, request ids, and the credentials of their members. Only members' own names and their tenant's differ.

use std::collections::BTreeSet;

use cloister_tests::{
    charter::{HOUR, TENANT, TREASURER, grant, key_name, list, quantity, requester, secret, signer, tenant_named},
    group::Group,
    payload::{solana_transfer, solana_transfer_by_table},
};
use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    certificate::{Certificate, CertificateBody},
    codec,
    delegation::{Delegation, DelegationBody},
    endorsement::Endorsed,
    ids::{Hash, KeyId, Nonce, RequestId, Requester, SolanaAccount, UnixMillis},
    limits::{self, APPROVALS},
    message::{Body, Outcome, Package, Reply, Request, SignItem, SignOutcome},
    policy::{
        Account, AccountList, AssetName, Counterparty, EffectKind, Effects, Limit, LookupTable, Measure, Member,
        MemberSet, Network, Pattern, Per, Permission, Quantifier, Quorum, Rule, TenantPolicy, Verdict,
    },
    receipt::Event,
    recovery::{Cancellation, Canceller, Recovery, RecoveryBody},
    refusal::Refusal,
    request::{Chain, KeyRequest, Purpose, Requested, Scheme, SignRequest},
    signature::PublicKey,
    switch::{Closing, Opening, Scope},
};

const A: &str = TENANT;
const B: &str = "rivals";
/// What the members of each tenant are, and the names of the secrets that both tenants' have.
const ROLES: [&str; 3] = ["ann", "bob", TREASURER];
/// The secret of a session key of either tenant.
const BOT: &str = "bot";
/// What the tenants' keys are called: signed at once, once the board has approved, to the friends on a list.
const KEYS: [&str; 3] = ["open", "guarded", "friends"];
const DELAY: u64 = 10 * 60_000;
const TABLE: u8 = 50;
/// Whom [`solana_transfer`] pays.
const PAYEE: [u8; 32] = [9; 32];

macro_rules! kinds {
    (of_a_tenant: $($of_a_tenant:ident)+; of_operators_or_hosts: $($others:ident)+;) => {
        /// The request's kind, if it can name what belongs to a tenant, or if no tenant's member may make it. A new kind has to be put here.
        fn kind(request: &Request) -> Option<&'static str> {
            match request {
                $(Request::$of_a_tenant { .. } => Some(stringify!($of_a_tenant)),)+
                $(Request::$others { .. } => None,)+
            }
        }
        const KINDS: &[&str] = &[$(stringify!($of_a_tenant)),+];
    };
}

kinds! {
    of_a_tenant:
        Start Present ApplyPolicy OpenKeygen Certify Sign Review Withdraw Close Open Recover CancelRecovery Revoke;
    // Nobody signs these, and nothing comes of them but what a request above can use. `Commit` and `OpenPresigning` name a key, whose
    // commitments and presignatures serve no other.
    of_operators_or_hosts:
        Status Configure Attest Challenge Introduce SealSignerKey Unwrapped StartKeygen Deliver Keygen Abandon Commit OpenPresigning
        StartPresigning Presigning Pair;
}

/// A 2-of-2 group of two tenants.
struct Stage {
    group: Group,
    /// By the position of their names.
    keys: [[KeyId; KEYS.len()]; 2],
    policy: Hash,
    next: u8,
}

fn side(tenant: &str) -> usize {
    usize::from(tenant == B)
}

/// The member of a tenant in this role.
fn member_of(tenant: &str, role: &str) -> Requester {
    requester(&format!("{tenant}-{role}"))
}

fn credential(role: &str) -> cloister_wire::credential::Credential {
    PublicKey::of(&secret(role)).into()
}

/// What both tenants have alike, apart from what stands on the list and in the table of that name and address: one account of `A`'s is
/// on neither, and `B`'s payee on both.
fn tenant_policy(tenant: &str) -> TenantPolicy {
    let board = |count, delay_ms| Quorum { set: "board".parse().unwrap(), count, delay_ms };
    let member = |role: &&str| Member {
        name: member_of(tenant, role),
        credential: credential(role),
        guardians: Some(board(2, HOUR)).filter(|_| *role == TREASURER),
    };
    let rule = |key, change: fn(&mut Rule)| {
        let mut rule = Rule { requesters: None, ..grant(key, &[Permission::Solana]) };
        change(&mut rule);
        rule
    };
    let measure = Measure::Spending { network: Network::Solana, asset: AssetName::Native, most: quantity(15_100) };
    let friends = [Account::Solana(SolanaAccount::from_bytes(if tenant == B { PAYEE } else { [1; 32] }))];
    let addresses =
        list([Hash::from_bytes([100; 32]), Hash::from_bytes([101; 32])][..1 + side(tenant)].iter().copied());
    let mut guarded = rule("guarded", |_| {});
    guarded.verdict = Verdict::Approve(board(1, DELAY));
    TenantPolicy {
        members: list(ROLES.iter().map(member)),
        key_creators: list([member_of(tenant, TREASURER)]),
        sets: list([MemberSet {
            name: "board".parse().unwrap(),
            members: list(ROLES.map(|role| member_of(tenant, role))),
        }]),
        lists: list([AccountList { name: "friends".parse().unwrap(), accounts: list(friends) }]),
        limits: list([Limit { name: "hourly".parse().unwrap(), measure, window_ms: HOUR, per: Per::Tenant }]),
        tables: list([LookupTable { address: Hash::from_bytes([TABLE; 32]), addresses }]),
        rules: list([
            rule("open", |rule| rule.within = list(["hourly".parse().unwrap()])),
            guarded,
            rule("friends", |rule| rule.effects = Some(to_friends())),
        ]),
        ..TenantPolicy::new(tenant_named(tenant))
    }
}

fn to_friends() -> Effects {
    let with = Some(list([Counterparty::List("friends".parse().unwrap())]));
    let pattern = Pattern { kind: EffectKind::Transfer, assets: None, with, most: None, functions: None };
    Effects { quantifier: Quantifier::Every, patterns: list([pattern]) }
}

fn stage() -> Stage {
    let mut group = Group::founded(2, 2, 1);
    let policy = group.change_tenants(|tenants| *tenants = [A, B].map(tenant_policy).into());
    let keys = [A, B].map(|tenant| KEYS.map(|name| group.make(&key_request(&group, tenant, name, 0))));
    Stage { group, keys, policy, next: 0 }
}

/// Signed with the secret that the members of both tenants have.
fn signed<T: cloister_wire::request::Requestable>(request: &T) -> Requested {
    Requested::sign(request, &secret(TREASURER)).unwrap()
}

fn key_request(group: &Group, tenant: &str, name: &str, id: u8) -> KeyRequest {
    let mut bytes = [id; RequestId::LEN];
    bytes.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
    KeyRequest {
        tenant: tenant_named(tenant),
        requester: member_of(tenant, TREASURER),
        id: RequestId::from_bytes(bytes),
        ..group.charter.key_request(name, Scheme::Ed25519, group.now)
    }
}

impl Stage {
    fn key(&self, tenant: &str, name: &str) -> KeyId {
        self.keys[side(tenant)][KEYS.iter().position(|known| *known == name).unwrap()]
    }

    /// The tenant's own request number `id` to pay 5 lamports.
    fn transfer(&self, tenant: &str, name: &str, id: u8) -> SignRequest {
        let key = self.key(tenant, name);
        SignRequest {
            group: self.group.charter.manifest.group,
            tenant: tenant_named(tenant),
            key,
            path: list([]),
            chain: Chain::Solana,
            purpose: Purpose::Transaction,
            payload: solana_transfer(&self.group.keys[&key].verifying_key(), 5).try_into().unwrap(),
            requester: member_of(tenant, TREASURER),
            id: RequestId::from_bytes([id; 16]),
            issued_at: self.group.now,
            not_after: self.group.now.plus(HOUR),
            session: None,
        }
    }

    /// The same to the second account of the table.
    fn by_table(&self, tenant: &str, id: u8) -> SignRequest {
        let from = self.group.keys[&self.key(tenant, "guarded")].verifying_key();
        let payload = solana_transfer_by_table(&from, 5, TABLE, 1).try_into().unwrap();
        SignRequest { payload, ..self.transfer(tenant, "guarded", id) }
    }

    fn packages(&mut self, key: KeyId) -> Vec<Package> {
        self.group.commit(key, &[signer(1), signer(2)], 1)
    }

    fn sign_request(&mut self, request: &Requested, key: KeyId, approvals: &[Approval]) -> Request {
        let packages = list(self.packages(key));
        let item = SignItem { request: request.clone(), packages, approvals: list(approvals.iter().cloned()) };
        Request::Sign { items: list([item]) }
    }

    /// What `role` of `tenant` says of whatever has this hash.
    fn says(&self, tenant: &str, role: &str, request: Hash, stance: Stance) -> Approval {
        let (group, policy, at) = (self.group.charter.manifest.group, self.policy, self.group.now);
        let body = ApprovalBody { group, request, policy, member: member_of(tenant, role), stance, at };
        Approval::sign(&body, &secret(role)).unwrap()
    }

    fn delegation_body(&self, tenant: &str) -> DelegationBody {
        DelegationBody {
            group: self.group.charter.manifest.group,
            tenant: tenant_named(tenant),
            by: member_of(tenant, TREASURER),
            session: credential(BOT),
            scope: Rule {
                name: "bot".parse().unwrap(),
                requesters: None,
                keys: Some(list([key_name("open")])),
                ..grant("open", &[Permission::Solana])
            },
            from: self.group.now,
            until: self.group.now.plus(3 * HOUR),
        }
    }

    fn delegation(&self, tenant: &str) -> Delegation {
        Delegation::sign(&self.delegation_body(tenant), &secret(TREASURER)).unwrap()
    }

    /// A request that a session key asks.
    fn under(&self, request: SignRequest, delegation: &Delegation) -> Requested {
        let request = SignRequest { session: Some(delegation.hash()), ..request };
        Requested { delegation: Some(delegation.clone()), ..Requested::sign(&request, &secret(BOT)).unwrap() }
    }

    fn recovery(&self, tenant: &str, of: &str, nonce: u8) -> Recovery {
        let (issued_at, not_after) = (self.group.now, self.group.now.plus(HOUR));
        Recovery::new(&RecoveryBody {
            group: self.group.charter.manifest.group,
            tenant: tenant_named(tenant),
            member: member_of(of, TREASURER),
            replaces: credential(TREASURER).hash(),
            credential: credential("spare"),
            nonce: Nonce::from_bytes([nonce; 32]),
            issued_at,
            not_after,
        })
        .unwrap()
    }

    fn guardians(&self, tenant: &str, recovery: &Recovery) -> cloister_wire::bounded::List<Approval, APPROVALS> {
        list(["ann", "bob"].map(|role| self.says(tenant, role, recovery.hash(), Stance::Approve)))
    }

    /// As operators would sign it, by a member.
    fn by_member<T: cloister_wire::endorsement::Endorsable>(&self, document: &T) -> Endorsed<T> {
        let mut endorsed = Endorsed::new(document).unwrap();
        (0..2).for_each(|operator| endorsed.sign(operator, &secret(TREASURER)).unwrap());
        endorsed
    }

    fn closing(&self, scope: Scope) -> Closing {
        let charter = &self.group.charter;
        Closing { group: charter.manifest.group, manifest: charter.hash(), scope, nonce: Nonce::from_bytes([7; 32]) }
    }

    fn ask(&mut self, request: Request) -> (Result<(), Refusal>, Vec<Event>) {
        let reply = self.group.ask(signer(1), request);
        let events = reply.receipt.as_ref().map(|receipt| receipt.events().cloned().collect());
        (verdict(&reply), events.unwrap_or_default())
    }

    fn sign(&mut self, request: &Requested, approvals: &[Approval]) -> Result<(), Refusal> {
        let key = codec::decode::<SignRequest>(request.body.as_slice()).unwrap().key;
        let request = self.sign_request(request, key, approvals);
        self.ask(request).0
    }
}

fn verdict(reply: &Reply) -> Result<(), Refusal> {
    match &reply.outcome {
        Outcome::Done(Body::Signed(outcomes)) => match outcomes.as_slice() {
            [SignOutcome::Released(_)] => Ok(()),
            [SignOutcome::Refused(refusal)] => Err(*refusal),
            other => panic!("{other:?}"),
        },
        Outcome::Done(_) => Ok(()),
        Outcome::Refused(refusal) => Err(*refusal),
    }
}

/// A request that names something of another tenant, and how it is refused.
type Case = (&'static str, Request, Refusal);

impl Stage {
    /// `A` names what is `B`'s, in a request to sign and all that goes with it.
    fn signing(&mut self, waiting: &Requested) -> Vec<Case> {
        let (open, theirs) = (self.transfer(A, "open", 1), self.transfer(B, "open", 1));
        let (key, their_key) = (open.key, theirs.key);
        let guarded = signed(&self.transfer(A, "guarded", 2));
        let [approval, other] = [(B, guarded.hash::<SignRequest>()), (A, waiting.hash::<SignRequest>())]
            .map(|(tenant, hash)| self.says(tenant, "ann", hash, Stance::Approve));
        let (own, session) = (self.delegation(A), self.delegation(B));
        let forged = DelegationBody { tenant: tenant_named(B), ..self.delegation_body(A) };
        let forged = Delegation::sign(&forged, &secret(TREASURER)).unwrap();
        let swapped = DelegationBody { by: member_of(B, TREASURER), ..self.delegation_body(A) };
        let swapped = Delegation::sign(&swapped, &secret(TREASURER)).unwrap();
        let their_friend = SignRequest { id: RequestId::from_bytes([3; 16]), ..self.transfer(A, "friends", 3) };
        let requests = [
            ("a key", SignRequest { key: their_key, ..open.clone() }, Refusal::TenantMismatch),
            ("a tenant", SignRequest { tenant: tenant_named(B), ..open.clone() }, Refusal::TenantMismatch),
            (
                "a tenant and its key",
                SignRequest { requester: open.requester.clone(), ..theirs.clone() },
                Refusal::TenantMismatch,
            ),
            (
                "a requester",
                SignRequest { requester: theirs.requester.clone(), ..open.clone() },
                Refusal::TenantMismatch,
            ),
            ("a lookup table", self.by_table(A, 4), Refusal::PayloadRejected),
            ("a list", their_friend, Refusal::EffectsNotAllowed),
        ];
        let mut cases = Vec::new();
        for (what, request, refusal) in requests {
            let requested = signed(&request);
            let review = Request::Review { request: requested.clone(), approvals: list([]) };
            let withdrawal = self.says(A, TREASURER, requested.hash::<SignRequest>(), Stance::Withdraw);
            let refusals = [(self.sign_request(&requested, request.key, &[]), refusal), (review, refusal)];
            // A review says what becomes of a request that can be read, and whoever asks for one can withdraw it.
            let readable = refusal == Refusal::EffectsNotAllowed;
            let withdraw = Request::Withdraw { request: requested, withdrawal };
            cases.extend(
                refusals.into_iter().take(if readable { 1 } else { 2 }).map(|(ask, refusal)| (what, ask, refusal)),
            );
            cases.extend((!readable).then_some((what, withdraw, refusal)));
        }
        let sessions = [
            ("a session", self.under(open.clone(), &session), Refusal::DelegationInvalid),
            ("a session that claims the tenant", self.under(open.clone(), &forged), Refusal::DelegationInvalid),
            ("a session that claims the member", self.under(open.clone(), &swapped), Refusal::DelegationInvalid),
            (
                "a key, under a session",
                self.under(SignRequest { key: their_key, ..open.clone() }, &own),
                Refusal::TenantMismatch,
            ),
            ("a member, under a session", self.under(theirs, &own), Refusal::DelegationInvalid),
        ];
        for (what, request, refusal) in sessions {
            cases.push((what, self.sign_request(&request, key, &[]), refusal));
            cases.push((what, Request::Review { request, approvals: list([]) }, refusal));
        }
        let commitments = list(self.packages(their_key));
        let item = SignItem { request: signed(&open), packages: commitments, approvals: list([]) };
        cases.push(("a key's commitments", Request::Sign { items: list([item]) }, Refusal::CommitmentUnknown));
        for (what, request, approval) in
            [("an approver", &guarded, approval), ("a waiting request, approving it", waiting, other)]
        {
            let key = codec::decode::<SignRequest>(request.body.as_slice()).unwrap().key;
            let approvals = [approval];
            let sign = self.sign_request(request, key, &approvals);
            let review = Request::Review { request: request.clone(), approvals: list(approvals) };
            cases.extend([sign, review].map(|ask| (what, ask, Refusal::ApprovalInvalid)));
        }
        for role in ROLES {
            let withdrawal = self.says(A, role, waiting.hash::<SignRequest>(), Stance::Withdraw);
            let withdraw = Request::Withdraw { request: waiting.clone(), withdrawal };
            cases.push(("a waiting request, withdrawing it", withdraw, Refusal::ApprovalInvalid));
        }
        cases
    }

    /// The same of members and what they have.
    fn members(&mut self, waiting: &Recovery, session: &Delegation) -> Vec<Case> {
        let mut cases = Vec::new();
        for (what, recovery, guardians) in [
            ("a member's credential", self.recovery(B, B, 2), A),
            ("a member", self.recovery(A, B, 3), A),
            ("a member, with its guardians", self.recovery(A, B, 3), B),
            ("a tenant", self.recovery(B, A, 4), A),
            ("guardians", self.recovery(A, A, 5), B),
        ] {
            let approvals = self.guardians(guardians, &recovery);
            let body = recovery.unverified().unwrap();
            let mismatch = body.tenant.as_str() != body.member.as_str().split('-').next().unwrap();
            let refusal = if mismatch { Refusal::TenantMismatch } else { Refusal::ApprovalInvalid };
            cases.push((what, Request::Recover { recovery, approvals }, refusal));
        }
        let charter = &self.group.charter;
        let cancellation =
            Cancellation { group: charter.manifest.group, manifest: charter.hash(), recovery: waiting.hash() };
        let cancel = |by| Request::CancelRecovery { recovery: waiting.clone(), by };
        let operator = Canceller::Operator(self.by_member(&cancellation));
        cases.push(("a waiting recovery, as an operator", cancel(operator), Refusal::NotEndorsed));
        for role in ROLES {
            let holder = Canceller::Holder(self.says(A, role, waiting.hash(), Stance::Withdraw));
            cases.push(("a waiting recovery", cancel(holder), Refusal::ApprovalInvalid));
        }
        for (what, body, refusal) in [
            ("a session", session.unverified().unwrap(), Refusal::ApprovalInvalid),
            (
                "a session's tenant",
                DelegationBody { tenant: tenant_named(B), ..self.delegation_body(A) },
                Refusal::DelegationInvalid,
            ),
            (
                "a session's member",
                DelegationBody { by: member_of(B, TREASURER), ..self.delegation_body(A) },
                Refusal::DelegationInvalid,
            ),
        ] {
            let delegation = Delegation::sign(&body, &secret(TREASURER)).unwrap();
            let withdrawal = self.says(A, TREASURER, delegation.hash(), Stance::Withdraw);
            cases.push((what, Request::Revoke { delegation, withdrawal }, refusal));
        }
        cases
    }

    /// The same of keys, and of what only operators decide.
    fn keys_and_orders(&mut self) -> Vec<Case> {
        let own = self.group.keys[&self.key(A, "open")].clone();
        let theirs = self.group.keys[&self.key(B, "open")].clone();
        let taken_over = CertificateBody { tenant: tenant_named(A), ..theirs.body() };
        let taken_over = Certificate {
            body: codec::encode(&taken_over).try_into().unwrap(),
            signatures: theirs.certificate.signatures.clone(),
        };
        let key = |alter: fn(&mut KeyRequest), of: &Self| {
            let mut request = key_request(&of.group, A, "another", 9);
            alter(&mut request);
            Request::OpenKeygen { request: signed(&request) }
        };
        let charter = &self.group.charter;
        let mut policy = self.group.policy().unverified().unwrap();
        policy.version = policy.version.next().unwrap();
        policy.previous = Some(self.policy);
        let (group, manifest) = (charter.manifest.group, charter.hash());
        let opening = Opening { group, manifest, closings: list([Hash::from_bytes([7; 32])]) };
        let blob = theirs.blobs[&signer(1)].clone();
        let order = self.group.again();
        let order = self.group.order(order);
        vec![
            ("a tenant", key(|request| request.tenant = tenant_named(B), self), Refusal::TenantMismatch),
            (
                "a creator of keys",
                key(|request| request.requester = member_of(B, TREASURER), self),
                Refusal::TenantMismatch,
            ),
            (
                "a share",
                Request::Present { blob: blob.clone(), certificate: Some(own.certificate) },
                Refusal::BlobForeign,
            ),
            (
                "a share, in its own name",
                Request::Present { blob, certificate: Some(taken_over.clone()) },
                Refusal::CertificateInvalid,
            ),
            ("a key", Request::Certify { certificate: taken_over }, Refusal::CertificateInvalid),
            (
                "a tenant's switch",
                Request::Close { closing: self.by_member(&self.closing(Scope::Tenant(tenant_named(B)))) },
                Refusal::NotEndorsed,
            ),
            (
                "a key's switch",
                Request::Close { closing: self.by_member(&self.closing(Scope::Key(self.key(B, "open")))) },
                Refusal::NotEndorsed,
            ),
            ("a closed switch", Request::Open { opening: self.by_member(&opening) }, Refusal::NotEndorsed),
            ("a tenant's policy", Request::ApplyPolicy { policy: self.by_member(&policy) }, Refusal::NotEndorsed),
            (
                "a start",
                Request::Start { order: self.by_member(&order), policy: self.group.policy() },
                Refusal::NotEndorsed,
            ),
        ]
    }

    /// Where the first signer stands, apart from how many refusals it has recorded.
    fn standing(&mut self) -> (UnixMillis, Option<Hash>, u16) {
        let now = self.group.now;
        let status = self.group.machine(signer(1)).status(now);
        (status.at, status.policy_hash, status.keys)
    }
}

#[test]
fn no_request_of_one_tenant_names_anything_of_another() {
    let mut stage = stage();
    // What B has under way.
    let waiting = signed(&stage.transfer(B, "guarded", 2));
    let approvals = [stage.says(B, "bob", waiting.hash::<SignRequest>(), Stance::Approve)];
    let review = Request::Review { request: waiting.clone(), approvals: list(approvals.clone()) };
    assert_eq!(stage.ask(review).0, Ok(()));
    let (recovery, session) = (stage.recovery(B, B, 1), stage.delegation(B));
    let approvals_of_recovery = stage.guardians(B, &recovery);
    assert_eq!(stage.ask(Request::Recover { recovery: recovery.clone(), approvals: approvals_of_recovery }).0, Ok(()));
    let released = stage.under(stage.transfer(B, "open", 1), &session);
    assert_eq!(stage.sign(&released, &[]), Ok(()));

    let mut cases = stage.signing(&waiting);
    cases.extend(stage.members(&recovery, &session));
    cases.extend(stage.keys_and_orders());
    let covered: BTreeSet<_> = cases.iter().filter_map(|(_, request, _)| kind(request)).collect();
    assert_eq!(covered, KINDS.iter().copied().collect(), "every kind of request that can name what is a tenant's");
    for (what, request, refusal) in cases {
        let (kind, before) = (kind(&request).unwrap(), stage.standing());
        let (verdict, events) = stage.ask(request);
        assert_eq!(verdict, Err(refusal), "{kind} names {what} of the other tenant");
        let refused = |event: &Event| matches!(event, Event::Refused { refusal: recorded, .. } if *recorded == refusal);
        assert!(events.len() <= 1 && events.iter().all(refused), "{kind} names {what}: {events:?}");
        assert_eq!(stage.standing(), before, "{kind} names {what}");
    }

    // What is alike is each tenant's own: A has ids, a table, a list and a limit under the names of B's, and nothing of A's has counted.
    for tenant in [A, B] {
        let mut open = stage.transfer(tenant, "open", 1);
        open.session = None;
        let verdict = if tenant == A { Ok(()) } else { Err(Refusal::RequestIdReused) };
        assert_eq!(stage.sign(&signed(&open), &[]), verdict, "{tenant} has its own request ids");
        let list = if tenant == A { Err(Refusal::EffectsNotAllowed) } else { Ok(()) };
        let to_friend = signed(&stage.transfer(tenant, "friends", 3));
        assert_eq!(stage.sign(&to_friend, &[]), list, "{tenant} has its own list");
        let table = if tenant == A { Refusal::PayloadRejected } else { Refusal::ApprovalsMissing };
        let by_table = signed(&stage.by_table(tenant, 4));
        assert_eq!(stage.sign(&by_table, &[]), Err(table), "{tenant} has its own table");
        for id in [5, 6, 7] {
            let transfer = signed(&stage.transfer(tenant, "open", id));
            let verdict = if id < 7 { Ok(()) } else { Err(Refusal::LimitReached) };
            assert_eq!(stage.sign(&transfer, &[]), verdict, "{tenant} has its own limit");
        }
    }

    // What B had under way goes on as if nothing had been.
    stage.group.now = stage.group.now.plus(DELAY);
    assert_eq!(stage.sign(&waiting, &approvals), Ok(()), "its delay began before, and is over");
    stage.group.now = stage.group.now.plus(HOUR);
    let (asked, recovered) =
        (stage.transfer(B, "open", 8), Requested::sign(&stage.transfer(B, "open", 9), &secret("spare")));
    assert_eq!(stage.sign(&signed(&asked), &[]), Err(Refusal::RequestSignature), "the recovery is in force");
    assert_eq!(stage.sign(&recovered.unwrap(), &[]), Ok(()));
    let own = signed(&stage.transfer(A, "open", 8));
    assert_eq!(stage.sign(&own, &[]), Ok(()), "the other tenant's member has the credential still");
}

#[test]
fn a_kill_switch_of_one_tenant_or_its_key_stops_nothing_of_another() {
    let mut stage = stage();
    for scope in [Scope::Tenant(tenant_named(B)), Scope::Key(stage.key(B, "open"))] {
        let closing = stage.group.charter.endorse_by(&stage.closing(scope.clone()), &[0]);
        assert_eq!(stage.ask(Request::Close { closing }).0, Ok(()));
        stage.next += 1;
        let id = stage.next;
        for (tenant, verdict) in [(A, Ok(())), (B, Err(Refusal::SwitchClosed))] {
            let transfer = signed(&stage.transfer(tenant, "open", id));
            assert_eq!(stage.sign(&transfer, &[]), verdict, "{tenant} under {scope:?}");
        }
    }
}

#[test]
fn tenants_are_told_apart_by_their_names_alone() {
    let [a, b] = [A, B].map(tenant_policy);
    let names = |tenant: &TenantPolicy| {
        let sets: Vec<_> = tenant.sets.iter().map(|set| set.name.clone()).collect();
        let lists: Vec<_> = tenant.lists.iter().map(|list| list.name.clone()).collect();
        let tables: Vec<_> = tenant.tables.iter().map(|table| table.address).collect();
        let rules: Vec<_> = tenant.rules.iter().map(|rule| (rule.name.clone(), rule.keys.clone())).collect();
        let credentials: Vec<_> = tenant.members.iter().map(|member| member.credential.clone()).collect();
        (sets, lists, tables, rules, credentials, tenant.limits.clone())
    };
    assert_eq!(names(&a), names(&b));
}

/// With as many other tenants as there can be.
fn crowded() -> Stage {
    let mut stage = stage();
    stage.policy = stage.group.change_tenants(|tenants| {
        let more = tenants.len()..limits::TENANTS;
        tenants.extend(more.map(|number| TenantPolicy::new(tenant_named(&format!("tenant-{number:02}")))));
        tenants.sort_by(|a, b| a.tenant.cmp(&b.tenant));
    });
    stage
}

#[test]
fn keys_that_are_being_made_count_to_their_tenants_part() {
    let mut stage = crowded();
    let open = |stage: &mut Stage, tenant, number: usize| {
        let request = signed(&key_request(&stage.group, tenant, &format!("key-{number}"), 1));
        stage.ask(Request::OpenKeygen { request }).0
    };
    let part = limits::KEYS / limits::TENANTS;
    (KEYS.len()..part).for_each(|number| assert_eq!(open(&mut stage, A, number), Ok(())));
    assert_eq!((open(&mut stage, A, part), open(&mut stage, B, 0)), (Err(Refusal::Busy), Ok(())));
}

#[test]
fn a_member_that_fills_its_part_of_a_signers_memory_leaves_the_others_and_other_tenants_theirs() {
    let mut stage = crowded();
    let review = |stage: &mut Stage, tenant, roles: &[&str], id| {
        let request = signed(&stage.transfer(tenant, "guarded", id));
        let hash = request.hash::<SignRequest>();
        let approvals = list(roles.iter().map(|role| stage.says(tenant, role, hash, Stance::Approve)));
        stage.ask(Request::Review { request, approvals }).0
    };
    let withdraw = |stage: &mut Stage, tenant, role, id: RequestId| {
        let request = signed(&SignRequest { id, ..stage.transfer(tenant, "guarded", 0) });
        let withdrawal = stage.says(tenant, role, request.hash::<SignRequest>(), Stance::Withdraw);
        stage.ask(Request::Withdraw { request, withdrawal }).0
    };
    let waiting = RequestId::from_bytes([1; RequestId::LEN]);
    assert_eq!(review(&mut stage, A, &["ann"], 1), Ok(()), "its delay begins");
    let quarter = limits::REMEMBERED / limits::TENANTS / 4;
    (1..quarter).for_each(|number| assert_eq!(withdraw(&mut stage, A, TREASURER, numbered(number)), Ok(())));
    assert_eq!(withdraw(&mut stage, A, TREASURER, numbered(quarter)), Err(Refusal::RequesterBusy));
    assert_eq!(review(&mut stage, A, &["ann"], 2), Err(Refusal::RequesterBusy), "its delay would begin");
    assert_eq!((review(&mut stage, A, &[], 2), review(&mut stage, B, &["ann"], 2)), (Ok(()), Ok(())));
    assert_eq!(withdraw(&mut stage, A, TREASURER, numbered(1)), Ok(()), "it was");
    assert_eq!(withdraw(&mut stage, A, "bob", numbered(quarter)), Ok(()), "another member's part is its own");
    assert_eq!(withdraw(&mut stage, B, TREASURER, numbered(1)), Ok(()));
    let delegation = DelegationBody { by: member_of(A, "bob"), ..stage.delegation_body(A) };
    let delegation = Delegation::sign(&delegation, &secret("bob")).unwrap();
    let withdrawal = stage.says(A, "bob", delegation.hash(), Stance::Withdraw);
    assert_eq!(stage.ask(Request::Revoke { delegation, withdrawal }).0, Ok(()));
    assert_eq!(withdraw(&mut stage, A, TREASURER, waiting), Ok(()), "what waits has its place");

    let sign = |stage: &mut Stage, number: usize| {
        let mut request = stage.transfer(B, "friends", 0);
        request.id = numbered(number);
        stage.sign(&signed(&request), &[])
    };
    let quarter = limits::REQUEST_IDS / limits::TENANTS / 4;
    (0..quarter).for_each(|number| assert_eq!(sign(&mut stage, number), Ok(())));
    assert_eq!((sign(&mut stage, quarter), sign(&mut stage, 0)), (Err(Refusal::RequesterBusy), Ok(())));
    let other = signed(&stage.transfer(A, "open", 1));
    assert_eq!(stage.sign(&other, &[]), Ok(()));
}

fn numbered(number: usize) -> RequestId {
    let mut id = [0; RequestId::LEN];
    id[..8].copy_from_slice(&number.to_be_bytes());
    RequestId::from_bytes(id)
}
