//! A certified key, or a child of it (BIP-32, not hardened): what addresses and signatures are under.

use std::collections::BTreeMap;

use cloister_chains::{
    bitcoin::{CompressedKey, Network, Spender, XOnlyKey, p2tr_address, p2wpkh_address},
    cosmos,
    derivation::{ChildPath, ExtendedKey},
    ethereum,
    solana::Pubkey,
};
use cloister_wire::{certificate::CertificateBody, refusal::Refusal, request::Scheme};
use k256::elliptic_curve::sec1::ToEncodedPoint as _;

use crate::aggregate::{Aggregator, Public, aggregator};

/// A key that signatures are asked of.
pub(crate) struct Child {
    scheme: Scheme,
    public_key: Vec<u8>,
    pub(crate) group: Box<dyn Aggregator>,
}

impl Child {
    /// The child at `path`; an empty one leads to the certified key itself, whatever its scheme.
    pub(crate) fn of(certificate: &CertificateBody, path: &[u32]) -> Result<Self, Refusal> {
        let own = certificate.public_key.as_slice();
        if path.is_empty() {
            return Self::with(certificate, own.to_vec(), None);
        }
        match certificate.scheme {
            Scheme::Secp256k1Ecdsa | Scheme::Secp256k1Taproot => {}
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr => return Err(Refusal::PathNotSupported),
        }
        let compressed = own.try_into().map_err(|_| Refusal::CertificateInvalid)?;
        let root = ExtendedKey::root(compressed, *certificate.chain_code.as_bytes());
        let path = ChildPath::new(path).map_err(|_| Refusal::PathInvalid)?;
        let (child, tweak) = root.and_then(|root| root.derive(&path)).map_err(|_| Refusal::PathInvalid)?;
        Self::with(certificate, child.public_key().to_vec(), Some(&tweak))
    }

    fn with(certificate: &CertificateBody, public_key: Vec<u8>, tweak: Option<&[u8; 32]>) -> Result<Self, Refusal> {
        let (scheme, package) = (certificate.scheme, certificate.public_package.as_slice());
        let group = aggregator(scheme, &Public { package, key: &public_key, tweak });
        Ok(Self { scheme, group: group.ok_or(Refusal::CertificateInvalid)?, public_key })
    }

    /// The Solana public key.
    pub(crate) fn solana(&self) -> Option<Pubkey> {
        let bytes = <[u8; 32]>::try_from(self.public_key.as_slice()).ok()?;
        (self.scheme == Scheme::Ed25519).then(|| Pubkey::from(bytes))
    }

    /// The Taproot output key, which addresses and signatures are under.
    pub(crate) fn output_key(&self) -> Option<XOnlyKey> {
        (self.scheme == Scheme::Secp256k1Taproot).then(|| x_only(self.group.verifying_key()))?
    }

    /// The compressed point of an ECDSA key.
    pub(crate) fn ecdsa(&self) -> Option<[u8; 33]> {
        (self.scheme == Scheme::Secp256k1Ecdsa).then(|| self.public_key.as_slice().try_into().ok())?
    }

    /// Who spends coins.
    pub(crate) fn spender(&self) -> Option<Spender> {
        if let Some(key) = self.ecdsa() {
            return Some(Spender::Ecdsa(CompressedKey::from(key)));
        }
        let output_key = self.output_key()?;
        Some(Spender::Taproot { internal_key: x_only(&self.public_key)?, output_key })
    }

    /// Every address that the key has by itself.
    pub(crate) fn addresses(&self) -> BTreeMap<&'static str, String> {
        const NETWORKS: [(&str, Network); 4] = [
            ("bitcoin", Network::Bitcoin),
            ("testnet", Network::Testnet),
            ("signet", Network::Signet),
            ("regtest", Network::Regtest),
        ];
        let solana = self.solana().map(|key| ("solana", key.to_string()));
        let ethereum = self.ethereum().map(|address| ("ethereum", address.to_string()));
        let cosmos = self.ecdsa().and_then(|key| cosmos::Address::of_key(&key, "cosmos").ok());
        let cosmos = cosmos.map(|address| ("cosmos", address.to_string()));
        let bitcoin = NETWORKS.iter().filter_map(|(name, network)| Some((*name, self.bitcoin(*network)?)));
        bitcoin.chain(solana).chain(ethereum).chain(cosmos).collect()
    }

    fn bitcoin(&self, network: Network) -> Option<String> {
        Some(match self.spender()? {
            Spender::Taproot { output_key, .. } => p2tr_address(&output_key, network),
            Spender::Ecdsa(key) => p2wpkh_address(&key, network),
        })
    }

    fn ethereum(&self) -> Option<ethereum::Address> {
        let point = k256::PublicKey::from_sec1_bytes(&self.ecdsa()?).ok()?.to_encoded_point(false);
        let coordinates = point.as_bytes().get(1..)?.try_into().ok()?;
        Some(ethereum::Address::of_public_key(coordinates))
    }
}

/// A compressed point without its sign (BIP-340).
fn x_only(compressed: &[u8]) -> Option<XOnlyKey> {
    let x = compressed.get(1..)?;
    <[u8; 32]>::try_from(x).ok().map(XOnlyKey::from)
}

#[cfg(test)]
pub(crate) mod tests {
    use cloister_wire::ids::{CeremonyId, Epoch, GroupId, Hash, KeyId};

    use super::*;

    /// BIP-84's account extended public key as a certified key.
    pub(crate) fn certificate(scheme: Scheme) -> CertificateBody {
        let bytes = |hex: &str| hex::decode(hex).unwrap();
        let chain_code = bytes("4a53a0ab21b9dc95869c4e92a161194e03c0ef3ff5014ac692f433c4765490fc");
        let public_key = bytes("02707a62fdacc26ea9b63b1c197906f56ee0180d0bcf1966e1a2da34f5f3a09a9b");
        let hash = Hash::from_bytes([0; 32]);
        CertificateBody {
            group: GroupId::from_bytes([0; 16]),
            manifest: hash,
            key: KeyId::from_bytes([1; 32]),
            tenant: "tenant".parse().unwrap(),
            name: "name".parse().unwrap(),
            scheme,
            epoch: Epoch(0),
            threshold: 2,
            ceremony: CeremonyId::from_bytes([0; 32]),
            transcript: hash,
            public_key: public_key.try_into().unwrap(),
            public_package: Default::default(),
            chain_code: Hash::try_from(chain_code.as_slice()).unwrap(),
        }
    }

    #[test]
    fn children_of_an_ecdsa_key_have_the_addresses_of_bip_84() {
        let certificate = certificate(Scheme::Secp256k1Ecdsa);
        let addresses = |path: &[u32]| Child::of(&certificate, path).unwrap().addresses();
        assert_eq!(addresses(&[0, 0])["bitcoin"], "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu");
        assert_eq!(addresses(&[1, 0])["bitcoin"], "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el");
        assert!(addresses(&[])["ethereum"].starts_with("0x") && addresses(&[])["cosmos"].starts_with("cosmos1"));
    }

    #[test]
    fn paths_that_no_signer_takes_are_refused() {
        let refusal = |certificate: &CertificateBody, path: &[u32]| Child::of(certificate, path).err();
        let ecdsa = certificate(Scheme::Secp256k1Ecdsa);
        assert_eq!(refusal(&ecdsa, &[1 << 31]), Some(Refusal::PathInvalid));
        for scheme in [Scheme::Ed25519, Scheme::Secp256k1Schnorr] {
            assert_eq!(refusal(&certificate(scheme), &[0]), Some(Refusal::PathNotSupported));
        }
    }
}
