//! What a Solana message does: the instructions of the programs that everybody knows, and all others as calls.
//!
//! An instruction counts as one of a known program only if its data is exactly what the program's own encoding makes of it and it names
//! the accounts that it needs; everything else is an [`Effect::Call`]. A token transfer says its mint only in the `Checked` forms, so the
//! others are calls too.
//!
//! Sources: `solana-system-interface` (`SystemInstruction`), `spl-token` and `spl-token-2022` (`TokenInstruction`),
//! `spl-associated-token-account` (`AssociatedTokenAccountInstruction`), `solana-compute-budget-interface` (`ComputeBudgetInstruction`).

use super::{Instruction, Message, Pubkey};
use crate::{
    U256,
    effect::{Asset, Effect, Party},
};

impl Message<'_> {
    /// What it does if it succeeds, seen from the account that signs; the fee last, if that account pays it. Moving the durable nonce on
    /// that stands in place of the blockhash, and setting the price, are no effects of their own.
    pub fn effects(&self, signer: &Pubkey) -> Vec<Effect> {
        let mut effects: Vec<_> = self.calls().map(|call| self.effect(signer, call)).collect();
        if self.fee_payer() == *signer {
            effects.push(Effect::Fee { asset: Asset::Lamports, most: U256::from(self.max_fee()) });
        }
        effects
    }

    /// The accounts of the calls that are not understood, in the order of their effects: where they go may stand there alone.
    pub fn accounts_of_calls(&self, signer: &Pubkey) -> Vec<Vec<Pubkey>> {
        let unknown = |call: &&Instruction<'_>| matches!(self.effect(signer, call), Effect::Call { .. });
        let accounts = |call: &Instruction<'_>| {
            call.accounts.iter().filter_map(|index| self.accounts().get(usize::from(*index)).copied()).collect()
        };
        self.calls().filter(unknown).map(accounts).collect()
    }

    /// Instructions that do something beside moving a nonce on and setting the price of computing.
    fn calls(&self) -> impl Iterator<Item = &Instruction<'_>> {
        let behind_nonce = usize::from(self.durable_nonce().is_some());
        self.instructions().iter().skip(behind_nonce).filter(|call| ComputeBudget::of(call).is_none())
    }

    fn effect(&self, signer: &Pubkey, call: &Instruction<'_>) -> Effect {
        let known = match call.program.0 {
            SYSTEM => self.system_transfer(signer, call),
            TOKEN | TOKEN_2022 => self.token(signer, call),
            ASSOCIATED_TOKEN => self.token_account(signer, call),
            _ => None,
        };
        known.unwrap_or_else(|| unknown(call))
    }

    fn system_transfer(&self, signer: &Pubkey, call: &Instruction<'_>) -> Option<Effect> {
        let lamports = call.data.strip_prefix(SYSTEM_TRANSFER)?;
        let [from, to] = self.named(call)?;
        let amount = U256::from(u64::from_le_bytes(lamports.try_into().ok()?));
        Some(Effect::Transfer { asset: Asset::Lamports, from: party(signer, from), to: party(signer, to), amount })
    }

    fn token(&self, signer: &Pubkey, call: &Instruction<'_>) -> Option<Effect> {
        let token_2022 = call.program.0 == TOKEN_2022;
        let (allows, amount) = match *call.data {
            [kind @ (TRANSFER_CHECKED | APPROVE_CHECKED), ref amount @ .., _decimals] => {
                (kind == APPROVE_CHECKED, amount)
            }
            // The fee is a part of the amount, kept back at its destination.
            [TRANSFER_FEE, TRANSFER_CHECKED_WITH_FEE, ref rest @ ..] if token_2022 && rest.len() == 17 => {
                (false, rest.split_at_checked(8)?.0)
            }
            _ => return None,
        };
        let amount = U256::from(u64::from_le_bytes(amount.try_into().ok()?));
        let [from, mint, to, owner] = self.named(call)?;
        let asset = Asset::Token(Party::Solana(mint));
        match allows {
            _ if owner != *signer => None,
            true => Some(Effect::Allowance { asset, spender: Party::Solana(to), amount, further: false }),
            false => Some(Effect::Transfer { asset, from: Party::Solana(from), to: Party::Solana(to), amount }),
        }
    }

    /// `Create` and `CreateIdempotent`, for an account that is where it has to be.
    fn token_account(&self, signer: &Pubkey, call: &Instruction<'_>) -> Option<Effect> {
        let ([] | [CREATE | CREATE_IDEMPOTENT]) = call.data else { return None };
        let [payer, account, owner, mint, system, program] = self.named(call)?;
        if system.0 != SYSTEM || !matches!(program.0, TOKEN | TOKEN_2022) {
            return None;
        }
        let account = owner.token_account(&mint, &program.0).filter(|derived| *derived == account)?;
        let (account, mint) = (Party::Solana(account), Party::Solana(mint));
        Some(Effect::TokenAccount { account, owner: party(signer, owner), mint, payer: party(signer, payer) })
    }

    /// The durable nonce, if the message has one in place of a blockhash: the first instruction then moves it on, and the message stays
    /// valid until that was done.
    pub fn durable_nonce(&self) -> Option<DurableNonce> {
        let first = self.instructions().first()?;
        let [account, _, authority] = self.named(first)?;
        let writable = first.accounts.first().is_some_and(|index| self.is_writable(*index));
        let value = *self.recent_blockhash();
        let moved_on = first.program.0 == SYSTEM && first.data == ADVANCE_NONCE && writable;
        moved_on.then_some(DurableNonce { account, authority, value })
    }

    /// What the fee payer pays at most, in lamports: so much for each signature, also those that precompiled programs verify, and the price
    /// of all the compute units that it may use.
    pub fn max_fee(&self) -> u64 {
        let (mut units, mut price) = (MOST_UNITS, 0);
        for set in self.instructions().iter().filter_map(ComputeBudget::of) {
            match set {
                ComputeBudget::Limit(limit) => units = limit.min(MOST_UNITS),
                ComputeBudget::Price(micro_lamports) => price = micro_lamports,
                ComputeBudget::Other => {}
            }
        }
        let priority = u128::from(price).saturating_mul(u128::from(units)).div_ceil(MICRO);
        let verified = self.instructions().iter().map(verified_signatures);
        let signatures = verified.fold(self.required_signers().len() as u64, u64::saturating_add);
        LAMPORTS_PER_SIGNATURE.saturating_mul(signatures).saturating_add(u64::try_from(priority).unwrap_or(u64::MAX))
    }

    /// The accounts of a call that takes this many.
    fn named<const N: usize>(&self, call: &Instruction<'_>) -> Option<[Pubkey; N]> {
        let accounts = call.accounts.iter().map(|index| self.accounts().get(usize::from(*index)).copied());
        accounts.collect::<Option<Vec<_>>>()?.try_into().ok()
    }
}

