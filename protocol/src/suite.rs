//! What differs between the FROST ciphersuites; everything else is written once.

use frost_core::{
    Ciphersuite, Identifier,
    keys::{KeyPackage, PublicKeyPackage},
};
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1::Secp256K1Sha256;
use frost_secp256k1_tr::{Secp256K1Sha256TR, keys::Tweak as _};

/// A ciphersuite that keys here can have.
pub(crate) trait Suite: Ciphersuite + Sized + Send + 'static {
    /// The packages that signatures are made under: those of the address, where that differs from the key's own.
    fn for_signing(
        key: KeyPackage<Self>,
        public: PublicKeyPackage<Self>,
    ) -> (KeyPackage<Self>, PublicKeyPackage<Self>) {
        (key, public)
    }
}

impl Suite for Ed25519Sha512 {}

impl Suite for Secp256K1Sha256 {}

impl Suite for Secp256K1Sha256TR {
    /// The key from key generation is the *internal* key; addresses and signatures are under its BIP-86 tweak (BIP-341 with no script
    /// tree).
    fn for_signing(
        key: KeyPackage<Self>,
        public: PublicKeyPackage<Self>,
    ) -> (KeyPackage<Self>, PublicKeyPackage<Self>) {
        (key.tweak::<&[u8]>(None), public.tweak::<&[u8]>(None))
    }
}

/// The FROST identifier of a signer: its number.
pub(crate) fn identifier<C: Ciphersuite>(signer: cloister_wire::ids::SignerId) -> Identifier<C> {
    Identifier::try_from(signer.get()).expect("a signer id is never zero")
}
