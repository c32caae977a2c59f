//! An authorisation that parses has one encoding, and alloy reads the same in it.
#![no_main]

use alloy_eips::eip7702::Authorization;
use alloy_rlp::Decodable as _;
use cloister_chains::ethereum::AuthorizationRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = AuthorizationRequest::parse(bytes) {
        assert_eq!(request.to_bytes(), bytes);
        request.effects().iter().for_each(|effect| drop(effect.to_string()));
        let theirs = Authorization::decode(&mut &*bytes).expect("alloy reads what we take");
        assert_eq!(request.signing_hash(), theirs.signature_hash().0);
        assert_eq!(request.chain_id().to_be_bytes(), theirs.chain_id.to_be_bytes::<32>());
        assert_eq!((request.address().as_bytes(), request.nonce()), (&theirs.address.0.0, theirs.nonce));
    }
});
