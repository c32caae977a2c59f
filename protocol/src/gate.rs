//! The one gate: who asks, for what, and whether the policy in force allows it (P3).
//!
//! [`Authorized`] has no other constructor, and neither signing nor key generation takes anything else. Nothing here weakens a check by
//! feature, environment or configuration.

mod approvals;
mod recovery;
mod review;
mod session;

use std::sync::LazyLock;

use cloister_policy::{
    Asked, Decision, Spending, decide, digest,
    payload::{self, Account, Change, Payload},
};
use cloister_wire::{
    approval::Approval,
    codec,
    credential::Credential,
    delegation::DelegationBody,
    ids::{GroupId, Hash, Requester, RuleName, Tenant, UnixMillis},
    limits,
    policy::{Member, Policy, Quorum, TenantPolicy, Verdict},
    receipt::Charge,
    recovery::RecoveryBody,
    refusal::Refusal,
    request::{KeyRequest, Requestable, Requested, Scheme, SignRequest},
};

use crate::{
    child::Child,
    keyring::{Key, Keyring},
    state::{Place, State},
};
use approvals::Subject;

/// How far a requester's clock may be ahead of ours, milliseconds.
pub(crate) const CLOCK_SKEW_MS: u64 = 60 * 1000;

/// A request that its requester signed and the policy allows.
#[derive(Debug)]
pub(crate) struct Authorized<T: Ask> {
    body: T,
    hash: Hash,
    decided: T::Decided,
}

/// What an authorized request to sign comes to.
#[derive(Debug)]
pub(crate) struct Signable {
    child: Child,
    digests: Vec<Vec<u8>>,
    grounds: Grounds,
}

/// Why it may be signed, and what that costs: what its receipt says.
#[derive(Clone, Debug)]
pub(crate) struct Grounds {
    pub(crate) rule: RuleName,
    pub(crate) approved: Vec<Requester>,
    /// Digest of what people are shown.
    pub(crate) effects: Hash,
    pub(crate) charges: Vec<Charge>,
    /// Hash of the delegation, where a session key asks.
    pub(crate) session: Option<Hash>,
}

/// A request whose requester, or a session key of it, has proved it.
struct Authentic<'a, T> {
    body: T,
    hash: Hash,
    tenant: &'a TenantPolicy,
    session: Option<DelegationBody>,
}

/// A request that was refused, and whether a known requester stands behind it: only such refusals leave a receipt, since anybody can
/// send the others without end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    /// The request, and the tenant of its requester.
    pub(crate) signed: Option<(Hash, Tenant)>,
}

impl Denied {
    fn signed(refusal: Refusal, request: Hash, tenant: &TenantPolicy) -> Self {
        Self { refusal, signed: Some((request, tenant.tenant.clone())) }
    }
}

/// What a request is measured against.
pub(crate) struct Gate<'a> {
    pub(crate) group: GroupId,
    pub(crate) policy: &'a Policy,
    pub(crate) policy_hash: Hash,
    pub(crate) state: &'a State,
    /// *t*.
    pub(crate) threshold: u16,
    pub(crate) keyring: &'a Keyring,
    pub(crate) now: UnixMillis,
    /// When the group was last started: older requests may have been answered by boots that have forgotten it.
    pub(crate) started: UnixMillis,
}

impl<T: Ask> Authorized<T> {
    pub(crate) fn body(&self) -> &T {
        &self.body
    }

    /// The request's hash: what the requester signed.
    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }
}

impl Authorized<SignRequest> {
    /// The messages to be signed, computed here from the parsed payload: one, or one for each Bitcoin input.
    pub(crate) fn digests(&self) -> &[Vec<u8>] {
        &self.decided.digests
    }

    /// Whose signatures they will be: the key, or a child of it.
    pub(crate) fn child(&self) -> &Child {
        &self.decided.child
    }

    /// Why it may be signed.
    pub(crate) fn grounds(&self) -> &Grounds {
        &self.decided.grounds
    }
}

