//! The lane to one signer: while a few frames are under way, what comes is gathered into the next one. An idle lane adds no delay.

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
    task::JoinSet,
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
        tokio::spawn(run(Arc::new(Sender { signers, signer, patience }), waiting));
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

async fn run(sender: Arc<Sender>, mut waiting: mpsc::Receiver<Queued>) {
    let (mut batch, mut frames) = (Batch::default(), JoinSet::new());
    loop {
        while batch.has_room()
            && let Ok(queued) = waiting.try_recv()
        {
            batch.add(queued);
        }
        if batch.is_due(frames.len()) {
            let (sender, items) = (sender.clone(), batch.take());
            frames.spawn(async move { sender.send(items).await });
        }
        tokio::select! {
            biased;
            queued = waiting.recv(), if batch.has_room() => match queued {
                Some(queued) => batch.add(queued),
                None => return,
            },
            Some(_) = frames.join_next() => {}
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

    /// At once when nothing is under way; beside another frame only if it is worth it.
    fn is_due(&self, frames: usize) -> bool {
        match frames {
            0 => !self.items.is_empty(),
            1..FRAMES => self.items.len() >= WORTH_A_FRAME || !self.has_room(),
            FRAMES.. => false,
        }
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
    async fn send(&self, batch: Vec<Queued>) {
        let (items, answers): (Vec<_>, Vec<_>) = batch.into_iter().map(|queued| (queued.item, queued.answer)).unzip();
        match self.exchange(items).await {
            Ok(outcomes) => {
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(problem) => {
                for answer in answers {
                    let _ = answer.send(Err(problem.clone()));
                }
            }
        }
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
/// Frames under way to one signer.
const FRAMES: usize = 3;
/// Items that are worth a frame while another is under way.
const WORTH_A_FRAME: usize = 32;
/// Bytes of items in one frame.
const BYTES: usize = limits::FRAME - 1024;
/// Signatures in one frame: the reply has to fit one, too.
const DIGESTS: usize = 4096;
