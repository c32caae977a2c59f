//! The group: what it is, where its signers stand, its start and its policy.

use axum::{Json as Answer, extract::Path};
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    ids::{Nonce, SignerId},
    manifest::Manifest,
    message::Phase,
    order::{StartKind, StartOrder},
    policy::Policy,
    refusal::Refusal,
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Host,
    body::{Json, Query},
};
use crate::{
    coordinator::{Coordinator, LastStart},
    desk::fresh_nonce,
    encoding::{base64, from_base64, to_base64},
    problem::{HostCode, Problem},
    store::{DocumentKind, Store, StoreError},
};

pub(super) async fn health() -> Answer<Value> {
    Answer(json!({ "status": "ok" }))
}

pub(super) async fn ready(host: Host) -> Result<Answer<Value>, Problem> {
    let (status, _) = host.signers.desk.status(fresh_nonce()?).await?;
    match status.phase {
        Phase::Active => Ok(Answer(json!({ "status": "ready" }))),
        phase => {
            Err(Problem::host(HostCode::NotReady, format!("the signer is {}", phase.name())).at(host.signers.desk.me))
        }
    }
}

/// What `GET /v1/group` answers.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    group: String,
    manifest: String,
    manifest_hash: String,
    threshold: u16,
    signers: usize,
    signer: u16,
    incarnation: Option<u64>,
    genesis: Option<String>,
    policy_version: Option<u64>,
    policy: Option<String>,
    policy_hash: Option<String>,
    simulated: bool,
}

pub(super) async fn group(host: Host) -> Result<Answer<Group>, Problem> {
    let (manifest, desk) = (&host.signers.manifest, &host.signers.desk);
    let order = desk.store.latest::<Endorsed<StartOrder>>(DocumentKind::Order).await?;
    let genesis = genesis(&desk.store).await?;
    let policy = desk.store.latest::<Endorsed<Policy>>(DocumentKind::Policy).await?;
    let version = policy.as_ref().and_then(|policy| policy.unverified().ok()).map(|policy| policy.version.0);
    Ok(Answer(Group {
        group: manifest.group.to_string(),
        manifest: to_base64::<Endorsed<Manifest>>(&desk.manifest),
        manifest_hash: manifest.hash().to_string(),
        threshold: manifest.threshold,
        signers: manifest.signers.len(),
        signer: desk.me.get(),
        incarnation: order.and_then(|order| order.unverified().ok()).map(|order| order.incarnation.0),
        genesis: genesis.as_ref().map(to_base64),
        policy_version: version,
        policy: policy.as_ref().map(to_base64),
        policy_hash: policy.as_ref().map(|policy| policy.hash().to_string()),
        simulated: host.root.kind() != cloister_attestation::RootKind::Aws,
    }))
}

/// The newest genesis order.
async fn genesis(store: &Store) -> Result<Option<Endorsed<StartOrder>>, StoreError> {
    let orders = store.documents(DocumentKind::Order).await?;
    let mut newest_first = orders.iter().rev().filter_map(|body| codec::decode::<Endorsed<StartOrder>>(body).ok());
    Ok(newest_first.find(|order| order.unverified().is_ok_and(|order| order.kind == StartKind::Genesis)))
}

/// A nonce in hex.
#[derive(Debug, Deserialize)]
pub(super) struct Challenge {
    nonce: Option<String>,
}

impl Challenge {
    fn nonce(&self) -> Result<Nonce, Problem> {
        let invalid =
            |error: cloister_wire::ids::Malformed| Problem::host(HostCode::RequestInvalid, format!("nonce: {error}"));
        self.nonce.as_ref().map_or_else(fresh_nonce, |text| text.parse().map_err(invalid))
    }
}

