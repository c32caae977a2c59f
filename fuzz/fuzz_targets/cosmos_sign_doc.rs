//! A sign document that parses has one encoding, and so has the transaction that it becomes.
#![no_main]

use cloister_chains::cosmos::{SignDoc, SignedTransaction};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = SignDoc::parse(bytes) {
        assert_eq!(document.to_bytes(), bytes);
        document.transaction().effects().iter().for_each(|effect| drop(effect.to_string()));
        document.digest_for(document.transaction().public_key()).expect("the signer's own key");
        let written = document.with_signature([0x51; 64]).to_bytes();
        let signed = SignedTransaction::parse(&written).expect("our own encoding parses");
        assert_eq!(signed.to_bytes(), written);
        assert_eq!(signed.sign_doc(document.chain_id(), document.account_number()), Ok(document));
    }
});
