//! Keys and signatures.

use axum::{
    Json as Answer,
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};
use cloister_wire::{ids::KeyId, refusal::Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Host,
    body::{Json, Query},
};
use crate::{encoding::from_base64, keyring::KeyObject, problem::Problem};

/// A requester's signed request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Posted {
    pub(super) request: String,
}

pub(super) async fn create(host: Host, Json(body): Json<Posted>) -> Result<Response, Problem> {
    let body = host.create_key(from_base64("request", &body.request)?).await?;
    Ok(finished(&body))
}

pub(super) async fn sign(host: Host, Json(body): Json<Posted>) -> Result<Response, Problem> {
    let body = host.sign(from_base64("request", &body.request)?).await?;
    Ok(finished(&body))
}

/// What this host keeps ready for signatures.
pub(super) async fn pools(host: Host) -> Answer<Value> {
    let (commitments, presignatures) = host.pools();
    Answer(json!({ "commitments": commitments, "presignatures": presignatures }))
}

/// JSON that was written once and stored.
fn finished(body: &[u8]) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_vec()).into_response()
}

/// A key by its name.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    tenant: Option<String>,
    name: Option<String>,
}

/// One key, or all.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Keys {
    One(Box<KeyObject>),
    All(Vec<KeyObject>),
}

pub(super) async fn list(host: Host, Query(named): Query<Named>) -> Result<Answer<Keys>, Problem> {
    let keyring = &host.signers.desk.keyring;
    let unknown = || Problem::refused(Refusal::KeyUnknown);
    match (named.tenant, named.name) {
        (Some(tenant), Some(name)) => {
            let (tenant, name) = (tenant.parse().map_err(|_| unknown())?, name.parse().map_err(|_| unknown())?);
            Ok(Answer(Keys::One(Box::new(keyring.named(&tenant, &name).ok_or_else(unknown)?.object()))))
        }
        (tenant, name) => {
            let wanted = |key: &KeyObject| key.is_of(tenant.as_deref(), name.as_deref());
            Ok(Answer(Keys::All(keyring.all().iter().map(|key| key.object()).filter(wanted).collect())))
        }
    }
}

pub(super) async fn show(host: Host, Path(key): Path<String>) -> Result<Answer<KeyObject>, Problem> {
    let unknown = || Problem::refused(Refusal::KeyUnknown);
    let id: KeyId = key.parse().map_err(|_| unknown())?;
    Ok(Answer(host.signers.desk.keyring.get(&id).ok_or_else(unknown)?.object()))
}
