//! Host to host: acts on this host's own signer and store alone.

use axum::{
    Json as Answer,
    http::header,
    response::{IntoResponse, Response},
};
use cloister_wire::codec;

use super::{
    Host,
    body::{Json, Raw},
};
use crate::{coordinator::Filed, desk::Opening, encoding::to_base64, problem::Problem};

/// A request to the signer, as its wire format has it; the reply likewise.
pub(super) async fn signer(host: Host, Raw(body): Raw) -> Result<Response, Problem> {
    Ok(octets(host.signers.desk.relay_encoded(body.into()).await?))
}

/// Opens a stored blob; the signer's last reply.
pub(super) async fn open(host: Host, Json(opening): Json<Opening>) -> Result<Response, Problem> {
    Ok(octets(codec::encode(&host.signers.desk.open(&opening).await?)))
}

pub(super) async fn certificates(host: Host) -> Result<Answer<Vec<String>>, Problem> {
    Ok(Answer(host.signers.desk.store.certificates().await?.iter().map(to_base64).collect()))
}

pub(super) async fn start(host: Host) -> Result<Answer<Option<Filed>>, Problem> {
    Ok(Answer(host.filed().await?))
}

fn octets(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
}
