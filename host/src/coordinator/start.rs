//! Starts the group: names the boots, introduces them, and seals or opens what they need.
//!
//! ```text
//!   genesis   Start ─▶ introduce all pairs ─▶ seal each signer key, read it back from the store through KMS
//!   restart   Start ─▶ open each signer key through KMS ─▶ introduce all pairs ─▶ open every share
//! ```
//! Each step looks at where the signers stand, so the same order can be posted again at any point.

use std::collections::BTreeMap;

use cloister_wire::{
    certificate::Certificate,
    endorsement::{Endorsable, Endorsed, NotEndorsed},
    ids::{KeyId, SignerId},
    message::{Phase, Request, StatusBody},
    order::{RosterEntry, StartKind, StartOrder},
    policy::Policy,
    refusal::Refusal,
};
use futures_util::future::{join_all, try_join_all};
use tokio::time::timeout;

use super::Coordinator;
use crate::{
    desk::{Opening, fresh_nonce},
    encoding::{from_base64, to_base64},
    problem::{HostCode, Problem},
};

/// What an order says, and the documents as they are passed on.
pub(super) struct Start {
    pub(super) order: StartOrder,
    pub(super) request: Request,
}

impl Coordinator {
    /// Carries out a start order.
    pub(crate) async fn start(
        &self,
        order: Endorsed<StartOrder>,
        policy: Endorsed<Policy>,
    ) -> Result<StartOrder, Problem> {
        let _alone = self.starting.lock().await;
        let start = self.read_start(order, policy)?;
        let late = |_| Problem::host(HostCode::DeadlineExceeded, "the start took too long");
        timeout(self.deadlines.start, self.run_start(&start)).await.map_err(late)??;
        tracing::info!(incarnation = %start.order.incarnation, "the group has started");
        Ok(start.order)
    }

    /// The signers check all of this; here it is said before anything is done.
    pub(super) fn read_start(&self, order: Endorsed<StartOrder>, policy: Endorsed<Policy>) -> Result<Start, Problem> {
        let document = self.verify(&order)?;
        self.verify(&policy)?;
        if document.manifest != self.signers.manifest.hash() {
            return Err(Problem::refused(Refusal::WrongGroup));
        }
        if document.policy != policy.hash() {
            return Err(Problem::refused(Refusal::PolicyMismatch));
        }
        Ok(Start { order: document, request: Request::Start { order, policy } })
    }

    /// The document, if the group's operators signed it.
    pub(super) fn verify<T: Endorsable>(&self, document: &Endorsed<T>) -> Result<T, Problem> {
        document.verify(&self.signers.manifest).map_err(not_endorsed)
    }

    async fn run_start(&self, start: &Start) -> Result<(), Problem> {
        let roster: Vec<_> = start.order.roster.iter().map(|entry| entry.signer).collect();
        let certificates = self.certificates(&roster).await?;
        if start.order.kind == StartKind::Genesis && !certificates.is_empty() {
            return Err(Problem::host(HostCode::AlreadyFounded, "the hosts hold certificates of keys"));
        }
        let stand = try_join_all(start.order.roster.iter().map(|entry| self.begin(start, entry))).await?;
        self.commitments.forget_all();
        self.presignatures.forget_all();
        match start.order.kind {
            StartKind::Genesis => {
                self.introduce(&roster).await?;
                self.found(&stand, &roster).await
            }
            StartKind::Restart { .. } => {
                self.reopen(&stand, &roster).await?;
                self.introduce(&roster).await?;
                // Before there is a share to sign with.
                self.close_again().await?;
                self.open_shares(&roster, &certificates).await
            }
        }
    }

