//! Accounts: a key itself or a child of it, with the addresses that follow from the certificate alone.

use cloister_chains::{
    bitcoin::{
        Branch, CompressedKey, Network, ScriptKind, Spender, descriptor, p2pkh_address, p2sh_p2wpkh_address,
        p2tr_address, p2wpkh_address,
    },
    cosmos,
    derivation::{ChildPath, ExtendedKey},
    ethereum,
    solana::Pubkey,
};
use cloister_wire::{limits, request::Scheme};

use crate::{error::Error, key::Key, taproot::TaprootKey};

/// A key, or a child of it (BIP-32, not hardened): what addresses and signatures belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    key: Key,
    path: ChildPath,
    public_key: Vec<u8>,
}

impl From<&Key> for Account {
    fn from(key: &Key) -> Self {
        Self { key: key.clone(), path: ChildPath::default(), public_key: key.public_key().to_vec() }
    }
}

impl Account {
    /// The child of `key` at `path`. No steps lead to the key itself, whatever its scheme.
    ///
    /// # Errors
    /// [`Error::PathNotSupported`] for schemes without children; [`Error::PathTooLong`]; [`Error::Payload`].
    pub fn new(key: &Key, path: ChildPath) -> Result<Self, Error> {
        let (length, max) = (path.steps().len(), limits::PATH);
        if length == 0 {
            return Ok(Self::from(key));
        }
        if length > max {
            return Err(Error::PathTooLong { length, max });
        }
        let (child, _) = root(key)?.derive(&path)?;
        Ok(Self { key: key.clone(), path, public_key: child.public_key().to_vec() })
    }

    /// The certified key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The steps from it.
    #[must_use]
    pub fn path(&self) -> &ChildPath {
        &self.path
    }

    /// The key's scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.key.body().scheme
    }

    /// In the certificate's encoding: 32 bytes for Ed25519, 33 for secp256k1; Taproot's *internal* key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// The key that signatures verify under, where that is the BIP-86 output key.
    #[must_use]
    pub fn output_key(&self) -> Option<[u8; 32]> {
        self.taproot().map(|key| *key.output().as_bytes())
    }

    /// An Ed25519 key's address.
    ///
    /// # Errors
    /// [`Error::SchemeMismatch`].
    pub fn solana_address(&self) -> Result<Pubkey, Error> {
        match self.scheme() {
            Scheme::Ed25519 => {
                <[u8; 32]>::try_from(self.public_key()).map(Pubkey::from).map_err(|_| Error::SchemeMismatch)
            }
            Scheme::Secp256k1Taproot | Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => Err(Error::SchemeMismatch),
        }
    }

    /// An ECDSA key's account on Ethereum and chains like it.
    ///
    /// # Errors
    /// [`Error::SchemeMismatch`].
    pub fn ethereum_address(&self) -> Result<ethereum::Address, Error> {
        let key = secp256k1::PublicKey::from_slice(self.ecdsa()?.as_bytes()).map_err(|_| Error::SchemeMismatch)?;
        let [_, coordinates @ ..] = key.serialize_uncompressed();
        Ok(ethereum::Address::of_public_key(&coordinates))
    }

    /// An ECDSA key's account on the Cosmos chain that writes `prefix` in front.
    ///
    /// # Errors
    /// [`Error::SchemeMismatch`]; [`Error::Payload`] for a prefix that no chain has.
    pub fn cosmos_address(&self, prefix: &str) -> Result<cosmos::Address, Error> {
        Ok(cosmos::Address::of_key(self.ecdsa()?.as_bytes(), prefix)?)
    }

    /// What kind of output the scheme is made for, if it is for Bitcoin at all.
    #[must_use]
    pub fn usual_script(&self) -> Option<ScriptKind> {
        match self.scheme() {
            Scheme::Secp256k1Taproot => Some(ScriptKind::P2tr),
            Scheme::Secp256k1Ecdsa => Some(ScriptKind::P2wpkh),
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr => None,
        }
    }

    /// Where coins of this kind of output are.
    ///
    /// # Errors
    /// [`Error::SchemeMismatch`] if the key cannot spend such outputs.
    pub fn bitcoin_address(&self, kind: ScriptKind, network: Network) -> Result<String, Error> {
        Ok(match kind {
            ScriptKind::P2tr => p2tr_address(&self.taproot().ok_or(Error::SchemeMismatch)?.output(), network),
            ScriptKind::P2wpkh => p2wpkh_address(&self.ecdsa()?, network),
            ScriptKind::P2shP2wpkh => p2sh_p2wpkh_address(&self.ecdsa()?, network),
            ScriptKind::P2pkh => p2pkh_address(&self.ecdsa()?, network),
        })
    }

    /// BIP-32's serialisation, from which everybody can derive the children's addresses.
    ///
    /// # Errors
    /// [`Error::PathNotSupported`].
    pub fn xpub(&self, network: Network) -> Result<String, Error> {
        Ok(self.extended()?.xpub(network))
    }

    /// The descriptor of a branch of this account's children, for a wallet that watches.
    ///
    /// # Errors
    /// [`Error::PathNotSupported`]; [`Error::SchemeMismatch`] if the key cannot spend such outputs.
    pub fn descriptor(&self, kind: ScriptKind, network: Network, branch: Branch) -> Result<String, Error> {
        let extended = self.extended()?;
        self.bitcoin_address(kind, network)?;
        let origin = (root(&self.key)?.fingerprint(), &self.path);
        Ok(descriptor(kind, origin, &extended.xpub(network), branch)?)
    }

    fn extended(&self) -> Result<ExtendedKey, Error> {
        Ok(root(&self.key)?.derive(&self.path)?.0)
    }

    /// Who spends coins.
    pub(crate) fn spender(&self) -> Result<Spender, Error> {
        match self.taproot() {
            Some(key) => Ok(Spender::Taproot { internal_key: key.internal(), output_key: key.output() }),
            None => self.ecdsa().map(Spender::Ecdsa),
        }
    }

    pub(crate) fn taproot(&self) -> Option<TaprootKey> {
        match self.scheme() {
            Scheme::Secp256k1Taproot => TaprootKey::from_compressed(self.public_key()),
            Scheme::Ed25519 | Scheme::Secp256k1Schnorr | Scheme::Secp256k1Ecdsa => None,
        }
    }

    /// The compressed point of an ECDSA key.
    pub(crate) fn ecdsa(&self) -> Result<CompressedKey, Error> {
        match self.scheme() {
            Scheme::Secp256k1Ecdsa => {
                <[u8; 33]>::try_from(self.public_key()).map(CompressedKey::from).map_err(|_| Error::SchemeMismatch)
            }
            Scheme::Ed25519 | Scheme::Secp256k1Taproot | Scheme::Secp256k1Schnorr => Err(Error::SchemeMismatch),
        }
    }
}

