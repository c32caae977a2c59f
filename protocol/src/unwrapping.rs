//! Blobs whose data keys KMS is opening: what each is for, and what the answers have to show.

use std::collections::BTreeMap;

use cloister_attestation::RecipientKey;
use cloister_wire::{
    blob::{SealedBlob, Wrap},
    bounded::{Bytes, List},
    ids::KeyId,
    limits,
    refusal::Refusal,
};
use zeroize::Zeroizing;

use crate::{certification::Certified, sealing::DataKey};

/// A presented blob whose origin was checked.
pub(crate) struct Unwrapping {
    pub(crate) blob: Box<SealedBlob>,
    pub(crate) intent: Intent,
}

/// What a blob is presented for.
pub(crate) enum Intent {
    /// Genesis: the signer key that was sealed can be opened through every KMS key.
    ReadBackSignerKey,
    /// A new share that was sealed can be opened through every KMS key.
    ReadBackShare(KeyId),
    /// A restart: open the signer key; any one KMS key will do.
    OpenSignerKey(cloister_wire::signature::PublicKey),
    /// A restart: open a share; any one KMS key will do.
    OpenShare(Box<Certified>),
}

/// KMS's answers.
pub(crate) type Envelopes = List<Option<Bytes<{ limits::ENVELOPE }>>, { limits::KMS_KEYS }>;

/// What is under way, by ticket; bounded, the oldest goes first.
#[derive(Default)]
pub(crate) struct Unwraps {
    next: u64,
    pending: BTreeMap<u64, Unwrapping>,
}

impl Unwraps {
    /// Keeps one until its answers come.
    pub(crate) fn insert(&mut self, unwrapping: Unwrapping) -> u64 {
        if self.pending.len() >= limits::UNWRAPS {
            self.pending.pop_first();
        }
        let ticket = self.next;
        self.next = ticket.wrapping_add(1);
        self.pending.insert(ticket, unwrapping);
        ticket
    }

    /// Takes it out: answers count once.
    pub(crate) fn take(&mut self, ticket: u64) -> Result<Unwrapping, Refusal> {
        self.pending.remove(&ticket).ok_or(Refusal::UnwrapFailed)
    }
}

impl Unwrapping {
    /// Opens the blob with KMS's answers: through every KMS key when it is read back, through any when it is opened.
    pub(crate) fn open(
        &self,
        recipient: &RecipientKey,
        envelopes: &Envelopes,
    ) -> Result<(DataKey, Zeroizing<Vec<u8>>), Refusal> {
        if envelopes.len() != self.blob.wraps.len() {
            return Err(Refusal::UnwrapFailed);
        }
        let mut opened = envelopes
            .iter()
            .zip(&self.blob.wraps)
            .map(|(envelope, wrap)| self.open_one(recipient, wrap, envelope.as_ref()));
        match self.intent {
            Intent::OpenSignerKey(_) | Intent::OpenShare(_) => opened.find_map(Result::ok).ok_or(Refusal::UnwrapFailed),
            Intent::ReadBackSignerKey | Intent::ReadBackShare(_) => {
                let all = opened.collect::<Result<Vec<_>, _>>()?;
                all.into_iter().next().ok_or(Refusal::UnwrapFailed)
            }
        }
    }

    /// One answer. AES-GCM under the blob's own context decides: an answer that the host made up or altered gives another data key and
    /// opens nothing, and looks the same as any other failure.
    fn open_one(
        &self,
        recipient: &RecipientKey,
        wrap: &Wrap,
        envelope: Option<&Bytes<{ limits::ENVELOPE }>>,
    ) -> Result<(DataKey, Zeroizing<Vec<u8>>), Refusal> {
        let envelope = envelope.ok_or(Refusal::UnwrapFailed)?;
        let masked = recipient.open_data_key(envelope.as_slice()).map_err(|_| Refusal::UnwrapFailed)?;
        let key = DataKey::new(masked).masked(&wrap.arn);
        let secret = key.open(&self.blob)?;
        Ok((key, secret))
    }
}
