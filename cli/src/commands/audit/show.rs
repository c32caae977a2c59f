//! `cloister audit show`: what an export says, event by event, in plain words.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use clap::Args;
use cloister_chains::U256;
use cloister_client::{
    Key,
    audit::{BootChain, Link, Report},
    credential,
};
use cloister_wire::{
    ids::{Hash, KeyId, PolicyVersion, Tenant},
    receipt::{Charge, Event},
    switch::Scope,
};
use serde::Serialize;

use super::{FindingView, found, report};
use crate::{
    commands::attest::{moment, rfc3339},
    context::Connection,
    failure::Failure,
    output::Output,
};

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    /// The export; `-` reads stdin.
    file: PathBuf,
    /// Only what concerns this tenant.
    #[arg(long)]
    tenant: Option<Tenant>,
    /// Only what concerns this key: its name or its id.
    #[arg(long)]
    key: Option<String>,
    /// Only from then on: 2026-03-02T12:00:00Z, or a Unix time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

pub(super) fn run(arguments: &ShowArguments, output: &Output) -> Result<(), Failure> {
    let report = report(&arguments.file, &arguments.connection)?;
    let account = Account::of(&report);
    let mut events: Vec<_> = report.chains.iter().flat_map(|chain| account.events(chain)).collect();
    events.retain(|event| arguments.concerns(event));
    events.sort_by_key(|event| (event.at, event.signer, event.sequence));
    let view = View {
        verified: report.in_order(),
        simulated: arguments.connection.is_simulated()?,
        events,
        findings: report.findings.iter().map(FindingView::new).collect(),
    };
    found(output, &view, view.findings.len())
}

impl ShowArguments {
    /// What concerns everybody concerns each.
    fn concerns(&self, event: &EventView) -> bool {
        let since = self.since.is_none_or(|since| since <= event.at);
        let tenant = self.tenant.as_ref().is_none_or(|tenant| event.tenant.as_deref() == Some(tenant.as_str()));
        let named = |key: &String| [&event.key, &event.key_name].iter().any(|name| name.as_ref() == Some(key));
        since && (event.everybody || (tenant && self.key.as_ref().is_none_or(named)))
    }
}

/// What the receipts of an export say together.
struct Account<'a> {
    keys: BTreeMap<KeyId, &'a Key>,
    versions: &'a BTreeMap<Hash, PolicyVersion>,
    /// Which key a request was for, as far as some signer went along with it.
    requests: BTreeMap<Hash, KeyId>,
}

impl<'a> Account<'a> {
    fn of(report: &'a Report) -> Self {
        let events = report.chains.iter().flat_map(|chain| &chain.links).flat_map(|link| &link.events);
        let request = |event: &Event| match event {
            Event::Released { request, key, .. } | Event::KeyCreated { request, key, .. } => Some((*request, *key)),
            _ => None,
        };
        Self {
            keys: report.keys.iter().map(|key| (key.id(), key)).collect(),
            versions: &report.policies,
            requests: events.filter_map(request).collect(),
        }
    }

    fn events(&self, chain: &'a BootChain) -> Vec<EventView> {
        let events = chain.links.iter().flat_map(|link| link.events.iter().map(move |event| (link, event)));
        events.map(|(link, event)| self.view(chain, link, event)).collect()
    }

