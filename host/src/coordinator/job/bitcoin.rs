//! PSBTs: Taproot inputs, or those of an ECDSA key. Whether there may be inputs of others is for the policy to say.

use cloister_chains::bitcoin::{CompressedKey, EcdsaSignature, Foreign, Psbt, Sighash, Spend, ToSign};

use super::{Finished, Form, broken, fixed, mismatch, rejected};
use crate::{child::Child, encoding::base64, problem::Problem};

pub(super) fn read(child: &Child, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let spender = child.spender().ok_or_else(mismatch)?;
    let psbt = Psbt::parse(payload).map_err(rejected)?;
    let inputs = psbt.sighashes(&spender, Foreign::LeaveAlone).map_err(rejected)?;
    let digests = inputs.sighashes.iter().map(|input| input.digest.to_vec()).collect();
    Ok((digests, Form::Bitcoin(Box::new(psbt), inputs)))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(
    child: &Child,
    mut psbt: Psbt,
    inputs: ToSign,
    signatures: &[Vec<u8>],
) -> Result<Finished, Problem> {
    for (input, signature) in inputs.sighashes.iter().zip(signatures) {
        insert(child, &mut psbt, input, fixed(signature)?)?;
    }
    let signed = psbt.to_bytes();
    let read = Psbt::parse(&signed).map_err(rejected)?;
    if !read.unfinished_inputs().is_empty() {
        let psbt = Some(base64(&signed));
        return Ok(Finished { signed: psbt.clone(), psbt, complete: Some(false), ..Finished::default() });
    }
    let finalised = read.finalise().map_err(rejected)?;
    Psbt::parse(&finalised.psbt).map_err(rejected)?;
    Ok(Finished {
        signed: Some(base64(&finalised.psbt)),
        psbt: Some(base64(&signed)),
        transaction: Some(hex::encode(&finalised.transaction)),
        txid: Some(finalised.txid.to_string()),
        complete: Some(true),
        unverified_inputs: inputs.foreign,
        ..Finished::default()
    })
}

fn insert(child: &Child, psbt: &mut Psbt, input: &Sighash, signature: [u8; 64]) -> Result<(), Problem> {
    match input.spend {
        Spend::Taproot(sighash_type) => psbt.insert_taproot_signature(input.input, signature, sighash_type),
        Spend::P2wpkh | Spend::P2shP2wpkh | Spend::P2pkh => {
            let key = CompressedKey::from(child.ecdsa().ok_or_else(mismatch)?);
            let ([r, s], []) = signature.as_chunks::<32>() else {
                return Err(broken(&"a signature has no halves"));
            };
            EcdsaSignature::new(*r, *s).and_then(|signature| psbt.insert_ecdsa_signature(input.input, &key, &signature))
        }
    }
    .map_err(rejected)
}

#[cfg(test)]
mod tests {
    use ::bitcoin::{
        Amount, CompressedPublicKey, EcdsaSighashType, OutPoint, ScriptBuf, Transaction, TxIn, TxOut,
        absolute::LockTime, consensus, psbt::Psbt as TheirPsbt, script::Instruction, sighash::SighashCache,
        transaction::Version,
    };
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use cloister_wire::request::Chain;

    use super::super::tests::{Wallet, finished, with_high_s};

    /// What spends coins of an ECDSA key.
    #[derive(Clone, Copy)]
    enum Kind {
        P2wpkh,
        P2shP2wpkh,
        P2pkh,
        /// A P2WPKH coin of somebody else.
        Foreign,
    }

    /// A PSBT that spends one coin of each kind, and what it spends.
    fn psbt(wallet: &Wallet, kinds: &[Kind]) -> (Vec<u8>, Vec<TxOut>) {
        let key = CompressedPublicKey(wallet.public_key());
        let program = ScriptBuf::new_p2wpkh(&key.wpubkey_hash());
        let script = |kind: &Kind| match kind {
            Kind::P2wpkh => program.clone(),
            Kind::P2shP2wpkh => ScriptBuf::new_p2sh(&program.script_hash()),
            Kind::P2pkh => ScriptBuf::new_p2pkh(&key.pubkey_hash()),
            Kind::Foreign => ScriptBuf::from_bytes([&[0, 20][..], &[9; 20]].concat()),
        };
        let coin = |kind| TxOut { value: Amount::from_sat(60_000), script_pubkey: script(kind) };
        let coins: Vec<_> = kinds.iter().map(coin).collect();
        let funding = transaction(vec![TxIn::default()], coins.clone());
        let spent = |vout| OutPoint { txid: funding.compute_txid(), vout };
        let inputs = (0..).zip(kinds).map(|(vout, _)| TxIn { previous_output: spent(vout), ..TxIn::default() });
        let payment = TxOut { value: Amount::from_sat(50_000), script_pubkey: program.clone() };
        let mut psbt = TheirPsbt::from_unsigned_tx(transaction(inputs.collect(), vec![payment])).unwrap();
        for (input, kind) in psbt.inputs.iter_mut().zip(kinds) {
            input.non_witness_utxo = Some(funding.clone());
            input.redeem_script = matches!(kind, Kind::P2shP2wpkh).then(|| program.clone());
        }
        (psbt.serialize(), coins)
    }

    fn transaction(input: Vec<TxIn>, output: Vec<TxOut>) -> Transaction {
        Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input, output }
    }

    fn pushes(script: &ScriptBuf) -> Vec<Vec<u8>> {
        let push = |instruction| match instruction {
            Ok(Instruction::PushBytes(bytes)) => bytes.as_bytes().to_vec(),
            other => panic!("no push: {other:?}"),
        };
        script.instructions().map(push).collect()
    }

    #[test]
    fn inputs_of_every_kind_are_finished_with_the_witness_that_their_kind_has() {
        let wallet = Wallet::new();
        let (payload, coins) = psbt(&wallet, &[Kind::P2wpkh, Kind::P2shP2wpkh, Kind::P2pkh]);
        let job = wallet.job(Chain::Bitcoin, &payload);
        let signatures: Vec<_> = job.digests.iter().map(|digest| wallet.sign(digest)).collect();
        let answer = finished(job, &signatures).unwrap();
        assert_eq!(answer["complete"], true);
        let bytes = hex::decode(answer["transaction"].as_str().unwrap()).unwrap();
        let transaction: Transaction = consensus::deserialize(&bytes).unwrap();
        assert_eq!(answer["txid"], transaction.compute_txid().to_string());
        let psbt = TheirPsbt::deserialize(&STANDARD.decode(answer["signed"].as_str().unwrap()).unwrap()).unwrap();
        assert_eq!(psbt.extract_tx_unchecked_fee_rate(), transaction, "the finalised PSBT holds the same one");

        let key = wallet.public_key().serialize();
        let program = ScriptBuf::new_p2wpkh(&CompressedPublicKey(wallet.public_key()).wpubkey_hash());
        let mut cache = SighashCache::new(&transaction);
        let all = EcdsaSighashType::All;
        for (number, (input, coin)) in transaction.input.iter().zip(&coins).enumerate() {
            let is_legacy = input.witness.is_empty();
            let stack = if is_legacy { pushes(&input.script_sig) } else { input.witness.to_vec() };
            let [signature, public_key] = &stack[..] else { panic!("input {number}: {stack:?}") };
            assert_eq!(public_key, &key, "input {number}");
            match number {
                0 => assert!(!is_legacy && input.script_sig.is_empty()),
                1 => assert!(!is_legacy && pushes(&input.script_sig) == [program.to_bytes()]),
                _ => assert!(is_legacy),
            }
            let digest: [u8; 32] = if is_legacy {
                *cache.legacy_signature_hash(number, &coin.script_pubkey, all.to_u32()).unwrap().as_ref()
            } else {
                *cache.p2wpkh_signature_hash(number, &program, coin.value, all).unwrap().as_ref()
            };
            let Some((sighash_type, der)) = signature.split_last() else { panic!("input {number}: no signature") };
            assert!(*sighash_type == 1 && wallet.takes(&digest, der), "input {number}");
        }
    }

    #[test]
    fn a_transaction_with_inputs_of_others_is_a_psbt_with_the_keys_signatures_alone() {
        let wallet = Wallet::new();
        let (payload, _) = psbt(&wallet, &[Kind::P2wpkh, Kind::Foreign]);
        let job = wallet.job(Chain::Bitcoin, &payload);
        let [digest] = &job.digests[..] else { panic!("one input is the key's") };
        let (digest, signature) = (digest.clone(), wallet.sign(digest));
        let answer = finished(job, &[signature]).unwrap();
        assert!(answer["complete"] == false && answer["transaction"].is_null() && answer["txid"].is_null());
        let psbt = TheirPsbt::deserialize(&STANDARD.decode(answer["signed"].as_str().unwrap()).unwrap()).unwrap();
        let [(key, signature)] = &psbt.inputs[0].partial_sigs.iter().collect::<Vec<_>>()[..] else {
            panic!("one signature")
        };
        assert_eq!(key.inner, wallet.public_key());
        assert!(wallet.takes(&digest, &signature.signature.serialize_der()));
        assert!(psbt.inputs[1].partial_sigs.is_empty());
    }

    #[test]
    fn a_signature_with_the_higher_s_is_put_into_no_transaction() {
        let wallet = Wallet::new();
        let (payload, _) = psbt(&wallet, &[Kind::P2wpkh]);
        let job = wallet.job(Chain::Bitcoin, &payload);
        let signature = with_high_s(&wallet.sign(&job.digests[0]));
        assert_eq!(finished(job, &[signature]).unwrap_err().code, "bitcoin_bad_signature");
    }
}
