//! Kill switches.

use axum::Json as Answer;
use cloister_wire::ids::SignerId;
use serde::{Deserialize, Serialize};

use super::{Host, body::Json};
use crate::{
    encoding::{from_base64, to_base64},
    problem::Problem,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedClosing {
    closing: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedOpening {
    opening: String,
}

/// Who has it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    signers: Vec<u16>,
}

/// What this host has passed on: closings that no opening names.
#[derive(Debug, Serialize)]
pub(super) struct Switches {
    closings: Vec<String>,
}

pub(super) async fn close(host: Host, Json(body): Json<PostedClosing>) -> Result<Answer<Told>, Problem> {
    Ok(Answer(Told::new(&host.close(from_base64("closing", &body.closing)?).await?)))
}

pub(super) async fn open(host: Host, Json(body): Json<PostedOpening>) -> Result<Answer<Told>, Problem> {
    Ok(Answer(Told::new(&host.open(from_base64("opening", &body.opening)?).await?)))
}

pub(super) async fn list(host: Host) -> Result<Answer<Switches>, Problem> {
    let closings = host.closings().await?;
    Ok(Answer(Switches { closings: closings.iter().map(to_base64).collect() }))
}

impl Told {
    pub(super) fn new(signers: &[SignerId]) -> Self {
        Self { signers: signers.iter().map(|signer| signer.get()).collect() }
    }
}
