//! Accounts, assets and counterparties, as their chains and this format write them.

use bech32::{Bech32, primitives::decode::CheckedHrpstring};
use bitcoin::{Address, Network, ScriptBuf, address::NetworkUnchecked};
use cloister_chains::ethereum;
use cloister_wire::{
    ids::{EthereumAccount, SolanaAccount},
    policy::{Account, AssetName, Counterparty},
};

use super::text::Written;

impl Written for Account {
    const WHAT: &'static str = "an address";

    /// Solana's addresses have no checksum, and an address of a Cosmos chain can look like one: whatever has a checksum comes first.
    fn read(text: &str) -> Result<Self, String> {
        if text.starts_with("0x") {
            return ethereum(text).map(Self::Ethereum);
        }
        if let Some(script) = text.strip_prefix("script:") {
            let bytes = hex::decode(script).map_err(|why| why.to_string())?;
            return bytes.try_into().map(Self::Bitcoin).map_err(|why| why.to_string());
        }
        if text.starts_with("channel-") && text.contains('/') {
            return text.parse().map(Self::Channel).map_err(|why| why.to_string());
        }
        if let Ok(address) = text.parse::<Address<NetworkUnchecked>>() {
            let script = address.assume_checked().script_pubkey().into_bytes();
            return script.try_into().map(Self::Bitcoin).map_err(|why| why.to_string());
        }
        if is_cosmos(text) {
            return text.parse().map(Self::Cosmos).map_err(|why| why.to_string());
        }
        if let Ok(account) = solana(text) {
            return Ok(Self::Solana(account));
        }
        Err("no address of Ethereum (0x…), Bitcoin, Solana (base58) or a Cosmos chain, nor channel-N/ADDRESS or script:HEX; \
             check every character of it"
            .to_owned())
    }

    /// A script with an address is written as Bitcoin's main network writes it: a script is the same on every network.
    fn write(&self) -> String {
        match self {
            Self::Ethereum(account) => ethereum::Address::from(*account.as_bytes()).to_string(),
            Self::Solana(account) => bs58::encode(account.as_bytes()).into_string(),
            Self::Cosmos(account) => account.to_string(),
            Self::Channel(account) => account.to_string(),
            Self::Bitcoin(script) => {
                let address =
                    Address::from_script(&ScriptBuf::from_bytes(script.as_slice().to_vec()), Network::Bitcoin);
                address.map_or_else(
                    |_| format!("script:{}", hex::encode(script.as_slice())),
                    |address| address.to_string(),
                )
            }
        }
    }
}

/// With the checksum of EIP-55: an address that is mistyped in a policy is one that somebody else may have.
fn ethereum(text: &str) -> Result<EthereumAccount, String> {
    let address: ethereum::Address = text
        .parse()
        .map_err(|_| "no Ethereum address with the checksum of EIP-55 (upper and lower case)".to_owned())?;
    Ok(EthereumAccount::from_bytes(*address.as_bytes()))
}

pub(super) fn solana(text: &str) -> Result<SolanaAccount, String> {
    let wrong = || "no Solana address: base58 of 32 bytes".to_owned();
    if text.len() > 44 {
        return Err(wrong());
    }
    let bytes = bs58::decode(text).into_vec().map_err(|_| wrong())?;
    bytes.as_slice().try_into().map_err(|_| wrong())
}

fn is_cosmos(text: &str) -> bool {
    let Ok(decoded) = CheckedHrpstring::new::<Bech32>(text) else { return false };
    let length = decoded.byte_iter().count();
    matches!(length, 20 | 32) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl Written for AssetName {
    const WHAT: &'static str = "native, token:ADDRESS, collection:ADDRESS or denomination:NAME";

    fn read(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "native" => Ok(Self::Native),
            Some(("token", account)) => Account::read(account).map(Self::Token),
            Some(("collection", account)) => Account::read(account).map(Self::Collection),
            Some(("denomination", name)) => name.parse().map(Self::Denomination).map_err(|why| format!("{why}")),
            _ => Err(format!("expected {}", Self::WHAT)),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Native => "native".to_owned(),
            Self::Token(account) => format!("token:{}", account.write()),
            Self::Collection(account) => format!("collection:{}", account.write()),
            Self::Denomination(name) => format!("denomination:{name}"),
        }
    }
}

impl Written for Counterparty {
    const WHAT: &'static str = "an address, list:NAME or signer";

    fn read(text: &str) -> Result<Self, String> {
        match text.strip_prefix("list:") {
            Some(name) => name.parse().map(Self::List).map_err(|why| format!("{why}")),
            None if text == "signer" => Ok(Self::Signer),
            None => Account::read(text).map(Self::Account),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Account(account) => account.write(),
            Self::List(name) => format!("list:{name}"),
            Self::Signer => "signer".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_chain_are_told_apart_and_written_as_they_were() {
        for (text, kind) in [
            ("0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F", "Ethereum"),
            ("9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin", "Solana"),
            ("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", "Bitcoin"),
            ("bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr", "Bitcoin"),
            ("1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA", "Bitcoin"),
            ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "Bitcoin"),
            ("script:6a0548656c6c6f", "Bitcoin"),
            ("cosmos1h806c7khnvmjlywdrkdgk2vrayy2mmvf9rxk2r", "Cosmos"),
            ("channel-141/osmo1h806c7khnvmjlywdrkdgk2vrayy2mmvf9rxk2r", "Channel"),
        ] {
            let account = Account::read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert!(format!("{account:?}").starts_with(kind), "{account:?}");
            assert_eq!(account.write(), text);
        }
        let test = Account::read("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx").unwrap();
        assert_eq!(test.write(), "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "the same script on the main network");
    }

    #[test]
    fn an_address_with_a_wrong_character_is_refused() {
        for text in [
            "",
            "alice",
            "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f",
            "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4",
            "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyv",
            "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabB",
            "cosmos1h806c7khnvmjlywdrkdgk2vrayy2mmvf9rxk2q",
            "COSMOS1H806C7KHNVMJLYWDRKDGK2VRAYY2MMVF9RXK2R",
            "script:zz",
        ] {
            assert!(Account::read(text).is_err(), "{text}");
        }
    }
}
