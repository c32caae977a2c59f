//! A signer's share of an ECDSA key: a FROST key package, and the presignatures made with it.

use std::collections::BTreeMap;

use cloister_wire::{
    ids::{Hash, SignerId, UnixMillis},
    limits,
    message::Package,
    refusal::Refusal,
    tag::Tag,
};
use dkls23::protocols::Parameters;
use frost_secp256k1::Secp256K1Sha256;
use k256_dkls::{AffinePoint, Scalar};
use rand_core::CryptoRngCore;

use super::{point, presignature::Presignature, scalar};
use crate::{
    child::Child,
    fault::Fault,
    pool::Commitment,
    share::{Share as AnyShare, Sharing, SignatureShare},
};

/// A share that is ready to sign, with its unused presignatures by their id.
pub(crate) struct Share {
    sharing: Sharing<Secp256K1Sha256>,
    public_key: AffinePoint,
    session: Hash,
    unused: BTreeMap<Hash, Presignature>,
}

impl Share {
    /// Makes a sharing that was checked ready to sign.
    pub(crate) fn new(sharing: Sharing<Secp256K1Sha256>) -> Result<Self, Fault> {
        let compressed = sharing.public.verifying_key().serialize().map_err(|_| Fault::Fatal)?;
        let public_key = point(&compressed).ok_or(Fault::Fatal)?;
        Ok(Self { sharing, public_key, session: Tag::KEY_SESSION.hash(&compressed), unused: BTreeMap::new() })
    }

    /// *t*.
    pub(crate) fn threshold(&self) -> usize {
        usize::from(*self.sharing.key.min_signers())
    }

    /// Keeps a presignature that was made.
    pub(crate) fn keep(&mut self, now: UnixMillis, id: Hash, presignature: Presignature) -> Result<(), Fault> {
        self.forget_expired(now);
        if self.unused.len() >= limits::POOL {
            return Err(Refusal::PoolFull.into());
        }
        match self.unused.insert(id, presignature) {
            None => Ok(()),
            // An id comes from fresh nonces of every signer: two equal ones mean a broken generator.
            Some(_) => Err(Fault::Fatal),
        }
    }

    /// Erases every presignature that `peer` has a part in.
    pub(crate) fn forget_with(&mut self, peer: SignerId) {
        self.unused.retain(|_, presignature| !presignature.involves(peer));
    }

    /// Erases every presignature.
    pub(crate) fn flush(&mut self) {
        self.unused.clear();
    }

    pub(super) fn parameters(&self) -> Result<Parameters, Fault> {
        let threshold = u8::try_from(*self.sharing.key.min_signers()).ok();
        let signers = u8::try_from(self.sharing.public.verifying_shares().len()).ok();
        threshold.zip(signers).and_then(|(t, n)| Parameters::new(t, n).ok()).ok_or(Fault::Fatal)
    }

    /// The library's session id of the key: what keeps the sessions of two keys apart that use one set-up.
    pub(super) fn session(&self) -> &Hash {
        &self.session
    }

    pub(super) fn public_key(&self) -> &AffinePoint {
        &self.public_key
    }

    pub(super) fn secret(&self) -> Result<Scalar, Fault> {
        let bytes = zeroize::Zeroizing::new(self.sharing.key.signing_share().serialize());
        scalar(&bytes).ok_or(Fault::Fatal)
    }

    /// The presignature's id, if the package names one, the same for all, and this signer is among them.
    fn named(&self, me: SignerId, package: &Package) -> Result<Hash, Refusal> {
        let rising = package.as_slice().is_sorted_by(|a, b| a.signer < b.signer);
        let first = package.iter().next().ok_or(Refusal::PackageInvalid)?;
        let fits = rising
            && package.len() == self.threshold()
            && package.iter().any(|entry| entry.signer == me)
            && package.iter().all(|entry| entry.commitment == first.commitment);
        Hash::try_from(first.commitment.as_slice()).ok().filter(|_| fits).ok_or(Refusal::PackageInvalid)
    }
}

impl AnyShare for Share {
    fn commit(&mut self, _: UnixMillis, _: &mut dyn CryptoRngCore, _: usize) -> Result<Vec<Commitment>, Fault> {
        Err(Refusal::SchemeMismatch.into())
    }

    fn unused(&self) -> usize {
        self.unused.len()
    }

    fn forget_expired(&mut self, now: UnixMillis) {
        self.unused.retain(|_, presignature| presignature.is_fresh(now));
    }

    fn sign(
        &mut self,
        now: UnixMillis,
        me: SignerId,
        child: &Child,
        messages: &[Vec<u8>],
        packages: &[Package],
    ) -> Result<Vec<SignatureShare>, Fault> {
        if messages.len() != packages.len() {
            return Err(Refusal::PackageInvalid.into());
        }
        let named = packages.iter().map(|package| self.named(me, package)).collect::<Result<Vec<_>, _>>()?;
        let taken: Vec<_> = named.iter().map(|id| self.unused.remove(id)).collect();
        let work = messages.iter().zip(packages).zip(taken);
        work.map(|((message, package), presignature)| {
            let presignature = presignature.filter(|known| known.is_fresh(now)).ok_or(Refusal::CommitmentUnknown)?;
            if !presignature.is_for(package.iter().map(|entry| &entry.signer), child.path()) {
                return Err(Refusal::PackageInvalid.into());
            }
            let digest: &[u8; 32] = message.as_slice().try_into().map_err(|_| Fault::Fatal)?;
            Ok(presignature.sign(digest)?)
        })
        .collect()
    }

    fn burn(&mut self, _: SignerId, packages: &[Package]) {
        let ids = packages.iter().flatten().filter_map(|entry| Hash::try_from(entry.commitment.as_slice()).ok());
        ids.for_each(|id| drop(self.unused.remove(&id)));
    }

    fn verifying_key(&self, child: &Child) -> Result<Vec<u8>, Refusal> {
        Ok(child.public_key().to_vec())
    }

    fn ecdsa(&mut self) -> Option<&mut Share> {
        Some(self)
    }
}