/// A durable nonce: what a message names in place of a recent blockhash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurableNonce {
    /// The account that holds it.
    pub account: Pubkey,
    /// Who moves it on, which must sign.
    pub authority: Pubkey,
    /// What the account has to hold for the message to be valid.
    pub value: [u8; 32],
}

/// How many signatures a precompiled program is asked to verify, each of which is paid for.
fn verified_signatures(call: &Instruction<'_>) -> u64 {
    match call.program.0 {
        ED25519 | SECP256K1 | SECP256R1 => call.data.first().copied().map_or(0, u64::from),
        _ => 0,
    }
}

enum ComputeBudget {
    Limit(u32),
    /// Millionths of a lamport for each unit.
    Price(u64),
    /// Sizes of the heap and of loaded accounts, which cost nothing.
    Other,
}

impl ComputeBudget {
    fn of(call: &Instruction<'_>) -> Option<Self> {
        match *call.data {
            _ if call.program.0 != COMPUTE_BUDGET => None,
            [2, a, b, c, d] => Some(Self::Limit(u32::from_le_bytes([a, b, c, d]))),
            [3, a, b, c, d, e, f, g, h] => Some(Self::Price(u64::from_le_bytes([a, b, c, d, e, f, g, h]))),
            [1 | 4, _, _, _, _] => Some(Self::Other),
            _ => None,
        }
    }
}

