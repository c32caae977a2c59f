//! The decision: the first rule that fits.

use cloister_wire::{
    ids::{Hash, SetName, UnixMillis},
    policy::{Permission, Rule, TenantPolicy, Verdict},
    receipt::Charge,
    refusal::Refusal,
};

use crate::{
    Spending,
    facts::{Asked, Facts},
    fit::{Inquiry, Misfit},
};

/// What the policy comes to for a request.
#[derive(Debug)]
pub struct Decision<'a> {
    /// The rule that decides.
    pub rule: &'a Rule,
    /// What its limits are charged with when a share is released.
    pub charges: Vec<Charge>,
}

/// Why a rule does not decide a request, or that it does.
#[derive(Debug)]
pub struct Explained<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// The first condition that does not hold; `None` for the rule that decides, behind which none was looked at.
    pub misfit: Option<Misfit>,
}

/// The first rule that fits. `request` is the request's hash.
///
/// # Errors
/// The refusal that says what kept the request from the rule that came closest to letting it through.
pub fn decide<'a>(
    tenant: &'a TenantPolicy,
    asked: Asked<'_>,
    facts: &Facts,
    request: Hash,
    spending: &Spending,
    now: UnixMillis,
) -> Result<Decision<'a>, Refusal> {
    let inquiry = Inquiry::new(tenant, asked, facts, request, spending, now)?;
    if let Some(scope) = asked.session {
        inquiry.fit(scope).map_err(|_| Refusal::DelegationExceeded)?;
    }
    let mut closest = Misfit::Requester;
    for rule in &tenant.rules {
        match inquiry.fit(rule) {
            Ok(charges) => return Ok(Decision { rule, charges }),
            Err(misfit) if rule.verdict != Verdict::Deny => closest = closest.max(misfit),
            Err(_) => {}
        }
    }
    Err(refusal(&inquiry, &closest))
}

/// Each rule up to the one that decides, and why it does not; the scope of a session key alone, if that keeps the request from all.
///
/// # Errors
/// If the amounts have no sum.
pub fn explain<'a>(
    tenant: &'a TenantPolicy,
    asked: Asked<'a>,
    facts: &Facts,
    request: Hash,
    spending: &Spending,
    now: UnixMillis,
) -> Result<Vec<Explained<'a>>, Refusal> {
    let inquiry = Inquiry::new(tenant, asked, facts, request, spending, now)?;
    if let Some((rule, misfit)) = asked.session.and_then(|scope| Some((scope, inquiry.fit(scope).err()?))) {
        return Ok(vec![Explained { rule, misfit: Some(misfit) }]);
    }
    let mut explained = Vec::new();
    for rule in &tenant.rules {
        let misfit = inquiry.fit(rule).err();
        let decides = misfit.is_none();
        explained.push(Explained { rule, misfit });
        if decides {
            break;
        }
    }
    Ok(explained)
}

/// The sets whose members approve the request, now or at another time: rules that ask for approvals and fit but for hours and limits, up
/// to one that fits at any time. They may reject it.
///
/// # Errors
/// If the amounts have no sum.
pub fn approving_sets<'a>(
    tenant: &'a TenantPolicy,
    asked: Asked<'_>,
    facts: &Facts,
    request: Hash,
) -> Result<Vec<&'a SetName>, Refusal> {
    let nothing = Spending::default();
    let inquiry = Inquiry::new(tenant, asked, facts, request, &nothing, UnixMillis(0))?;
    let mut sets = Vec::new();
    for rule in tenant.rules.iter().filter(|rule| inquiry.fit_at_some_time(rule).is_ok()) {
        if let Verdict::Approve(quorum) = &rule.verdict {
            sets.push(&quorum.set);
        }
        if rule.hours.is_none() && rule.within.is_empty() {
            break;
        }
    }
    Ok(sets)
}

/// What the requester is told: of all rules, what the one said that came closest.
fn refusal(inquiry: &Inquiry<'_>, closest: &Misfit) -> Refusal {
    match closest {
        Misfit::Requester | Misfit::Key | Misfit::Path => Refusal::NoRule,
        Misfit::Payload => wrong_payload(inquiry),
        Misfit::Effect(_) | Misfit::NoEffect => Refusal::EffectsNotAllowed,
        Misfit::Spending(_) => Refusal::AmountNotAllowed,
        Misfit::Fee | Misfit::FeeRate => Refusal::FeeNotAllowed,
        Misfit::Hours => Refusal::OutsideHours,
        Misfit::Limit(_) => Refusal::LimitReached,
    }
}

/// Rules let this requester use this key, and none for such a payload: is it the chain, or what the chain's payload names?
fn wrong_payload(inquiry: &Inquiry<'_>) -> Refusal {
    let permission = &inquiry.facts.permission;
    let reached = |rule: &&Rule| rule.verdict != Verdict::Deny && inquiry.fit(rule).err() == Some(Misfit::Payload);
    let mut payloads = inquiry.tenant.rules.iter().filter(reached).flat_map(|rule| rule.payloads.iter().flatten());
    let other_kind = !payloads.any(|payload| payload.kind() == permission.kind());
    match permission {
        Permission::TypedData { .. } => Refusal::DomainNotAllowed,
        _ if other_kind => Refusal::ChainNotAllowed,
        Permission::Bitcoin { .. } => Refusal::ForeignInputs,
        Permission::Ethereum { .. }
        | Permission::Authorization { .. }
        | Permission::UserOperation { .. }
        | Permission::Cosmos { .. } => Refusal::ChainIdNotAllowed,
        Permission::Message | Permission::Solana | Permission::EthereumMessage => Refusal::ChainNotAllowed,
    }
}
