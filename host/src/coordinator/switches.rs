//! Kill switches: what operators close and lift, passed on to every signer; and what members take back of session keys.

use cloister_wire::{
    approval::Approval,
    codec,
    delegation::Delegation,
    endorsement::{Endorsable, Endorsed},
    ids::SignerId,
    message::Request,
    switch::{Closing, Opening},
};
use futures_util::future::join_all;

use super::{Coordinator, now, start::not_endorsed};
use crate::{
    desk::unexpected,
    problem::Problem,
    store::{DocumentKind, Write},
};

impl Coordinator {
    /// Closes a kill switch at every signer that can be reached. It is done once those that were not cannot sign without the others.
    pub(crate) async fn close(&self, closing: Endorsed<Closing>) -> Result<Vec<SignerId>, Problem> {
        closing.verify_by_any(&self.signers.manifest).map_err(not_endorsed)?;
        self.file(DocumentKind::Closing, &closing).await?;
        self.tell(&Request::Close { closing }, self.blocking()).await
    }

    /// Lifts kill switches at every signer that can be reached; with fewer than the threshold nothing could be signed yet.
    pub(crate) async fn open(&self, opening: Endorsed<Opening>) -> Result<Vec<SignerId>, Problem> {
        self.verify(&opening)?;
        let told =
            self.tell(&Request::Open { opening: opening.clone() }, self.signers.manifest.threshold.into()).await?;
        self.file(DocumentKind::Opening, &opening).await?;
        Ok(told)
    }

    /// Closes at every signer what this host knows to be closed: those that were restarted have forgotten it.
    pub(super) async fn close_again(&self) -> Result<(), Problem> {
        for closing in self.closings().await? {
            self.tell(&Request::Close { closing }, self.blocking()).await?;
        }
        Ok(())
    }

    /// The closings that this host has passed on and no opening names.
    pub(crate) async fn closings(&self) -> Result<Vec<Endorsed<Closing>>, Problem> {
        let store = &self.signers.desk.store;
        let openings = store.documents(DocumentKind::Opening).await?;
        let openings =
            openings.iter().filter_map(|body| codec::decode::<Endorsed<Opening>>(body).ok()?.unverified().ok());
        let lifted: Vec<_> = openings.flat_map(|opening| opening.closings.into_vec()).collect();
        let closings = store.documents(DocumentKind::Closing).await?;
        let closings = closings.iter().filter_map(|body| codec::decode::<Endorsed<Closing>>(body).ok());
        Ok(closings.filter(|closing| !lifted.contains(&closing.hash())).collect())
    }

    /// Ends a session key at every signer that can be reached.
    pub(crate) async fn revoke(&self, delegation: Delegation, withdrawal: Approval) -> Result<Vec<SignerId>, Problem> {
        self.tell(&Request::Revoke { delegation, withdrawal }, self.blocking()).await
    }

    /// How many signers have to know of something so that the others cannot sign without one of them.
    pub(super) fn blocking(&self) -> usize {
        self.signers.ids().count().saturating_sub(usize::from(self.signers.manifest.threshold)) + 1
    }

    /// Asks every signer the same; fails, with what one of them says, if fewer than `needed` do it.
    pub(super) async fn tell(&self, request: &Request, needed: usize) -> Result<Vec<SignerId>, Problem> {
        let tell = |signer| async move { self.signers.ask(signer, request).await.map(|_| signer) };
        let answers = join_all(self.signers.ids().map(tell)).await;
        let (told, failed): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        let told: Vec<_> = told.into_iter().flatten().collect();
        if told.len() >= needed {
            return Ok(told);
        }
        Err(failed.into_iter().find_map(Result::err).unwrap_or_else(unexpected))
    }

    async fn file<T: Endorsable>(&self, kind: DocumentKind, document: &Endorsed<T>) -> Result<(), Problem> {
        let (hash, body) = (document.hash(), codec::encode(document));
        Ok(self.signers.desk.store.write(vec![Write::Document { kind, hash, number: now().0, body }]).await?)
    }
}