fn party(signer: &Pubkey, account: Pubkey) -> Party {
    if account == *signer { Party::Signer } else { Party::Solana(account) }
}

fn unknown(call: &Instruction<'_>) -> Effect {
    Effect::Call { contract: Party::Solana(call.program), function: None, input: call.data.to_vec() }
}

/// `SystemInstruction::Transfer`, without the lamports.
const SYSTEM_TRANSFER: &[u8] = &[2, 0, 0, 0];
/// `SystemInstruction::AdvanceNonceAccount`.
const ADVANCE_NONCE: &[u8] = &[4, 0, 0, 0];
/// `TokenInstruction::TransferChecked`.
const TRANSFER_CHECKED: u8 = 12;
/// `TokenInstruction::ApproveChecked`.
const APPROVE_CHECKED: u8 = 13;
/// `TokenInstruction::TransferFeeExtension`.
const TRANSFER_FEE: u8 = 26;
/// `TransferFeeInstruction::TransferCheckedWithFee`.
const TRANSFER_CHECKED_WITH_FEE: u8 = 1;
/// `AssociatedTokenAccountInstruction::Create`, which no data stands for as well.
const CREATE: u8 = 0;
/// `AssociatedTokenAccountInstruction::CreateIdempotent`, which fails unless the account is the owner's.
const CREATE_IDEMPOTENT: u8 = 1;

