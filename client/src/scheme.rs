//! The names that people and JSON have for schemes and chains.

use cloister_wire::request::{Chain, Scheme};

/// The schemes with their names.
pub const SCHEMES: [(Scheme, &str); 3] = [
    (Scheme::Ed25519, "ed25519"),
    (Scheme::Secp256k1Taproot, "secp256k1-taproot"),
    (Scheme::Secp256k1Schnorr, "secp256k1-schnorr"),
];

/// The chains with their names.
pub const CHAINS: [(Chain, &str); 3] =
    [(Chain::Message, "message"), (Chain::Solana, "solana"), (Chain::Bitcoin, "bitcoin")];

/// A scheme's name.
#[must_use]
pub fn scheme_name(scheme: Scheme) -> &'static str {
    name(&SCHEMES, scheme)
}

/// A chain's name.
#[must_use]
pub fn chain_name(chain: Chain) -> &'static str {
    name(&CHAINS, chain)
}

fn name<T: PartialEq>(table: &[(T, &'static str)], wanted: T) -> &'static str {
    table.iter().find(|(value, _)| *value == wanted).map(|(_, name)| *name).expect("the tables name every value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_and_chain_has_a_name() {
        for (scheme, name) in SCHEMES {
            assert_eq!(scheme_name(scheme), name);
        }
        for (chain, name) in CHAINS {
            assert_eq!(chain_name(chain), name);
        }
    }
}
