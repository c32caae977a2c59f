//! Sealed blobs: what leaves an enclave encrypted, and who sealed it.

use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List},
    codec,
    identity::Introduction,
    ids::{Arn, Epoch, GroupId, Hash, KeyId, SignerId},
    limits,
    request::Scheme,
    signature::Signature,
    tag::Tag,
};

/// A secret under a data key that is wrapped to the signer's own KMS keys.
///
/// Anyone can wrap to a public key, so a blob proves nothing by itself: it is signed by the sealing boot, whose attestation it
/// carries, and all of that is checked before KMS is asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SealedBlob {
    /// What is sealed, for whom: bound in as associated data.
    #[n(0)]
    pub context: BlobContext,
    /// AES-256-GCM nonce.
    #[n(1)]
    pub nonce: GcmNonce,
    /// Ciphertext and tag.
    #[n(2)]
    pub ciphertext: Bytes<{ limits::SEALED }>,
    /// The data key, once for each KMS key.
    #[n(3)]
    pub wraps: List<Wrap, { limits::KMS_KEYS }>,
    /// The boot that sealed it.
    #[n(4)]
    pub sealer: Introduction,
    /// By the sealing boot's identity over [`SealedBlob::signed_bytes`].
    #[n(5)]
    pub signature: Signature,
}

/// Everything that an opened blob must agree with.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BlobContext {
    /// Format; 1.
    #[n(0)]
    pub format: u16,
    /// The group.
    #[n(1)]
    pub group: GroupId,
    /// Its manifest.
    #[n(2)]
    pub manifest: Hash,
    /// The only signer that may open it.
    #[n(3)]
    pub signer: SignerId,
    /// Generation of the KMS keys; 1 for those of the manifest.
    #[n(4)]
    pub generation: u16,
    /// What is inside.
    #[n(5)]
    pub content: Content,
}

/// What a blob holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Content {
    /// The signer key and the public signer keys of the whole group.
    #[n(0)]
    SignerKey,
    /// A key's share.
    #[n(1)]
    Share {
        /// The key.
        #[n(0)]
        key: KeyId,
        /// Its scheme.
        #[n(1)]
        scheme: Scheme,
        /// Its sharing.
        #[n(2)]
        epoch: Epoch,
    },
}

/// A 96-bit AES-GCM nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct GcmNonce(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 12]);

/// A data key encrypted to one KMS key (RSAES_OAEP_SHA_256), masked so that no other KMS key's answer can stand for this one's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Wrap {
    /// The KMS key that opens it.
    #[n(0)]
    pub arn: Arn,
    /// What KMS `Decrypt` takes.
    #[n(1)]
    pub ciphertext: Bytes<{ limits::WRAP }>,
}

impl Wrap {
    /// What the data key is XORed with before it is encrypted to the KMS key `arn`.
    #[must_use]
    pub fn mask(arn: &Arn) -> Hash {
        Tag::WRAP.hash(arn.as_str().as_bytes())
    }
}

impl BlobContext {
    /// The associated data: the context's tagged hash.
    #[must_use]
    pub fn aad(&self) -> Hash {
        Tag::BLOB_CONTEXT.hash(&codec::encode(self))
    }
}

impl SealedBlob {
    /// The bytes under the sealing boot's signature: H(context), nonce, ciphertext and wraps.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        codec::encode(&(self.context.aad(), self.nonce, &self.ciphertext, &self.wraps))
    }
}
