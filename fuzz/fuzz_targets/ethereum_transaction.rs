//! A transaction that parses, signed or not, has one encoding, and alloy reads the same in it.
#![no_main]

use alloy_consensus::{SignableTransaction, Transaction as _, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy};
use alloy_primitives::Signature;
use alloy_rlp::Decodable;
use cloister_chains::ethereum::{SignedTransaction, Transaction};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(transaction) = Transaction::parse(bytes) {
        assert_eq!(transaction.to_bytes(), bytes);
        let _ = (transaction.signing_hash(), transaction.max_fee());
        transaction.effects().iter().for_each(|effect| drop(effect.to_string()));
        match transaction.transaction_type().byte() {
            None => same::<TxLegacy>(&transaction, bytes),
            Some(1) => same::<TxEip2930>(&transaction, &bytes[1..]),
            Some(2) => same::<TxEip1559>(&transaction, &bytes[1..]),
            Some(3) => same::<TxEip4844>(&transaction, &bytes[1..]),
            Some(_) => same::<TxEip7702>(&transaction, &bytes[1..]),
        }
    }
    if let Ok(signed) = SignedTransaction::parse(bytes) {
        assert_eq!(signed.to_bytes(), bytes);
        let unsigned = signed.transaction().to_bytes();
        assert_eq!(Transaction::parse(&unsigned).as_ref(), Ok(signed.transaction()));
    }
});

fn same<T: SignableTransaction<Signature> + Decodable>(ours: &Transaction<'_>, fields: &[u8]) {
    let theirs = T::decode(&mut &*fields).expect("alloy reads what we take");
    assert_eq!(ours.signing_hash(), theirs.signature_hash().0);
    assert_eq!(Some(ours.chain_id()), theirs.chain_id());
    assert_eq!((ours.nonce(), ours.gas_limit()), (theirs.nonce(), theirs.gas_limit()));
}
