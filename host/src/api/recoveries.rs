//! Recoveries of lost credentials.

use axum::{Json as Answer, extract::Path};
use cloister_wire::{ids::Hash, recovery::Canceller};
use serde::{Deserialize, Serialize};

use super::{Host, body::Json};
use crate::{
    coordinator::{Known, Taken},
    encoding::{from_base64, to_base64},
    problem::{HostCode, Problem},
};

/// A recovery with its guardians' approvals, base64.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedRecovery {
    recovery: String,
    approvals: Vec<String>,
}

/// Who cancels: one of the two, base64.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedCancellation {
    withdrawal: Option<String>,
    cancellation: Option<String>,
}

/// What each signer says to it.
#[derive(Debug, Serialize)]
pub(super) struct TakenObject {
    recovery_hash: String,
    signers: Vec<SignerObject>,
}

#[derive(Debug, Serialize)]
struct SignerObject {
    signer: u16,
    taken: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// One line of the list.
#[derive(Debug, Serialize)]
pub(super) struct RecoveryObject {
    recovery_hash: String,
    recovery: String,
    approvals: Vec<String>,
    seen_at: u64,
    cancelled: bool,
}

pub(super) async fn begin(host: Host, Json(body): Json<PostedRecovery>) -> Result<Answer<TakenObject>, Problem> {
    let recovery: cloister_wire::recovery::Recovery = from_base64("recovery", &body.recovery)?;
    let approvals = body.approvals.iter().map(|text| from_base64("approval", text)).collect::<Result<Vec<_>, _>>()?;
    let many = |_| Problem::host(HostCode::RequestInvalid, "a recovery has room for sixteen approvals");
    let (hash, approvals) = (recovery.hash(), approvals.try_into().map_err(many)?);
    Ok(Answer(TakenObject::new(&hash, host.recover(recovery, approvals).await?)))
}

pub(super) async fn list(host: Host) -> Result<Answer<Vec<RecoveryObject>>, Problem> {
    Ok(Answer(host.recoveries().await?.into_iter().map(RecoveryObject::from).collect()))
}

pub(super) async fn cancel(
    host: Host,
    Path(hash): Path<String>,
    Json(body): Json<PostedCancellation>,
) -> Result<Answer<TakenObject>, Problem> {
    let hash: Hash =
        hash.parse().map_err(|why| Problem::host(HostCode::RequestInvalid, format!("the recovery's hash: {why}")))?;
    let by = match (&body.withdrawal, &body.cancellation) {
        (Some(text), None) => Canceller::Holder(from_base64("withdrawal", text)?),
        (None, Some(text)) => Canceller::Operator(from_base64("cancellation", text)?),
        _ => return Err(Problem::host(HostCode::RequestInvalid, "give either a withdrawal or a cancellation")),
    };
    Ok(Answer(TakenObject::new(&hash, host.cancel(&hash, by).await?)))
}

impl TakenObject {
    fn new(hash: &Hash, taken: Taken) -> Self {
        let signers = taken.into_iter().map(|(signer, answer)| SignerObject {
            signer: signer.get(),
            taken: answer.is_ok(),
            problem: answer.err(),
        });
        Self { recovery_hash: hash.to_string(), signers: signers.collect() }
    }
}

impl From<Known> for RecoveryObject {
    fn from(known: Known) -> Self {
        Self {
            recovery_hash: known.recovery.hash().to_string(),
            recovery: to_base64(&known.recovery),
            approvals: known.approvals.iter().map(to_base64).collect(),
            seen_at: known.seen_at.0,
            cancelled: known.cancelled,
        }
    }
}
