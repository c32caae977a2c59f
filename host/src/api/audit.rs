//! The audit: everything that is signed, of all hosts, to be verified offline.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json as Answer;
use cloister_wire::{
    certificate::Certificate,
    endorsement::Endorsed,
    ids::{KeyId, SignerId, Tenant},
    policy::Policy,
    receipt::{Concern, Event, Receipt},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{Host, body::Query};
use crate::{
    encoding::{base64, from_base64, to_base64},
    problem::{HostCode, Problem},
    store::{DocumentKind, Store, StoreError},
};

/// What one host holds, or all of them together. Documents are base64 of their canonical bytes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Export {
    format: String,
    manifest: String,
    manifest_hash: String,
    /// Hosts that did not answer: what only they hold is missing.
    unreachable: Vec<u16>,
    introductions: BTreeSet<String>,
    orders: Vec<String>,
    policies: Vec<String>,
    certificates: BTreeSet<String>,
    /// By boot, in order.
    receipts: BTreeMap<String, Vec<String>>,
    /// Whose export it is; without one, everybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// What a tenant's export holds in place of policies: their hashes and who signed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    policy_endorsements: Vec<String>,
}

/// Of whom an export is.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    tenant: Option<String>,
}

pub(super) async fn local(host: Host) -> Result<Answer<Export>, Problem> {
    let _turn = turn()?;
    Ok(Answer(own(&host).await?))
}

pub(super) async fn whole(host: Host, Query(of): Query<Of>) -> Result<Answer<Export>, Problem> {
    let tenant: Option<Tenant> = of.tenant.map(|name| name.parse()).transpose().map_err(|_| no_tenant())?;
    let _turn = turn()?;
    let mut export = own(&host).await?;
    let me = host.signers.desk.me;
    for signer in host.signers.ids().filter(|signer| *signer != me) {
        match host.signers.peers.get::<Export>(signer, "/v1/local/audit", MOST).await {
            Ok(theirs) => export.merge(theirs),
            Err(problem) => export.is_without(signer, &problem),
        }
    }
    let Some(tenant) = tenant else { return Ok(Answer(export)) };
    let of_tenant = tokio::task::spawn_blocking(move || export.of(&tenant)).await;
    of_tenant.map_err(|_| Problem::host(HostCode::Overloaded, "the export could not be made")).map(Answer)
}

async fn own(host: &Host) -> Result<Export, Problem> {
    let (manifest, desk) = (&host.signers.manifest, &host.signers.desk);
    Ok(Export {
        format: FORMAT.into(),
        manifest: to_base64(&desk.manifest),
        manifest_hash: manifest.hash().to_string(),
        unreachable: Vec::new(),
        introductions: texts(desk.store.introductions().await?).collect(),
        orders: texts(desk.store.documents(DocumentKind::Order).await?).collect(),
        policies: texts(desk.store.documents(DocumentKind::Policy).await?).collect(),
        certificates: desk.store.certificates().await?.iter().map(to_base64).collect(),
        receipts: receipts(&desk.store).await?,
        ..Export::default()
    })
}

async fn receipts(store: &Store) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut by_boot = BTreeMap::<_, Vec<_>>::new();
    for (boot, receipt) in store.receipts().await? {
        by_boot.entry(hex::encode(boot)).or_default().push(base64(&receipt));
    }
    Ok(by_boot)
}

fn texts(documents: Vec<Vec<u8>>) -> impl Iterator<Item = String> {
    documents.into_iter().map(|document| base64(&document))
}

impl Export {
    /// Each boot's receipts are with one host; the others have none of it.
    fn merge(&mut self, other: Export) {
        self.introductions.extend(other.introductions);
        self.certificates.extend(other.certificates);
        for (boot, receipts) in other.receipts {
            let ours = self.receipts.entry(boot).or_default();
            if ours.len() < receipts.len() {
                *ours = receipts;
            }
        }
        for (ours, theirs) in [(&mut self.orders, other.orders), (&mut self.policies, other.policies)] {
            let new: Vec<_> = theirs.into_iter().filter(|document| !ours.contains(document)).collect();
            ours.extend(new);
        }
    }

    /// What one tenant may see: its own keys and events, and everybody's. Whatever else stands in the chains is there by its hash.
    fn of(mut self, tenant: &Tenant) -> Self {
        let certificate = |text: &String| from_base64::<Certificate>("certificate", text).ok()?.unverified().ok();
        let own: BTreeMap<String, KeyId> = self
            .certificates
            .iter()
            .filter_map(|text| Some((text.clone(), certificate(text).filter(|body| body.tenant == *tenant)?.key)))
            .collect();
        let keys: BTreeSet<_> = own.values().copied().collect();
        self.certificates.retain(|text| own.contains_key(text));
        let shows = |event: &Event| match event.concern() {
            Concern::Everybody => true,
            Concern::Tenant(concerned) => concerned == tenant,
            Concern::Key(key) => keys.contains(&key),
        };
        for receipt in self.receipts.values_mut().flatten() {
            let read = from_base64::<Receipt>("receipt", receipt);
            // What cannot be read shows as a receipt that is missing.
            *receipt = read.map_or_else(|_| String::new(), |read| to_base64(&read.showing(shows)));
        }
        self.receipts.values_mut().for_each(|receipts| receipts.retain(|receipt| !receipt.is_empty()));
        let endorsement = |text: &String| from_base64::<Endorsed<Policy>>("policy", text).ok();
        self.policy_endorsements =
            self.policies.iter().filter_map(endorsement).map(|policy| to_base64(&policy.endorsement())).collect();
        self.policies.clear();
        Self { tenant: Some(tenant.to_string()), ..self }
    }

    fn is_without(&mut self, signer: SignerId, problem: &Problem) {
        tracing::warn!(%signer, %problem, "a host's part of the audit is missing");
        self.unreachable.push(signer.get());
    }
}

fn no_tenant() -> Problem {
    Problem::host(HostCode::RequestInvalid, "tenant is no tenant's name")
}

/// Two at a time: an export is as large as the store.
fn turn() -> Result<tokio::sync::SemaphorePermit<'static>, Problem> {
    static TURN: Semaphore = Semaphore::const_new(2);
    TURN.try_acquire().map_err(|_| Problem::host(HostCode::Overloaded, "two exports are being made already"))
}

const FORMAT: &str = "cloister-audit-1";
/// Bytes of another host's part.
const MOST: usize = 1024 * 1024 * 1024;
