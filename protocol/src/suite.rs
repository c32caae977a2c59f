//! What differs between the FROST ciphersuites; everything else is written once.

use cloister_wire::{refusal::Refusal, request::Scheme};
use frost_core::{
    Ciphersuite, Field as _, Group as _, Identifier, VerifyingKey,
    keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare},
};
use frost_ed25519::Ed25519Sha512;
use frost_secp256k1::Secp256K1Sha256;
use frost_secp256k1_tr::{Secp256K1Group, Secp256K1ScalarField, Secp256K1Sha256TR, keys::Tweak as _};

use crate::{
    child::Child,
    ecdsa,
    fault::Fault,
    share::{Share, Sharing},
};

/// A ciphersuite that keys here can have.
pub(crate) trait Suite: Ciphersuite + Sized + Send + 'static {
    /// What signatures are made under: the address's own key, where that is another one.
    fn for_signing(_: &Sharing<Self>) -> Option<Sharing<Self>> {
        None
    }

    /// A share of a key of this scheme, ready to sign.
    fn into_share(sharing: Sharing<Self>, _: Scheme) -> Result<Box<dyn Share>, Fault> {
        Ok(sharing.into_share())
    }

    /// The sharing of a child.
    fn shifted(_: &Sharing<Self>, _: &Child) -> Result<Sharing<Self>, Refusal> {
        Err(Refusal::PathNotSupported)
    }
}

impl Suite for Ed25519Sha512 {}

impl Suite for Secp256K1Sha256 {
    /// ECDSA keys are shared in the same way.
    fn into_share(sharing: Sharing<Self>, scheme: Scheme) -> Result<Box<dyn Share>, Fault> {
        match scheme {
            Scheme::Secp256k1Ecdsa => Ok(Box::new(ecdsa::Share::new(sharing)?)),
            Scheme::Secp256k1Schnorr | Scheme::Ed25519 | Scheme::Secp256k1Taproot => Ok(sharing.into_share()),
        }
    }
}

impl Suite for Secp256K1Sha256TR {
    /// The key from key generation is the *internal* key; addresses and signatures are under its BIP-86 tweak (BIP-341 with no script
    /// tree).
    fn for_signing(Sharing { key, public }: &Sharing<Self>) -> Option<Sharing<Self>> {
        Some(Sharing { key: key.clone().tweak::<&[u8]>(None), public: public.clone().tweak::<&[u8]>(None) })
    }

    /// Every share plus the child's tweak (BIP-32): the polynomial is shifted by a constant.
    #[expect(clippy::arithmetic_side_effects, reason = "a field and its group know no overflow")]
    fn shifted(Sharing { key, public }: &Sharing<Self>, child: &Child) -> Result<Sharing<Self>, Refusal> {
        let tweak = Secp256K1ScalarField::deserialize(child.tweak()).map_err(|_| Refusal::PathInvalid)?;
        let point = Secp256K1Group::generator() * tweak;
        let share = SigningShare::new(key.signing_share().to_scalar() + tweak);
        let verifying_key = VerifyingKey::new(public.verifying_key().to_element() + point);
        let (min, own) = (*key.min_signers(), VerifyingShare::from(share));
        let shares = public.verifying_shares().iter();
        let shares = shares.map(|(signer, share)| (*signer, VerifyingShare::new(share.to_element() + point)));
        Ok(Sharing {
            key: KeyPackage::new(*key.identifier(), share, own, verifying_key, min),
            public: PublicKeyPackage::new(shares.collect(), verifying_key, Some(min)),
        })
    }
}

/// The FROST identifier of a signer: its number.
pub(crate) fn identifier<C: Ciphersuite>(signer: cloister_wire::ids::SignerId) -> Identifier<C> {
    Identifier::try_from(signer.get()).expect("a signer id is never zero")
}
