//! Every signer of the group: this host's own, and the others by their hosts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cloister_wire::{
    codec,
    ids::{Nonce, SignerId},
    manifest::ValidManifest,
    message::{Body, Outcome, Reply, Request, SignedStatus, StatusBody},
    peer::Envelope,
};

use tokio::time::timeout;

use crate::{
    desk::{Desk, Opening, read_status, unexpected},
    peers::Peers,
    problem::{HostCode, Problem},
};

/// The signers of the group.
pub(crate) struct Signers {
    pub(crate) manifest: ValidManifest,
    pub(crate) desk: Arc<Desk>,
    pub(crate) peers: Peers,
    /// How long a signer may take to say where it stands or who it is.
    glance: Duration,
    /// When each one is worth asking again, milliseconds after `epoch`.
    down_until: Vec<AtomicU64>,
    epoch: Instant,
}

/// What a signer did, and what it has for others.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Body,
    pub(crate) outbox: Vec<Envelope>,
}

impl Signers {
    pub(crate) fn new(manifest: ValidManifest, desk: Arc<Desk>, peers: Peers, glance: Duration) -> Self {
        let down_until = manifest.signers.iter().map(|_| AtomicU64::new(0)).collect();
        Self { manifest, desk, peers, glance, down_until, epoch: Instant::now() }
    }

    /// All of them, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = SignerId> + Clone {
        self.manifest.signers.iter().map(|slot| slot.id)
    }

    /// Asks a signer. A refusal is a problem that names it.
    pub(crate) async fn ask(&self, signer: SignerId, request: &Request) -> Result<Answer, Problem> {
        let patience = match request {
            Request::Status { .. } | Request::Attest { .. } => self.patience(signer),
            _ => Duration::MAX,
        };
        let silent = |_| Err(Problem::host(HostCode::SignerUnreachable, "it does not answer in time").at(signer));
        let reply = timeout(patience, self.relay(signer, request)).await.unwrap_or_else(silent);
        self.answer(signer, reply)
    }

    async fn relay(&self, signer: SignerId, request: &Request) -> Result<Reply, Problem> {
        if signer == self.desk.me {
            self.desk.relay(request).await
        } else {
            self.peers.relay(signer, codec::encode(request)).await
        }
    }

    /// How long it is worth waiting for a signer that has little to do: less if it was silent a moment ago.
    pub(crate) fn patience(&self, signer: SignerId) -> Duration {
        if self.is_down(signer) { self.glance / 4 } else { self.glance }
    }

    /// Has a signer's host open a blob for it.
    pub(crate) async fn open(&self, signer: SignerId, opening: &Opening) -> Result<Answer, Problem> {
        let reply =
            if signer == self.desk.me { self.desk.open(opening).await } else { self.peers.open(signer, opening).await };
        self.answer(signer, reply)
    }

    /// Where a signer stands.
    pub(crate) async fn status(&self, signer: SignerId, nonce: Nonce) -> Result<(StatusBody, SignedStatus), Problem> {
        match self.ask(signer, &Request::Status { nonce }).await?.body {
            Body::Status(status) => Ok((read_status(&status)?, status)),
            _ => Err(unexpected().at(signer)),
        }
    }

    /// Whether a signer did not answer a moment ago.
    pub(crate) fn is_down(&self, signer: SignerId) -> bool {
        self.slot(signer).is_some_and(|until| until.load(Ordering::Relaxed) > self.now())
    }

    /// A signer did not answer: others are preferred for a moment.
    pub(crate) fn mark_down(&self, signer: SignerId) {
        let until = self.now() + DOWN.as_millis() as u64;
        if let Some(slot) = self.slot(signer) {
            slot.store(until, Ordering::Relaxed);
        }
    }

    fn answer(&self, signer: SignerId, reply: Result<Reply, Problem>) -> Result<Answer, Problem> {
        let reply = reply.inspect_err(|problem| {
            if problem.is(HostCode::SignerUnreachable) {
                self.mark_down(signer);
            }
        })?;
        if let Some(slot) = self.slot(signer) {
            slot.store(0, Ordering::Relaxed);
        }
        match reply.outcome {
            Outcome::Done(body) => Ok(Answer { body, outbox: reply.outbox.into_vec() }),
            Outcome::Refused(refusal) => Err(Problem::refused(refusal).at(signer)),
        }
    }

    fn slot(&self, signer: SignerId) -> Option<&AtomicU64> {
        self.down_until.get(usize::from(signer.get()) - 1)
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

/// How long a signer that did not answer is avoided, unless it answers something before.
const DOWN: Duration = Duration::from_secs(10);
