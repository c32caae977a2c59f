//! The keys whose shares are in memory.

use std::collections::BTreeMap;

use cloister_chains::{
    bitcoin::{CompressedKey, Spender, XOnlyKey},
    derivation::ChildPath,
};
use cloister_wire::{
    certificate::CertificateBody,
    codec,
    ids::{Hash, KeyId, KeyName, SignerId, Tenant, UnixMillis},
    limits,
    refusal::Refusal,
    request::Scheme,
    tag::Tag,
};

use crate::{child::Child, share::Share};

/// A key with a share that this signer can use.
pub(crate) struct Key {
    certificate: CertificateBody,
    share: Box<dyn Share>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Keyring {
    keys: BTreeMap<KeyId, Key>,
    /// When all commitments were last looked through for expired ones.
    swept: UnixMillis,
}

/// How often they are, milliseconds: it takes longer than a signature. An expired one is refused in any case.
const SWEEP_MS: u64 = 10 * 1000;

impl Key {
    pub(crate) fn tenant(&self) -> &Tenant {
        &self.certificate.tenant
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.certificate.name
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.certificate.scheme
    }

    /// The child at `path`; for an empty one the key itself.
    pub(crate) fn child(&self, path: &[u32]) -> Result<Child, Refusal> {
        Child::of(&self.certificate, path)
    }

    /// What signatures for `child` verify under: for Taproot the output key.
    pub(crate) fn verifying_key(&self, child: &Child) -> Result<Vec<u8>, Refusal> {
        self.share.verifying_key(child)
    }

    /// The scripts that `child` can spend from, if it can spend from any.
    pub(crate) fn spender(&self, child: &Child) -> Option<Spender> {
        match self.scheme() {
            Scheme::Secp256k1Ecdsa => {
                child.public_key().try_into().ok().map(|key: [u8; 33]| Spender::Ecdsa(CompressedKey::from(key)))
            }
            Scheme::Secp256k1Taproot => {
                let output_key = x_only(&self.verifying_key(child).ok()?)?;
                Some(Spender::Taproot { internal_key: x_only(child.public_key())?, output_key })
            }
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr => None,
        }
    }

    /// The child of a path that others name.
    pub(crate) fn spender_at(&self, path: &ChildPath) -> Option<Spender> {
        self.child(path.steps()).ok().and_then(|child| self.spender(&child))
    }

    /// Fingerprint (BIP-32) of the certified key, if it has children.
    pub(crate) fn fingerprint(&self) -> Option<[u8; 4]> {
        matches!(self.scheme(), Scheme::Secp256k1Taproot | Scheme::Secp256k1Ecdsa)
            .then(|| Child::root(&self.certificate))
            .flatten()
            .map(|root| root.fingerprint())
    }

    /// The hash of what all signers signed.
    pub(crate) fn certificate_hash(&self) -> Hash {
        Tag::CERTIFICATE.hash(&codec::encode(&self.certificate))
    }

    pub(crate) fn share(&mut self) -> &mut dyn Share {
        self.share.as_mut()
    }
}

/// A compressed point without its sign (BIP-340).
fn x_only(compressed: &[u8]) -> Option<XOnlyKey> {
    match compressed.split_first() {
        Some((2 | 3, x)) => <[u8; 32]>::try_from(x).ok().map(XOnlyKey::from),
        _ => None,
    }
}

impl Keyring {
    /// Adds a key that is certified. A key that is there already stays as it is, with its unused commitments, and keeps its name.
    pub(crate) fn insert(&mut self, certificate: CertificateBody, share: Box<dyn Share>) -> Result<(), Refusal> {
        if self.keys.contains_key(&certificate.key) {
            return Ok(());
        }
        if self.has_name(&certificate.tenant, &certificate.name) {
            return Err(Refusal::KeyNameTaken);
        }
        if self.keys.len() >= limits::KEYS {
            return Err(Refusal::Busy);
        }
        self.keys.insert(certificate.key, Key { certificate, share });
        Ok(())
    }

    pub(crate) fn get(&self, key: KeyId) -> Option<&Key> {
        self.keys.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: KeyId) -> Option<&mut Key> {
        self.keys.get_mut(&key)
    }

    /// Whether there is room for `count` more commitments among those of all keys. Those that have expired make room.
    pub(crate) fn make_room(&mut self, now: UnixMillis, count: usize) -> Result<(), Refusal> {
        if self.unused().saturating_add(count) > limits::POOLS {
            self.keys.values_mut().for_each(|key| key.share.forget_expired(now));
        }
        if self.unused().saturating_add(count) > limits::POOLS { Err(Refusal::PoolFull) } else { Ok(()) }
    }