/// One signer in `GET /v1/signers`.
#[derive(Debug, Default, Serialize)]
pub(super) struct SignerStatus {
    signer: u16,
    reachable: bool,
    phase: Option<&'static str>,
    boot: Option<String>,
    incarnation: Option<u64>,
    policy: Option<u64>,
    keys: Option<u16>,
    receipts: Option<u64>,
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

pub(super) async fn signers(
    host: Host,
    Query(challenge): Query<Challenge>,
) -> Result<Answer<Vec<SignerStatus>>, Problem> {
    let nonce = challenge.nonce()?;
    Ok(Answer(join_all(host.signers.ids().map(|signer| signer_status(&host, signer, nonce))).await))
}

pub(super) async fn signer(
    host: Host,
    Path(signer): Path<String>,
    Query(challenge): Query<Challenge>,
) -> Result<Answer<SignerStatus>, Problem> {
    let signer = known(&host, &signer)?;
    Ok(Answer(signer_status(&host, signer, challenge.nonce()?).await))
}

/// The signer of that number, if the group has it.
fn known(host: &Coordinator, number: &str) -> Result<SignerId, Problem> {
    let signer = number.parse().ok().filter(|signer| host.signers.manifest.slot(*signer).is_some());
    let unknown = || Problem::refused(Refusal::UnknownSigner).because(format!("the group has no signer {number}"));
    signer.ok_or_else(unknown)
}

async fn signer_status(host: &Coordinator, signer: SignerId, nonce: Nonce) -> SignerStatus {
    match host.signers.status(signer, nonce).await {
        Ok((status, signed)) => SignerStatus {
            signer: signer.get(),
            reachable: true,
            phase: Some(status.phase.name()),
            boot: Some(status.boot.to_string()),
            incarnation: status.incarnation.map(|incarnation| incarnation.0),
            policy: status.policy.map(|version| version.0),
            keys: Some(status.keys),
            receipts: Some(status.receipts.0),
            status: Some(to_base64(&signed)),
            problem: None,
        },
        Err(problem) => SignerStatus { signer: signer.get(), problem: Some(problem), ..SignerStatus::default() },
    }
}

pub(super) async fn attestation(
    host: Host,
    Path(signer): Path<String>,
    Query(challenge): Query<Challenge>,
) -> Result<Answer<Value>, Problem> {
    let id = known(&host, &signer)?;
    let missing =
        || Problem::host(HostCode::RequestInvalid, "nonce: give one in hex; a document without one proves nothing");
    let nonce = hex::decode(challenge.nonce.as_deref().ok_or_else(missing)?).map_err(|_| missing())?;
    let introduction = host.attest(id, &nonce).await?;
    Ok(Answer(json!({
        "signer": id.get(),
        "statement": base64(introduction.statement.as_slice()),
        "document": base64(introduction.document.as_slice()),
    })))
}

pub(super) async fn last_start(host: Host) -> Result<Answer<LastStart>, Problem> {
    Ok(Answer(host.last_start().await?))
}

/// The body of `POST /v1/start`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    order: String,
    policy: String,
}

pub(super) async fn start(host: Host, Json(body): Json<Start>) -> Result<Answer<Value>, Problem> {
    let (order, policy) = (from_base64("order", &body.order)?, from_base64("policy", &body.policy)?);
    let coordinator = host.0.clone();
    // Goes on when the caller goes away: a half-started group helps nobody.
    let order = outlive(async move { coordinator.start(order, policy).await }).await?;
    let signers: Vec<_> = order.roster.iter().map(|entry| entry.signer.get()).collect();
    Ok(Answer(json!({ "incarnation": order.incarnation.0, "signers": signers })))
}

/// The body of `POST /v1/policy`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPolicy {
    policy: String,
}

pub(super) async fn policy(host: Host, Json(body): Json<NewPolicy>) -> Result<Answer<Value>, Problem> {
    let policy = from_base64("policy", &body.policy)?;
    let coordinator = host.0.clone();
    let (version, signers) = outlive(async move { coordinator.apply_policy(policy).await }).await?;
    let signers: Vec<_> = signers.into_iter().map(SignerId::get).collect();
    Ok(Answer(json!({ "version": version.0, "signers": signers })))
}

async fn outlive<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    let given_up = |_| Problem::host(HostCode::Internal, "the work on this request was given up");
    tokio::spawn(work).await.map_err(given_up)?
}
