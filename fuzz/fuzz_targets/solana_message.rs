//! A message that parses is signed as it arrived, and what it does can be told; tables change nothing for one that needs none, and the
//! Solana SDK reads the same in it.
#![no_main]

use cloister_chains::solana::{LookupTable, Message};
use libfuzzer_sys::fuzz_target;
use solana_message::VersionedMessage;

fuzz_target!(|bytes: &[u8]| {
    let table = |address: u8| LookupTable {
        address: [address; 32].into(),
        addresses: (0..4).map(|account| [address ^ account; 32].into()).collect(),
    };
    let parsed = Message::parse_with_tables(bytes, &[table(50), table(51)]);
    if let Ok(message) = &parsed {
        assert_eq!(message.signing_bytes(), bytes);
        assert!(message.required_signers().contains(&message.fee_payer()));
        message.effects(&message.fee_payer()).iter().for_each(|effect| drop(effect.to_string()));
        let _ = message.durable_nonce();
    }
    if let Ok(message) = Message::parse(bytes) {
        let theirs: VersionedMessage = bincode::deserialize(bytes).expect("the SDK reads what we take");
        theirs.sanitize().expect("and finds it sound");
        let theirs = theirs.static_account_keys().iter().map(|key| *key.as_array());
        assert!(message.accounts().iter().map(|key| *key.as_bytes()).eq(theirs));
        assert_eq!(parsed, Ok(message));
    }
});
