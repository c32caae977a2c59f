//! Bitcoin's networks, on the command line.

use clap::{Args, ValueEnum};
use cloister_chains::bitcoin;

/// The network whose addresses are meant.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The Bitcoin network that addresses are shown for.
    #[arg(long, value_enum, default_value = "bitcoin")]
    network: Network,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Network {
    Bitcoin,
    Testnet,
    Signet,
    Regtest,
}

impl Shown {
    /// Addresses of the private test network, for the demo.
    pub(crate) const REGTEST: Self = Self { network: Network::Regtest };

    /// The network.
    pub(crate) fn network(self) -> bitcoin::Network {
        match self.network {
            Network::Bitcoin => bitcoin::Network::Bitcoin,
            Network::Testnet => bitcoin::Network::Testnet,
            Network::Signet => bitcoin::Network::Signet,
            Network::Regtest => bitcoin::Network::Regtest,
        }
    }

    /// The same for the `bitcoin` crate.
    pub(crate) fn judges_network(self) -> ::bitcoin::Network {
        match self.network {
            Network::Bitcoin => ::bitcoin::Network::Bitcoin,
            Network::Testnet => ::bitcoin::Network::Testnet,
            Network::Signet => ::bitcoin::Network::Signet,
            Network::Regtest => ::bitcoin::Network::Regtest,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self.network {
            Network::Bitcoin => "bitcoin",
            Network::Testnet => "testnet",
            Network::Signet => "signet",
            Network::Regtest => "regtest",
        }
    }
}