/// A key that has children.
fn root(key: &Key) -> Result<ExtendedKey, Error> {
    match key.body().scheme {
        Scheme::Secp256k1Taproot | Scheme::Secp256k1Ecdsa => {
            let compressed = key.public_key().try_into().map_err(|_| Error::PathNotSupported)?;
            Ok(ExtendedKey::root(compressed, *key.body().chain_code.as_bytes())?)
        }
        Scheme::Ed25519 | Scheme::Secp256k1Schnorr => Err(Error::PathNotSupported),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP-84's and BIP-86's account extended public keys: chain code and key.
    const BIP_84: [&str; 2] = [
        "4a53a0ab21b9dc95869c4e92a161194e03c0ef3ff5014ac692f433c4765490fc",
        "02707a62fdacc26ea9b63b1c197906f56ee0180d0bcf1966e1a2da34f5f3a09a9b",
    ];
    const BIP_86: [&str; 2] = [
        "c61a8f27e98182314d2444da3e600eb5836ec8ad183c86c311f95df8082b18aa",
        "03418278a2885c8bb98148158d1474634097a179c642f23cf1cc04da629ac6f0fb",
    ];

    fn key(scheme: Scheme, [chain_code, public_key]: [&str; 2]) -> Key {
        let bytes = |hex: &str| hex::decode(hex).unwrap();
        Key::unchecked(scheme, &bytes(public_key), bytes(chain_code).try_into().unwrap())
    }

    fn child(key: &Key, path: &str) -> Account {
        Account::new(key, path.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_children_of_an_ecdsa_key_have_the_addresses_of_bip_84() {
        let key = key(Scheme::Secp256k1Ecdsa, BIP_84);
        let addresses = [
            ("m/0/0", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"),
            ("m/0/1", "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g"),
            ("m/1/0", "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el"),
        ];
        for (path, address) in addresses {
            let account = child(&key, path);
            assert_eq!(account.bitcoin_address(ScriptKind::P2wpkh, Network::Bitcoin).unwrap(), address);
            assert!(matches!(account.bitcoin_address(ScriptKind::P2tr, Network::Bitcoin), Err(Error::SchemeMismatch)));
        }
    }

    #[test]
    fn the_children_of_a_taproot_key_have_the_addresses_of_bip_86() {
        let key = key(Scheme::Secp256k1Taproot, BIP_86);
        let addresses = [
            ("m/0/0", "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr"),
            ("m/0/1", "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh"),
            ("m/1/0", "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7"),
        ];
        for (path, address) in addresses {
            assert_eq!(child(&key, path).bitcoin_address(ScriptKind::P2tr, Network::Bitcoin).unwrap(), address);
        }
        let account = Account::from(&key);
        let descriptor = account.descriptor(ScriptKind::P2tr, Network::Bitcoin, Branch::Receiving).unwrap();
        assert!(descriptor.starts_with("tr([") && descriptor.contains(&account.xpub(Network::Bitcoin).unwrap()));
        assert!(account.descriptor(ScriptKind::P2wpkh, Network::Bitcoin, Branch::Change).is_err());
        assert!(account.ethereum_address().is_err());
    }

    #[test]
    fn an_ecdsa_key_has_the_ethereum_account_of_eip_155() {
        let public_key = "024bc2a31265153f07e70e0bab08724e6b85e217f8cd628ceb62974247bb493382";
        let key = key(Scheme::Secp256k1Ecdsa, [BIP_84[0], public_key]);
        let address = Account::from(&key).ethereum_address().unwrap();
        assert_eq!(address.to_string(), "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
        assert!(Account::from(&key).cosmos_address("Cosmos").is_err());
    }

    #[test]
    fn paths_that_no_signer_takes_are_refused() {
        let ecdsa = key(Scheme::Secp256k1Ecdsa, BIP_84);
        let longest = ChildPath::new(&[1; limits::PATH]).unwrap();
        assert!(Account::new(&ecdsa, longest).is_ok());
        let longer = ChildPath::new(&[1; limits::PATH + 1]).unwrap();
        assert!(matches!(Account::new(&ecdsa, longer), Err(Error::PathTooLong { .. })));
        let schnorr = key(Scheme::Secp256k1Schnorr, BIP_84);
        assert!(Account::new(&schnorr, ChildPath::default()).is_ok());
        assert!(matches!(Account::new(&schnorr, "m/0".parse().unwrap()), Err(Error::PathNotSupported)));
        assert!(matches!(Account::from(&schnorr).xpub(Network::Bitcoin), Err(Error::PathNotSupported)));
    }
}
