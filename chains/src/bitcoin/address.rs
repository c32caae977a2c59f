//! The scripts that pay to a key, and their addresses.

use super::{CompressedKey, Network, XOnlyKey};
use crate::hash160;

/// The BIP-350 address of the Taproot output key `output_key` (after the tweak).
pub fn p2tr_address(output_key: &XOnlyKey, network: Network) -> String {
    bech32::segwit::encode_v1(network.segwit_prefix(), output_key.as_bytes())
        .expect("a known prefix and a 32-byte program")
}

/// The BIP-173 address of `key`'s native SegWit output.
pub fn p2wpkh_address(key: &CompressedKey, network: Network) -> String {
    bech32::segwit::encode_v0(network.segwit_prefix(), &key.hash()).expect("a known prefix and a 20-byte program")
}

/// The base58 address of `key`'s SegWit output nested in P2SH (BIP-49).
pub fn p2sh_p2wpkh_address(key: &CompressedKey, network: Network) -> String {
    let version = match network {
        Network::Bitcoin => 0x05,
        Network::Testnet | Network::Signet | Network::Regtest => 0xc4,
    };
    base58_address(version, &hash160(&p2wpkh_script(key)))
}

/// The base58 address of `key`'s output as before SegWit (BIP-44).
pub fn p2pkh_address(key: &CompressedKey, network: Network) -> String {
    let version = match network {
        Network::Bitcoin => 0x00,
        Network::Testnet | Network::Signet | Network::Regtest => 0x6f,
    };
    base58_address(version, &key.hash())
}

/// The script that pays to `output_key`: `OP_1 <32 bytes>`.
pub fn p2tr_script(output_key: &XOnlyKey) -> [u8; 34] {
    script([&[0x51, 0x20], output_key.as_bytes(), &[]])
}

/// The script that pays to `key`'s native SegWit output: `OP_0 <20 bytes>`.
pub fn p2wpkh_script(key: &CompressedKey) -> [u8; 22] {
    script([&[0x00, 0x14], &key.hash(), &[]])
}

/// The script that pays to [`p2wpkh_script`] nested in P2SH: `OP_HASH160 <20 bytes> OP_EQUAL`.
pub fn p2sh_p2wpkh_script(key: &CompressedKey) -> [u8; 23] {
    script([&[0xa9, 0x14], &hash160(&p2wpkh_script(key)), &[0x87]])
}

/// The script that pays to `key` as before SegWit:
/// `OP_DUP OP_HASH160 <20 bytes> OP_EQUALVERIFY OP_CHECKSIG`.
pub fn p2pkh_script(key: &CompressedKey) -> [u8; 25] {
    script([&[0x76, 0xa9, 0x14], &key.hash(), &[0x88, 0xac]])
}

fn script<const N: usize>(parts: [&[u8]; 3]) -> [u8; N] {
    <[u8; N]>::try_from(parts.concat()).expect("each caller's parts have its array's length")
}

fn base58_address(version: u8, hash: &[u8; 20]) -> String {
    bs58::encode([&[version][..], hash].concat()).with_check().into_string()
}

impl Network {
    fn segwit_prefix(self) -> bech32::Hrp {
        match self {
            Self::Bitcoin => bech32::hrp::BC,
            Self::Testnet | Self::Signet => bech32::hrp::TB,
            Self::Regtest => bech32::hrp::BCRT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hex: &str) -> CompressedKey {
        <[u8; 33]>::try_from(hex::decode(hex).unwrap()).unwrap().into()
    }

    #[test]
    fn writes_the_addresses_of_bip_84() {
        for (public_key, address) in [
            (
                "0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c",
                "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
            ),
            (
                "03e775fd51f0dfb8cd865d9ff1cca2a158cf651fe997fdc9fee9c1d3b5e995ea77",
                "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
            ),
            (
                "03025324888e429ab8e3dbaf1f7802648b9cd01e9b418485c5fa4c1b9b5700e1a6",
                "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el",
            ),
        ] {
            assert_eq!(p2wpkh_address(&key(public_key), Network::Bitcoin), address);
        }
    }

    #[test]
    fn writes_the_address_of_bip_49() {
        let key = key("03a1af804ac108a8a51782198c2d034b28bf90c8803f5a53f76276fa69a4eae77f");
        assert_eq!(hex::encode(key.hash()), "38971f73930f6c141d977ac4fd4a727c854935b3");
        assert_eq!(hex::encode(p2sh_p2wpkh_script(&key)), "a914336caa13e08b96080a32b5d818d59b4ab3b3674287");
        assert_eq!(p2sh_p2wpkh_address(&key, Network::Testnet), "2Mww8dCYPUpKHofjgcXcBCEGmniw9CoaiD2");
    }

    /// m/44'/0'/0'/0/0 of BIP-39's mnemonic of eleven times "abandon" and "about".
    #[test]
    fn writes_the_address_that_wallets_show_for_bip_44() {
        let key = key("03aaeb52dd7494c361049de67cc680e83ebcbbbdbeb13637d92cd845f70308af5e");
        assert_eq!(p2pkh_address(&key, Network::Bitcoin), "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA");
    }
}
