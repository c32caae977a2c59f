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

/// A Solana message (v0) by which `from` pays some lamports to the account at `index` in the lookup table with 32 bytes of `table`.
#[must_use]
pub fn solana_transfer_by_table(from: &[u8], lamports: u64, table: u8, index: u8) -> Vec<u8> {
    let accounts = [&[2], from, &[0; 32]].concat();
    let transfer = [&2_u32.to_le_bytes()[..], &lamports.to_le_bytes()].concat();
    let instruction = [&[1, 1, 2, 0, 2, 12][..], &transfer].concat();
    let lookup = [&[1][..], &[table; 32], &[1, index, 0]].concat();
    [&[0x80, 1, 0, 1][..], &accounts, &[5; 32], &instruction, &lookup].concat()
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

/// A PSBT that spends one P2WPKH coin of each of these compressed keys, with the transaction that made the coins.
#[must_use]
pub fn segwit_psbt(keys: &[&[u8]]) -> Vec<u8> {
    let script = |key: &&[u8]| {
        let key = bitcoin::CompressedPublicKey::from_slice(key).expect("a point of the curve");
        ScriptBuf::new_p2wpkh(&key.wpubkey_hash())
    };
    let coin = |key| TxOut { value: Amount::from_sat(60_000), script_pubkey: script(key) };
    let no_input = TxIn { previous_output: OutPoint::null(), ..TxIn::default() };
    let funding = transaction(vec![no_input], keys.iter().map(coin).collect());
    let spent = |vout| OutPoint { txid: funding.compute_txid(), vout };
    let inputs = (0..).zip(keys).map(|(vout, _)| TxIn { previous_output: spent(vout), ..TxIn::default() });
    let payment = TxOut { value: Amount::from_sat(50_000), script_pubkey: script(&keys[0]) };
    let mut psbt = Psbt::from_unsigned_tx(transaction(inputs.collect(), vec![payment])).expect("unsigned");
    for (input, output) in psbt.inputs.iter_mut().zip(&funding.output) {
        input.witness_utxo = Some(output.clone());
        input.non_witness_utxo = Some(funding.clone());
    }
    psbt.serialize()
}

fn transaction(input: Vec<TxIn>, output: Vec<TxOut>) -> Transaction {
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
}

/// A Cosmos `SignDoc` by which a compressed key pays 5 uatom to somebody else.
#[must_use]
pub fn cosmos_transfer(key: &[u8; 33], chain_id: &str) -> Vec<u8> {
    let address = |key| cloister_chains::cosmos::Address::of_key(key, "cosmos").expect("a prefix").to_string();
    let any = |url: &str, value: &[u8]| [field(1, url.as_bytes()), field(2, value)].concat();
    let coin = |amount: &str| [field(1, b"uatom"), field(2, amount.as_bytes())].concat();
    let send = [field(1, address(key).as_bytes()), field(2, address(&[2; 33]).as_bytes()), field(3, &coin("5"))];
    let body = field(1, &any("/cosmos.bank.v1beta1.MsgSend", &send.concat()));
    let public_key = any("/cosmos.crypto.secp256k1.PubKey", &field(1, key));
    // ModeInfo { single: { mode: DIRECT } }, sequence 7; gas limit 90,000.
    let signer = [field(1, &public_key), field(2, &field(1, &[0x08, 1])), vec![0x18, 7]].concat();
    let fee = [field(1, &coin("100")), vec![0x10, 0x90, 0xbf, 0x05]].concat();
    let auth_info = [field(1, &signer), field(2, &fee)].concat();
    [field(1, &body), field(2, &auth_info), field(3, chain_id.as_bytes()), vec![0x20, 3]].concat()
}

/// A length-delimited protobuf field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len();
    let length = if length < 128 { vec![length as u8] } else { vec![length as u8 | 0x80, (length >> 7) as u8] };
    [&[number << 3 | 2][..], &length, bytes].concat()
}