impl Gate<'_> {
    /// Authorizes a signature, which `approvals` are for.
    pub(crate) fn authorize_signing(
        &self,
        requested: &Requested,
        approvals: &[Approval],
    ) -> Result<Authorized<SignRequest>, Denied> {
        let asked = self.authenticate::<SignRequest>(requested)?;
        let decided = self.decide_signing(&asked, approvals);
        let Authentic { body, hash, tenant, .. } = asked;
        let decided = decided.map_err(|refusal| Denied::signed(refusal, hash, tenant))?;
        Ok(Authorized { body, hash, decided })
    }

    /// Authorizes the making of a key.
    pub(crate) fn authorize_key(&self, requested: &Requested) -> Result<Authorized<KeyRequest>, Denied> {
        let Authentic { body, hash, tenant, .. } = self.authenticate::<KeyRequest>(requested)?;
        self.decide_key(&body, tenant).map_err(|refusal| Denied::signed(refusal, hash, tenant))?;
        Ok(Authorized { body, hash, decided: () })
    }

    /// Whether a key that is being made would be authorized still: meanwhile switches close and policies change.
    pub(crate) fn allows_still(&self, asked: &Authorized<KeyRequest>) -> Result<(), Refusal> {
        let body = asked.body();
        let (tenant, _) = self.policy.member(&body.requester).ok_or(Refusal::RequesterUnknown)?;
        if tenant.tenant == body.tenant { self.decide_key(body, tenant) } else { Err(Refusal::TenantMismatch) }
    }

    /// Who signed these bytes, and are they for this group?
    fn authenticate<T: Requestable + Ask>(&self, requested: &Requested) -> Result<Authentic<'_, T>, Denied> {
        let unsigned = |refusal| Denied { refusal, signed: None };
        let body: T = codec::decode(requested.body.as_slice()).map_err(|_| unsigned(Refusal::Malformed))?;
        let (tenant, member) = self.policy.member(body.requester()).ok_or(unsigned(Refusal::RequesterUnknown))?;
        let hash = requested.hash::<T>();
        let session = self.session(body.session(), requested.delegation.as_ref(), tenant, member).map_err(unsigned)?;
        let credential = session.as_ref().map_or_else(|| self.credential(member), |session| &session.session);
        credential.verify(&hash, &requested.proof).map_err(|_| unsigned(Refusal::RequestSignature))?;
        self.admit(&body, tenant).map_err(|refusal| Denied::signed(refusal, hash, tenant))?;
        Ok(Authentic { body, hash, tenant, session })
    }

    /// The member's credential in force: nothing that another one proves counts.
    fn credential<'b>(&'b self, member: &'b Member) -> &'b Credential {
        self.state.recoveries().credential(member, self.now)
    }

    /// What holds for every request: group, tenant and time.
    fn admit(&self, body: &impl Ask, tenant: &TenantPolicy) -> Result<(), Refusal> {
        let (issued_at, not_after) = body.lifetime();
        if body.group() != self.group {
            return Err(Refusal::WrongGroup);
        }
        if *body.tenant() != tenant.tenant {
            return Err(Refusal::TenantMismatch);
        }
        if issued_at > self.now.plus(CLOCK_SKEW_MS) {
            return Err(Refusal::NotYetValid);
        }
        if not_after <= issued_at || not_after > issued_at.plus(limits::REQUEST_LIFE_MS) {
            return Err(Refusal::LifeTooLong);
        }
        if self.now >= not_after {
            return Err(Refusal::Expired);
        }
        if issued_at < self.started {
            return Err(Refusal::BeforeStart);
        }
        Ok(())
    }

    fn decide_signing(
        &self,
        request: &Authentic<'_, SignRequest>,
        approvals: &[Approval],
    ) -> Result<Signable, Refusal> {
        let Authentic { body, hash, tenant, .. } = request;
        let (hash, tenant) = (*hash, *tenant);
        self.stopped(body, &hash).map_or(Ok(()), Err)?;
        let (child, Payload { facts, digests }) = self.read(body, tenant)?;
        let asked = self.asked(request)?;
        let Decision { rule, charges } = decide(tenant, asked, &facts, hash, self.spending(tenant), self.now)?;
        let approved = match &rule.verdict {
            Verdict::Deny => return Err(Refusal::DeniedByRule),
            Verdict::Allow if approvals.is_empty() => Vec::new(),
            Verdict::Allow => return Err(Refusal::ApprovalInvalid),
            Verdict::Approve(_) if !facts.is_shown_whole() => return Err(Refusal::NotShown),
            Verdict::Approve(quorum) => self.approved(
                &Subject { request: hash, requester: &body.requester, tenant },
                &rule.name,
                quorum,
                approvals,
            )?,
        };
        let effects = digest(&facts.rendering(&asked));
        let grounds = Grounds { rule: rule.name.clone(), approved, effects, charges, session: body.session };
        Ok(Signable { child, digests, grounds })
    }

    /// What stops the request whatever rules say.
    fn stopped(&self, body: &SignRequest, request: &Hash) -> Option<Refusal> {
        match self.state.is_withdrawn(request) {
            true => Some(Refusal::Withdrawn),
            false => self.state.is_closed(&body.tenant, Some(body.key)).then_some(Refusal::SwitchClosed),
        }
    }

    /// Who approved it: enough of them, and the delay is over.
    fn approved(
        &self,
        subject: &Subject<'_>,
        rule: &RuleName,
        quorum: &Quorum,
        approvals: &[Approval],
    ) -> Result<Vec<Requester>, Refusal> {
        let approvers = self.approvers(subject, quorum, approvals)?;
        if approvers.len() < usize::from(quorum.count) {
            return Err(Refusal::ApprovalsMissing);
        }
        let over = || self.state.signable_at(&subject.request, rule).is_some_and(|at| at <= self.now);
        if quorum.delay_ms == 0 || over() { Ok(approvers) } else { Err(Refusal::DelayRunning) }
    }

    /// Parses the payload for the child key that it is to be signed with.
    fn read(&self, body: &SignRequest, tenant: &TenantPolicy) -> Result<(Child, Payload), Refusal> {
        let key = self.key(body)?;
        let child = key.child(body.path.as_slice())?;
        let spender = |path: &_| key.spender_at(path);
        let change = key.fingerprint().map(|fingerprint| Change { fingerprint, spender: &spender });
        let (scheme, spender) = (key.scheme(), key.spender(&child));
        let tables = tenant.tables.as_slice();
        let account = Account { scheme, public_key: child.public_key(), spender, change, tables };
        let payload = payload::read(&account, body)?;
        Ok((child, payload))
    }

    fn asked<'b>(&'b self, request: &'b Authentic<'_, SignRequest>) -> Result<Asked<'b>, Refusal> {
        let Authentic { body, session, .. } = request;
        let session = session.as_ref().map(|session| &session.scope);
        Ok(Asked { requester: &body.requester, key: self.key(body)?.name(), path: body.path.as_slice(), session })
    }

    /// The key, if it is the tenant's.
    fn key(&self, body: &SignRequest) -> Result<&Key, Refusal> {
        let key = self.keyring.get(body.key).ok_or(Refusal::KeyUnknown)?;
        if *key.tenant() == body.tenant { Ok(key) } else { Err(Refusal::TenantMismatch) }
    }

    /// Each tenant's part of a room: the same, so that none can take that of the others.
    pub(crate) fn part_of(&self, room: usize) -> usize {
        room.checked_div(self.policy.tenants.len()).unwrap_or_default().max(1)
    }

    /// Whether one more request, session or recovery can be remembered.
    fn check_room(&self, place: &Place<'_>) -> Result<(), Refusal> {
        self.state.check_room(place, self.part_of(limits::REMEMBERED))
    }

    fn spending(&self, tenant: &TenantPolicy) -> &Spending {
        static NOTHING: LazyLock<Spending> = LazyLock::new(Spending::default);
        self.state.spending(&tenant.tenant).unwrap_or(&NOTHING)
    }

    fn decide_key(&self, body: &KeyRequest, tenant: &TenantPolicy) -> Result<(), Refusal> {
        if self.state.is_closed(&body.tenant, None) {
            return Err(Refusal::SwitchClosed);
        }
        if !tenant.may_create_keys(&body.requester) {
            return Err(Refusal::CreationNotAllowed);
        }
        if body.scheme == Scheme::Secp256k1Ecdsa && usize::from(self.threshold) > limits::ECDSA_SIGNERS {
            return Err(Refusal::ThresholdTooHigh);
        }
        if self.keyring.of_tenant(&body.tenant) >= self.part_of(limits::KEYS) {
            return Err(Refusal::Busy);
        }
        if self.keyring.has_name(&body.tenant, &body.name) { Err(Refusal::KeyNameTaken) } else { Ok(()) }
    }
}