    /// Gives a signer the order, unless it has it; says where it stands then.
    async fn begin(&self, start: &Start, entry: &RosterEntry) -> Result<StatusBody, Problem> {
        let (status, _) = self.signers.status(entry.signer, fresh_nonce()?).await?;
        if status.boot != entry.boot {
            let why = format!("the order names boot {} and the signer runs {}", entry.boot, status.boot);
            return Err(Problem::refused(Refusal::NotRostered).because(why).at(entry.signer));
        }
        if status.incarnation == Some(start.order.incarnation) {
            return Ok(status);
        }
        self.signers.ask(entry.signer, &start.request).await?;
        // This host's own signer may have no part in it.
        self.signers.desk.adopt(&start.request).await?;
        Ok(self.signers.status(entry.signer, fresh_nonce()?).await?.0)
    }

    /// Genesis: each signer seals its key, and reads it back from its host's store.
    async fn found(&self, stand: &[StatusBody], roster: &[SignerId]) -> Result<(), Problem> {
        let founding = roster.iter().zip(stand).filter(|(_, status)| status.phase == Phase::Founding);
        try_join_all(founding.map(async |(&signer, _)| {
            self.signers.ask(signer, &Request::SealSignerKey).await?;
            self.signers.open(signer, &Opening::NewSignerKey).await.map(drop)
        }))
        .await
        .map(drop)
    }

    async fn reopen(&self, stand: &[StatusBody], roster: &[SignerId]) -> Result<(), Problem> {
        let reopening = roster.iter().zip(stand).filter(|(_, status)| status.phase == Phase::Reopening);
        try_join_all(reopening.map(|(&signer, _)| self.signers.open(signer, &Opening::SignerKey))).await.map(drop)
    }

    /// Every signer opens its share of every key. One that cannot be opened does not keep the others shut.
    async fn open_shares(
        &self,
        roster: &[SignerId],
        certificates: &BTreeMap<KeyId, Certificate>,
    ) -> Result<(), Problem> {
        let opened = join_all(roster.iter().map(|signer| self.open_shares_of(*signer, certificates))).await;
        opened.into_iter().collect()
    }

    /// One after the other: shares under one data key need KMS for the first alone.
    async fn open_shares_of(
        &self,
        signer: SignerId,
        certificates: &BTreeMap<KeyId, Certificate>,
    ) -> Result<(), Problem> {
        let (status, _) = self.signers.status(signer, fresh_nonce()?).await?;
        if usize::from(status.keys) >= certificates.len() {
            return Ok(());
        }
        let mut result = Ok(());
        for certificate in certificates.values() {
            let opening = Opening::Share { certificate: to_base64(certificate) };
            if let Err(problem) = self.signers.open(signer, &opening).await {
                tracing::warn!(%signer, %problem, "a share was not opened");
                result = Err(problem);
            }
        }
        result
    }

    /// The certificates of all hosts: one that died in the middle may lack the newest.
    async fn certificates(&self, roster: &[SignerId]) -> Result<BTreeMap<KeyId, Certificate>, Problem> {
        let mut all: Vec<_> = self.signers.desk.store.certificates().await?;
        for &signer in roster.iter().filter(|signer| **signer != self.signers.desk.me) {
            let theirs: Vec<String> = self.signers.peers.get(signer, "/v1/local/certificates", CERTIFICATES).await?;
            for text in theirs {
                all.push(from_base64("certificate", &text)?);
            }
        }
        let keyed = all.into_iter().filter_map(|certificate| Some((certificate.unverified().ok()?.key, certificate)));
        Ok(keyed.collect())
    }
}

/// Bytes of all certificates of a group, in base64.
const CERTIFICATES: usize = 32 * 1024 * 1024;
/// What signers would say of a document that operators have not signed as they have to.
pub(super) fn not_endorsed(why: NotEndorsed) -> Problem {
    let refusal = match why {
        NotEndorsed::Unreadable(_) => Refusal::Malformed,
        NotEndorsed::BadSignature(_) | NotEndorsed::NoQuorum { .. } => Refusal::NotEndorsed,
    };
    Problem::refused(refusal).because(why.to_string())
}