    fn view(&self, chain: &BootChain, link: &Link, event: &Event) -> EventView {
        let view = EventView::new(chain, link, event);
        match event {
            Event::Started { order, incarnation } => EventView {
                everybody: true,
                says: format!("started by start order {order}, incarnation {incarnation}"),
                ..view
            },
            Event::PolicyChanged { policy } => {
                let version =
                    self.versions.get(policy).map_or_else(String::new, |version| format!(" version {version}"));
                EventView { everybody: true, says: format!("policy{version} came into force: {policy}"), ..view }
            }
            Event::KeyCreated { request, key, ceremony } => EventView {
                says: format!("made {}, in key generation {ceremony}", self.named(key)),
                ..self.about(view, Some(key), Some(request))
            },
            Event::ShareOpened { key } => EventView {
                says: format!("opened its share of {} after a restart", self.named(key)),
                ..self.about(view, Some(key), None)
            },
            Event::Released {
                request,
                key,
                tenant,
                rule,
                approved,
                effects,
                charges,
                session,
                requester,
                attempt,
                ..
            } => EventView {
                says: format!("released signature shares of {}, by rule {rule}, for {requester}", self.named(key)),
                requester: Some(requester.to_string()),
                session: session.map(|session| session.to_string()),
                attempt: Some(*attempt),
                tenant: Some(tenant.to_string()),
                rule: Some(rule.to_string()),
                approved: approved.iter().map(ToString::to_string).collect(),
                effects_digest: Some(effects.to_string()),
                charges: charges.iter().map(ChargeView::new).collect(),
                ..self.about(view, Some(key), Some(request))
            },
            Event::Refused { request, refusal, tenant } => EventView {
                says: format!("refused a request: {} ({})", refusal.sentence(), refusal.code()),
                tenant: Some(tenant.to_string()),
                refusal: Some(refusal.code()),
                ..self.about(view, None, Some(request))
            },
            Event::PairBarred { peer } => EventView {
                everybody: true,
                says: format!("signs with signer {peer} no more, which failed a check in ECDSA signing"),
                ..view
            },
            Event::Approved { request, rule, signable_at, not_after, tenant, requester } => EventView {
                tenant: Some(tenant.to_string()),
                requester: Some(requester.to_string()),
                says: format!(
                    "a request has its approvals by rule {rule}; it may be signed from {} to {}",
                    rfc3339(signable_at.0),
                    rfc3339(not_after.0)
                ),
                rule: Some(rule.to_string()),
                ..self.about(view, None, Some(request))
            },
            Event::Withdrawn { request, by, tenant, .. } => EventView {
                tenant: Some(tenant.to_string()),
                says: format!("{by} took back or rejected a request, or ended a session: nothing more is signed by it"),
                by: Some(by.to_string()),
                ..self.about(view, None, Some(request))
            },
            Event::RecoveryBegun { recovery, tenant, member, credential: given, effective_at, approved, .. } => {
                EventView {
                    says: format!(
                        "recovery {recovery}: {member} of tenant {tenant} has the {} {} from {} on, unless it is cancelled",
                        credential::kind(given),
                        credential::text(given),
                        rfc3339(effective_at.0)
                    ),
                    tenant: Some(tenant.to_string()),
                    approved: approved.iter().map(ToString::to_string).collect(),
                    ..view
                }
            }
            Event::RecoveryCancelled { recovery, by, tenant, .. } => {
                let who = by.as_ref().map_or_else(|| "the operators".to_owned(), ToString::to_string);
                EventView {
                    says: format!("{who} ended recovery {recovery}"),
                    tenant: Some(tenant.to_string()),
                    by: by.as_ref().map(ToString::to_string),
                    ..view
                }
            }
            Event::SwitchClosed { closing, scope } => EventView {
                says: format!("an operator stopped {}, by closing {closing}", self.stopped(scope)),
                ..self.within(view, scope)
            },
            Event::SwitchOpened { closing, scope } => EventView {
                says: format!("the operators lifted closing {closing} and allowed {} again", self.stopped(scope)),
                ..self.within(view, scope)
            },
        }
    }

    /// With the key, and the request, which may say the key.
    fn about(&self, view: EventView, key: Option<&KeyId>, request: Option<&Hash>) -> EventView {
        let key = key.or_else(|| self.requests.get(request?));
        let body = key.and_then(|key| self.keys.get(key)).map(|key| key.body());
        EventView {
            key: key.map(ToString::to_string),
            key_name: body.map(|body| body.name.to_string()),
            tenant: view.tenant.or_else(|| body.map(|body| body.tenant.to_string())),
            request_hash: request.map(ToString::to_string),
            ..view
        }
    }

    fn within(&self, view: EventView, scope: &Scope) -> EventView {
        match scope {
            Scope::Key(key) => self.about(view, Some(key), None),
            Scope::Tenant(tenant) => EventView { tenant: Some(tenant.to_string()), ..view },
            Scope::Group => EventView { everybody: true, ..view },
        }
    }

