//! Kill switches.

use axum::Json as Answer;
use cloister_wire::{
    codec,
    endorsement::Endorsed,
    ids::SignerId,
    switch::{Closing, Opening},
};
use serde::{Deserialize, Serialize};

use super::{Host, body::Json};
use crate::{
    encoding::{base64, from_base64},
    problem::Problem,
    store::DocumentKind,
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
    let store = &host.signers.desk.store;
    let openings = store.documents(DocumentKind::Opening).await?;
    let openings = openings.iter().filter_map(|body| codec::decode::<Endorsed<Opening>>(body).ok()?.unverified().ok());
    let lifted: Vec<_> = openings.flat_map(|opening| opening.closings.into_vec()).collect();
    let closings = store.documents(DocumentKind::Closing).await?;
    let counts = |body: &&Vec<u8>| {
        codec::decode::<Endorsed<Closing>>(body).is_ok_and(|closing| !lifted.contains(&closing.hash()))
    };
    Ok(Answer(Switches { closings: closings.iter().filter(counts).map(|body| base64(body)).collect() }))
}

impl Told {
    pub(super) fn new(signers: &[SignerId]) -> Self {
        Self { signers: signers.iter().map(|signer| signer.get()).collect() }
    }
}
