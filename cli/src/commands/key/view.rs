//! Keys, as they are shown.

use std::{collections::BTreeMap, fmt};

use cloister_client::{Account, Key, scheme::scheme_name};
use serde::Serialize;

use crate::{network::Shown, output::Lines};

/// A key, as it is shown.
#[derive(Serialize)]
pub(crate) struct KeyView {
    pub(crate) key: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) scheme: &'static str,
    pub(crate) public_key: String,
    /// With it, everybody derives the children's public keys (BIP-32).
    pub(crate) chain_code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_key: Option<String>,
    /// The first of the addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// By chain; the usual kind for each.
    pub(crate) addresses: BTreeMap<&'static str, String>,
    pub(crate) threshold: u16,
    pub(crate) signers: usize,
    pub(crate) ceremony: String,
    pub(crate) simulated: bool,
}

impl KeyView {
    pub(crate) fn new(key: &Key, shown: Shown, simulated: bool) -> Self {
        let body = key.body();
        let addresses = addresses(&Account::from(key), shown);
        Self {
            key: body.key.to_string(),
            tenant: body.tenant.to_string(),
            name: body.name.to_string(),
            scheme: scheme_name(body.scheme),
            public_key: hex::encode(key.public_key()),
            chain_code: body.chain_code.to_string(),
            output_key: key.output_key().map(hex::encode),
            address: addresses.first().map(|(_, address)| address.clone()),
            addresses: addresses.into_iter().collect(),
            threshold: body.threshold,
            signers: key.certificate().signatures.len(),
            ceremony: body.ceremony.to_string(),
            simulated,
        }
    }
}

/// On each chain that the scheme is for: for an ECDSA key Ethereum first, P2WPKH for Bitcoin, and the Cosmos Hub.
fn addresses(account: &Account, shown: Shown) -> Vec<(&'static str, String)> {
    let bitcoin = account.usual_script().and_then(|kind| account.bitcoin_address(kind, shown.network()).ok());
    let addresses = [
        ("ethereum", account.ethereum_address().ok().map(|address| address.to_string())),
        ("solana", account.solana_address().ok().map(|address| address.to_string())),
        ("bitcoin", bitcoin),
        ("cosmos", account.cosmos_address("cosmos").ok().map(|address| address.to_string())),
    ];
    addresses.into_iter().filter_map(|(chain, address)| Some((chain, address?))).collect()
}

impl fmt::Display for KeyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("name", format!("{}/{}", self.tenant, self.name))
            .line("scheme", format!("{}, {} of {} signers", self.scheme, self.threshold, self.signers));
        let lines = self.addresses.iter().fold(lines, |lines, (chain, address)| lines.line(chain, address));
        let lines = lines.line("public key", &self.public_key).line("key id", &self.key);
        write!(f, "{}", lines.simulated(self.simulated))
    }
}

/// Several keys.
#[derive(Serialize)]
pub(super) struct KeyList {
    pub(super) keys: Vec<KeyView>,
    /// What is said in place of an empty list.
    #[serde(skip)]
    pub(super) if_none: &'static str,
}

/// Of a group without keys.
pub(super) const NONE_YET: &str = "No keys yet. Make one: cloister key create --scheme ed25519 --name NAME";

impl fmt::Display for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.keys.is_empty() {
            return f.write_str(self.if_none);
        }
        for (position, key) in self.keys.iter().enumerate() {
            let separator = if position == 0 { "" } else { "\n\n" };
            write!(f, "{separator}{key}")?;
        }
        Ok(())
    }
}