const SYSTEM: [u8; 32] = [0; 32];
pub(super) const ASSOCIATED_TOKEN: [u8; 32] = program(b"ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
pub(super) const TOKEN: [u8; 32] = program(b"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
pub(super) const TOKEN_2022: [u8; 32] = program(b"TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
const COMPUTE_BUDGET: [u8; 32] = program(b"ComputeBudget111111111111111111111111111111");
const ED25519: [u8; 32] = program(b"Ed25519SigVerify111111111111111111111111111");
const SECP256K1: [u8; 32] = program(b"KeccakSecp256k11111111111111111111111111111");
const SECP256R1: [u8; 32] = program(b"Secp256r1SigVerify1111111111111111111111111");

const fn program(base58: &[u8]) -> [u8; 32] {
    bs58::decode(base58).into_array_const_unwrap()
}

/// `DEFAULT_TARGET_LAMPORTS_PER_SIGNATURE`: what validators take.
const LAMPORTS_PER_SIGNATURE: u64 = 5000;
/// `MAX_COMPUTE_UNIT_LIMIT`: of a whole transaction.
const MOST_UNITS: u32 = 1_400_000;
/// Prices of units are in millionths of a lamport.
const MICRO: u128 = 1_000_000;

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{
        effect::tests::vectors,
        solana::{LookupTable, Transaction},
    };

    #[test]
    fn reads_the_messages_that_solders_builds() {
        let cases = vectors("solana");
        assert!(cases.as_array().unwrap().len() > 5);
        for case in cases.as_array().unwrap() {
            let bytes = hex::decode(case["message"].as_str().unwrap()).unwrap();
            let signer =
                Pubkey::from(<[u8; 32]>::try_from(hex::decode(case["signer"].as_str().unwrap()).unwrap()).unwrap());
            let message = Message::parse(&bytes).unwrap();
            let said: Vec<_> = message.effects(&signer).iter().map(ToString::to_string).collect();
            assert_eq!(serde_json::json!(said), case["effects"]);
            let nonce = message.durable_nonce();
            assert_eq!(serde_json::json!(nonce.map(|nonce| nonce.account.to_string())), case["durable_nonce"]);
            assert!(nonce.is_none_or(|nonce| nonce.authority == signer && nonce.value == *message.recent_blockhash()));
        }
    }

    /// A message of one signer (7), an account (8) and the program, which is called with both accounts.
    fn calling(program: [u8; 32], data: &[u8]) -> Vec<u8> {
        let accounts = [[7; 32], [8; 32], program].concat();
        let length = u8::try_from(data.len()).unwrap();
        [&[1, 0, 1, 3][..], &accounts, &[9; 32], &[1, 2, 2, 0, 1, length], data].concat()
    }

    fn key(value: &serde_json::Value) -> Pubkey {
        <[u8; 32]>::try_from(hex::decode(value.as_str().unwrap()).unwrap()).unwrap().into()
    }

    #[test]
    fn reads_what_solders_takes_from_tables() {
        for case in vectors("lookups").as_array().unwrap() {
            let bytes = hex::decode(case["message"].as_str().unwrap()).unwrap();
            let table = |table: &serde_json::Value| {
                let mut keys = table.as_array().unwrap().iter().map(key);
                LookupTable { address: keys.next().unwrap(), addresses: keys.collect() }
            };
            let tables: Vec<_> = case["tables"].as_array().unwrap().iter().map(table).collect();
            let message = Message::parse_with_tables(&bytes, &tables).unwrap();
            let said: Vec<_> = message.effects(&key(&case["signer"])).iter().map(ToString::to_string).collect();
            assert_eq!(serde_json::json!(said), case["effects"]);
            assert!(Message::parse(&bytes).is_err());
            assert!(Message::parse_with_tables(&bytes, &tables[..1]).is_err());
            let transaction = Transaction::from_message(&message).to_bytes();
            assert_eq!(Transaction::parse_with_tables(&transaction, &tables).unwrap().message(), &message);
            assert!(Transaction::parse(&transaction).is_err());
        }
    }

    #[test]
    fn derives_the_token_accounts_that_solders_derives() {
        for case in vectors("token_accounts").as_array().unwrap() {
            let accounts = key(&case["owner"]).token_accounts(&key(&case["mint"]));
            let accounts = accounts.map(|account| account.unwrap().to_string());
            assert_eq!(serde_json::json!(accounts), case["accounts"]);
        }
    }

    #[test]
    fn signatures_that_programs_verify_cost_as_much_as_others() {
        for (program, fee) in [(ED25519, 20_000), (SECP256K1, 20_000), (SECP256R1, 20_000), ([3; 32], 5000)] {
            assert_eq!(Message::parse(&calling(program, &[3, 0])).unwrap().max_fee(), fee);
        }
    }

    #[test]
    fn takes_nothing_else_for_a_known_instruction() {
        let signer = Pubkey::from([7; 32]);
        let transfer = [SYSTEM_TRANSFER, &5_u64.to_le_bytes()].concat();
        for (program, data) in [
            (SYSTEM, &transfer[..11]),
            (SYSTEM, &[&transfer[..], &[0]].concat()),
            (SYSTEM, &[0; 12]),
            (SYSTEM, ADVANCE_NONCE),
            (TOKEN, &[3, 5, 0, 0, 0, 0, 0, 0, 0]),
            (TOKEN_2022, &[12, 5, 0, 0, 0, 0, 0, 0, 0, 2]),
            (TOKEN_2022, &[26, 1, 5, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0]),
            (ASSOCIATED_TOKEN, &[]),
            (ASSOCIATED_TOKEN, &[1]),
            (COMPUTE_BUDGET, &[2, 1, 0, 0]),
            ([3; 32], &transfer),
        ] {
            let bytes = calling(program, data);
            let effects = Message::parse(&bytes).unwrap().effects(&signer);
            let [Effect::Call { contract, input, .. }, Effect::Fee { .. }] = &effects[..] else {
                panic!("{data:?}: {effects:?}")
            };
            assert_eq!((contract, &input[..]), (&Party::Solana(Pubkey::from(program)), data));
            let hash = hex::encode(Sha256::digest(data));
            assert!(effects[0].to_string().ends_with(&format!(" with input 0x{hash}")));
        }
    }
}
