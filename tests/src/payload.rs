//! Small real transactions to sign.

use bitcoin::{
    Amount, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute::LockTime,
    hashes::Hash as _, key::TweakedPublicKey, secp256k1::XOnlyPublicKey, transaction::Version,
};

/// A Solana message (legacy) by which `from` pays some lamports to another account.
#[must_use]
pub fn solana_transfer(from: &[u8], lamports: u64) -> Vec<u8> {
    let header = [1, 0, 1];
    let accounts = [&[3], from, &[9; 32], &[0; 32]].concat();
    let recent_blockhash = [5; 32];
    let transfer = [&2_u32.to_le_bytes()[..], &lamports.to_le_bytes()].concat();
    let instruction = [&[1, 2, 2, 0, 1, 12][..], &transfer].concat();
    [&header[..], &accounts, &recent_blockhash, &instruction].concat()
}

/// A PSBT that spends one coin of each of these Taproot output keys (x coordinates) to somebody else.
#[must_use]
pub fn taproot_psbt(output_keys: &[&[u8]]) -> Vec<u8> {
    let coins = output_keys.iter().map(|key| TxOut { value: Amount::from_sat(60_000), script_pubkey: pay_to(key) });
    let inputs = (0..).zip(output_keys).map(|(vout, _)| TxIn {
        previous_output: OutPoint { txid: Txid::from_byte_array([3; 32]), vout },
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    });
    let payment = TxOut {
        value: Amount::from_sat(50_000),
        script_pubkey: ScriptBuf::from_bytes([&[0x51, 0x20][..], &[7; 32]].concat()),
    };
    let transaction = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: inputs.collect(),
        output: vec![payment],
    };
    let mut psbt = Psbt::from_unsigned_tx(transaction).expect("unsigned");
    for (input, coin) in psbt.inputs.iter_mut().zip(coins) {
        input.witness_utxo = Some(coin);
    }
    psbt.serialize()
}

fn pay_to(output_key: &[u8]) -> ScriptBuf {
    let key = XOnlyPublicKey::from_slice(output_key).expect("a point of the curve");
    ScriptBuf::new_p2tr_tweaked(TweakedPublicKey::dangerous_assume_tweaked(key))
}
