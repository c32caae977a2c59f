//! Sealing: the only way in which a secret leaves this boot (P2).
//!
//! The data key is made here and wrapped to the signer's own KMS public keys from the manifest, so that sealing needs no answer from
//! the host, which carries every KMS call and could make one up. One data key serves the shares of one tenant. Opening checks who
//! sealed a blob before anything is decrypted: anyone can wrap to a public key.

use std::collections::BTreeMap;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use cloister_attestation::{Mode, TrustRoot, WrappingKey};
use cloister_wire::{
    blob::{BlobContext, Content, GcmNonce, SealedBlob, Wrap},
    bounded::List,
    codec,
    identity::Introduction,
    ids::{Arn, Hash, Tenant},
    limits,
    manifest::SignerSlot,
    refusal::Refusal,
    signature::{PublicKey, Signature},
    tag::Tag,
};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::{authority::Measured, boot::Boot, fault::Fault, introduction::Attested};

/// The one blob format.
const FORMAT: u16 = 1;
/// The KMS keys that the manifest names.
const GENERATION: u16 = 1;

/// An AES-256 data key.
#[derive(Clone)]
pub(crate) struct DataKey(Zeroizing<[u8; 32]>);

/// The data keys that this boot made or opened.
#[derive(Default)]
pub(crate) struct Sealer {
    made: BTreeMap<Option<Tenant>, (DataKey, Wraps)>,
    opened: BTreeMap<Hash, DataKey>,
}

/// A data key, once for each of this signer's KMS keys.
pub(crate) type Wraps = List<Wrap, { limits::KMS_KEYS }>;

/// Who seals.
pub(crate) struct Author<'a> {
    pub(crate) boot: &'a Boot,
    pub(crate) measured: &'a Measured,
    pub(crate) introduction: &'a Introduction,
}

impl Sealer {
    /// Seals `secret` for this signer; `tenant` chooses the data key.
    pub(crate) fn seal(
        &mut self,
        author: &Author<'_>,
        rng: &mut dyn CryptoRngCore,
        tenant: Option<&Tenant>,
        content: Content,
        secret: &[u8],
    ) -> Result<SealedBlob, Fault> {
        let (key, wraps) = self.data_key(author.measured, rng, tenant)?;
        let context = author.measured.context(content);
        let mut nonce = GcmNonce([0; 12]);
        rng.fill_bytes(&mut nonce.0);
        let aad = context.aad();
        let payload = Payload { msg: secret, aad: aad.as_bytes() };
        let ciphertext = key.cipher().encrypt(&nonce.0.into(), payload).map_err(|_| Fault::Fatal)?;
        let unsigned = SealedBlob {
            context,
            nonce,
            ciphertext: ciphertext.try_into()?,
            wraps,
            sealer: author.introduction.clone(),
            signature: Signature::from_bytes([0; 64]),
        };
        Ok(SealedBlob { signature: author.boot.sign(Tag::SEALED_BLOB, &unsigned.signed_bytes()), ..unsigned })
    }

    /// The data key that opened a blob with these wraps before, so that a restart costs a handful of KMS calls and not one a key.
    pub(crate) fn known(&self, blob: &SealedBlob) -> Option<&DataKey> {
        self.opened.get(&wraps_hash(blob))
    }

    /// Remembers a data key that has opened `blob`.
    pub(crate) fn remember(&mut self, blob: &SealedBlob, key: DataKey) {
        if self.opened.len() < limits::KEYS {
            self.opened.insert(wraps_hash(blob), key);
        }
    }

    /// The wraps that every blob of `tenant` which this boot seals carries, once there is one.
    pub(crate) fn wraps(&self, tenant: &Tenant) -> Option<&Wraps> {
        self.made.get(&Some(tenant.clone())).map(|(_, wraps)| wraps)
    }

    fn data_key(
        &mut self,
        measured: &Measured,
        rng: &mut dyn CryptoRngCore,
        tenant: Option<&Tenant>,
    ) -> Result<(DataKey, Wraps), Fault> {
        if let Some(made) = self.made.get(&tenant.cloned()) {
            return Ok(made.clone());
        }
        let mut key = DataKey(Zeroizing::new([0; 32]));
        rng.fill_bytes(key.0.as_mut());
        let wraps = key.wrap(measured.slot()?)?;
        self.made.insert(tenant.cloned(), (key.clone(), wraps.clone()));
        Ok((key, wraps))
    }
}

