//! `chains` against implementations that share no code with it: the crates `bitcoin` and
//! `solana-*` on random and on damaged transactions, and what solders and bitcoinjs-lib made once
//! (`tests/judges/chains`, with the scripts that made it).

#[path = "chains/bitcoin_ecdsa.rs"]
mod bitcoin_ecdsa_judges;
#[path = "chains/bitcoin.rs"]
mod bitcoin_judges;
#[path = "chains/solana.rs"]
mod solana_judges;

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
