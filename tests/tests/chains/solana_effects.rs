//! What Solana messages do, judged by the decoders of the system and token programs' own crates.

use bincode::Options;
use cloister_chains::{
    U256,
    effect::{Asset, Effect, Party},
    solana::{Message, Pubkey},
};
use proptest::{collection::vec, prelude::*};
use solana_message::{Address, Hash, legacy};
use solana_system_interface::instruction::SystemInstruction;
use spl_token_interface::instruction::TokenInstruction;

use crate::damage;

/// Whose effects are asked for; it pays the fee.
const SIGNER: [u8; 32] = [1; 32];
const LAMPORTS_PER_SIGNATURE: u64 = 5000;

/// One call: a program, its accounts, and its input.
#[derive(Debug, Clone)]
struct Call {
    program: [u8; 32],
    accounts: Vec<[u8; 32]>,
    data: Vec<u8>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn says_of_system_and_token_calls_what_the_programs_own_decoders_say(calls in vec(call(), 0..5)) {
        let bytes = compiled(&calls);
        let message = Message::parse(&bytes).unwrap();
        let expected: Vec<_> = calls.iter().map(judged).chain([fee(&message)]).collect();
        prop_assert_eq!(message.effects(&Pubkey::from(SIGNER)), expected);
    }
}

/// The instruction as a program would be called; the data is sometimes damaged, and there are sometimes too few accounts or too many.
fn call() -> impl Strategy<Value = Call> {
    let account = || (1..6_u8).prop_map(|byte| [byte; 32]);
    let damage = prop_oneof![3 => Just(Vec::new()), 1 => damage()];
    (prop_oneof![system(), token()], vec(account(), 6), 0..6_usize, any::<bool>(), damage).prop_map(
        |((program, data, takes), mut accounts, count, fits, damage)| {
            accounts.truncate(if fits { takes } else { count });
            let mut data = data;
            damage.into_iter().for_each(|damage| damage.apply(&mut data));
            Call { program, accounts, data }
        },
    )
}

/// Program, input, and how many accounts that takes.
type Input = ([u8; 32], Vec<u8>, usize);

fn system() -> impl Strategy<Value = Input> {
    let of = |instruction: SystemInstruction, takes| {
        (solana_system_interface::program::ID.to_bytes(), bincode::serialize(&instruction).unwrap(), takes)
    };
    (any::<u64>(), any::<u64>(), 0..5_u8).prop_map(move |(lamports, space, kind)| {
        let owner = solana_system_interface::program::ID;
        match kind {
            0 => of(SystemInstruction::CreateAccount { lamports, space, owner }, 2),
            1 => of(SystemInstruction::Assign { owner }, 1),
            2 => of(SystemInstruction::WithdrawNonceAccount(lamports), 5),
            _ => of(SystemInstruction::Transfer { lamports }, 2),
        }
    })
}

fn token() -> impl Strategy<Value = Input> {
    let of = |instruction: TokenInstruction<'_>, takes| (spl_token_interface::ID.to_bytes(), instruction.pack(), takes);
    (any::<u64>(), any::<u8>(), 0..8_u8).prop_map(move |(amount, decimals, kind)| match kind {
        0 => of(TokenInstruction::Transfer { amount }, 3),
        1 => of(TokenInstruction::Approve { amount }, 3),
        2 => of(TokenInstruction::BurnChecked { amount, decimals }, 3),
        3 => of(TokenInstruction::CloseAccount, 3),
        4 | 5 => of(TokenInstruction::ApproveChecked { amount, decimals }, 4),
        _ => of(TokenInstruction::TransferChecked { amount, decimals }, 4),
    })
}

/// A legacy message of these calls, as the Solana SDK compiles it. Whoever may have to sign does.
fn compiled(calls: &[Call]) -> Vec<u8> {
    let instruction = |call: &Call| {
        let meta = |account: &[u8; 32]| solana_instruction::AccountMeta::new(Address::from(*account), true);
        let accounts = call.accounts.iter().map(meta).collect();
        solana_instruction::Instruction { program_id: Address::from(call.program), accounts, data: call.data.clone() }
    };
    let instructions: Vec<_> = calls.iter().map(instruction).collect();
    let payer = Address::from(SIGNER);
    legacy::Message::new_with_blockhash(&instructions, Some(&payer), &Hash::from([9; 32])).serialize()
}

/// What the call does by the program's own decoder. Only what it writes again to the same bytes is taken for what it says.
fn judged(call: &Call) -> Effect {
    let known = if call.program == solana_system_interface::program::ID.to_bytes() {
        system_transfer(call)
    } else {
        token_effect(call)
    };
    let unknown =
        || Effect::Call { contract: Party::Solana(call.program.into()), function: None, input: call.data.clone() };
    known.unwrap_or_else(unknown)
}

fn system_transfer(call: &Call) -> Option<Effect> {
    let exactly = bincode::DefaultOptions::new().with_fixint_encoding().reject_trailing_bytes();
    let SystemInstruction::Transfer { lamports } = exactly.deserialize(&call.data).ok()? else { return None };
    let [from, to] = call.accounts[..] else { return None };
    Some(Effect::Transfer { asset: Asset::Lamports, from: party(from), to: party(to), amount: lamports.into() })
}

fn token_effect(call: &Call) -> Option<Effect> {
    let instruction = TokenInstruction::unpack(&call.data).ok().filter(|known| known.pack() == call.data)?;
    let [account, mint, other, owner] = call.accounts[..] else { return None };
    let asset = Asset::Token(Party::Solana(mint.into()));
    let (account, other) = (Party::Solana(account.into()), Party::Solana(other.into()));
    match instruction {
        _ if owner != SIGNER => None,
        TokenInstruction::TransferChecked { amount, .. } => {
            Some(Effect::Transfer { asset, from: account, to: other, amount: amount.into() })
        }
        TokenInstruction::ApproveChecked { amount, .. } => {
            Some(Effect::Allowance { asset, spender: other, amount: amount.into(), further: false })
        }
        _ => None,
    }
}

fn party(account: [u8; 32]) -> Party {
    if account == SIGNER { Party::Signer } else { Party::Solana(account.into()) }
}

fn fee(message: &Message<'_>) -> Effect {
    let signatures = message.required_signers().len() as u64;
    Effect::Fee { asset: Asset::Lamports, most: U256::from(LAMPORTS_PER_SIGNATURE * signatures) }
}
