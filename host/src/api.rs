//! The REST API. `docs/api.md` describes it; errors are [`Problem`]s everywhere.

mod audit;
mod body;
mod group;
mod keys;
mod local;
mod recoveries;
mod requests;
mod sessions;
mod switches;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, Uri},
    routing::{get, post},
};
use cloister_wire::limits;

use crate::{
    coordinator::Coordinator,
    problem::{HostCode, Problem},
};

type Host = axum::extract::State<Arc<Coordinator>>;

/// All paths.
pub(crate) fn router(coordinator: Arc<Coordinator>) -> Router {
    let documents = DefaultBodyLimit::max(DOCUMENTS);
    Router::new()
        .route("/v1/health", get(group::health))
        .route("/v1/ready", get(group::ready))
        .route("/v1/group", get(group::group))
        .route("/v1/signers", get(group::signers))
        .route("/v1/signers/{signer}", get(group::signer))
        .route("/v1/signers/{signer}/attestation", get(group::attestation))
        .route("/v1/start", get(group::last_start).post(group::start).layer(documents))
        .route("/v1/policy", post(group::policy).layer(documents))
        .route("/v1/keys", get(keys::list).post(keys::create))
        .route("/v1/keys/{key}", get(keys::show))
        .route("/v1/sign", post(keys::sign))
        .route("/v1/requests", get(requests::list).post(requests::propose))
        .route("/v1/requests/{hash}", get(requests::show))
        .route("/v1/requests/{hash}/approvals", post(requests::hear))
        .route("/v1/switches", get(switches::list))
        .route("/v1/switches/close", post(switches::close))
        .route("/v1/switches/open", post(switches::open))
        .route("/v1/sessions/revoke", post(sessions::revoke))
        .route("/v1/recoveries", get(recoveries::list).post(recoveries::begin))
        .route("/v1/recoveries/{hash}/cancel", post(recoveries::cancel))
        .route("/v1/pools", get(keys::pools))
        .route("/v1/audit", get(audit::whole))
        .route("/v1/local/signer", post(local::signer).layer(DefaultBodyLimit::max(limits::FRAME)))
        .route("/v1/local/open", post(local::open))
        .route("/v1/local/certificates", get(local::certificates))
        .route("/v1/local/start", get(local::start))
        .route("/v1/local/audit", get(audit::local))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(coordinator)
}

async fn not_found(uri: Uri) -> Problem {
    Problem::host(HostCode::NotFound, format!("there is no {}", uri.path()))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::host(HostCode::MethodNotAllowed, format!("{} does not take {method}", uri.path()))
}

/// The largest body of most paths: a request to sign with its proof and delegation, in base64 within some JSON.
const BODY: usize = (limits::REQUEST + limits::PROOF + limits::DELEGATION + limits::PROOF + 64) / 3 * 4 + 1024;

/// Of those that take an order and a policy: each the largest document.
const DOCUMENTS: usize = 2 * (limits::ENDORSED + 16 * 1024) / 3 * 4 + 1024;
