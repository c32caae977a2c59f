//! Payments put together for a test: nothing that anybody would send.

use cloister_chains::{U256, ethereum::RlpList};
use cloister_wire::policy::{Account, Network};
use serde::Deserialize;

use crate::{
    policy_file::{Amount, Coin, Text},
    policy_question::PolicyKey,
    scheme::Kind,
};

/// `{ network = "ethereum:1", to = "0x…", amount = "1 ether" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    network: Text<Network>,
    to: Text<Account>,
    amount: Text<Amount>,
    /// Of this contract (ERC-20), in place of the chain's own coin.
    token: Option<Text<Account>>,
    #[serde(default)]
    nonce: u64,
    /// Ethereum's gas limit.
    gas: Option<u64>,
    /// The most that a unit of gas costs.
    gas_price: Option<Text<Amount>>,
}

impl Payment {
    pub(super) fn build(&self, key: &PolicyKey) -> Result<(Kind, Vec<u8>), String> {
        match (&self.network.0, &self.to.0) {
            (Network::Ethereum { chain_id }, Account::Ethereum(to)) => {
                self.ethereum(*chain_id, to.as_bytes()).map(|bytes| (Kind::Ethereum, bytes))
            }
            (Network::Solana, Account::Solana(to)) => {
                self.solana(key, to.as_bytes()).map(|bytes| (Kind::Solana, bytes))
            }
            (Network::Ethereum { .. } | Network::Solana, _) => Err("to is no address of this network".to_owned()),
            (Network::Bitcoin | Network::Cosmos { .. }, _) => {
                Err("payments are put together for Ethereum and Solana; give a file for other networks".to_owned())
            }
        }
    }

    /// Of EIP-1559's type.
    fn ethereum(&self, chain_id: u64, to: &[u8; 20]) -> Result<Vec<u8>, String> {
        let price =
            self.gas_price.as_ref().map_or(Ok(GAS_PRICE.into()), |price| number(price.0, Some(Coin::Ethereum)))?;
        let (contract, value, data) = match &self.token {
            None => (*to, number(self.amount.0, Some(Coin::Ethereum))?, Vec::new()),
            Some(Text(Account::Ethereum(token))) => {
                let amount = number(self.amount.0, None)?.to_be_bytes();
                (*token.as_bytes(), U256::ZERO, [&TRANSFER[..], &[0; 12], to, &amount].concat())
            }
            Some(_) => return Err("token is no contract of this network".to_owned()),
        };
        let gas = self.gas.unwrap_or(if data.is_empty() { 21_000 } else { 100_000 });
        let fields = RlpList::new()
            .number(chain_id)
            .number(self.nonce)
            .number(0_u64)
            .number(price)
            .number(gas)
            .string(&contract)
            .number(value)
            .string(&data)
            .list(RlpList::new());
        Ok([vec![2], fields.finish()].concat())
    }

    /// A legacy message with one transfer of the system program.
    fn solana(&self, key: &PolicyKey, to: &[u8; 32]) -> Result<Vec<u8>, String> {
        if self.token.is_some() || self.gas.is_some() || self.gas_price.is_some() {
            return Err("on Solana, a payment has network, to and amount alone".to_owned());
        }
        let lamports = u64::try_from(number(self.amount.0, Some(Coin::Solana))?).map_err(|_| "too large".to_owned())?;
        let blockhash: [u8; 32] = std::array::from_fn(|at| self.nonce.to_be_bytes()[at % 8]);
        let transfer = [&[2, 0, 0, 0][..], &lamports.to_le_bytes()].concat();
        let instruction = [&[1, 2, 2, 0, 1, 12][..], &transfer].concat();
        Ok([&[1, 0, 1, 3][..], key.public_key(), to, &[0; 32], &blockhash, &instruction].concat())
    }
}

fn number(amount: Amount, coin: Option<Coin>) -> Result<U256, String> {
    amount.of(coin).map(|quantity| quantity.to_be_bytes().into())
}

/// `transfer(address,uint256)`.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
/// 10 gwei.
const GAS_PRICE: u64 = 10_000_000_000;
