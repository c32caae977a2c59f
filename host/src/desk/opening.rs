//! Opens a stored blob: the signer checks where it comes from, KMS opens its data key, the signer opens the rest.

use cloister_wire::{
    blob::Wrap,
    bounded::List,
    certificate::Certificate,
    ids::KeyId,
    limits,
    message::{Body, Outcome, Reply, Request},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::{
    encoding::from_base64,
    kms::Envelope,
    problem::{HostCode, Problem},
};

/// Which blob to open, and how. Hosts send each other this as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "open", rename_all = "snake_case")]
pub(crate) enum Opening {
    /// Genesis: read the signer key back through every KMS key.
    NewSignerKey,
    /// A restart: open the signer key through any KMS key.
    SignerKey,
    /// Key generation: read the new share back through every KMS key.
    NewShare {
        /// The key, in hex.
        key: String,
    },
    /// A restart: open a share through any KMS key.
    Share {
        /// Its certificate, in base64.
        certificate: String,
    },
}

type Envelopes = Vec<Option<Envelope>>;

impl Desk {
    /// Opens a blob from the store. The reply is the signer's last.
    pub(crate) async fn open(&self, opening: &Opening) -> Result<Reply, Problem> {
        let present = self.present(opening).await?;
        let reply = self.relay(&present).await?;
        let Outcome::Done(Body::Unwrap { ticket, document, wraps }) = &reply.outcome else {
            return Ok(reply);
        };
        let envelopes = match opening {
            Opening::NewSignerKey | Opening::NewShare { .. } => {
                self.unwrap_all(wraps.as_slice(), document.as_slice()).await
            }
            Opening::SignerKey | Opening::Share { .. } => self.unwrap_any(wraps.as_slice(), document.as_slice()).await,
        };
        let envelopes: List<_, { limits::KMS_KEYS }> =
            envelopes.map_err(|problem| problem.at(self.me))?.try_into().unwrap_or_default();
        self.relay(&Request::Unwrapped { ticket: *ticket, envelopes }).await
    }

    /// The blob as it is in the store, which is what a restart will find.
    async fn present(&self, opening: &Opening) -> Result<Request, Problem> {
        let (key, certificate) = match opening {
            Opening::NewSignerKey | Opening::SignerKey => (None, None),
            Opening::NewShare { key } => (Some(key.parse().map_err(|_| bad_key())?), None),
            Opening::Share { certificate } => {
                let certificate = from_base64("certificate", certificate)?;
                (Some(self.file_foreign(&certificate).await?), Some(certificate))
            }
        };
        let missing = || Problem::host(HostCode::BlobMissing, format!("no blob for {opening}")).at(self.me);
        let blob = self.store.blob(key).await?.ok_or_else(missing)?;
        Ok(Request::Present { blob, certificate })
    }

    /// A certificate that another host has may be missing here, if this host died before it came.
    async fn file_foreign(&self, certificate: &Certificate) -> Result<KeyId, Problem> {
        let key = certificate.unverified().map_err(|_| bad_key())?.key;
        if self.keyring.get(&key).is_none() {
            self.file_certificate(certificate).await?;
            self.keyring.insert(certificate.clone());
        }
        Ok(key)
    }

    async fn unwrap_all(&self, wraps: &[Wrap], document: &[u8]) -> Result<Envelopes, Problem> {
        let answers = join_all(wraps.iter().map(|wrap| self.kms.decrypt(wrap, document))).await;
        answers.into_iter().map(|answer| answer.map(Some)).collect()
    }

    /// The first that answers; the others are not asked.
    async fn unwrap_any(&self, wraps: &[Wrap], document: &[u8]) -> Result<Envelopes, Problem> {
        let mut envelopes: Envelopes = vec![None; wraps.len()];
        let mut last = Problem::host(HostCode::KmsUnavailable, "the blob names no KMS key");
        for (slot, wrap) in envelopes.iter_mut().zip(wraps) {
            match self.kms.decrypt(wrap, document).await {
                Ok(envelope) => {
                    *slot = Some(envelope);
                    return Ok(envelopes);
                }
                Err(problem) => last = problem,
            }
        }
        Err(last)
    }
}

fn bad_key() -> Problem {
    Problem::host(HostCode::RequestInvalid, "neither a key id nor a certificate")
}

impl std::fmt::Display for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NewSignerKey | Self::SignerKey => "the signer key",
            Self::NewShare { .. } | Self::Share { .. } => "the key's share",
        })
    }
}
