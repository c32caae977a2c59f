//! Session keys that end before their time.

use axum::Json as Answer;
use serde::Deserialize;

use super::{Host, body::Json, switches::Told};
use crate::{encoding::from_base64, problem::Problem};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostedRevocation {
    delegation: String,
    withdrawal: String,
}

pub(super) async fn revoke(host: Host, Json(body): Json<PostedRevocation>) -> Result<Answer<Told>, Problem> {
    let delegation = from_base64("delegation", &body.delegation)?;
    let withdrawal = from_base64("withdrawal", &body.withdrawal)?;
    Ok(Answer(Told::new(&host.revoke(delegation, withdrawal).await?)))
}
