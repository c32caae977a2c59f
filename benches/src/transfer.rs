//! Transfers, each another one.

use cloister_chains::ethereum::RlpList;
use cloister_client::{Account, Error, SigningJob, scheme::Kind};
use cloister_wire::{policy::Permission, request::Scheme};

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfers {
    /// On Solana, with Ed25519.
    Solana,
    /// On Ethereum (EIP-1559), with ECDSA.
    Ethereum,
}

impl Transfers {
    /// The keys' scheme.
    #[must_use]
    pub fn scheme(self) -> Scheme {
        match self {
            Self::Solana => Scheme::Ed25519,
            Self::Ethereum => Scheme::Secp256k1Ecdsa,
        }
    }

    /// What the keys have to be allowed.
    #[must_use]
    pub fn permission(self) -> Permission {
        match self {
            Self::Solana => Permission::Solana,
            Self::Ethereum => Permission::Ethereum { chain_id: MAINNET },
        }
    }

    /// The transfer of that number, from `account`.
    ///
    /// # Errors
    /// If `account` has another scheme.
    pub fn job(self, account: &Account, number: u64) -> Result<SigningJob, Error> {
        match self {
            Self::Solana => {
                let from = account.public_key().try_into().map_err(|_| Error::SchemeMismatch)?;
                SigningJob::new(account.clone(), Kind::Solana, &solana(from, number))
            }
            Self::Ethereum => SigningJob::new(account.clone(), Kind::Ethereum, &ethereum(number)),
        }
    }
}

/// A legacy message that moves `lamports` from `from`: what `solana transfer` makes.
#[must_use]
pub fn solana(from: &[u8; 32], lamports: u64) -> Vec<u8> {
    const HEADER: [u8; 3] = [1, 0, 1];
    const SYSTEM_PROGRAM: [u8; 32] = [0; 32];
    const TRANSFER: u32 = 2;
    let (to, blockhash) = ([7; 32], [9; 32]);
    let data = [TRANSFER.to_le_bytes().as_slice(), &lamports.to_le_bytes()].concat();
    let accounts = [[3].as_slice(), from, &to, &SYSTEM_PROGRAM].concat();
    let instruction = [[1, 2, 2, 0, 1, 12].as_slice(), &data].concat();
    [HEADER.as_slice(), &accounts, &blockhash, &instruction].concat()
}

/// An unsigned EIP-1559 transaction that moves one ether.
fn ethereum(nonce: u64) -> Vec<u8> {
    const EIP_1559: u8 = 2;
    const GWEI: u64 = 1_000_000_000;
    let fields = RlpList::new()
        .number(MAINNET)
        .number(nonce)
        .number(2 * GWEI)
        .number(30 * GWEI)
        .number(21_000_u64)
        .string(&[7; 20])
        .number(GWEI * GWEI)
        .string(&[])
        .list(RlpList::new());
    [&[EIP_1559], fields.finish().as_slice()].concat()
}

const MAINNET: u64 = 1;
