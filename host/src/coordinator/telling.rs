//! What every signer is told: each decides for itself, and enough of them have to take it.

use cloister_wire::{ids::SignerId, message::Request};
use futures_util::future::join_all;

use super::Coordinator;
use crate::{
    desk::unexpected,
    problem::{HostCode, Problem},
};

/// What each signer says to something that was passed on.
pub(crate) type Taken = Vec<(SignerId, Result<(), Problem>)>;

impl Coordinator {
    /// Asks every signer the same; fails, with what one of them says, if fewer than `needed` do it. Says which did.
    pub(super) async fn tell(&self, request: &Request, needed: usize) -> Result<Vec<SignerId>, Problem> {
        let taken = enough(self.ask_all(request).await, needed)?;
        Ok(taken.into_iter().filter(|(_, answer)| answer.is_ok()).map(|(signer, _)| signer).collect())
    }

    /// How many signers have to know of something so that the others cannot sign without one of them.
    pub(super) fn blocking(&self) -> usize {
        self.signers.ids().count().saturating_sub(usize::from(self.signers.manifest.threshold)) + 1
    }

    pub(super) async fn ask_all(&self, request: &Request) -> Taken {
        let ask = |signer| async move { (signer, self.signers.ask(signer, request).await.map(drop)) };
        join_all(self.signers.ids().map(ask)).await
    }
}

/// What was taken, if `needed` signers took it.
pub(super) fn enough(taken: Taken, needed: usize) -> Result<Taken, Problem> {
    if taken.iter().filter(|(_, answer)| answer.is_ok()).count() >= needed {
        return Ok(taken);
    }
    // What a signer says tells more than that another is away.
    let failed = taken.into_iter().filter_map(|(_, answer)| answer.err());
    Err(failed.min_by_key(|problem| problem.is(HostCode::SignerUnreachable)).unwrap_or_else(unexpected))
}
