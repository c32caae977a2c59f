//! Transactions: a message and its signatures.

use super::{LookupTable, Message, Pubkey, message::check_packet_size, read_compact_u16, unsignable::Unsignable};
use crate::{Rejected, cursor::Cursor, rejected::Encoding};

/// A message with the signatures that it has so far (64 zero bytes stand for a missing one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction<'a> {
    signatures: Vec<[u8; 64]>,
    message: Message<'a>,
}

impl<'a> Transaction<'a> {
    /// Reads a whole transaction without lookup tables. Its signatures are not verified.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        Self::parse_with_tables(bytes, &[])
    }

    /// Reads a transaction whose message may take accounts from these lookup tables ([`Message::parse_with_tables`]).
    pub fn parse_with_tables(bytes: &'a [u8], tables: &[LookupTable]) -> Result<Self, Rejected> {
        check_packet_size(bytes.len().saturating_sub(1), 0)?;
        let mut cursor = Cursor::new(Encoding::SolanaTransaction, bytes);
        let found = read_compact_u16(&mut cursor, "number of signatures")?;
        let mut signatures = Vec::new();
        for _ in 0..found {
            signatures.push(cursor.array("signature")?);
        }
        let message = Message::parse_with_tables(cursor.rest(), tables)?;
        let required = message.required_signers().len();
        if signatures.len() != required {
            return Err(Unsignable::SignatureCount { found, required }.into());
        }
        Ok(Self { signatures, message })
    }

    /// The transaction of `message` that nobody has signed.
    pub fn from_message(message: &Message<'a>) -> Self {
        let signatures = vec![NO_SIGNATURE; message.required_signers().len()];
        Self { signatures, message: message.clone() }
    }

    /// The message.
    pub fn message(&self) -> &Message<'a> {
        &self.message
    }

    /// One per required signer, in their order; 64 zero bytes where one is missing.
    pub fn signatures(&self) -> &[[u8; 64]] {
        &self.signatures
    }

    /// Puts `signer`'s signature in its place. It is not verified here: callers have done that.
    pub fn insert_signature(&mut self, signer: &Pubkey, signature: [u8; 64]) -> Result<(), Rejected> {
        let key = *signer;
        let position = self.message.signer_position(signer);
        let slot = position.and_then(|position| self.signatures.get_mut(position));
        let slot = slot.ok_or(Unsignable::NotASigner { key })?;
        if *slot != NO_SIGNATURE && *slot != signature {
            return Err(Unsignable::AlreadySigned { key }.into());
        }
        *slot = signature;
        Ok(())
    }

    /// The transaction as the network takes it once every signature is there.
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = u8::try_from(self.signatures.len()).expect("a packet holds fewer than 128");
        let mut bytes = vec![count];
        bytes.extend(self.signatures.iter().flatten());
        bytes.extend(self.message.signing_bytes());
        bytes
    }
}

const NO_SIGNATURE: [u8; 64] = [0; 64];

#[cfg(test)]
mod tests {
    use super::*;

    /// Two signers (7 and 8), one program (1) that is called with nothing.
    fn message() -> Vec<u8> {
        let accounts = [[7; 32], [8; 32], [1; 32]].concat();
        [vec![2, 1, 1, 3], accounts, vec![9; 32], vec![1, 2, 0, 0]].concat()
    }

    #[test]
    fn puts_each_signature_into_its_signers_place() {
        let bytes = message();
        let mut transaction = Transaction::from_message(&Message::parse(&bytes).unwrap());
        transaction.insert_signature(&Pubkey::from([8; 32]), [0x88; 64]).unwrap();
        let expected = [vec![2], vec![0; 64], vec![0x88; 64], bytes.clone()].concat();
        assert_eq!(transaction.to_bytes(), expected);
        let mut again = Transaction::parse(&expected).unwrap();
        assert_eq!(again, transaction);
        again.insert_signature(&Pubkey::from([7; 32]), [0x77; 64]).unwrap();
        assert_eq!(again.signatures(), [[0x77; 64], [0x88; 64]]);
    }

    #[test]
    fn refuses_a_signature_of_a_stranger_and_a_second_one_of_a_signer() {
        let bytes = message();
        let mut transaction = Transaction::from_message(&Message::parse(&bytes).unwrap());
        let [signer, stranger] = [[7; 32], [1; 32]].map(Pubkey::from);
        let refused = transaction.insert_signature(&stranger, [1; 64]);
        assert_eq!(refused, Err(Unsignable::NotASigner { key: stranger }.into()));
        transaction.insert_signature(&signer, [1; 64]).unwrap();
        transaction.insert_signature(&signer, [1; 64]).unwrap();
        let refused = transaction.insert_signature(&signer, [2; 64]);
        assert_eq!(refused, Err(Unsignable::AlreadySigned { key: signer }.into()));
    }

    #[test]
    fn refuses_as_many_signatures_as_the_message_does_not_ask_for() {
        for found in [0, 1, 3] {
            let bytes = [vec![found], vec![0; 64 * usize::from(found)], message()].concat();
            let found = u16::from(found);
            let expected = Unsignable::SignatureCount { found, required: 2 };
            assert_eq!(Transaction::parse(&bytes), Err(expected.into()));
        }
    }

    #[test]
    fn refuses_every_truncation() {
        let bytes = [vec![2], vec![0; 128], message()].concat();
        for length in 0..bytes.len() {
            assert!(Transaction::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Transaction::parse(&bytes).is_ok());
    }
}
