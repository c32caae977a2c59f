//! An EIP-1559 transfer laid out by hand, and the signed one judged: Keccak by `sha3`, the sender recovered by libsecp256k1.

use anyhow::{Context, ensure};
use bitcoin::secp256k1::{
    Message, Secp256k1,
    ecdsa::{RecoverableSignature, RecoveryId},
};
use sha3::{Digest as _, Keccak256};

/// A transfer on chain 1.
pub(super) struct Transfer {
    /// RLP items, each encoded.
    fields: Vec<Vec<u8>>,
}

impl Transfer {
    /// `wei` to `to`, as the sender's transaction number `nonce`.
    pub(super) fn new(nonce: u8, to: [u8; 20], wei: u8) -> Self {
        let access_list = vec![EMPTY_LIST];
        let [chain_id, priority, fee, gas] = [&[1][..], &PRIORITY_FEE, &MAX_FEE, &GAS].map(string);
        let (nonce, value) = (number(nonce), number(wei));
        let fields = vec![chain_id, nonce, priority, fee, gas, string(&to), value, string(&[]), access_list];
        Self { fields }
    }

    /// What is signed, and what is handed in.
    pub(super) fn unsigned(&self) -> Vec<u8> {
        typed(&self.fields)
    }

    /// Whether `signed` is this transfer, signed by the account `sender`; its hash.
    pub(super) fn judge(&self, signed: &[u8], sender: &[u8; 20]) -> anyhow::Result<[u8; 32]> {
        let (parity, compact) = self.signature(signed)?;
        let signature = RecoverableSignature::from_compact(&compact, RecoveryId::from_i32(parity.into())?)?;
        let message = Message::from_digest(keccak256(&self.unsigned()));
        let key = Secp256k1::verification_only().recover_ecdsa(&message, &signature)?;
        let hash = keccak256(&key.serialize_uncompressed()[1..]);
        ensure!(hash.ends_with(sender), "somebody else sends it");
        Ok(keccak256(signed))
    }

    /// Parity, r and s, which stand behind our own fields.
    fn signature(&self, signed: &[u8]) -> anyhow::Result<(u8, [u8; 64])> {
        // Type, list header of two bytes, the fields.
        let behind = 3 + self.fields.concat().len();
        let (head, rest) = signed.split_at_checked(behind).context("a short transaction")?;
        ensure!(head.ends_with(&self.fields.concat()) && head.starts_with(&[2]), "another transaction was signed");
        let (parity, rest) = rest.split_first().context("no parity")?;
        let parity = if *parity == EMPTY_STRING { 0 } else { *parity };
        let mut compact = [0; 64];
        let mut rest = rest;
        for half in compact.chunks_exact_mut(32) {
            let (header, behind) = rest.split_first().context("no signature")?;
            let length = usize::from(header.checked_sub(EMPTY_STRING).context("no string")?);
            let (digits, behind) = behind.split_at_checked(length).context("a short signature")?;
            half.get_mut(32_usize.saturating_sub(length)..).context("a long half")?.copy_from_slice(digits);
            rest = behind;
        }
        ensure!(rest.is_empty() && self.with(parity, &compact) == signed, "not encoded as Ethereum has it");
        Ok((parity, compact))
    }

    /// Signed.
    fn with(&self, parity: u8, compact: &[u8; 64]) -> Vec<u8> {
        let mut fields = self.fields.clone();
        fields.push(number(parity));
        for half in compact.chunks_exact(32) {
            let zeros = half.iter().take_while(|byte| **byte == 0).count();
            fields.push(string(&half[zeros..]));
        }
        typed(&fields)
    }
}

fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

fn typed(fields: &[Vec<u8>]) -> Vec<u8> {
    let payload = fields.concat();
    let length = u8::try_from(payload.len()).expect("a transfer is short");
    let header = if length > 55 { vec![2, 0xf8, length] } else { vec![2, EMPTY_LIST + length] };
    [header, payload].concat()
}

/// An RLP string of at most 55 bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < EMPTY_STRING => vec![*byte],
        _ => [&[EMPTY_STRING + u8::try_from(bytes.len()).expect("short")], bytes].concat(),
    }
}

fn number(number: u8) -> Vec<u8> {
    if number == 0 { string(&[]) } else { string(&[number]) }
}

const EMPTY_STRING: u8 = 0x80;
const EMPTY_LIST: u8 = 0xc0;
/// 1 gwei for the proposer.
const PRIORITY_FEE: [u8; 4] = [0x3b, 0x9a, 0xca, 0x00];
/// 30 gwei at most.
const MAX_FEE: [u8; 5] = [0x06, 0xfc, 0x23, 0xac, 0x00];
/// 21000, what a transfer takes.
const GAS: [u8; 2] = [0x52, 0x08];

#[cfg(test)]
mod tests {
    use bitcoin::secp256k1::SecretKey;
    use cloister_chains::ethereum::Transaction;

    use super::*;

    #[test]
    fn a_transfer_says_what_it_should() {
        let bytes = Transfer::new(3, [7; 20], 1).unsigned();
        let transaction = Transaction::parse(&bytes).unwrap();
        assert_eq!((transaction.chain_id(), transaction.nonce(), transaction.gas_limit()), (1, 3, 21_000));
        assert_eq!(transaction.fees().max_per_gas(), 30_000_000_000);
        assert_eq!((transaction.value(), transaction.to()), (1_u64.into(), Some([7; 20].into())));
    }

    #[test]
    fn the_judge_takes_a_valid_transaction_of_the_sender_and_no_other() {
        let secp = Secp256k1::new();
        let secret = SecretKey::from_slice(&[0x46; 32]).unwrap();
        let sender: [u8; 20] = hex::decode("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f").unwrap().try_into().unwrap();
        for nonce in 0..20 {
            let transfer = Transfer::new(nonce, [7; 20], 1);
            let message = Message::from_digest(keccak256(&transfer.unsigned()));
            let (id, compact) = secp.sign_ecdsa_recoverable(&message, &secret).serialize_compact();
            let signed = transfer.with(u8::try_from(id.to_i32()).unwrap(), &compact);
            assert!(transfer.judge(&signed, &sender).is_ok());
            assert!(transfer.judge(&signed, &[7; 20]).is_err());
            assert!(Transfer::new(nonce + 1, [7; 20], 1).judge(&signed, &sender).is_err());
            assert!(transfer.judge(&signed[..signed.len() - 1], &sender).is_err());
        }
    }
}
