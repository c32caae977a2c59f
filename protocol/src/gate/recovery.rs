//! Another credential for a member: who may give it, and who may stop that.

use cloister_wire::{
    approval::{Approval, Stance},
    ids::{Hash, Requester},
    limits,
    policy::{Member, TenantPolicy},
    receipt::Event,
    recovery::{Recovery, RecoveryBody},
    refusal::Refusal,
};

use super::{Ask as _, Gate, approvals::Subject};
use crate::state::Place;

/// A recovery that can be read, of a member whom the policy names.
struct Read<'a> {
    hash: Hash,
    body: RecoveryBody,
    tenant: &'a TenantPolicy,
    member: &'a Member,
}

impl Gate<'_> {
    /// The event with which a recovery begins, unless it has.
    pub(crate) fn recover(&self, recovery: &Recovery, approvals: &[Approval]) -> Result<Option<Event>, Refusal> {
        let read = self.read_recovery(recovery)?;
        let Read { hash, ref body, tenant, member } = read;
        let recoveries = self.state.recoveries();
        if recoveries.has(&member.name, &hash) {
            return Ok(None);
        }
        self.admit(body, tenant)?;
        let guardians = member.guardians.as_ref().ok_or(Refusal::RecoveryInvalid)?;
        let approved = self.approvers(&read.subject(), guardians, approvals)?;
        if approved.len() < usize::from(guardians.count) {
            return Err(Refusal::ApprovalsMissing);
        }
        if self.state.is_withdrawn(&hash) {
            return Err(Refusal::RecoveryCancelled);
        }
        if self.state.is_closed(&body.tenant, None) {
            return Err(Refusal::SwitchClosed);
        }
        if recoveries.waiting(&member.name, self.now).is_some() {
            return Err(Refusal::RecoveryWaiting);
        }
        let in_force = self.credential(member);
        if body.replaces != in_force.hash() || body.credential == *in_force || !body.credential.is_usable() {
            return Err(Refusal::RecoveryInvalid);
        }
        let part = self.part_of(limits::RECOVERIES).min(limits::TENANT_RECOVERIES);
        if !recoveries.has_room(&body.tenant, &member.name, part) {
            return Err(Refusal::Busy);
        }
        // A place for its end, too: what began can always be cancelled.
        self.check_room(&read.place(Some(&body.member)))?;
        Ok(Some(Event::RecoveryBegun {
            recovery: hash,
            tenant: body.tenant.clone(),
            member: body.member.clone(),
            base: member.credential.hash(),
            credential: body.credential.clone(),
            effective_at: self.now.plus(guardians.delay_ms),
            approved: approved.try_into().map_err(|_| Refusal::ApprovalInvalid)?,
            not_after: body.not_after,
        }))
    }

    /// The event with which its holder ends a recovery, unless it was ended before.
    pub(crate) fn cancel_by_holder(&self, recovery: &Recovery, word: &Approval) -> Result<Option<Event>, Refusal> {
        let read = self.read_recovery(recovery)?;
        let holder = self.heard(&read.subject(), word, Stance::Withdraw)?;
        if holder != read.body.member {
            return Err(Refusal::ApprovalInvalid);
        }
        self.cancel(&read, Some(holder))
    }

    /// The same by operators, whose word was verified.
    pub(crate) fn cancel_by_operators(&self, recovery: &Recovery) -> Result<Option<Event>, Refusal> {
        self.cancel(&self.read_recovery(recovery)?, None)
    }

    /// Ends what waits, and has never begin what could.
    fn cancel(&self, read: &Read<'_>, by: Option<Requester>) -> Result<Option<Event>, Refusal> {
        let Read { hash, body, tenant, member } = read;
        if self.state.is_withdrawn(hash) {
            return Ok(None);
        }
        let waits = self.state.recoveries().waiting(&member.name, self.now) == Some(*hash);
        // What waits took its place when it began.
        if !waits {
            if body.replaces != self.credential(member).hash() {
                return Err(Refusal::RecoveryUnknown);
            }
            self.admit(body, tenant)?;
            self.check_room(&read.place(by.as_ref()))?;
        }
        let (tenant, not_after) = (tenant.tenant.clone(), body.not_after);
        Ok(Some(Event::RecoveryCancelled { recovery: *hash, by, not_after, tenant }))
    }

    fn read_recovery(&self, recovery: &Recovery) -> Result<Read<'_>, Refusal> {
        let body = recovery.unverified().map_err(|_| Refusal::Malformed)?;
        let (tenant, member) = self.policy.member(body.requester()).ok_or(Refusal::RequesterUnknown)?;
        Ok(Read { hash: recovery.hash(), body, tenant, member })
    }
}

impl Read<'_> {
    /// What approvals are about; the member is who does not count.
    fn subject(&self) -> Subject<'_> {
        Subject { request: self.hash, requester: &self.body.member, tenant: self.tenant }
    }

    /// Its place among what is remembered, if this member takes it.
    fn place<'b>(&'b self, by: Option<&'b Requester>) -> Place<'b> {
        Place { tenant: &self.body.tenant, by, hash: self.hash, until: self.body.not_after }
    }
}
