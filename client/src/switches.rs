//! Kill switches: closings that one operator signs, openings that the quorum signs.

use cloister_wire::{
    endorsement::Endorsed,
    ids::{Hash, Nonce},
    manifest::ValidManifest,
    switch::{Closing, Opening, Scope},
};
use serde::{Deserialize, Serialize};

use crate::{
    api::{from_base64, to_base64},
    error::Error,
    operator::{endorse, endorsed_by, list},
    secret::Secret,
    session::Attested,
};

/// A closing that an operator signed.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Its hash, by which it is lifted.
    pub hash: Hash,
    /// What it stops.
    pub scope: Scope,
}

#[derive(Serialize)]
struct ClosingQuestion {
    closing: String,
}

#[derive(Serialize)]
struct OpeningQuestion {
    opening: String,
}

#[derive(Deserialize)]
struct Switches {
    closings: Vec<String>,
}

/// A new closing, signed by an operator.
///
/// # Errors
/// [`Error::Plan`] if the key is no operator's; [`Error::NoRandomness`].
pub fn closing(manifest: &ValidManifest, scope: Scope, operator: &Secret) -> Result<Endorsed<Closing>, Error> {
    let mut nonce = [0; Nonce::LEN];
    getrandom::fill(&mut nonce)?;
    let nonce = Nonce::from_bytes(nonce);
    let document = Closing { group: manifest.group, manifest: manifest.hash(), scope, nonce };
    let mut closing = Endorsed::new(&document).map_err(|why| Error::TooLarge { what: "closing", why })?;
    endorse(&mut closing, manifest, operator)?;
    Ok(closing)
}

/// An opening, signed by these operators.
///
/// # Errors
/// [`Error::Plan`] for too many closings, or a key that is no operator's.
pub fn opening<'a>(
    manifest: &ValidManifest,
    closings: Vec<Hash>,
    operators: impl IntoIterator<Item = &'a Secret>,
) -> Result<Endorsed<Opening>, Error> {
    let closings = list("kill switches", closings)?;
    let document = Opening { group: manifest.group, manifest: manifest.hash(), closings };
    endorsed_by(&document, manifest, operators)
}

impl Attested {
    /// Has the hosts close a kill switch; says which signers took it.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] before anything is sent; then what hosts and signers say.
    pub async fn close(&self, closing: &Endorsed<Closing>) -> Result<Vec<u16>, Error> {
        closing.verify_by_any(self.manifest()).map_err(|why| Error::NotEndorsed { what: "closing", why })?;
        let question = ClosingQuestion { closing: to_base64(closing) };
        self.api().tell("/v1/switches/close", &question).await
    }

    /// Has the hosts lift kill switches; says which signers took it.
    ///
    /// # Errors
    /// As [`Attested::close`].
    pub async fn open(&self, opening: &Endorsed<Opening>) -> Result<Vec<u16>, Error> {
        opening.verify(self.manifest()).map_err(|why| Error::NotEndorsed { what: "opening", why })?;
        let question = OpeningQuestion { opening: to_base64(opening) };
        self.api().tell("/v1/switches/open", &question).await
    }

    /// The closings that the host knows of and no opening that it has passed on names. That there are no others is the host's word alone.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] for one that no operator signed, or what the network brings.
    pub async fn switches(&self) -> Result<Vec<Closed>, Error> {
        let Switches { closings } = self.api().get("/v1/switches", &[]).await?;
        let read = |text: &String| {
            let closing: Endorsed<Closing> = from_base64("closing", text)?;
            let document =
                closing.verify_by_any(self.manifest()).map_err(|why| Error::NotEndorsed { what: "closing", why })?;
            Ok(Closed { hash: closing.hash(), scope: document.scope })
        };
        closings.iter().map(read).collect()
    }
}
