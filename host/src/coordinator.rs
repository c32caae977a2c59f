//! Drives what several signers do together. Any host can; each request is driven by the host that it was posted to.
//!
//! | what | state that survives a crash | how it goes on |
//! |---|---|---|
//! | start | the order at the signers, blobs and certificates at the hosts | the same order is posted again |
//! | key generation | `ceremonies`: nonces, then the certificate | the same request is posted again: what was not certified is abandoned and begun anew |
//! | presignatures | none: they are gone with the host | they are made anew |
//! | approvals | the request, and what members said | each signer judges them anew |
//! | signature | the answer, before it leaves | the same request is posted again: the same answer, or another attempt with fresh nonces |

mod answers;
mod choice;
mod commitments;
mod contributions;
mod delivery;
mod doubt;
mod introductions;
mod job;
mod keygen;
mod lane;
mod last_start;
mod pairs;
mod policy;
mod pool;
mod presignatures;
mod presigning;
mod recoveries;
mod requests;
mod signing;
mod start;
mod switches;
mod telling;

use std::{collections::BTreeMap, sync::Arc};

use cloister_attestation::TrustRoot;
use cloister_wire::ids::{SignerId, UnixMillis};
use tokio::sync::Semaphore;

use self::{
    answers::Answers,
    choice::Turns,
    commitments::Commitments,
    lane::Lane,
    pool::Counts,
    presignatures::{Presignatures, PresignaturesStatus},
    requests::Heard,
};
pub(crate) use self::{
    last_start::{Filed, LastStart},
    recoveries::Known,
    requests::Pending,
    telling::Taken,
};
use crate::{
    config::{Config, Deadlines},
    problem::Problem,
    signers::Signers,
};

/// What one host coordinates.
pub(crate) struct Coordinator {
    pub(crate) signers: Arc<Signers>,
    pub(crate) root: TrustRoot,
    deadlines: Deadlines,
    answers: Answers,
    lanes: BTreeMap<SignerId, Lane>,
    commitments: Commitments,
    presignatures: Presignatures,
    turns: Turns,
    heard: Heard,
    starting: tokio::sync::Mutex<()>,
    keygens: Semaphore,
}

impl Coordinator {
    pub(crate) async fn new(config: &Config, signers: Arc<Signers>) -> Result<Self, Problem> {
        let lanes = signers.ids().map(|signer| (signer, Lane::open(signers.clone(), signer, config.deadlines.share)));
        Ok(Self {
            root: config.root.clone(),
            deadlines: config.deadlines,
            answers: Answers::load(signers.desk.store.clone(), config.capacity).await?,
            lanes: lanes.collect(),
            commitments: Commitments::new(signers.clone(), config.pool, config.deadlines.share),
            presignatures: Presignatures::new(signers.clone(), config.presignatures, config.deadlines.presigning),
            turns: Turns::default(),
            heard: Heard::load(&signers.desk.store).await?,
            starting: tokio::sync::Mutex::default(),
            keygens: Semaphore::new(KEYGENS),
            signers,
        })
    }

    /// How the pools of commitments did, and what there is of presignatures.
    pub(crate) fn pools(&self) -> (Counts, PresignaturesStatus) {
        (self.commitments.counts(), self.presignatures.status())
    }

    /// Forgets answers whose requests ended long ago.
    pub(crate) async fn prune(&self) {
        self.answers.prune().await;
        self.prune_requests().await;
    }
}

/// This host's clock.
pub(crate) fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Key generations that this host drives at once: signers take on 16, from all hosts together.
const KEYGENS: usize = 4;
