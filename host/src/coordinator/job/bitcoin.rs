//! PSBTs: Taproot inputs, or those of an ECDSA key. Whether there may be inputs of others is for the policy to say.

use cloister_chains::bitcoin::{CompressedKey, EcdsaSignature, Foreign, Psbt, Sighash, Spend};

use super::{Finished, Form, broken, fixed, mismatch, rejected};
use crate::{child::Child, encoding::base64, problem::Problem};

pub(super) fn read(child: &Child, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let spender = child.spender().ok_or_else(mismatch)?;
    let psbt = Psbt::parse(payload).map_err(rejected)?;
    let inputs = psbt.sighashes(&spender, Foreign::LeaveAlone).map_err(rejected)?.sighashes;
    let digests = inputs.iter().map(|input| input.digest.to_vec()).collect();
    Ok((digests, Form::Bitcoin(Box::new(psbt), inputs)))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(
    child: &Child,
    mut psbt: Psbt,
    inputs: &[Sighash],
    signatures: &[Vec<u8>],
) -> Result<Finished, Problem> {
    for (input, signature) in inputs.iter().zip(signatures) {
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
