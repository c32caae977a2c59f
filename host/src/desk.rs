//! What a host does for its own signer: passes requests on, files what has to be kept, and has KMS open what was sealed.
//!
//! Whatever comes back is filed *before* anybody sees the reply: receipts before the share that they record leaves, a sealed blob before
//! the ceremony goes on. Documents that pass on their way in are filed too, so that every host has what a restart needs.

mod opening;

use std::{sync::Arc, time::Duration};

use cloister_wire::{
    certificate::Certificate,
    codec,
    endorsement::{Endorsable, Endorsed},
    identity::{BootStatement, Introduction},
    ids::{Hash, Nonce, SignerId},
    manifest::Manifest,
    message::{Body, KeygenState, Outcome, Phase, Reply, Request, SignedStatus, StatusBody},
    order::StartOrder,
    policy::Policy,
};

use tokio::sync::Mutex;

pub(crate) use self::opening::Opening;
use crate::{
    coordinator::now,
    keyring::Keyring,
    kms::Kms,
    link::{Link, LinkError},
    problem::{HostCode, Problem},
    store::{DocumentKind, Store, Write},
};

/// This host's own signer, and what is kept for it.
pub(crate) struct Desk {
    pub(crate) me: SignerId,
    pub(crate) manifest: Endorsed<Manifest>,
    pub(crate) link: Link,
    pub(crate) store: Store,
    pub(crate) kms: Kms,
    pub(crate) keyring: Arc<Keyring>,
    /// Receipts that the disk had no room for. The signer gives each once, so they wait here for the next time.
    pub(crate) overdue: Mutex<Vec<Write>>,
}

impl Desk {
    /// Passes a request on and files what passes.
    pub(crate) async fn relay(&self, request: &Request) -> Result<Reply, Problem> {
        let reply = self.exchange(request, codec::encode(request)).await?;
        Ok(reply.0)
    }

    /// The same for a request and reply in their encoded form.
    pub(crate) async fn relay_encoded(&self, request: Vec<u8>) -> Result<Vec<u8>, Problem> {
        let decoded: Request = minicbor::decode(&request)
            .map_err(|_| Problem::host(HostCode::RequestInvalid, "the body is not a request to a signer"))?;
        let reply = self.exchange(&decoded, request).await?;
        Ok(reply.1)
    }

    async fn exchange(&self, request: &Request, encoded: Vec<u8>) -> Result<(Reply, Vec<u8>), Problem> {
        if let Request::Certify { certificate } = request {
            self.file_certificate(certificate).await?;
        }
        if self.overdue.lock().await.len() >= OVERDUE {
            self.file(None, Vec::new()).await?;
        }
        let answer = self.link.call(encoded).await.map_err(|error| self.unreachable(error))?;
        let reply: Reply = minicbor::decode(&answer).map_err(|_| {
            Problem::host(HostCode::SignerReplyInvalid, "the signer's reply cannot be read").at(self.me)
        })?;
        let receipt = reply.receipt.as_ref().and_then(Write::receipt);
        let mut others = Vec::new();
        if let Outcome::Done(body) = &reply.outcome {
            others.extend(incoming(request));
            others.extend(outgoing(body));
        }
        self.file(receipt, others).await?;
        if let (Request::Certify { certificate }, Outcome::Done(_)) = (request, &reply.outcome) {
            self.keyring.insert(certificate.clone());
        }
        Ok((reply, answer))
    }

    /// Files what a reply brought, and the receipts that had no room before. That of a failed attempt is kept.
    async fn file(&self, receipt: Option<Write>, others: Vec<Write>) -> Result<(), Problem> {
        let mut due = core::mem::take(&mut *self.overdue.lock().await);
        due.extend(receipt);
        let failed = match self.store.write([due.as_slice(), &others].concat()).await {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        self.overdue.lock().await.splice(0..0, due);
        Err(failed.into())
    }

    /// Files documents that other hosts' signers have accepted.
    pub(crate) async fn adopt(&self, request: &Request) -> Result<(), Problem> {
        Ok(self.store.write(incoming(request)).await?)
    }

    /// Before the signer makes the key usable: a certificate that were lost then could not be made again.
    async fn file_certificate(&self, certificate: &Certificate) -> Result<(), Problem> {
        let unreadable = |_| Problem::host(HostCode::RequestInvalid, "the certificate cannot be read");
        let key = certificate.unverified().map_err(unreadable)?.key;
        Ok(self.store.write(vec![Write::certificate(key, certificate)]).await?)
    }

    /// Where the signer stands.
    pub(crate) async fn status(&self, nonce: Nonce) -> Result<(StatusBody, SignedStatus), Problem> {
        match self.relay(&Request::Status { nonce }).await?.outcome {
            Outcome::Done(Body::Status(status)) => Ok((read_status(&status)?, status)),
            Outcome::Refused(refusal) => Err(Problem::refused(refusal).at(self.me)),
            Outcome::Done(_) => Err(unexpected().at(self.me)),
        }
    }

    /// Configures the signer whenever a fresh boot is connected. Never returns.
    pub(crate) async fn attend(&self) {
        let mut connections = self.link.connections();
        while connections.changed().await.is_ok() {
            while let Err(problem) = self.greet().await {
                tracing::warn!(%problem, "the signer could not be configured");
                let again = tokio::time::sleep(GREET_AGAIN);
                tokio::select! {
                    () = again => {}
                    _ = connections.changed() => {}
                }
            }
        }
    }

    async fn greet(&self) -> Result<(), Problem> {
        let (status, _) = self.status(fresh_nonce()?).await?;
        tracing::info!(boot = %status.boot, phase = ?status.phase, "connected to the signer");
        if status.phase != Phase::Blank {
            return Ok(());
        }
        let configure = Request::Configure { manifest: self.manifest.clone(), signer: self.me };
        match self.relay(&configure).await?.outcome {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) => Err(Problem::refused(refusal).at(self.me)),
        }
    }

