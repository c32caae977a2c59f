//! What a request would come to, without signing it; and taking one back.

use cloister_policy::{Decision, approving_sets, decide, payload::Payload};
use cloister_wire::{
    approval::Approval,
    ids::{BootId, Hash, PolicyVersion, RuleName, UnixMillis},
    policy::{Quorum, TenantPolicy, Verdict},
    receipt::Event,
    refusal::Refusal,
    request::{Requested, SignRequest},
    review::{ReviewBody, Standing},
};

use super::{Authentic, Gate, approvals::Subject};
use crate::{fault::Fault, state::Place};

/// A view, and the event with which a delay begins.
pub(crate) struct Reviewed {
    pub(crate) view: View,
    pub(crate) approved: Option<Event>,
}

/// What the request does and what it comes to.
pub(crate) struct View {
    request: Hash,
    rendering: String,
    rule: Option<RuleName>,
    standing: Standing,
}

impl View {
    pub(crate) fn by(self, boot: BootId, (policy, policy_hash): (PolicyVersion, Hash), at: UnixMillis) -> ReviewBody {
        let View { request, rendering, rule, standing } = self;
        // Renderings are cut to their bound.
        let rendering = rendering.into_bytes().try_into().unwrap_or_default();
        ReviewBody { boot, request, policy, policy_hash, at, rendering, rule, standing }
    }
}

impl Gate<'_> {
    /// Says what the request comes to with these approvals. Nobody learns anything of a request that no member has signed.
    pub(crate) fn review(&self, requested: &Requested, approvals: &[Approval]) -> Result<Reviewed, Fault> {
        let authentic = self.authenticate::<SignRequest>(requested).map_err(|denied| denied.refusal)?;
        let Authentic { body, hash: request, tenant, .. } = &authentic;
        let (request, tenant) = (*request, *tenant);
        let (_, Payload { facts, .. }) = self.read(body, tenant)?;
        let asked = self.asked(&authentic)?;
        let (rendering, shown) = (facts.rendering(&asked), facts.is_shown_whole());
        let view = |rule: Option<&RuleName>, standing| View { request, rendering, rule: rule.cloned(), standing };
        let refused = |view: View| Ok(Reviewed { view, approved: None });
        let rule = match decide(tenant, asked, &facts, request, self.spending(tenant), self.now) {
            Ok(Decision { rule, .. }) => rule,
            Err(refusal) => return refused(view(None, Standing::Refused(refusal))),
        };
        if let Some(refusal) = self.stopped(body, &request) {
            return refused(view(Some(&rule.name), Standing::Refused(refusal)));
        }
        let (standing, approved) = match &rule.verdict {
            Verdict::Deny => (Standing::Refused(Refusal::DeniedByRule), None),
            Verdict::Allow => (Standing::Signable, None),
            Verdict::Approve(_) if !shown => (Standing::Refused(Refusal::NotShown), None),
            Verdict::Approve(quorum) => self.waiting(body, request, tenant, &rule.name, quorum, approvals)?,
        };
        Ok(Reviewed { view: view(Some(&rule.name), standing), approved })
    }

    /// How far its approvals are.
    fn waiting(
        &self,
        body: &SignRequest,
        request: Hash,
        tenant: &TenantPolicy,
        rule: &RuleName,
        quorum: &Quorum,
        approvals: &[Approval],
    ) -> Result<(Standing, Option<Event>), Fault> {
        let subject = Subject { request, requester: &body.requester, tenant };
        let approved = self.approvers(&subject, quorum, approvals)?;
        let enough = approved.len() >= usize::from(quorum.count);
        let known = self.state.signable_at(&request, rule);
        let signable_at = known.or_else(|| enough.then(|| self.now.plus(quorum.delay_ms)));
        let (set, needed, not_after) = (quorum.set.clone(), quorum.count, body.not_after);
        let begins = enough && known.is_none() && quorum.delay_ms > 0;
        if begins {
            let by = Some(&body.requester);
            self.check_room(&Place { tenant: &tenant.tenant, by, hash: request, until: not_after })?;
        }
        let event = signable_at.filter(|_| begins);
        let event = event.map(|signable_at| {
            let (rule, tenant, requester) = (rule.clone(), tenant.tenant.clone(), body.requester.clone());
            Event::Approved { request, rule, signable_at, not_after, tenant, requester }
        });
        let signable_at = signable_at.filter(|_| enough);
        Ok((Standing::Waiting { set, needed, approved: approved.try_into()?, signable_at }, event))
    }

    /// The event that withdraws the request, unless that has happened.
    pub(crate) fn withdraw(&self, requested: &Requested, withdrawal: &Approval) -> Result<Option<Event>, Fault> {
        let authentic = self.authenticate::<SignRequest>(requested).map_err(|denied| denied.refusal)?;
        let Authentic { body, hash: request, tenant, .. } = &authentic;
        let (request, tenant) = (*request, *tenant);
        let (_, Payload { facts, .. }) = self.read(body, tenant)?;
        let asked = self.asked(&authentic)?;
        let sets = approving_sets(tenant, asked, &facts, request)?;
        let subject = Subject { request, requester: &body.requester, tenant };
        let by = self.withdrawer(&subject, &sets, withdrawal)?;
        if self.state.is_withdrawn(&request) {
            return Ok(None);
        }
        let (tenant, not_after) = (&tenant.tenant, body.not_after);
        self.check_room(&Place { tenant, by: Some(&by), hash: request, until: not_after })?;
        Ok(Some(Event::Withdrawn { request, by, not_after, tenant: tenant.clone() }))
    }
}
