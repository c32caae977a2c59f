//! Documents that operators sign: exact bytes, signatures, quorum.

use core::marker::PhantomData;
use std::collections::BTreeSet;

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::{
    bounded::{Bytes, List, TooLong},
    codec::{self, DecodeError},
    ids::Hash,
    limits,
    manifest::Manifest,
    signature::Signature,
    tag::Tag,
};

/// A document that operators sign.
pub trait Endorsable: Encode<()> + for<'b> Decode<'b, ()> {
    /// The domain of the operators' signatures and of the document's hash.
    const TAG: Tag;
}

/// A document's exact bytes with operators' signatures over them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Endorsed<T> {
    /// Canonical encoding of a `T`.
    #[n(0)]
    pub body: Bytes<{ limits::ENDORSED }>,
    /// Signatures by distinct operators.
    #[n(1)]
    pub signatures: List<OperatorSignature, { limits::OPERATORS }>,
    #[cbor(skip)]
    document: PhantomData<T>,
}

/// One operator's signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct OperatorSignature {
    /// Position of the operator's key in the manifest.
    #[n(0)]
    pub operator: u16,
    /// Over the tagged hash of the body.
    #[n(1)]
    pub signature: Signature,
}

/// What operators signed, without the document: that a quorum did, and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Endorsement {
    /// The document's tagged hash.
    #[n(0)]
    pub hash: Hash,
    /// Signatures by distinct operators.
    #[n(1)]
    pub signatures: List<OperatorSignature, { limits::OPERATORS }>,
}

/// Why an operator-signed document does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEndorsed {
    /// The document is not what it should be.
    #[error("the document cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// A signature by nobody, by the same operator again, or that does not verify.
    #[error("operator signature {0} is by no operator of the manifest, stands twice or does not verify")]
    BadSignature(u16),
    /// Fewer signatures than the quorum.
    #[error("{got} operators signed and {needed} have to")]
    NoQuorum {
        /// Valid signatures.
        got: usize,
        /// The manifest's quorum.
        needed: u16,
    },
}

impl<T: Endorsable> Endorsed<T> {
    /// An unsigned document.
    ///
    /// # Errors
    /// If it is larger than [`limits::ENDORSED`].
    pub fn new(document: &T) -> Result<Self, TooLong> {
        let body = codec::encode(document).try_into()?;
        Ok(Self { body, signatures: List::new(), document: PhantomData })
    }

    /// Adds an operator's signature.
    ///
    /// # Errors
    /// If there are [`limits::OPERATORS`] already.
    pub fn sign(&mut self, operator: u16, secret: &SigningKey) -> Result<(), TooLong> {
        let signature = Signature::sign(secret, T::TAG, self.body.as_slice());
        let mut signatures = core::mem::take(&mut self.signatures).into_vec();
        signatures.push(OperatorSignature { operator, signature });
        self.signatures = signatures.try_into()?;
        Ok(())
    }

    /// The document's tagged hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        T::TAG.hash(self.body.as_slice())
    }

    /// Who signed it, without the document.
    #[must_use]
    pub fn endorsement(&self) -> Endorsement {
        Endorsement { hash: self.hash(), signatures: self.signatures.clone() }
    }

    /// The document without regard to who signed it.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn unverified(&self) -> Result<T, DecodeError> {
        codec::decode(self.body.as_slice())
    }

    /// The document, if a quorum of the manifest's operators signed it. Every signature present has to be good.
    ///
    /// # Errors
    /// [`NotEndorsed`].
    pub fn verify(&self, manifest: &Manifest) -> Result<T, NotEndorsed> {
        self.verify_by(manifest, manifest.quorum)
    }

    /// The document, if any operator of the manifest signed it: what stops something needs no quorum. Every signature present has to be
    /// good.
    ///
    /// # Errors
    /// [`NotEndorsed`].
    pub fn verify_by_any(&self, manifest: &Manifest) -> Result<T, NotEndorsed> {
        self.verify_by(manifest, 1)
    }

    fn verify_by(&self, manifest: &Manifest, needed: u16) -> Result<T, NotEndorsed> {
        verify(manifest, &self.hash(), self.signatures.as_slice(), needed)?;
        Ok(self.unverified()?)
    }
}

impl Endorsement {
    /// Whether a quorum of the manifest's operators signed what has this hash. Every signature present has to be good.
    ///
    /// # Errors
    /// [`NotEndorsed`].
    pub fn verify(&self, manifest: &Manifest) -> Result<(), NotEndorsed> {
        verify(manifest, &self.hash, self.signatures.as_slice(), manifest.quorum)
    }
}

fn verify(manifest: &Manifest, hash: &Hash, signatures: &[OperatorSignature], needed: u16) -> Result<(), NotEndorsed> {
    let mut seen = BTreeSet::new();
    for OperatorSignature { operator, signature } in signatures {
        let bad = NotEndorsed::BadSignature(*operator);
        let key = manifest.operators.as_slice().get(usize::from(*operator)).ok_or(bad)?;
        key.verify_hash(hash, signature).map_err(|_| bad)?;
        if !seen.insert(operator) {
            return Err(bad);
        }
    }
    if seen.len() < usize::from(needed) {
        return Err(NotEndorsed::NoQuorum { got: seen.len(), needed });
    }
    Ok(())
}
