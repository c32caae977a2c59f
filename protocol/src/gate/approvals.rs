//! What members have said of a request, and whether that is enough.

use cloister_wire::{
    approval::{Approval, ApprovalBody, Stance},
    ids::{Hash, Requester, SetName},
    policy::{Quorum, TenantPolicy},
    refusal::Refusal,
};

use super::Gate;

/// A request of which members say something.
pub(super) struct Subject<'a> {
    pub(super) request: Hash,
    pub(super) requester: &'a Requester,
    pub(super) tenant: &'a TenantPolicy,
}

impl Gate<'_> {
    /// The distinct members of the quorum's set who approve the request under the policy in force. One approval that does not count
    /// refuses all: a host has no reason to send it.
    pub(super) fn approvers(
        &self,
        subject: &Subject<'_>,
        quorum: &Quorum,
        approvals: &[Approval],
    ) -> Result<Vec<Requester>, Refusal> {
        let set = subject.tenant.set(&quorum.set).ok_or(Refusal::PolicyIncoherent)?;
        let mut approvers: Vec<Requester> = Vec::with_capacity(approvals.len());
        for approval in approvals {
            let member = self.heard(subject, approval, Stance::Approve)?;
            if !set.has(&member) || member == *subject.requester || approvers.contains(&member) {
                return Err(Refusal::ApprovalInvalid);
            }
            approvers.push(member);
        }
        Ok(approvers)
    }

    /// Who withdraws the request: its requester, or a member of one of the sets that approve it.
    pub(super) fn withdrawer(
        &self,
        subject: &Subject<'_>,
        sets: &[&SetName],
        withdrawal: &Approval,
    ) -> Result<Requester, Refusal> {
        let member = self.heard(subject, withdrawal, Stance::Withdraw)?;
        let mut sets = sets.iter().filter_map(|name| subject.tenant.set(name));
        let counts = member == *subject.requester || sets.any(|set| set.has(&member));
        if counts { Ok(member) } else { Err(Refusal::ApprovalInvalid) }
    }

    /// Who says this of the request, under the policy in force.
    pub(super) fn heard(
        &self,
        subject: &Subject<'_>,
        approval: &Approval,
        stance: Stance,
    ) -> Result<Requester, Refusal> {
        let body = approval.unverified().map_err(|_| Refusal::ApprovalInvalid)?;
        let ApprovalBody { group, request, policy, .. } = &body;
        let says = *group == self.group && *request == subject.request && *policy == self.policy_hash;
        let member = subject.tenant.member(&body.member).filter(|_| says && body.stance == stance);
        let member = member.ok_or(Refusal::ApprovalInvalid)?;
        self.credential(member).verify(&approval.hash(), &approval.proof).map_err(|_| Refusal::ApprovalInvalid)?;
        Ok(body.member)
    }
}
