//! Cosmos transactions of `SIGN_MODE_DIRECT`.

use cloister_chains::cosmos::{SignDoc, SignedTransaction};

use super::{Finished, Form, broken, fixed, mismatch, one, rejected};
use crate::{child::Child, encoding::base64, problem::Problem};

/// The document's one signer has to be the key.
pub(super) fn read(child: &Child, payload: &[u8]) -> Result<(Vec<Vec<u8>>, Form), Problem> {
    let key = child.ecdsa().ok_or_else(mismatch)?;
    let digest = SignDoc::parse(payload).and_then(|document| document.digest_for(&key)).map_err(rejected)?;
    Ok((vec![digest.to_vec()], Form::Cosmos(payload.to_vec())))
}

/// What is finished here is read again, as whoever takes it will.
pub(super) fn finish(payload: &[u8], signatures: &[Vec<u8>]) -> Result<Finished, Problem> {
    let document = SignDoc::parse(payload).map_err(rejected)?;
    let bytes = document.with_signature(fixed(one(signatures)?)?).to_bytes();
    let read = SignedTransaction::parse(&bytes).map_err(rejected)?;
    if read.sign_doc(document.chain_id(), document.account_number()).map_err(rejected)? != document {
        return Err(broken(&"the signed transaction reads back as another one"));
    }
    let txid = Some(hex::encode_upper(read.hash()));
    Ok(Finished { signed: Some(base64(&bytes)), txid, complete: Some(true), ..Finished::default() })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bitcoin::{
        hashes::{Hash as _, sha256},
        secp256k1::ecdsa::Signature,
    };
    use cloister_chains::cosmos::Address;
    use cloister_wire::request::Chain;

    use super::super::tests::{Wallet, finished};

    /// A length-delimited protobuf field.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).unwrap();
        let length = if length < 128 { vec![length] } else { vec![length, 1] };
        [&[number << 3 | 2][..], &length, bytes].concat()
    }

    /// Body and signer's data of a transfer of 5 uatom by the wallet.
    fn parts(wallet: &Wallet) -> [Vec<u8>; 2] {
        let key = wallet.public_key().serialize();
        let address = |key| Address::of_key(key, "cosmos").unwrap().to_string();
        let any = |url: &str, value: &[u8]| [field(1, url.as_bytes()), field(2, value)].concat();
        let coin = |amount: &str| [field(1, b"uatom"), field(2, amount.as_bytes())].concat();
        let send = [field(1, address(&key).as_bytes()), field(2, address(&[2; 33]).as_bytes()), field(3, &coin("5"))];
        let body = field(1, &any("/cosmos.bank.v1beta1.MsgSend", &send.concat()));
        let public_key = any("/cosmos.crypto.secp256k1.PubKey", &field(1, &key));
        let signer = [field(1, &public_key), field(2, &field(1, &[0x08, 1])), vec![0x18, 7]].concat();
        let fee = [field(1, &coin("100")), vec![0x10, 0x90, 0xbf, 0x05]].concat();
        [body, [field(1, &signer), field(2, &fee)].concat()]
    }

    fn sign_doc([body, auth_info]: &[Vec<u8>; 2]) -> Vec<u8> {
        [field(1, body), field(2, auth_info), field(3, b"cosmoshub-4"), vec![0x20, 3]].concat()
    }

    #[test]
    fn the_signed_transaction_holds_what_was_signed_and_the_signature_with_the_lower_s() {
        let wallet = Wallet::new();
        let [body, auth_info] = parts(&wallet);
        let document = sign_doc(&[body.clone(), auth_info.clone()]);
        let job = wallet.job(Chain::Cosmos, &document);
        let digest = sha256::Hash::hash(&document).to_byte_array();
        assert_eq!(job.digests, [digest]);
        let signature = wallet.sign(&digest);
        let answer = finished(job, std::slice::from_ref(&signature)).unwrap();
        let signed = STANDARD.decode(answer["signed"].as_str().unwrap()).unwrap();
        assert_eq!(signed, [field(1, &body), field(2, &auth_info), field(3, &signature[..64])].concat());
        assert_eq!(answer["txid"], hex::encode_upper(sha256::Hash::hash(&signed).to_byte_array()));
        assert_eq!(answer["complete"], true);
        let signature = Signature::from_compact(&signature[..64]).unwrap();
        assert!(wallet.takes(&digest, &signature.serialize_der()));
    }

    #[test]
    fn a_document_of_another_signer_is_refused() {
        let wallet = Wallet::new();
        let mut document = sign_doc(&parts(&wallet));
        let key = wallet.public_key().serialize();
        let at = document.windows(key.len()).position(|window| window == key).unwrap();
        document[at] ^= 1;
        assert_eq!(wallet.read(Chain::Cosmos, &document).err().unwrap().code, "cosmos_from_address");
    }
}