    fn unreachable(&self, error: LinkError) -> Problem {
        let code = match error {
            LinkError::Down | LinkError::TimedOut => HostCode::SignerUnreachable,
            LinkError::Full => HostCode::Overloaded,
            LinkError::TooLong => HostCode::RequestTooLarge,
        };
        Problem::host(code, error.to_string()).at(self.me)
    }
}

/// What a signer's status says.
pub(crate) fn read_status(status: &SignedStatus) -> Result<StatusBody, Problem> {
    codec::decode(status.body.as_slice()).map_err(|_| unexpected())
}

/// An answer to something else.
pub(crate) fn unexpected() -> Problem {
    Problem::host(HostCode::SignerReplyInvalid, "the signer's reply is not to this request")
}

/// A nonce that nobody can guess.
pub(crate) fn fresh_nonce() -> Result<Nonce, Problem> {
    let mut nonce = [0; Nonce::LEN];
    getrandom::fill(&mut nonce).map_err(|error| Problem::host(HostCode::Internal, error.to_string()))?;
    Ok(Nonce::from_bytes(nonce))
}

/// Documents on their way to the signer that it has accepted.
fn incoming(request: &Request) -> Vec<Write> {
    match request {
        Request::Configure { manifest, .. } => vec![document(DocumentKind::Manifest, 0, manifest)],
        Request::Start { order, policy } => {
            [order_document(order), policy_document(policy)].into_iter().flatten().collect()
        }
        Request::ApplyPolicy { policy } => policy_document(policy).into_iter().collect(),
        Request::Introduce { peer } => introduction(peer).into_iter().collect(),
        Request::Recover { recovery, approvals } => {
            vec![dated(DocumentKind::Recovery, recovery.hash(), codec::encode(&(recovery, approvals)))]
        }
        Request::CancelRecovery { recovery, by } => {
            vec![dated(DocumentKind::Cancellation, recovery.hash(), codec::encode(by))]
        }
        _ => Vec::new(),
    }
}

/// What the signer gives to be kept.
fn outgoing(body: &Body) -> Vec<Write> {
    match body {
        Body::Sealed(blob) | Body::Keygen(KeygenState::Sealed { blob, .. }) => vec![Write::blob(blob)],
        Body::Introduction(own) => introduction(own).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn document<T: Endorsable>(kind: DocumentKind, number: u64, document: &Endorsed<T>) -> Write {
    Write::Document { kind, hash: document.hash(), number, body: codec::encode(document) }
}

/// By this host's clock.
fn dated(kind: DocumentKind, hash: Hash, body: Vec<u8>) -> Write {
    Write::Document { kind, hash, number: now().0, body }
}

fn order_document(order: &Endorsed<StartOrder>) -> Option<Write> {
    let number = order.unverified().ok()?.incarnation.0;
    Some(document(DocumentKind::Order, number, order))
}

fn policy_document(policy: &Endorsed<Policy>) -> Option<Write> {
    let number = policy.unverified().ok()?.version.0;
    Some(document(DocumentKind::Policy, number, policy))
}

/// Only of a boot that its signer key has proved: those stand in audits.
fn introduction(introduction: &Introduction) -> Option<Write> {
    let statement: BootStatement = codec::decode(introduction.statement.as_slice()).ok()?;
    statement.proof.as_ref()?;
    Some(Write::introduction(statement.boot(), introduction))
}

/// Receipts that may wait for room on the disk; a signer is asked nothing more until they are filed.
const OVERDUE: usize = 4096;
/// When to try again to configure a signer.
const GREET_AGAIN: Duration = Duration::from_secs(2);
