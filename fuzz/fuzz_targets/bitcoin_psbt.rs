//! What a PSBT is written as parses again to the same bytes, and so does what it is finished to;
//! asking for its parts, and signing for a key of either kind, does not panic. Where the crate `bitcoin` takes it, both read the same.
#![no_main]

use cloister_chains::bitcoin::{CompressedKey, EcdsaSignature, Foreign, Psbt, Spend, Spender};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(psbt) = Psbt::parse(bytes) {
        read_again(&psbt.to_bytes());
        let _ = (psbt.fee(), psbt.fee_rate());
        if let Ok(theirs) = bitcoin::Psbt::deserialize(bytes) {
            assert_eq!(psbt.txid().to_string(), theirs.unsigned_tx.compute_txid().to_string());
            if let (Ok(ours), Ok(theirs)) = (psbt.fee(), theirs.fee()) {
                assert_eq!(ours.satoshis(), theirs.to_sat());
            }
        }
        if let Ok(finalised) = psbt.finalise() {
            read_again(&finalised.psbt);
        }
        let key = CompressedKey::from([2; 33]);
        let taproot = Spender::Taproot { internal_key: [0x1a; 32].into(), output_key: [0x0a; 32].into() };
        for spender in [Spender::Ecdsa(key), taproot] {
            let _ = psbt.effects(&spender, [0; 4], |_| Some(spender));
            sign(psbt.clone(), &spender, &key);
        }
    }
});

fn read_again(written: &[u8]) {
    let again = Psbt::parse(written).expect("our own encoding parses");
    assert_eq!(again.to_bytes(), written);
}

/// Every input of the key takes a signature, after which it is finished and the PSBT parses.
fn sign(mut psbt: Psbt, spender: &Spender, key: &CompressedKey) {
    let Ok(to_sign) = psbt.sighashes(spender, Foreign::LeaveAlone) else { return };
    let signature = EcdsaSignature::new([0x80; 32], [0x11; 32]).expect("in range");
    for sighash in &to_sign.sighashes {
        let inserted = match sighash.spend {
            Spend::Taproot(sighash_type) => psbt.insert_taproot_signature(sighash.input, [0x51; 64], sighash_type),
            Spend::P2wpkh | Spend::P2shP2wpkh | Spend::P2pkh => {
                psbt.insert_ecdsa_signature(sighash.input, key, &signature)
            }
        };
        inserted.expect("an input that may be signed takes a signature");
    }
    let unfinished = psbt.unfinished_inputs();
    assert!(to_sign.sighashes.iter().all(|sighash| !unfinished.contains(&sighash.input)));
    read_again(&psbt.to_bytes());
}