    fn stopped(&self, scope: &Scope) -> String {
        match scope {
            Scope::Group => "everything".to_owned(),
            Scope::Tenant(tenant) => format!("all of tenant {tenant}"),
            Scope::Key(key) => format!("signatures with {}", self.named(key)),
        }
    }

    fn named(&self, key: &KeyId) -> String {
        match self.keys.get(key).map(|key| key.body()) {
            Some(body) => format!("key {} of tenant {}", body.name, body.tenant),
            None => format!("key {key}, whose certificate is not here"),
        }
    }
}

#[derive(Serialize)]
struct View {
    verified: bool,
    simulated: bool,
    /// By time.
    events: Vec<EventView>,
    findings: Vec<FindingView>,
}

/// One event of a receipt that its boot signed.
#[derive(Default, Serialize)]
struct EventView {
    /// Milliseconds since 1970, by the enclave's clock.
    at: u64,
    signer: u16,
    boot: String,
    sequence: u64,
    policy_version: u64,
    event: &'static str,
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester: Option<String>,
    /// Hash of the delegation, where a session key asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// Which attempt at the request, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approved: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effects_digest: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charges: Vec<ChargeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip)]
    everybody: bool,
}

/// What a limit counts.
#[derive(Serialize)]
struct ChargeView {
    limit: String,
    /// In the smallest unit; or requests.
    amount: String,
    until: u64,
}

impl EventView {
    fn new(chain: &BootChain, link: &Link, event: &Event) -> Self {
        let body = &link.body;
        Self {
            at: body.at.0,
            signer: chain.signer.get(),
            boot: chain.boot.to_string(),
            sequence: body.sequence.0,
            policy_version: body.policy.0,
            event: name(event),
            ..Self::default()
        }
    }
}

impl ChargeView {
    fn new(charge: &Charge) -> Self {
        let amount = U256::from(charge.amount.to_be_bytes()).to_string();
        Self { limit: charge.limit.to_string(), amount, until: charge.until.0 }
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Started { .. } => "started",
        Event::PolicyChanged { .. } => "policy-changed",
        Event::KeyCreated { .. } => "key-created",
        Event::ShareOpened { .. } => "share-opened",
        Event::Released { .. } => "released",
        Event::Refused { .. } => "refused",
        Event::PairBarred { .. } => "pair-barred",
        Event::Approved { .. } => "approved",
        Event::Withdrawn { .. } => "withdrawn",
        Event::SwitchClosed { .. } => "switch-closed",
        Event::SwitchOpened { .. } => "switch-opened",
        Event::RecoveryBegun { .. } => "recovery-begun",
        Event::RecoveryCancelled { .. } => "recovery-cancelled",
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        let (events, boots) = (self.events.len(), self.events.iter().map(|event| &event.boot).collect::<BTreeSet<_>>());
        write!(f, "{events} events of {} boots, each in a receipt that its boot signed", boots.len())?;
        if self.simulated {
            write!(f, "; SIMULATED: no enclave vouches for them")?;
        }
        match self.findings.as_slice() {
            [] => write!(f, "; the export is in order"),
            findings => {
                write!(f, "; the export is NOT in order:")?;
                findings.iter().try_for_each(|finding| write!(f, "\n- {finding}"))
            }
        }
    }
}

impl fmt::Display for EventView {
    /// When and who, what, and below it what belongs to that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signer, sequence, says, .. } = self;
        let boot = self.boot.get(..16).unwrap_or_default();
        write!(f, "{}  signer {signer}, boot {boot}…, receipt {sequence}\n  {says}", rfc3339(self.at))?;
        if let Some(request) = &self.request_hash {
            write!(f, "\n  request {request}")?;
        }
        if let Some(session) = &self.session {
            write!(f, "\n  asked for by session key {session}")?;
        }
        if !self.approved.is_empty() {
            write!(f, "\n  approved by {}", self.approved.join(", "))?;
        }
        if let Some(effects) = &self.effects_digest {
            write!(f, "\n  effects digest {effects}")?;
        }
        for ChargeView { limit, amount, until } in &self.charges {
            write!(f, "\n  limit {limit} counts {amount} until {}", rfc3339(*until))?;
        }
        Ok(())
    }
}
