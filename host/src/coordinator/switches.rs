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

use super::{Coordinator, now, start::not_endorsed};
use crate::{
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

    async fn file<T: Endorsable>(&self, kind: DocumentKind, document: &Endorsed<T>) -> Result<(), Problem> {
        let (hash, body) = (document.hash(), codec::encode(document));
        Ok(self.signers.desk.store.write(vec![Write::Document { kind, hash, number: now().0, body }]).await?)
    }
}
