//! Bitcoin's networks, on the command line.

use clap::{Args, ValueEnum};
use cloister_chains::bitcoin;

use crate::failure::Failure;

/// The network whose addresses are meant.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// The Bitcoin network that addresses are shown for; bitcoin if nothing is said.
    #[arg(long, value_enum)]
    network: Option<Network>,
}

#[derive(ValueEnum, Clone, Copy, Debug, Default)]
enum Network {
    #[default]
    Bitcoin,
    Testnet,
    Signet,
    Regtest,
}

impl Shown {
    /// Addresses of the private test network, for the demo.
    pub(crate) const REGTEST: Self = Self { network: Some(Network::Regtest) };

    /// Refuses a network where no Bitcoin address is shown.
    pub(crate) fn refuse(self) -> Result<(), Failure> {
        match self.network {
            Some(_) => Err(Failure::usage(
                "only Bitcoin's addresses have a network here",
                "Leave --network out: an Ethereum or Cosmos transaction names its chain itself.",
            )),
            None => Ok(()),
        }
    }

    /// The network.
    pub(crate) fn network(self) -> bitcoin::Network {
        match self.network.unwrap_or_default() {
            Network::Bitcoin => bitcoin::Network::Bitcoin,
            Network::Testnet => bitcoin::Network::Testnet,
            Network::Signet => bitcoin::Network::Signet,
            Network::Regtest => bitcoin::Network::Regtest,
        }
    }

    /// The same for the `bitcoin` crate.
    pub(crate) fn judges_network(self) -> ::bitcoin::Network {
        match self.network.unwrap_or_default() {
            Network::Bitcoin => ::bitcoin::Network::Bitcoin,
            Network::Testnet => ::bitcoin::Network::Testnet,
            Network::Signet => ::bitcoin::Network::Signet,
            Network::Regtest => ::bitcoin::Network::Regtest,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self.network.unwrap_or_default() {
            Network::Bitcoin => "bitcoin",
            Network::Testnet => "testnet",
            Network::Signet => "signet",
            Network::Regtest => "regtest",
        }
    }
}
