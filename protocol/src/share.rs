//! One signer's share of one key, and the signature shares that it makes.

use std::{borrow::Cow, collections::BTreeMap};

use cloister_wire::{
    bounded::Bytes,
    certificate::CertificateBody,
    ids::{SignerId, UnixMillis},
    limits,
    message::Package,
    refusal::Refusal,
    request::Scheme,
};
use frost_core::{
    SigningPackage,
    keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare},
    round1::SigningCommitments,
    round2,
};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::{
    child::Child,
    fault::Fault,
    pool::{Commitment, Nonces, Pool},
    suite::{Suite, identifier},
};

/// A signature share as it is sent.
pub(crate) type SignatureShare = Bytes<{ limits::COMMITMENT }>;

/// A share of any scheme.
pub(crate) trait Share: Send {
    /// Makes commitments for later signatures.
    fn commit(&mut self, now: UnixMillis, rng: &mut dyn CryptoRngCore, count: usize) -> Result<Vec<Commitment>, Fault>;

    /// How many commitments wait for their signature.
    fn unused(&self) -> usize;

    /// Erases those that have expired.
    fn forget_expired(&mut self, now: UnixMillis);

    /// Signs each message for `child` under its package. All nonces leave the pool before anything is computed, and whatever fails, they are gone.
    fn sign(
        &mut self,
        now: UnixMillis,
        me: SignerId,
        child: &Child,
        messages: &[Vec<u8>],
        packages: &[Package],
    ) -> Result<Vec<SignatureShare>, Fault>;

    /// Erases the nonces of every commitment that `packages` name as this signer's: their request was refused, and the host has used
    /// them up.
    fn burn(&mut self, me: SignerId, packages: &[Package]);

    /// The public key that signatures for `child` verify under, in the scheme's own encoding.
    fn verifying_key(&self, child: &Child) -> Result<Vec<u8>, Refusal>;

    /// The share as one of an ECDSA key, if it is one.
    fn ecdsa(&mut self) -> Option<&mut crate::ecdsa::Share> {
        None
    }
}

/// What key generation makes and a blob holds.
#[derive(Clone)]
pub(crate) struct Sharing<C: Suite> {
    pub(crate) key: KeyPackage<C>,
    pub(crate) public: PublicKeyPackage<C>,
}

/// A usable share.
struct Usable<C: Suite> {
    keys: Keys<C>,
    pool: Pool<C>,
}

/// What signatures are made under.
struct Keys<C: Suite> {
    /// As key generation made it: children begin here.
    root: Sharing<C>,
    /// What signatures of the key itself are made under, where that is another one.
    own: Option<Sharing<C>>,
}

impl<C: Suite> Sharing<C> {
    /// Reads a share from an opened blob and checks that it belongs to the key that the certificate describes.
    pub(crate) fn open(me: SignerId, share: &[u8], certificate: &CertificateBody) -> Result<Self, Refusal> {
        let public = PublicKeyPackage::<C>::deserialize(certificate.public_package.as_slice());
        let public = public.map_err(|_| Refusal::CertificateInvalid)?;
        let share = SigningShare::<C>::deserialize(share).map_err(|_| Refusal::CertificateInvalid)?;
        let verifying = VerifyingShare::from(share);
        if public.verifying_shares().get(&identifier(me)) != Some(&verifying) {
            return Err(Refusal::CertificateInvalid);
        }
        let key = KeyPackage::new(identifier(me), share, verifying, *public.verifying_key(), certificate.threshold);
        Ok(Self { key, public })
    }

    /// The bytes to be sealed: the scalar alone, since the library's longer forms are written into buffers that grow.
    pub(crate) fn secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.signing_share().serialize())
    }

    /// Group public key, and the public package, as the library serialises them.
    pub(crate) fn public_bytes(&self) -> Result<(Vec<u8>, Vec<u8>), Fault> {
        let key = self.public.verifying_key().serialize().map_err(|_| Fault::Fatal)?;
        Ok((key, self.public.serialize().map_err(|_| Fault::Fatal)?))
    }

    /// Makes the share ready to sign.
    pub(crate) fn into_share(self) -> Box<dyn Share> {
        let own = C::for_signing(&self);
        Box::new(Usable { keys: Keys { root: self, own }, pool: Pool::new() })
    }
}

impl<C: Suite> Share for Usable<C> {
    fn commit(
        &mut self,
        now: UnixMillis,
        mut rng: &mut dyn CryptoRngCore,
        count: usize,
    ) -> Result<Vec<Commitment>, Fault> {
        self.pool.commit(now, &mut rng, self.keys.root.key.signing_share(), count)
    }

    fn unused(&self) -> usize {
        self.pool.len()
    }

    fn forget_expired(&mut self, now: UnixMillis) {
        self.pool.forget_expired(now);
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
        let under = self.keys.under(child)?;
        let parsed = packages.iter().map(|package| self.keys.read(me, package)).collect::<Result<Vec<_>, _>>()?;
        let taken = parsed.iter().map(|package| self.pool.take(now, &package.own)).collect::<Vec<_>>();
        let taken = taken.into_iter().collect::<Result<Vec<_>, _>>()?;
        let work = messages.iter().zip(parsed).zip(taken);
        work.map(|((message, package), nonces)| sign_one(me, &under.key, message, package, nonces)).collect()
    }

    fn burn(&mut self, me: SignerId, packages: &[Package]) {
        let own = packages.iter().flatten().filter(|entry| entry.signer == me);
        own.for_each(|entry| self.pool.burn(&entry.commitment));
    }

