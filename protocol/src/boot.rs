//! The keys of one boot: made at start, kept in memory, gone with it.

use cloister_attestation::RecipientKey;
use cloister_wire::{
    identity::BootKeys,
    ids::BootId,
    signature::{PublicKey, Signature},
    tag::Tag,
};
use ed25519_dalek::SigningKey;
use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::channel;

/// The boot keys could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the boot keys could not be made: the random number generator or the RSA library failed")]
pub struct BootFailed;

/// The secret keys of this boot, and the public ones that name it.
pub(crate) struct Boot {
    identity: SigningKey,
    channel: Zeroizing<[u8; 32]>,
    recipient: RecipientKey,
    keys: BootKeys,
    id: BootId,
}

impl Boot {
    /// Makes every key. The RSA key takes most of the time, so this stands off the signing path.
    pub(crate) fn new(rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, BootFailed> {
        let identity = SigningKey::generate(rng);
        let mut channel = Zeroizing::new([0; 32]);
        rng.fill_bytes(channel.as_mut());
        let recipient = RecipientKey::generate().map_err(|_| BootFailed)?;
        let keys = BootKeys {
            identity: PublicKey::of(&identity),
            channel: channel::public_key(&channel).ok_or(BootFailed)?,
            recipient: BootKeys::recipient_hash(recipient.public_key_der()),
        };
        Ok(Self { id: keys.boot(), identity, channel, recipient, keys })
    }

    pub(crate) fn id(&self) -> BootId {
        self.id
    }

    pub(crate) fn keys(&self) -> &BootKeys {
        &self.keys
    }

    pub(crate) fn recipient(&self) -> &RecipientKey {
        &self.recipient
    }

    /// The X25519 secret of this boot's channels.
    pub(crate) fn channel_secret(&self) -> &[u8; 32] {
        &self.channel
    }

    /// Signs with the boot identity.
    pub(crate) fn sign(&self, tag: Tag, data: &[u8]) -> Signature {
        Signature::sign(&self.identity, tag, data)
    }
}
