//! Makes a key. All signers take part; whatever fails, all of them give it up.
//!
//! ```text
//!   OpenKeygen ─▶ StartKeygen ─▶ deliver until quiet ─▶ Keygen: sealed ─▶ read back through KMS ─▶ certificate ─▶ Certify
//!      all            all                                  all, stored        all, signed           stored         all
//! ```

use cloister_wire::{
    certificate::{Certificate, CertificateBody, CertificateSignature},
    codec,
    ids::{CeremonyId, Hash, SignerId},
    message::{Body, KeygenState, Request},
    refusal::Refusal,
    request::{KeyRequest, Requested},
};
use futures_util::future::{join_all, try_join_all};
use minicbor::{Decode, Encode};

use super::{
    Coordinator,
    answers::{self, Occasion},
    contributions::{self, Contributions},
};
use crate::{
    desk::{Opening, unexpected},
    keyring::Key,
    problem::{HostCode, Problem},
    store::Write,
};
use std::sync::Arc;

/// How far a key generation is, as the store has it.
#[derive(Encode, Decode)]
enum Ceremony {
    /// Signers gave their nonces; nothing of it counts yet.
    #[n(0)]
    Opened(#[n(0)] Contributions),
    /// The certificate is complete; some signers may not have it yet.
    #[n(1)]
    Certified(#[n(0)] Certificate),
}

impl Coordinator {
    /// Makes the key that was asked for, or goes on with making it.
    pub(crate) async fn create_key(self: &Arc<Self>, requested: Requested) -> Result<answers::Body, Problem> {
        let request: KeyRequest = codec::decode(requested.body.as_slice())
            .map_err(|error| Problem::refused(Refusal::Malformed).because(error.to_string()))?;
        let occasion = Occasion::of::<KeyRequest>(&requested, request.id, request.issued_at);
        let this = self.clone();
        // Its own steps come to an end after half of this.
        let deadline = self.deadlines.keygen * 2;
        self.answers.once(occasion, deadline, move || async move { this.make_key(&requested).await }).await
    }

    async fn make_key(&self, requested: &Requested) -> Result<Vec<u8>, Problem> {
        let busy = |_| Problem::host(HostCode::Overloaded, "too many key generations are under way");
        let _permit = self.keygens.try_acquire().map_err(busy)?;
        let hash = requested.hash::<KeyRequest>();
        let store = &self.signers.desk.store;
        let certificate = match store.ceremony(&hash).await? {
            Some(Ceremony::Certified(certificate)) => certificate,
            Some(Ceremony::Opened(nonces)) => {
                contributions::abandon(&self.signers, &nonces).await;
                self.certify_new(requested, hash).await?
            }
            None => self.certify_new(requested, hash).await?,
        };
        let certify = Request::Certify { certificate: certificate.clone() };
        try_join_all(self.signers.ids().map(|signer| self.signers.ask(signer, &certify))).await?;
        store.write(vec![Write::CeremonyOver { request: hash }]).await?;
        let key = Key::read(certificate).ok_or_else(unexpected)?;
        tracing::info!(key = %key.body.key, "a key was made");
        serde_json::to_vec(&key.object()).map_err(|error| Problem::host(HostCode::Internal, error.to_string()))
    }

    /// Makes a key up to its complete certificate.
    async fn certify_new(&self, requested: &Requested, hash: Hash) -> Result<Certificate, Problem> {
        let open = Request::OpenKeygen { request: requested.clone() };
        let nonces = contributions::open(&self.signers, self.signers.ids(), &open).await?;
        let store = &self.signers.desk.store;
        let state = codec::encode(&Ceremony::Opened(nonces.clone()));
        let made = async {
            store.write(vec![Write::Ceremony { request: hash, state }]).await?;
            let certificate = self.generate(&nonces).await?;
            let state = codec::encode(&Ceremony::Certified(certificate.clone()));
            store.write(vec![Write::Ceremony { request: hash, state }]).await?;
            Ok(certificate)
        };
        let late = || Problem::host(HostCode::DeadlineExceeded, "the key generation took too long and was given up");
        let result = tokio::time::timeout(self.deadlines.keygen, made).await.unwrap_or_else(|_| Err(late()));
        if result.is_err() {
            contributions::abandon(&self.signers, &nonces).await;
            let _ = store.write(vec![Write::CeremonyOver { request: hash }]).await;
        }
        result
    }

    async fn generate(&self, nonces: &Contributions) -> Result<Certificate, Problem> {
        let ceremony = self.exchange(nonces).await?;
        let bodies = try_join_all(self.signers.ids().map(|signer| self.sealed(signer, ceremony))).await?;
        let body = bodies.first().cloned().ok_or_else(unexpected)?;
        if let Some(other) = self.signers.ids().zip(&bodies).find(|(_, theirs)| **theirs != body) {
            let why = "the signers made different keys; nothing was kept";
            return Err(Problem::refused(Refusal::CeremonyFailed).because(why).at(other.0));
        }
        let read_back = Opening::NewShare { key: body.key.to_string() };
        let signatures = try_join_all(self.signers.ids().map(|signer| self.certified(signer, &read_back))).await?;
        let too_long = |_| unexpected();
        Ok(Certificate {
            body: codec::encode(&body).try_into().map_err(too_long)?,
            signatures: signatures.try_into().map_err(too_long)?,
        })
    }

    /// Everybody begins, then messages go back and forth.
    async fn exchange(&self, nonces: &Contributions) -> Result<CeremonyId, Problem> {
        let start = Request::StartKeygen { nonces: nonces.clone() };
        let (ceremony, mail) = contributions::start(&self.signers, nonces, &start).await?;
        let delivered = mail.deliver(&self.signers).await;
        self.culprit(ceremony, delivered).await?;
        Ok(ceremony)
    }

    /// The signer at which a message failed says whose message it was.
    async fn culprit(&self, ceremony: CeremonyId, delivered: Result<(), Problem>) -> Result<(), Problem> {
        let Err(problem) = delivered else {
            return Ok(());
        };
        let how_far = Request::Keygen { ceremony };
        let states = join_all(self.signers.ids().map(|signer| self.signers.ask(signer, &how_far))).await;
        for answer in states.into_iter().flatten() {
            if let Body::Keygen(KeygenState::Failed { refusal, culprit }) = answer.body {
                let blamed = Problem::refused(refusal);
                return Err(culprit.map_or(blamed.clone(), |culprit| blamed.at(culprit)));
            }
        }
        Err(problem)
    }

    /// A signer's sealed share is in its host's store when this returns.
    async fn sealed(&self, signer: SignerId, ceremony: CeremonyId) -> Result<CertificateBody, Problem> {
        match self.signers.ask(signer, &Request::Keygen { ceremony }).await?.body {
            Body::Keygen(KeygenState::Sealed { certificate, .. }) => Ok(certificate),
            Body::Keygen(KeygenState::Failed { refusal, culprit }) => {
                let problem = Problem::refused(refusal);
                Err(culprit.map_or(problem.clone(), |culprit| problem.at(culprit)))
            }
            Body::Keygen(KeygenState::Running) => {
                let why = "the signer still waits for messages after all were delivered";
                Err(Problem::refused(Refusal::CeremonyFailed).because(why).at(signer))
            }
            _ => Err(unexpected().at(signer)),
        }
    }

    /// A signer's word for the certificate, once it has read its share back.
    async fn certified(&self, signer: SignerId, read_back: &Opening) -> Result<CertificateSignature, Problem> {
        match self.signers.open(signer, read_back).await?.body {
            Body::Certified(signature) => Ok(signature),
            _ => Err(unexpected().at(signer)),
        }
    }
}
