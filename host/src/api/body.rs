//! Bodies: bounded in size and time, and a [`Problem`] if they are not what they should be.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
    response::IntoResponse as _,
};
use serde::de::DeserializeOwned;

use crate::problem::{HostCode, Problem};

/// A JSON body.
pub(super) struct Json<T>(pub(super) T);

/// A body of any kind.
pub(super) struct Raw(pub(super) Bytes);

/// The query string.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        let invalid = |error: serde_json::Error| Problem::host(HostCode::RequestInvalid, error.to_string());
        serde_json::from_slice(&bytes).map(Self).map_err(invalid)
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = tokio::time::timeout(PATIENCE, Bytes::from_request(request, state)).await;
        let slow = |_| Problem::host(HostCode::RequestTimeout, format!("the body took longer than {PATIENCE:?}"));
        read.map_err(slow)?.map(Self).map_err(|rejection| {
            let detail = rejection.body_text();
            let too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
            let code = if too_large { HostCode::RequestTooLarge } else { HostCode::RequestInvalid };
            Problem::host(code, detail)
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|error| Problem::host(HostCode::RequestInvalid, error.body_text()))
    }
}

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);
