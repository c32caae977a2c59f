//! AWS JSON 1.1 over HTTP: `POST /` with `X-Amz-Target`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloister_attestation::{TrustRoot, UnixMillis};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::arn::Region;
use super::envelope::EnvelopeForm;
use super::errors::{Fault, FaultKind, invalid};
use super::operations::{Operation, Service};
use super::recipient::Recipients;
use super::sigv4;
use super::store::{KeyFile, KeyFileError};

/// How to run the stand-in.
#[derive(Debug, Clone)]
pub struct KmsConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where keys and credentials are kept; made when absent.
    pub key_file: PathBuf,
    /// The root certificate (DER) under which attestation documents are signed.
    pub root: PathBuf,
    /// The regions it stands in for, all behind one address.
    pub regions: Vec<Region>,
    /// How `CiphertextForRecipient` is written.
    pub envelope: EnvelopeForm,
}

/// Why the stand-in does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The root certificate cannot be read.
    #[error("the root certificate {path}: {1}", path = .0.display())]
    Root(PathBuf, String),
    /// The address cannot be listened on.
    #[error("listening on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// Threads or signal handlers cannot be had.
    #[error("the operating system refuses threads or signals: {0}")]
    Runtime(#[source] std::io::Error),
}

/// A stand-in that serves until it is dropped or shut down.
pub struct Running {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Lets calls under way end, and releases the key file.
    pub async fn shutdown(self) {
        drop(self.stop);
        // Serving ends in an error only by a panic, of which the panic's own message has told.
        let _ = self.task.await;
    }
}

/// Opens the key file and serves it.
pub async fn serve(config: KmsConfig) -> Result<Running, StartError> {
    let KmsConfig { listen, key_file, root, regions, envelope } = config;
    let unusable = |why: String| StartError::Root(root.clone(), why);
    let der = std::fs::read(&root).map_err(|e| unusable(e.to_string()))?;
    let trust = TrustRoot::from_der(&der).map_err(|e| unusable(e.to_string()))?;
    let file = KeyFile::open(&key_file, now().0 / 1000)?;
    let service = Arc::new(Service::new(file, Recipients::new(trust, envelope), regions));
    let listener = TcpListener::bind(listen).await.map_err(|e| StartError::Listen(listen, e))?;
    let local_addr = listener.local_addr().map_err(|e| StartError::Listen(listen, e))?;
    let (stop, stopped) = oneshot::channel::<()>();
    let router = Router::new().fallback(answer).with_state(service);
    let serving = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
    Ok(Running { local_addr, stop, task: tokio::spawn(async { serving.await }) })
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Response {
    match perform(service, request).await {
        Ok(value) => respond(StatusCode::OK, &value),
        Err(fault) => {
            let status = StatusCode::from_u16(fault.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(status, &fault.body())
        }
    }
}

/// Reads the request within bounds, then works on a blocking thread: RSA and the disk take their time.
async fn perform(service: Arc<Service>, request: Request) -> Result<Value, Fault> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST || parts.uri.path() != "/" || parts.uri.query().is_some() {
        return Err(Fault::new(FaultKind::UnknownOperation, "KMS answers POST / only."));
    }
    let body = tokio::time::timeout(LONGEST_UPLOAD, to_bytes(body, LARGEST_BODY))
        .await
        .map_err(|_| invalid("The request body took too long to arrive."))?
        .map_err(|_| {
            Fault::new(FaultKind::RequestTooLarge, format!("The request body exceeds {LARGEST_BODY} bytes."))
        })?;
    let worked = tokio::task::spawn_blocking(move || authenticate_and_perform(&service, &parts.headers, &body)).await;
    worked.map_err(|_| Fault::new(FaultKind::Internal, "The operation panicked."))?
}

fn authenticate_and_perform(service: &Service, headers: &HeaderMap, body: &[u8]) -> Result<Value, Fault> {
    let now = now();
    let clock = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.0) * 1_000_000)
        .map_err(|_| Fault::new(FaultKind::Internal, "The clock is out of range."))?;
    let caller = service.authenticate(|file| sigv4::authenticate(headers, body, clock, |id| file.credential(id)))?;
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    service.perform(Operation::named(target)?, &caller, body, now)
}

fn respond(status: StatusCode, value: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/x-amz-json-1.1".to_owned()),
        ("x-amzn-requestid", Uuid::new_v4().to_string()),
    ];
    (status, headers, Body::from(value.to_string())).into_response()
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

const LARGEST_BODY: usize = 256 * 1024;
const LONGEST_UPLOAD: Duration = Duration::from_secs(20);
