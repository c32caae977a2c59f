//! PSBTs, with inputs of others or without.

use cloister_chains::bitcoin::{EcdsaSignature, Finalised, Foreign, Psbt, Spend, ToSign};

use super::{Finished, Parsed, Rest, fixed};
use crate::{account::Account, ecdsa, error::Error, signature::SignatureRejected};

/// The account's inputs. Whether there may be others is for the policy to say.
pub(super) fn read(account: &Account, payload: &[u8]) -> Result<Parsed, Error> {
    let spender = account.spender()?;
    let inputs = Psbt::parse(payload)?.sighashes(&spender, Foreign::LeaveAlone)?;
    let messages = inputs.sighashes.iter().map(|input| input.digest.to_vec()).collect();
    Ok(Parsed { payload: payload.to_vec(), messages, rest: Rest::Inputs(inputs) })
}

pub(super) fn finish(
    account: &Account,
    psbt: &[u8],
    inputs: &ToSign,
    signatures: &[Vec<u8>],
) -> Result<Finished, Error> {
    let mut psbt = Psbt::parse(psbt)?;
    for (input, signature) in inputs.sighashes.iter().zip(signatures) {
        match input.spend {
            Spend::Taproot(sighash_type) => {
                psbt.insert_taproot_signature(input.input, fixed(signature)?, sighash_type)?;
            }
            Spend::P2wpkh | Spend::P2shP2wpkh | Spend::P2pkh => {
                let verified = ecdsa::verify(account.public_key(), &input.digest, signature);
                let verified = verified.ok_or(SignatureRejected::Invalid(input.input))?;
                let signature = EcdsaSignature::new(verified.r, verified.s)?;
                psbt.insert_ecdsa_signature(input.input, &account.ecdsa()?, &signature)?;
            }
        }
    }
    let missing = psbt.unfinished_inputs().len();
    if missing > 0 {
        return Ok(Finished::BitcoinInPart { psbt: psbt.to_bytes(), missing });
    }
    let unverified = inputs.foreign.clone();
    let Finalised { psbt, transaction, txid } = psbt.finalise()?;
    Ok(Finished::Bitcoin { psbt, transaction, txid: txid.to_string(), unverified })
}