/// What every request says.
pub(crate) trait Ask {
    /// What an authorized one comes to.
    type Decided: core::fmt::Debug;
    fn group(&self) -> GroupId;
    fn tenant(&self) -> &Tenant;
    fn requester(&self) -> &Requester;
    /// Hash of the delegation under which a session key asks.
    fn session(&self) -> Option<Hash>;
    fn lifetime(&self) -> (UnixMillis, UnixMillis);
}

macro_rules! ask {
    ($($request:ty, of $requester:ident => $decided:ty, $session:expr;)+) => {$(
        impl Ask for $request {
            type Decided = $decided;
            fn group(&self) -> GroupId {
                self.group
            }
            fn tenant(&self) -> &Tenant {
                &self.tenant
            }
            fn requester(&self) -> &Requester {
                &self.$requester
            }
            fn session(&self) -> Option<Hash> {
                $session(self)
            }
            fn lifetime(&self) -> (UnixMillis, UnixMillis) {
                (self.issued_at, self.not_after)
            }
        }
    )+};
}

ask! {
    SignRequest, of requester => Signable, |request: &SignRequest| request.session;
    // Session keys make no keys, and recover nobody.
    KeyRequest, of requester => (), |_: &KeyRequest| None;
    RecoveryBody, of member => (), |_: &RecoveryBody| None;
}

#[cfg(test)]
mod tests;