    /// Erases the commitments and presignatures that have expired, unless it has been done just now.
    pub(crate) fn forget_expired(&mut self, now: UnixMillis) {
        if self.swept.plus(SWEEP_MS) <= now {
            self.swept = now;
            self.keys.values_mut().for_each(|key| key.share.forget_expired(now));
        }
    }

    fn unused(&self) -> usize {
        self.keys.values().map(|key| key.share.unused()).sum()
    }

    /// Erases every presignature that `peer` has a part in.
    pub(crate) fn forget_presignatures_with(&mut self, peer: SignerId) {
        self.keys.values_mut().filter_map(|key| key.share.ecdsa()).for_each(|share| share.forget_with(peer));
    }

    /// Erases every presignature: the boots that made them together do not stand together any more.
    pub(crate) fn flush_presignatures(&mut self) {
        self.keys.values_mut().filter_map(|key| key.share.ecdsa()).for_each(crate::ecdsa::Share::flush);
    }

    /// How many keys a tenant has.
    pub(crate) fn of_tenant(&self, tenant: &Tenant) -> usize {
        self.keys.values().filter(|key| key.tenant() == tenant).count()
    }

    /// Whether the tenant has a key of this name.
    pub(crate) fn has_name(&self, tenant: &Tenant, name: &KeyName) -> bool {
        self.keys.values().any(|key| key.tenant() == tenant && key.name() == name)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

#[cfg(test)]
mod tests {
    use cloister_wire::message::Package;
    use rand_core::CryptoRngCore;

    use super::*;
    use crate::{fault::Fault, fixture, pool::Commitment, share::SignatureShare};

    /// A share with as many unused commitments, all of which expire at once.
    struct Full(usize);

    impl Share for Full {
        fn commit(&mut self, _: UnixMillis, _: &mut dyn CryptoRngCore, _: usize) -> Result<Vec<Commitment>, Fault> {
            Err(Fault::Fatal)
        }

        fn unused(&self) -> usize {
            self.0
        }

        fn forget_expired(&mut self, now: UnixMillis) {
            self.0 = if now > UnixMillis(0) { 0 } else { self.0 };
        }

        fn sign(
            &mut self,
            _: UnixMillis,
            _: SignerId,
            _: &Child,
            _: &[Vec<u8>],
            _: &[Package],
        ) -> Result<Vec<SignatureShare>, Fault> {
            Err(Fault::Fatal)
        }

        fn burn(&mut self, _: SignerId, _: &[Package]) {}

        fn verifying_key(&self, _: &Child) -> Result<Vec<u8>, Refusal> {
            Err(Refusal::CertificateInvalid)
        }
    }

    fn certificate(key: u8) -> CertificateBody {
        let name = format!("key-{key}").parse().unwrap();
        CertificateBody { key: KeyId::from_bytes([key; 32]), name, ..fixture::certificate(Scheme::Ed25519) }
    }

    #[test]
    fn the_commitments_of_all_keys_together_have_a_bound() {
        let mut keyring = Keyring::default();
        for key in 0..16 {
            keyring.insert(certificate(key), Box::new(Full(limits::POOL))).unwrap();
        }
        assert_eq!(keyring.make_room(UnixMillis(0), 0), Ok(()));
        assert_eq!(keyring.make_room(UnixMillis(0), 1), Err(Refusal::PoolFull));
        assert_eq!(keyring.make_room(UnixMillis(1), 1), Ok(()), "what had expired made room");
    }

    #[test]
    fn a_name_is_that_of_one_key_of_its_tenant() {
        let mut keyring = Keyring::default();
        let mut insert = |certificate| keyring.insert(certificate, Box::new(Full(0)));
        let other = CertificateBody { key: KeyId::from_bytes([2; 32]), ..certificate(1) };
        assert_eq!([insert(certificate(1)), insert(certificate(1))], [Ok(()); 2], "the same one again");
        assert_eq!(insert(other.clone()), Err(Refusal::KeyNameTaken));
        assert_eq!(insert(CertificateBody { tenant: "rivals".parse().unwrap(), ..other }), Ok(()));
        assert_eq!(keyring.len(), 2);
    }

    #[test]
    fn what_has_expired_is_erased_without_being_asked_for_and_in_a_while() {
        let mut keyring = Keyring::default();
        keyring.insert(certificate(1), Box::new(Full(1))).unwrap();
        keyring.forget_expired(UnixMillis(SWEEP_MS - 1));
        assert_eq!(keyring.unused(), 1);
        keyring.forget_expired(UnixMillis(SWEEP_MS));
        assert_eq!(keyring.unused(), 0);
    }
}
