//! `chains` against implementations that share no code with it: the crates `bitcoin`, `solana-*`
//! and `alloy-*` on random and on damaged transactions, and what solders and bitcoinjs-lib made once
//! (`tests/judges/chains`, with the scripts that made it).

#[path = "chains/bitcoin_ecdsa.rs"]
mod bitcoin_ecdsa_judges;
#[path = "chains/bitcoin.rs"]
mod bitcoin_judges;
#[path = "chains/ethereum.rs"]
mod ethereum_judges;
#[path = "chains/solana_effects.rs"]
mod solana_effects_judges;
#[path = "chains/solana.rs"]
mod solana_judges;

use proptest::{collection::vec, prelude::*, sample::Index};

/// One of the checked-in files of `tests/judges/chains`.
fn golden(name: &str) -> serde_json::Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/judges/chains/");
    let text = std::fs::read(format!("{folder}{name}")).expect("a golden file is checked in");
    serde_json::from_slice(&text).expect("a golden file is JSON")
}

/// A list of a golden file.
fn list(value: &serde_json::Value) -> &[serde_json::Value] {
    value.as_array().expect("a list")
}

/// A string of a golden file.
fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("a string")
}

/// Bytes of a golden file, in hex there.
fn bytes(value: &serde_json::Value) -> Vec<u8> {
    hex::decode(text(value)).expect("hex")
}

/// One change to some bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        match self {
            _ if length == 0 => {}
            Self::Set(index, byte) => bytes[index.index(length)] = byte,
            Self::Insert(index, byte) => bytes.insert(index.index(length), byte),
            Self::Remove(index) => drop(bytes.remove(index.index(length))),
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(index, byte)| Damage::Set(index, byte)),
        (any::<Index>(), 0..4u8).prop_map(|(index, byte)| Damage::Set(index, byte)),
        (any::<Index>(), any::<u8>()).prop_map(|(index, byte)| Damage::Insert(index, byte)),
        any::<Index>().prop_map(Damage::Remove),
    ];
    vec(one, 1..3)
}
