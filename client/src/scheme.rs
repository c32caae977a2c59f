//! The names that people and JSON have for schemes, and for what can be signed.

use cloister_wire::request::{Chain, Purpose, Scheme};

/// What a payload is, and so how it is read, signed and finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, under Cloister's own prefix.
    Message,
    /// A Solana message or transaction.
    Solana,
    /// A PSBT.
    Bitcoin,
    /// An unsigned Ethereum transaction, with its sidecar if it has one.
    Ethereum,
    /// An Ethereum message (EIP-191).
    EthereumMessage,
    /// EIP-712 typed data in canonical form, see [`crate::typed_data`].
    TypedData,
    /// An EIP-7702 authorisation, see [`crate::authorization_json`].
    Authorization,
    /// An ERC-4337 user operation, see [`crate::user_operation_json`].
    UserOperation,
    /// A Cosmos `SignDoc`.
    Cosmos,
}

/// The schemes with their names.
pub const SCHEMES: [(Scheme, &str); 4] = [
    (Scheme::Ed25519, "ed25519"),
    (Scheme::Secp256k1Taproot, "secp256k1-taproot"),
    (Scheme::Secp256k1Schnorr, "secp256k1-schnorr"),
    (Scheme::Secp256k1Ecdsa, "secp256k1-ecdsa"),
];

/// A scheme's name.
#[must_use]
pub fn scheme_name(scheme: Scheme) -> &'static str {
    SCHEMES.iter().find(|(known, _)| *known == scheme).map(|(_, name)| *name).expect("the table names every scheme")
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::Solana,
        Self::Bitcoin,
        Self::Ethereum,
        Self::EthereumMessage,
        Self::TypedData,
        Self::Authorization,
        Self::UserOperation,
        Self::Cosmos,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Solana => "solana",
            Self::Bitcoin => "bitcoin",
            Self::Ethereum => "ethereum",
            Self::EthereumMessage => "ethereum-message",
            Self::TypedData => "ethereum-typed-data",
            Self::Authorization => "ethereum-authorization",
            Self::UserOperation => "ethereum-user-operation",
            Self::Cosmos => "cosmos",
        }
    }

    /// The chain that a request names.
    #[must_use]
    pub fn chain(self) -> Chain {
        match self {
            Self::Message => Chain::Message,
            Self::Solana => Chain::Solana,
            Self::Bitcoin => Chain::Bitcoin,
            Self::Ethereum | Self::EthereumMessage | Self::TypedData | Self::Authorization | Self::UserOperation => {
                Chain::Ethereum
            }
            Self::Cosmos => Chain::Cosmos,
        }
    }

    /// The purpose that a request names.
    #[must_use]
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Message | Self::EthereumMessage => Purpose::Message,
            Self::Solana | Self::Bitcoin | Self::Ethereum | Self::Cosmos => Purpose::Transaction,
            Self::TypedData => Purpose::TypedData,
            Self::Authorization => Purpose::Authorization,
            Self::UserOperation => Purpose::UserOperation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_a_name() {
        for (scheme, name) in SCHEMES {
            assert_eq!(scheme_name(scheme), name);
        }
    }
}