impl DataKey {
    /// What KMS decrypted, if its answer is genuine.
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Opens a blob whose origin was checked.
    pub(crate) fn open(&self, blob: &SealedBlob) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let aad = blob.context.aad();
        let payload = Payload { msg: blob.ciphertext.as_slice(), aad: aad.as_bytes() };
        self.cipher().decrypt(&blob.nonce.0.into(), payload).map(Zeroizing::new).map_err(|_| Refusal::UnwrapFailed)
    }

    /// The key as KMS key `arn` holds it, and back. KMS answers with the same key for each wrap of a blob, so that without this an answer
    /// of one KMS key would show that all of them work. The host cannot turn one answer into another: it would have to change both
    /// blocks of the key under CBC in a known way, and changing the second one makes the first unknown.
    pub(crate) fn masked(mut self, arn: &Arn) -> Self {
        self.0.iter_mut().zip(Wrap::mask(arn).as_bytes()).for_each(|(byte, mask)| *byte ^= mask);
        self
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(self.0.as_ref().into())
    }

    fn wrap(&self, slot: &SignerSlot) -> Result<Wraps, Fault> {
        let wrap = |kms: &cloister_wire::manifest::KmsKey| {
            let key = WrappingKey::from_spki_der(kms.spki.as_slice()).map_err(|_| Fault::Fatal)?;
            let ciphertext = key.wrap(self.clone().masked(&kms.arn).0.as_ref()).map_err(|_| Fault::Fatal)?;
            Ok(Wrap { arn: kms.arn.clone(), ciphertext: ciphertext.try_into()? })
        };
        Ok(slot.kms.iter().map(wrap).collect::<Result<Vec<_>, Fault>>()?.try_into()?)
    }
}

impl Measured {
    pub(crate) fn slot(&self) -> Result<&SignerSlot, Fault> {
        self.manifest.slot(self.signer).ok_or(Fault::Fatal)
    }

    fn context(&self, content: Content) -> BlobContext {
        BlobContext {
            format: FORMAT,
            group: self.manifest.group,
            manifest: self.manifest.hash(),
            signer: self.signer,
            generation: GENERATION,
            content,
        }
    }

    /// Checks that a boot of this very signer sealed the blob, under an accepted release and this manifest, and that it is wrapped to
    /// this signer's own KMS keys. Returns the signer key that the sealing boot had proved.
    pub(crate) fn verify_origin(&self, root: &TrustRoot, blob: &SealedBlob) -> Result<PublicKey, Fault> {
        if blob.context != self.context(blob.context.content.clone()) {
            return Err(Refusal::BlobForeign.into());
        }
        let arns = self.slot()?.kms.iter().map(|key| &key.arn);
        if !blob.wraps.iter().map(|wrap| &wrap.arn).eq(arns) {
            return Err(Refusal::BlobForeign.into());
        }
        let forged = |_| Refusal::BlobForged;
        let sealer = Attested::verify(&self.manifest, root, &blob.sealer, Mode::Archival).map_err(forged)?;
        let statement = sealer.statement();
        if statement.signer != self.signer {
            return Err(Refusal::BlobForged.into());
        }
        statement
            .keys
            .identity
            .verify(Tag::SEALED_BLOB, &blob.signed_bytes(), &blob.signature)
            .map_err(|_| Refusal::BlobForged)?;
        Ok(statement.proved_key().ok_or(Refusal::BlobForged)?)
    }
}

fn wraps_hash(blob: &SealedBlob) -> Hash {
    Tag::SEALED_BLOB.hash(&codec::encode(&blob.wraps))
}

#[cfg(test)]
mod tests {
    use cloister_wire::ids::{Epoch, GroupId, KeyId};

    use super::*;

    fn context() -> BlobContext {
        let content = Content::Share {
            key: KeyId::from_bytes([1; 32]),
            scheme: cloister_wire::request::Scheme::Ed25519,
            epoch: Epoch(0),
        };
        let (group, manifest) = (GroupId::from_bytes([2; 16]), Hash::from_bytes([3; 32]));
        BlobContext { format: FORMAT, group, manifest, signer: 1.try_into().unwrap(), generation: GENERATION, content }
    }

    fn sealed(key: &DataKey) -> SealedBlob {
        let (context, nonce) = (context(), GcmNonce([4; 12]));
        let aad = context.aad();
        let ciphertext =
            key.cipher().encrypt(&nonce.0.into(), Payload { msg: b"a share", aad: aad.as_bytes() }).unwrap();
        let sealer = Introduction { statement: Default::default(), document: Default::default() };
        let signature = Signature::from_bytes([0; 64]);
        SealedBlob { context, nonce, ciphertext: ciphertext.try_into().unwrap(), wraps: List::new(), sealer, signature }
    }

    #[test]
    fn a_blob_opens_only_under_the_context_that_it_was_sealed_for() {
        let key = DataKey::new(Zeroizing::new([5; 32]));
        let blob = sealed(&key);
        assert_eq!(key.open(&blob).unwrap().as_slice(), b"a share");
        let changes: [fn(&mut BlobContext); 6] = [
            |context| context.format = 2,
            |context| context.group = GroupId::from_bytes([9; 16]),
            |context| context.manifest = Hash::from_bytes([9; 32]),
            |context| context.signer = 2.try_into().unwrap(),
            |context| context.generation = 2,
            |context| context.content = Content::SignerKey,
        ];
        for change in changes {
            let mut moved = blob.clone();
            change(&mut moved.context);
            assert_eq!(key.open(&moved).err(), Some(Refusal::UnwrapFailed));
        }
    }

    #[test]
    fn another_data_key_opens_nothing() {
        let blob = sealed(&DataKey::new(Zeroizing::new([5; 32])));
        assert_eq!(DataKey::new(Zeroizing::new([6; 32])).open(&blob).err(), Some(Refusal::UnwrapFailed));
    }
}
