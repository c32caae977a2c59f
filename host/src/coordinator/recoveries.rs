//! Recoveries: passed on to every signer, each of which decides for itself and keeps time for itself.

use super::{
    Coordinator,
    telling::{Taken, enough},
};
use crate::{
    problem::{HostCode, Problem},
    store::DocumentKind,
};
use cloister_wire::{
    approval::Approval,
    bounded::List,
    codec,
    ids::{Hash, UnixMillis},
    limits,
    message::Request,
    recovery::{Canceller, Recovery},
};

/// The approvals that came with a recovery.
pub(crate) type Approvals = List<Approval, { limits::APPROVALS }>;

/// A recovery that a signer has taken.
pub(crate) struct Known {
    pub(crate) recovery: Recovery,
    pub(crate) approvals: Approvals,
    /// When this host first saw it, by its clock.
    pub(crate) seen_at: UnixMillis,
    pub(crate) cancelled: bool,
}

impl Coordinator {
    /// Has a recovery begin at every signer that can be reached. The others take it when it is posted again.
    pub(crate) async fn recover(&self, recovery: Recovery, approvals: Approvals) -> Result<Taken, Problem> {
        self.pass_on(&Request::Recover { recovery, approvals }, 1).await
    }

    /// Cancels one. It is done once the signers that did not take it cannot sign without the others.
    pub(crate) async fn cancel(&self, hash: &Hash, by: Canceller) -> Result<Taken, Problem> {
        let stored: Option<(Recovery, Approvals)> = self.signers.desk.store.named(DocumentKind::Recovery, hash).await?;
        let unknown = || Problem::host(HostCode::NotFound, format!("no recovery {hash} has been through this host"));
        let (recovery, _) = stored.ok_or_else(unknown)?;
        self.pass_on(&Request::CancelRecovery { recovery, by }, self.blocking()).await
    }

    /// All that this host has seen, oldest first.
    pub(crate) async fn recoveries(&self) -> Result<Vec<Known>, Problem> {
        let store = &self.signers.desk.store;
        let cancelled = store.numbered(DocumentKind::Cancellation).await?;
        let known = |(hash, seen_at, body): (Vec<u8>, i64, Vec<u8>)| {
            let (recovery, approvals) = codec::decode(&body).ok()?;
            let cancelled = cancelled.iter().any(|(other, ..)| *other == hash);
            Some(Known { recovery, approvals, seen_at: UnixMillis(seen_at.unsigned_abs()), cancelled })
        };
        Ok(store.numbered(DocumentKind::Recovery).await?.into_iter().filter_map(known).collect())
    }

    /// Asks every signer the same and keeps it.
    async fn pass_on(&self, request: &Request, needed: usize) -> Result<Taken, Problem> {
        let taken = self.ask_all(request).await;
        if taken.iter().any(|(_, answer)| answer.is_ok()) {
            self.signers.desk.adopt(request).await?;
        }
        enough(taken, needed)
    }
}
