//! Solana transfers, each another one.

/// A legacy message that moves `lamports` from `from`: what `solana transfer` makes.
#[must_use]
pub fn message(from: &[u8; 32], lamports: u64) -> Vec<u8> {
    const HEADER: [u8; 3] = [1, 0, 1];
    const SYSTEM_PROGRAM: [u8; 32] = [0; 32];
    const TRANSFER: u32 = 2;
    let (to, blockhash) = ([7; 32], [9; 32]);
    let data = [TRANSFER.to_le_bytes().as_slice(), &lamports.to_le_bytes()].concat();
    let accounts = [[3].as_slice(), from, &to, &SYSTEM_PROGRAM].concat();
    let instruction = [[1, 2, 2, 0, 1, 12].as_slice(), &data].concat();
    [HEADER.as_slice(), &accounts, &blockhash, &instruction].concat()
}
