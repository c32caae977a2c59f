//! A user operation that parses has one encoding, and alloy reads the same in it.
#![no_main]

use alloy_primitives::{Address, Bytes, U256, eip191_hash_message, keccak256};
use alloy_sol_types::{SolValue as _, sol};
use cloister_chains::ethereum::UserOperation;
use libfuzzer_sys::fuzz_target;

sol! {
    struct Operation {
        address sender;
        uint256 nonce;
        bytes initCode;
        bytes callData;
        bytes32 accountGasLimits;
        uint256 preVerificationGas;
        bytes32 gasFees;
        bytes paymasterAndData;
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(operation) = UserOperation::parse(bytes) {
        assert_eq!(operation.to_bytes(), bytes);
        let _ = operation.max_fee();
        operation.effects().iter().for_each(|effect| drop(effect.to_string()));
        same(&operation, bytes);
    }
});

/// `getUserOpHash` of the entry point, version 0.7.
fn same(ours: &UserOperation<'_>, bytes: &[u8]) {
    let (theirs, entry_point, chain) =
        <(Operation, Address, U256)>::abi_decode_params_validate(bytes).expect("alloy reads what we take");
    let hashed = |bytes: &Bytes| keccak256(bytes);
    let [init, call, paymaster] = [&theirs.initCode, &theirs.callData, &theirs.paymasterAndData].map(hashed);
    let (limits, gas, fees) = (theirs.accountGasLimits, theirs.preVerificationGas, theirs.gasFees);
    let packed = keccak256((theirs.sender, theirs.nonce, init, call, limits, gas, fees, paymaster).abi_encode());
    let hash = keccak256((packed, entry_point, chain).abi_encode());
    assert_eq!((ours.hash(), ours.signing_hash()), (hash.0, eip191_hash_message(hash).0));
    assert_eq!((U256::from(ours.chain_id()), ours.sender().as_bytes()), (chain, &theirs.sender.0.0));
    assert_eq!((ours.init_code(), ours.call_data()), (&theirs.initCode[..], &theirs.callData[..]));
}
