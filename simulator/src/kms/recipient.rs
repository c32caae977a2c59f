//! The `Recipient` of a request: an attestation document, and the answer that only its enclave can read.

use std::collections::BTreeMap;

use cloister_attestation::{Authentic, Millis, Mode, Pcr, PcrIndex, TrustRoot, UnixMillis, Unverified};
use serde::Deserialize;

use super::blob::Blob;
use super::envelope::{self, EnvelopeForm};
use super::errors::{Fault, FaultKind, invalid};

/// `RecipientInfo` of the API, as it arrives.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RecipientInfo {
    key_encryption_algorithm: Option<String>,
    attestation_document: Option<Blob>,
}

/// What documents are checked against, and how answers are written.
pub(crate) struct Recipients {
    root: TrustRoot,
    form: EnvelopeForm,
}

impl Recipients {
    pub(crate) fn new(root: TrustRoot, form: EnvelopeForm) -> Self {
        Self { root, form }
    }

    /// Authenticates the document: signed under the root, at most five minutes old, not of debug mode, with a key.
    ///
    /// # Errors
    /// `ValidationException`. AWS documents no error for documents it refuses, and this has not been compared with
    /// the real service.
    pub(crate) fn authenticate(&self, info: &RecipientInfo, now: UnixMillis) -> Result<Recipient, Fault> {
        match info.key_encryption_algorithm.as_deref() {
            Some("RSAES_OAEP_SHA_256") => {}
            _ => return Err(invalid("Recipient.KeyEncryptionAlgorithm must be RSAES_OAEP_SHA_256.")),
        }
        let Some(document) = &info.attestation_document else {
            return Err(invalid("Recipient.AttestationDocument is missing."));
        };
        let mode = Mode::Fresh { now, max_age: OLDEST_DOCUMENT };
        let authentic = Unverified::parse(&document.0)
            .and_then(|unverified| unverified.authenticate(&self.root, mode))
            .map_err(|rejected| invalid(format!("Recipient.AttestationDocument: {rejected}.")))?;
        Recipient::new(&authentic, self.form)
    }
}

/// An enclave to answer to.
pub(crate) struct Recipient {
    pcrs: BTreeMap<PcrIndex, Pcr>,
    public_key: Vec<u8>,
    form: EnvelopeForm,
}

impl Recipient {
    fn new(document: &Authentic, form: EnvelopeForm) -> Result<Self, Fault> {
        let public_key =
            document.public_key().ok_or_else(|| invalid("Recipient.AttestationDocument has no public key."))?;
        Ok(Self { pcrs: document.pcrs().collect(), public_key: public_key.to_vec(), form })
    }

    /// The registers that the key policy is asked about.
    pub(crate) fn pcrs(&self) -> &BTreeMap<PcrIndex, Pcr> {
        &self.pcrs
    }

    /// `CiphertextForRecipient`.
    pub(crate) fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, Fault> {
        let unusable =
            |_| Fault::new(FaultKind::Validation, "The public key of Recipient.AttestationDocument is not an RSA key.");
        envelope::seal(self.form, &self.public_key, plaintext).map_err(unusable)
    }
}

const OLDEST_DOCUMENT: Millis = Millis(5 * 60 * 1000);
