//! Associated token accounts: where an owner's tokens are unless somebody says otherwise.

use sha2::{Digest, Sha256};

use super::{
    Pubkey,
    effects::{ASSOCIATED_TOKEN, TOKEN, TOKEN_2022},
};

impl Pubkey {
    /// The owner's associated accounts for a mint: that of the SPL token program, and that of Token-2022.
    ///
    /// The address follows from owner and mint alone. That the owner still owns what is there, only the program knows that opened it: the
    /// SPL token program lets an owner give an account away, so ask for it in the same message (`CreateIdempotent`).
    pub fn token_accounts(&self, mint: &Self) -> [Option<Self>; 2] {
        [TOKEN, TOKEN_2022].map(|program| self.token_account(mint, &program))
    }

    pub(super) fn token_account(&self, mint: &Self, program: &[u8; 32]) -> Option<Self> {
        derived([&self.0, program, &mint.0], &ASSOCIATED_TOKEN)
    }
}

/// `Pubkey::find_program_address`: the first hash, counting down, that is no point of the curve and so has no key.
fn derived(seeds: [&[u8]; 3], program: &[u8; 32]) -> Option<Pubkey> {
    let seeds = Sha256::new_with_prefix(seeds.concat());
    let hash = |bump: u8| seeds.clone().chain_update([bump]).chain_update(program).chain_update(MARKER).finalize();
    let mut hashes = (0..=u8::MAX).rev().map(|bump| <[u8; 32]>::from(hash(bump)));
    hashes.find(|hash| ed25519_dalek::VerifyingKey::from_bytes(hash).is_err()).map(Pubkey)
}

/// Behind everything that is hashed for such an address.
const MARKER: &[u8] = b"ProgramDerivedAddress";
