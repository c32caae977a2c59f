//! What a signer remembers and every decision looks at: which requests were answered, what limits have counted, which requests wait for a
//! delay, which were withdrawn, whose credentials were replaced, and what operators have stopped.
//!
//! It changes in one way: by an [`Event`] that stands in the chain of receipts. Whoever has the chain can therefore follow every change,
//! in order, signed; and there is one place under which a replicated log can come. Each signer keeps its own as long as there is none.

mod expiry;
mod recoveries;
mod request_ids;

use std::collections::{BTreeMap, BTreeSet};

use cloister_policy::Spending;
use cloister_wire::{
    ids::{Hash, KeyId, RuleName, Tenant, UnixMillis},
    limits,
    receipt::Event,
    refusal::Refusal,
    switch::Scope,
};

use expiry::Expiry;
pub(crate) use expiry::Place;
use recoveries::Beginning;
pub(crate) use recoveries::Recoveries;
pub(crate) use request_ids::RequestIds;

/// All of it.
#[derive(Default)]
pub(crate) struct State {
    requests: RequestIds,
    spending: BTreeMap<Tenant, Spending>,
    /// Requests with all the approvals of a rule, and when they may be signed by it.
    signable: BTreeMap<Hash, (RuleName, UnixMillis)>,
    /// Requests and recoveries.
    withdrawn: BTreeSet<Hash>,
    recoveries: Recoveries,
    /// Kill switches that are closed.
    closed: BTreeMap<Hash, Scope>,
    /// Those that were lifted: no host closes them again.
    lifted: BTreeSet<Hash>,
    /// When the requests and recoveries above expire.
    expiry: Expiry,
}

impl State {
    /// What follows from an event, which the caller records.
    pub(crate) fn apply(&mut self, now: UnixMillis, event: &Event) {
        match event {
            Event::Released { request, id, tenant, requester, attempt, not_after, charges, .. } => {
                self.requests.attempted((tenant, requester), *id, *request, *attempt, *not_after);
                let spending = self.spending.entry(tenant.clone()).or_default();
                charges.iter().for_each(|charge| spending.charge(charge, now));
            }
            Event::Approved { request, rule, signable_at, not_after, tenant, requester } => {
                self.signable.insert(*request, (rule.clone(), *signable_at));
                self.expiry.remember(&Place { tenant, by: Some(requester), hash: *request, until: *not_after });
            }
            Event::Withdrawn { request, by, not_after, tenant } => {
                self.withdraw(&Place { tenant, by: Some(by), hash: *request, until: *not_after });
            }
            Event::SwitchClosed { closing, scope } => {
                self.closed.insert(*closing, scope.clone());
            }
            Event::SwitchOpened { closing, .. } => {
                self.closed.remove(closing);
                self.lifted.insert(*closing);
            }
            Event::RecoveryBegun { recovery, tenant, member, base, credential, effective_at, not_after, .. } => {
                let (effective_at, not_after) = (*effective_at, *not_after);
                let place = Place { tenant, by: Some(member), hash: *recovery, until: not_after };
                self.expiry.remember(&place);
                let beginning = Beginning { recovery, tenant, member, base, credential, effective_at, not_after };
                if let Some((hash, until)) = self.recoveries.begin(now, &beginning) {
                    self.withdraw(&Place { hash, until, ..place });
                }
            }
            Event::RecoveryCancelled { recovery, by, not_after, tenant } => {
                self.recoveries.end(recovery);
                self.withdraw(&Place { tenant, by: by.as_ref(), hash: *recovery, until: *not_after });
            }
            // Approvals name the policy that they were given under.
            Event::PolicyChanged { .. } | Event::Started { .. } => self.signable.clear(),
            Event::KeyCreated { .. } | Event::ShareOpened { .. } | Event::Refused { .. } | Event::PairBarred { .. } => {
            }
        }
    }

    /// Which requests were answered.
    pub(crate) fn requests(&self) -> &RequestIds {
        &self.requests
    }

    pub(crate) fn spending(&self, tenant: &Tenant) -> Option<&Spending> {
        self.spending.get(tenant)
    }

    /// When a request that has all the approvals of this rule may be signed by it. Under another rule its delay begins anew.
    pub(crate) fn signable_at(&self, request: &Hash, rule: &RuleName) -> Option<UnixMillis> {
        self.signable.get(request).filter(|(known, _)| known == rule).map(|(_, at)| *at)
    }

    /// Whether a request was withdrawn, or a recovery cancelled.
    pub(crate) fn is_withdrawn(&self, request: &Hash) -> bool {
        self.withdrawn.contains(request)
    }

    /// Credentials that were replaced.
    pub(crate) fn recoveries(&self) -> &Recoveries {
        &self.recoveries
    }

    /// Whether a kill switch stops what a tenant asks for, with this key if it is about one.
    pub(crate) fn is_closed(&self, tenant: &Tenant, key: Option<KeyId>) -> bool {
        self.closed.values().any(|scope| match scope {
            Scope::Group => true,
            Scope::Tenant(closed) => closed == tenant,
            Scope::Key(closed) => key == Some(*closed),
        })
    }

    /// Whether this closing counts at present, or did before it was lifted.
    pub(crate) fn knows(&self, closing: &Hash) -> bool {
        self.closed.contains_key(closing) || self.lifted.contains(closing)
    }

    /// What this closing stops, if it counts at present.
    pub(crate) fn closed(&self, closing: &Hash) -> Option<&Scope> {
        self.closed.get(closing)
    }

    /// Whether one more can be closed. Every closing is counted until a restart, so that none that was lifted is ever forgotten. One of the
    /// whole group always has room, whatever an operator has filled it with.
    pub(crate) fn has_room_for_closing(&self, scope: &Scope) -> bool {
        let room = self.closed.len() < limits::CLOSINGS && self.lifted.len() < limits::LIFTED;
        room || (*scope == Scope::Group && !self.closed.values().any(|closed| *closed == Scope::Group))
    }

    /// Whether this request, session or recovery is remembered or can be: `part` is how many a tenant may have.
    pub(crate) fn check_room(&self, place: &Place<'_>, part: usize) -> Result<(), Refusal> {
        self.expiry.check(place, part)
    }

    fn withdraw(&mut self, place: &Place<'_>) {
        self.withdrawn.insert(place.hash);
        self.expiry.remember(place);
    }

    /// Forgets requests whose time is over.
    pub(crate) fn forget_expired(&mut self, now: UnixMillis) {
        self.requests.forget_expired(now);
        while let Some(request) = self.expiry.forget_first(now) {
            self.signable.remove(&request);
            self.withdrawn.remove(&request);
        }
    }
}

#[cfg(test)]
mod tests;
