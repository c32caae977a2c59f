//! A transfer of the Solana system program, laid out by hand.

/// The message by which `from` pays `lamports` to `to`, as wallets make it (legacy format).
pub(super) fn transfer(from: [u8; 32], to: [u8; 32], lamports: u64, recent_blockhash: [u8; 32]) -> Vec<u8> {
    let header = [1, 0, 1];
    let accounts = [from, to, SYSTEM_PROGRAM].concat();
    let instruction = [TRANSFER.to_le_bytes().as_slice(), &lamports.to_le_bytes()].concat();
    let call = [1, PROGRAM_POSITION, 2, 0, 1, 12];
    [header.as_slice(), &[3], &accounts, &recent_blockhash, &call, &instruction].concat()
}

/// `11111111111111111111111111111111`.
const SYSTEM_PROGRAM: [u8; 32] = [0; 32];
/// Position of the program among the accounts.
const PROGRAM_POSITION: u8 = 2;
/// `SystemInstruction::Transfer`.
const TRANSFER: u32 = 2;

#[cfg(test)]
mod tests {
    use cloister_chains::solana::{Message, Pubkey};

    use super::*;

    #[test]
    fn a_transfer_is_paid_and_signed_by_its_sender() {
        let message = transfer([7; 32], [8; 32], 1, [9; 32]);
        let message = Message::parse(&message).unwrap();
        assert_eq!(message.required_signers(), [Pubkey::from([7; 32])]);
        assert_eq!(message.instructions().len(), 1);
        assert_eq!(message.instructions()[0].accounts, [0, 1]);
    }
}
