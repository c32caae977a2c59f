//! BIP-340 signatures and the BIP-86 output key, by libsecp256k1.

use cloister_chains::bitcoin::XOnlyKey;
use secp256k1::{Message, Scalar, Secp256k1, XOnlyPublicKey, schnorr::Signature};
use sha2::{Digest as _, Sha256};

/// A Taproot key: the internal one that a certificate names, and the output key that coins are sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaprootKey {
    internal: XOnlyPublicKey,
    output: XOnlyPublicKey,
}

impl TaprootKey {
    /// From the compressed point of a certificate (33 bytes, SEC1): BIP-341's tweak with no script tree.
    pub(crate) fn from_compressed(compressed: &[u8]) -> Option<Self> {
        let internal = secp256k1::PublicKey::from_slice(compressed).ok()?.x_only_public_key().0;
        let tweak = Scalar::from_be_bytes(tagged_hash("TapTweak", &internal.serialize())).ok()?;
        let (output, _) = internal.add_tweak(&Secp256k1::verification_only(), &tweak).ok()?;
        Some(Self { internal, output })
    }

    pub(crate) fn internal(&self) -> XOnlyKey {
        XOnlyKey::from(self.internal.serialize())
    }

    pub(crate) fn output(&self) -> XOnlyKey {
        XOnlyKey::from(self.output.serialize())
    }

    /// Whether `signature` is a BIP-340 signature of `digest` under the output key.
    pub(crate) fn verifies(&self, digest: [u8; 32], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        Secp256k1::verification_only().verify_schnorr(&signature, &Message::from_digest(digest), &self.output).is_ok()
    }
}

fn tagged_hash(tag: &str, data: &[u8]) -> [u8; 32] {
    let tag = Sha256::digest(tag);
    Sha256::new().chain_update(tag).chain_update(tag).chain_update(data).finalize().into()
}

#[cfg(test)]
mod tests {
    use cloister_chains::bitcoin::{Network, p2tr_address};

    use super::*;

    /// BIP-86's test vectors, account 0, first receiving address.
    #[test]
    fn agrees_with_the_vectors_of_bip_86() {
        let internal = "02cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115";
        let key = TaprootKey::from_compressed(&hex::decode(internal).unwrap()).unwrap();
        assert_eq!(key.output().to_string(), "a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c");
        let address = p2tr_address(&key.output(), Network::Bitcoin);
        assert_eq!(address, "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr");
    }

    #[test]
    fn refuses_a_point_that_is_none() {
        assert!(TaprootKey::from_compressed(&[2; 32]).is_none());
        assert!(TaprootKey::from_compressed(&[0xff; 33]).is_none());
    }
}
