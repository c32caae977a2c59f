//! Requests that wait for members' approvals.

use axum::{Json as Answer, extract::Path};
use cloister_wire::{
    ids::{Hash, SignerId},
    request::{Requested, SignRequest},
    review::Review,
};
use serde::{Deserialize, Serialize};

use super::{Host, body::Json, keys::Posted};
use crate::{
    coordinator::Pending,
    encoding::{from_base64, to_base64},
    problem::{HostCode, Problem},
};

/// A member's signed word, base64.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    approval: String,
}

/// A request that waits, and what signers make of it; documents in base64.
#[derive(Debug, Serialize)]
pub(super) struct PendingObject {
    request_hash: String,
    request: String,
    approvals: Vec<String>,
    reviews: Vec<ReviewObject>,
}

#[derive(Debug, Serialize)]
struct ReviewObject {
    signer: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// One line of the list.
#[derive(Debug, Serialize)]
pub(super) struct WaitingObject {
    request_hash: String,
    request: String,
}

pub(super) async fn propose(host: Host, Json(body): Json<Posted>) -> Result<Answer<PendingObject>, Problem> {
    Ok(Answer(host.propose(from_base64("request", &body.request)?).await?.into()))
}

pub(super) async fn list(host: Host) -> Result<Answer<Vec<WaitingObject>>, Problem> {
    Ok(Answer(host.waiting().await?.iter().map(WaitingObject::from).collect()))
}

pub(super) async fn show(host: Host, Path(hash): Path<String>) -> Result<Answer<PendingObject>, Problem> {
    Ok(Answer(host.pending(&request_hash(&hash)?).await?.into()))
}

pub(super) async fn hear(
    host: Host,
    Path(hash): Path<String>,
    Json(body): Json<Said>,
) -> Result<Answer<PendingObject>, Problem> {
    let approval = from_base64("approval", &body.approval)?;
    Ok(Answer(host.hear(&request_hash(&hash)?, approval).await?.into()))
}

fn request_hash(text: &str) -> Result<Hash, Problem> {
    text.parse().map_err(|why| Problem::host(HostCode::RequestInvalid, format!("the request's hash: {why}")))
}

impl From<&Requested> for WaitingObject {
    fn from(requested: &Requested) -> Self {
        let request_hash = requested.hash::<SignRequest>().to_string();
        Self { request_hash, request: to_base64(requested) }
    }
}

impl From<Pending> for PendingObject {
    fn from(pending: Pending) -> Self {
        let WaitingObject { request_hash, request } = WaitingObject::from(&pending.requested);
        let review = |(signer, review): (SignerId, Result<_, Problem>)| {
            let (review, problem) = match review {
                Ok(review) => (Some(to_base64::<Review>(&review)), None),
                Err(problem) => (None, Some(problem)),
            };
            ReviewObject { signer: signer.get(), review, problem }
        };
        let reviews = pending.reviews.into_iter().map(review).collect();
        Self { request_hash, request, approvals: pending.approvals.iter().map(to_base64).collect(), reviews }
    }
}
