//! The lane to one signer: while a frame is under way, what comes is gathered into the next one. An idle lane adds no delay, and a busy
//! signer, which does one thing at a time, gets the largest frames.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cloister_wire::{
    ids::SignerId,
    limits,
    message::{Body, Request, SignItem, SignOutcome},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    desk::unexpected,
    problem::{HostCode, Problem},
    signers::Signers,
};

type Outcome = Result<SignOutcome, Problem>;

/// A handle to the lane.
pub(super) struct Lane {
    queue: mpsc::Sender<Queued>,
    load: Arc<AtomicUsize>,
}

struct Queued {
    item: SignItem,
    answer: oneshot::Sender<Outcome>,
}

/// Sends what the queue brings.
struct Sender {
    signers: Arc<Signers>,
    signer: SignerId,
    patience: Duration,
}

/// Counts an item while it is on the lane.
struct Aboard<'a>(&'a AtomicUsize);

impl Lane {
    pub(super) fn open(signers: Arc<Signers>, signer: SignerId, patience: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(Sender { signers, signer, patience }, waiting));
        Self { queue, load: Arc::default() }
    }

    /// Items that wait or are under way.
    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// One request's signature shares.
    pub(super) async fn sign(&self, item: SignItem) -> Outcome {
        self.load.fetch_add(1, Ordering::Relaxed);
        let _aboard = Aboard(&self.load);
        let (answer, answered) = oneshot::channel();
        let full = |_| Problem::host(HostCode::Overloaded, "too many requests wait for a signer");
        self.queue.try_send(Queued { item, answer }).map_err(full)?;
        answered.await.unwrap_or_else(|_| Err(Problem::host(HostCode::Internal, "a batch was given up")))
    }
}

impl Drop for Aboard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn run(sender: Sender, mut waiting: mpsc::Receiver<Queued>) {
    let mut batch = Batch::default();
    loop {
        if batch.items.is_empty() {
            match waiting.recv().await {
                Some(queued) => batch.add(queued),
                None => return,
            }
        }
        while batch.has_room()
            && let Ok(queued) = waiting.try_recv()
        {
            batch.add(queued);
        }
        if batch.items.is_empty() {
            // Whoever asked has gone away.
            continue;
        }
        if let Err(problem) = sender.send(batch.take()).await {
            // Others may still sign: what waited behind a signer that does not answer is not sent to it.
            let left = batch.take().into_iter().chain(std::iter::from_fn(|| waiting.try_recv().ok()));
            left.for_each(|queued| drop(queued.answer.send(Err(problem.clone()))));
        }
    }
}

/// What goes into the next frame.
#[derive(Default)]
struct Batch {
    items: Vec<Queued>,
    bytes: usize,
    digests: usize,
    /// The first one that does not fit.
    left: Option<Queued>,
}

impl Batch {
    fn add(&mut self, queued: Queued) {
        if queued.answer.is_closed() {
            return;
        }
        let (bytes, digests) = (self.bytes + queued.bytes(), self.digests + queued.item.packages.len());
        if !self.items.is_empty() && (bytes > BYTES || digests > DIGESTS) {
            self.left = Some(queued);
            return;
        }
        (self.bytes, self.digests) = (bytes, digests);
        self.items.push(queued);
    }

    fn take(&mut self) -> Vec<Queued> {
        let Batch { items, left, .. } = std::mem::take(self);
        left.into_iter().for_each(|queued| self.add(queued));
        items
    }

    fn has_room(&self) -> bool {
        self.left.is_none() && self.items.len() < limits::BATCH
    }
}

impl Queued {
    /// An upper bound of its length in a frame.
    fn bytes(&self) -> usize {
        let packages = self.item.packages.iter().flatten().map(|entry| entry.commitment.as_slice().len() + 8);
        self.item.request.body.as_slice().len() + 128 + packages.sum::<usize>() + self.item.packages.len() * 4
    }
}

impl Sender {
    /// Answers everybody in the batch; fails if the signer could not be asked.
    async fn send(&self, batch: Vec<Queued>) -> Result<(), Problem> {
        let (items, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|queued| (queued.item, queued.answer)).unzip();
        let outcomes = self.exchange(items).await;
        let each = match &outcomes {
            Ok(outcomes) => outcomes.iter().cloned().map(Ok).collect(),
            Err(problem) => vec![Err(problem.clone()); answers.len()],
        };
        answers.into_iter().zip(each).for_each(|(answer, outcome)| drop(answer.send(outcome)));
        outcomes.map(drop)
    }

    async fn exchange(&self, items: Vec<SignItem>) -> Result<Vec<SignOutcome>, Problem> {
        let count = items.len();
        let request = Request::Sign { items: items.try_into().map_err(|_| unexpected())? };
        let Ok(answer) = timeout(self.patience, self.signers.ask(self.signer, &request)).await else {
            self.signers.mark_down(self.signer);
            return Err(Problem::host(HostCode::SignerUnreachable, "no signature share in time").at(self.signer));
        };
        match answer?.body {
            Body::Signed(outcomes) if outcomes.len() == count => Ok(outcomes.into_vec()),
            _ => Err(unexpected().at(self.signer)),
        }
    }
}

/// Items that may wait.
const QUEUE: usize = 4096;
/// Bytes of items in one frame.
const BYTES: usize = limits::FRAME - 1024;
/// Signatures in one frame: the reply has to fit one, too.
const DIGESTS: usize = 4096;