    fn verifying_key(&self, child: &Child) -> Result<Vec<u8>, Refusal> {
        let under = self.keys.under(child)?;
        under.public.verifying_key().serialize().map_err(|_| Refusal::CertificateInvalid)
    }
}

/// A package whose signers are distinct, as many as the threshold, and include this one.
struct Parsed<C: Suite> {
    others: BTreeMap<frost_core::Identifier<C>, SigningCommitments<C>>,
    own: Commitment,
}

impl<C: Suite> Keys<C> {
    /// What signatures for `child` are made under. Pools serve all children: a nonce is bound to message and key when it is used.
    fn under(&self, child: &Child) -> Result<Cow<'_, Sharing<C>>, Refusal> {
        if child.path().is_empty() {
            return Ok(Cow::Borrowed(self.own.as_ref().unwrap_or(&self.root)));
        }
        let shifted = C::shifted(&self.root, child)?;
        Ok(Cow::Owned(C::for_signing(&shifted).unwrap_or(shifted)))
    }

    fn read(&self, me: SignerId, package: &Package) -> Result<Parsed<C>, Refusal> {
        let rising = package.as_slice().is_sorted_by(|a, b| a.signer < b.signer);
        if !rising || package.len() != usize::from(*self.root.key.min_signers()) {
            return Err(Refusal::PackageInvalid);
        }
        let own = package.iter().find(|entry| entry.signer == me).ok_or(Refusal::PackageInvalid)?.commitment.clone();
        let read = |entry: &cloister_wire::message::SignerCommitment| {
            let signer = identifier(entry.signer);
            let known = self.root.public.verifying_shares().contains_key(&signer);
            let commitments = SigningCommitments::deserialize(entry.commitment.as_slice()).ok().filter(|_| known);
            Ok((signer, commitments.ok_or(Refusal::PackageInvalid)?))
        };
        let others = package.iter().filter(|entry| entry.signer != me);
        Ok(Parsed { others: others.map(read).collect::<Result<_, Refusal>>()?, own })
    }
}

fn sign_one<C: Suite>(
    me: SignerId,
    key: &KeyPackage<C>,
    message: &[u8],
    package: Parsed<C>,
    nonces: Nonces<C>,
) -> Result<SignatureShare, Fault> {
    let mut commitments = package.others;
    commitments.insert(identifier(me), nonces.commitments());
    let package = SigningPackage::new(commitments, message);
    let share = nonces.consume(|nonces| round2::sign(&package, nonces, key));
    let share = share.map_err(|_| Refusal::PackageInvalid)?;
    Ok(share.serialize().try_into()?)
}

/// A share that was opened from a blob, ready to sign, after [`Sharing::open`] has checked it.
pub(crate) fn open(me: SignerId, share: &[u8], certificate: &CertificateBody) -> Result<Box<dyn Share>, Fault> {
    fn open<C: Suite>(me: SignerId, share: &[u8], certificate: &CertificateBody) -> Result<Box<dyn Share>, Fault> {
        let sharing = Sharing::<C>::open(me, share, certificate)?;
        C::into_share(sharing, certificate.scheme)
    }
    match certificate.scheme {
        Scheme::Ed25519 => open::<frost_ed25519::Ed25519Sha512>(me, share, certificate),
        Scheme::Secp256k1Taproot => open::<frost_secp256k1_tr::Secp256K1Sha256TR>(me, share, certificate),
        Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => {
            open::<frost_secp256k1::Secp256K1Sha256>(me, share, certificate)
        }
    }
}

#[cfg(test)]
mod tests {
    use frost_core::keys::{IdentifierList, generate_with_dealer};
    use frost_ed25519::Ed25519Sha512;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

    use super::*;
    use crate::fixture;

    type Of = Sharing<Ed25519Sha512>;

    fn id(number: u16) -> SignerId {
        number.try_into().unwrap()
    }

    /// The sharings of signers 1 and 2 of the key number `seed`.
    fn key(seed: u64) -> [Of; 2] {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (shares, public) =
            generate_with_dealer::<Ed25519Sha512, _>(2, 2, IdentifierList::Default, &mut rng).unwrap();
        [1, 2]
            .map(|me| Sharing { key: shares[&identifier(id(me))].clone().try_into().unwrap(), public: public.clone() })
    }

    /// What signer `me` says to a share under the certificate of another sharing, or its own.
    fn opened(me: u16, share: &[u8], public: &Of) -> Option<Refusal> {
        let public_package = public.public.serialize().unwrap().try_into().unwrap();
        let certificate = CertificateBody { public_package, ..fixture::certificate(Scheme::Ed25519) };
        Of::open(id(me), share, &certificate).err()
    }

    #[test]
    fn a_share_fits_its_own_certificate_alone() {
        let [[one, two], [other, _]] = [key(1), key(2)];
        let refused = Some(Refusal::CertificateInvalid);
        assert_eq!(opened(1, &one.secret_bytes(), &one), None);
        assert_eq!(opened(1, &two.secret_bytes(), &one), refused, "another signer's share");
        assert_eq!(opened(2, &one.secret_bytes(), &one), refused, "under another number");
        assert_eq!(opened(3, &one.secret_bytes(), &one), refused, "of a signer that the key does not have");
        assert_eq!(opened(1, &other.secret_bytes(), &one), refused, "another key's share");
        assert_eq!(opened(1, &[0; 31], &one), refused, "no share at all");
    }

    #[test]
    fn what_is_sealed_is_the_scalar_in_a_buffer_that_never_grew() {
        let [one, _] = key(1);
        let secret = one.secret_bytes();
        assert_eq!((secret.len(), secret.capacity()), (limits::SECRET, limits::SECRET));
    }
}
