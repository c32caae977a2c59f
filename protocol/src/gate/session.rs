//! Session keys: who may ask in a member's name, and how a member ends that.

use cloister_wire::{
    approval::{Approval, Stance},
    delegation::{Delegation, DelegationBody},
    ids::Hash,
    limits,
    policy::{Member, TenantPolicy},
    receipt::Event,
    refusal::Refusal,
};

use super::{CLOCK_SKEW_MS, Gate, approvals::Subject};
use crate::{fault::Fault, state::Place};

impl Gate<'_> {
    /// What the delegation that a request names lets a session key ask for. A delegation that no request names is refused as well.
    pub(super) fn session(
        &self,
        named: Option<Hash>,
        delegation: Option<&Delegation>,
        tenant: &TenantPolicy,
        member: &Member,
    ) -> Result<Option<DelegationBody>, Refusal> {
        match (named, delegation) {
            (None, None) => Ok(None),
            (Some(hash), Some(delegation)) if delegation.hash() == hash => {
                let body = self.delegated(delegation, tenant, member)?;
                // What was revoked before the start was forgotten with it.
                let in_time = self.started <= body.from && self.now < body.until;
                let sensible = in_time && !self.state.is_withdrawn(&hash) && tenant.check_scope(&body.scope).is_ok();
                if sensible { Ok(Some(body)) } else { Err(Refusal::DelegationInvalid) }
            }
            (Some(_) | None, Some(_)) | (Some(_), None) => Err(Refusal::DelegationInvalid),
        }
    }

    /// What the member has delegated.
    fn delegated(
        &self,
        delegation: &Delegation,
        tenant: &TenantPolicy,
        member: &Member,
    ) -> Result<DelegationBody, Refusal> {
        let body = delegation.unverified().map_err(|_| Refusal::DelegationInvalid)?;
        let own = body.group == self.group && body.tenant == tenant.tenant && body.by == member.name;
        let begun = body.from <= self.now.plus(CLOCK_SKEW_MS);
        let short = begun && body.until <= body.from.plus(limits::SESSION_LIFE_MS);
        let proved = own && short && self.credential(member).verify(&delegation.hash(), &delegation.proof).is_ok();
        if proved { Ok(body) } else { Err(Refusal::DelegationInvalid) }
    }

    /// The event that ends a delegation for good, unless that has happened or its time is over.
    pub(crate) fn revoke(&self, delegation: &Delegation, withdrawal: &Approval) -> Result<Option<Event>, Fault> {
        let by = delegation.unverified().map_err(|_| Refusal::DelegationInvalid)?.by;
        let (tenant, member) = self.policy.member(&by).ok_or(Refusal::RequesterUnknown)?;
        let DelegationBody { until, .. } = self.delegated(delegation, tenant, member)?;
        let subject = Subject { request: delegation.hash(), requester: &by, tenant };
        if self.heard(&subject, withdrawal, Stance::Withdraw)? != by {
            return Err(Refusal::ApprovalInvalid.into());
        }
        if self.now >= until || self.state.is_withdrawn(&subject.request) {
            return Ok(None);
        }
        let (request, tenant) = (subject.request, &tenant.tenant);
        self.check_room(&Place { tenant, by: Some(&by), hash: request, until })?;
        Ok(Some(Event::Withdrawn { request, by, not_after: until, tenant: tenant.clone() }))
    }
}
