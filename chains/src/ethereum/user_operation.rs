//! User operations (ERC-4337): what an account that is a contract is asked to do, through the entry point of version 0.7.
//!
//! ```text
//! payload = abi.encode(PackedUserOperation without its signature, address entryPoint, uint256 chainId)
//! PackedUserOperation = (address sender, uint256 nonce, bytes initCode, bytes callData, bytes32 accountGasLimits,
//!                        uint256 preVerificationGas, bytes32 gasFees, bytes paymasterAndData)
//! ```
//!
//! The account decides what its input means. `execute` and `executeBatch` are read as the accounts of the entry point's own authors, and
//! most others, have them; everything else is a call of the account. Whether the account is one of those cannot be seen here. A policy that
//! names the account says so.

use super::{
    Address,
    abi::Arguments,
    effects::{call, unknown_call},
    keccak256, message,
    transaction::check_chain_id,
    unsignable::Unsignable,
};
use crate::{
    Rejected, U256,
    effect::{Asset, Effect},
    limits,
    rejected::{Encoding, Fault, Malformed},
};

/// A user operation that nobody has signed yet, for one entry point on one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserOperation<'a> {
    chain_id: u64,
    sender: Address,
    nonce: U256,
    init_code: &'a [u8],
    call_data: &'a [u8],
    /// For verification and for the call.
    account_gas_limits: [u128; 2],
    pre_verification_gas: u128,
    /// The highest priority fee and the highest fee.
    gas_fees: [u128; 2],
    paymaster_and_data: &'a [u8],
}

impl<'a> UserOperation<'a> {
    /// Reads a whole payload (see the module) in the one encoding that Solidity's ABI has for it.
    ///
    /// Refused: entry points other than version 0.7's own address, and a gas limit or price that makes a fee of 2^128 wei or more.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let encoding = Encoding::EthereumUserOperation;
        if bytes.len() > limits::ETHEREUM_USER_OPERATION {
            let (count, limit) = (bytes.len() as u64, limits::ETHEREUM_USER_OPERATION);
            return Err(Malformed { encoding, at: 0, fault: Fault::TooMany { field: "bytes", count, limit } }.into());
        }
        let fault = Fault::WrongForm { field: "user operation" };
        let (operation, entry_point, chain_id) = read(bytes).ok_or(Malformed { encoding, at: 0, fault })?;
        if *entry_point.as_bytes() != ENTRY_POINT {
            return Err(Unsignable::EntryPoint { entry_point }.into());
        }
        let chain_id = u64::try_from(chain_id).map_err(|_| Unsignable::BadChainId { chain_id: u64::MAX })?;
        let operation = Self { chain_id: check_chain_id(chain_id)?, ..operation };
        operation.check()?;
        Ok(operation)
    }

    fn check(&self) -> Result<(), Unsignable> {
        let short = |field: &[u8], least: usize| !field.is_empty() && field.len() < least;
        if short(self.init_code, FACTORY) {
            return Err(Unsignable::UserOperationField { field: "initCode" });
        }
        if short(self.paymaster_and_data, PAYMASTER) {
            return Err(Unsignable::UserOperationField { field: "paymasterAndData" });
        }
        // The entry point takes it for none, and has the account pay.
        if self.paymaster_and_data.first_chunk() == Some(&[0; 20]) {
            return Err(Unsignable::UserOperationField { field: "paymasterAndData" });
        }
        let [max_priority, max] = self.gas_fees;
        if max_priority > max {
            return Err(Unsignable::PriorityAboveMax { max_priority, max });
        }
        self.required_prefund().map(drop).ok_or(Unsignable::FeeTooLarge)
    }

    /// What [`Self::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let tails = [self.init_code, self.call_data, self.paymaster_and_data].map(tail);
        let mut place = STRUCT_WORDS.saturating_mul(32);
        let [init_code, call_data, paymaster_and_data] = tails.each_ref().map(|tail| {
            let here = place;
            place = place.saturating_add(tail.len());
            U256::from(here as u64)
        });
        let head = [U256::from(HEAD_WORDS.saturating_mul(32) as u64), word(&ENTRY_POINT), self.chain_id.into()];
        let fields = self.fields([init_code, call_data, paymaster_and_data]);
        let words = head.into_iter().chain(fields).flat_map(U256::to_be_bytes);
        words.chain(tails.into_iter().flatten()).collect()
    }

    /// The hash by which the entry point knows the operation (`getUserOpHash`).
    pub fn hash(&self) -> [u8; 32] {
        let hashes = [self.init_code, self.call_data, self.paymaster_and_data].map(|field| keccak256(field).into());
        let packed: Vec<u8> = self.fields(hashes).into_iter().flat_map(U256::to_be_bytes).collect();
        let bound = [U256::from(keccak256(packed)), word(&ENTRY_POINT), self.chain_id.into()];
        keccak256(bound.map(U256::to_be_bytes).concat())
    }

    /// What is signed: [`Self::hash`] as a message (EIP-191), as the accounts of the entry point's own authors check it.
    pub fn signing_hash(&self) -> [u8; 32] {
        message::digest(&self.hash())
    }

    /// The eight fields, a word each, with `tails` in place of those that have no fixed length.
    fn fields(&self, [init_code, call_data, paymaster_and_data]: [U256; 3]) -> [U256; STRUCT_WORDS] {
        let sender = word(self.sender.as_bytes());
        let gas_limits = pair(self.account_gas_limits);
        let (pre_verification_gas, gas_fees) = (self.pre_verification_gas.into(), pair(self.gas_fees));
        [sender, self.nonce, init_code, call_data, gas_limits, pre_verification_gas, gas_fees, paymaster_and_data]
    }

    /// The chain.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The entry point: version 0.7's.
    pub fn entry_point(&self) -> Address {
        ENTRY_POINT.into()
    }

    /// The account that acts, a contract.
    pub fn sender(&self) -> Address {
        self.sender
    }

    /// The account's nonce: 192 bits that name a sequence, and 64 that count in it.
    pub fn nonce(&self) -> U256 {
        self.nonce
    }

    /// What makes the account if it is not there yet: a factory and its input. Empty otherwise.
    pub fn init_code(&self) -> &'a [u8] {
        self.init_code
    }

    /// What the account is called with.
    pub fn call_data(&self) -> &'a [u8] {
        self.call_data
    }

    /// Who pays instead of the account, if somebody does.
    pub fn paymaster(&self) -> Option<Address> {
        self.paymaster_and_data.first_chunk::<20>().map(|paymaster| Address::from(*paymaster))
    }

    /// The most that it may cost in fees, in wei: what the entry point demands in advance, of the paymaster if there is one.
    pub fn max_fee(&self) -> u128 {
        self.required_prefund().expect("parse has multiplied it")
    }

    fn required_prefund(&self) -> Option<u128> {
        let [verification, call] = self.account_gas_limits;
        let (paymaster, post) = match self.paymaster_and_data.get(20..PAYMASTER).map(<[u8]>::as_chunks) {
            Some(([verification, post], [])) => (u128::from_be_bytes(*verification), u128::from_be_bytes(*post)),
            _ => (0, 0),
        };
        let mut limits = [call, self.pre_verification_gas, paymaster, post].into_iter();
        let gas = limits.try_fold(verification, u128::checked_add)?;
        let [_, max_per_gas] = self.gas_fees;
        gas.checked_mul(max_per_gas)
    }

    /// What it does if it succeeds, seen from the account; the fee last, if the account pays it. That a factory makes the account or a
    /// paymaster pays are calls of theirs.
    pub fn effects(&self) -> Vec<Effect> {
        let named = |field: &'a [u8], length| {
            let (address, _) = field.split_first_chunk::<20>()?;
            Some((Address::from(*address), field.get(length..)?))
        };
        let unknown = |(contract, input)| unknown_call(contract, input);
        let mut effects: Vec<_> = named(self.init_code, FACTORY).map(unknown).into_iter().collect();
        effects.extend(self.inner_effects());
        let fee = Effect::Fee { asset: Asset::Wei, most: self.max_fee().into() };
        effects.push(named(self.paymaster_and_data, PAYMASTER).map_or(fee, unknown));
        effects
    }

    fn inner_effects(&self) -> Vec<Effect> {
        let input = self.call_data;
        match inner_calls(input) {
            _ if input.is_empty() => Vec::new(),
            Some(calls) => calls.into_iter().flat_map(|(to, value, input)| call(to, value, input)).collect(),
            None => vec![unknown_call(self.sender, input)],
        }
    }
}

/// The operation without its chain, the entry point and the chain.
fn read(bytes: &[u8]) -> Option<(UserOperation<'_>, Address, U256)> {
    let mut arguments = Arguments::new(bytes)?;
    let (tail, entry_point, chain_id) = (arguments.number()?, arguments.address()?, arguments.number()?);
    arguments.start_at(tail)?;
    let operation = arguments.nested(|fields| {
        let (sender, nonce) = (fields.address()?, fields.number()?);
        let [init_code, call_data] = [fields.number()?, fields.number()?];
        let account_gas_limits = halves(fields.word()?);
        let pre_verification_gas = u128::try_from(fields.number()?).ok()?;
        let (gas_fees, paymaster_and_data) = (halves(fields.word()?), fields.number()?);
        Some(UserOperation {
            chain_id: 0,
            sender,
            nonce,
            init_code: fields.bytes_at(init_code)?,
            call_data: fields.bytes_at(call_data)?,
            account_gas_limits,
            pre_verification_gas,
            gas_fees,
            paymaster_and_data: fields.bytes_at(paymaster_and_data)?,
        })
    })?;
    arguments.is_empty().then_some((operation, entry_point, chain_id))
}

/// The calls that an account is asked to make.
fn inner_calls(input: &[u8]) -> Option<Vec<(Address, U256, &[u8])>> {
    let (function, arguments) = input.split_first_chunk()?;
    let mut arguments = Arguments::new(arguments)?;
    let calls = match *function {
        EXECUTE => vec![(arguments.address()?, arguments.number()?, arguments.bytes()?)],
        EXECUTE_BATCH => arguments.calls_in_arrays()?,
        EXECUTE_BATCH_OF_STRUCTS => arguments.calls_in_structs()?,
        _ => return None,
    };
    arguments.is_empty().then_some(calls)
}

fn halves(word: [u8; 32]) -> [u128; 2] {
    let mut halves = word.as_chunks::<16>().0.iter().map(|half| u128::from_be_bytes(*half));
    [halves.next().unwrap_or(0), halves.next().unwrap_or(0)]
}

fn pair([high, low]: [u128; 2]) -> U256 {
    let bytes = [high.to_be_bytes(), low.to_be_bytes()];
    U256::from_be_slice(bytes.as_flattened()).expect("twice 16 bytes")
}

fn word(address: &[u8; 20]) -> U256 {
    U256::from_be_slice(address).expect("20 bytes")
}

/// Bytes as they stand in a tail: their length, and zeros behind them up to whole words.
fn tail(bytes: &[u8]) -> Vec<u8> {
    let mut tail = U256::from(bytes.len() as u64).to_be_bytes().to_vec();
    tail.extend(bytes);
    tail.resize(tail.len().next_multiple_of(32), 0);
    tail
}

/// `0x0000000071727De22E5E9d8BAf0edAc6f37da032`, version 0.7 on every chain.
const ENTRY_POINT: [u8; 20] =
    [0, 0, 0, 0, 0x71, 0x72, 0x7d, 0xe2, 0x2e, 0x5e, 0x9d, 0x8b, 0xaf, 0x0e, 0xda, 0xc6, 0xf3, 0x7d, 0xa0, 0x32];
/// What `initCode` begins with: an address.
const FACTORY: usize = 20;
/// What `paymasterAndData` begins with: an address and two limits of gas.
const PAYMASTER: usize = 52;
/// Words of the three arguments, and of the struct.
const HEAD_WORDS: usize = 3;
const STRUCT_WORDS: usize = 8;
/// `execute(address,uint256,bytes)`.
const EXECUTE: [u8; 4] = [0xb6, 0x1d, 0x27, 0xf6];
/// `executeBatch(address[],uint256[],bytes[])`.
const EXECUTE_BATCH: [u8; 4] = [0x47, 0xe1, 0xda, 0x2a];
/// `executeBatch((address,uint256,bytes)[])`.
const EXECUTE_BATCH_OF_STRUCTS: [u8; 4] = [0x34, 0xfc, 0xd5, 0xbe];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effect,
        ethereum::tests::{array, bytes, list, unsignable},
    };

    #[test]
    fn reads_and_hashes_what_eth_abi_encodes() {
        let cases = effect::tests::vectors("user_operations");
        assert!(list(&cases).len() > 8);
        for case in list(&cases) {
            let payload = bytes(&case["payload"]);
            let operation = UserOperation::parse(&payload).unwrap();
            assert_eq!(operation.to_bytes(), payload);
            assert_eq!(operation.hash(), array::<32>(&case["hash"]), "{}", case["name"]);
            assert_eq!(operation.signing_hash(), array::<32>(&case["signing_hash"]));
            assert_eq!(operation.sender().to_string(), case["sender"].as_str().unwrap());
            assert_eq!(operation.chain_id(), case["chain_id"].as_u64().unwrap());
            assert_eq!(operation.nonce().to_string(), case["nonce"].as_str().unwrap());
            assert_eq!(operation.entry_point().to_string(), "0x0000000071727De22E5E9d8BAf0edAc6f37da032");
            let said: Vec<_> = operation.effects().iter().map(ToString::to_string).collect();
            assert_eq!(serde_json::json!(said), case["effects"], "{}", case["name"]);
        }
    }

    #[test]
    fn refuses_every_truncation_and_hashes_every_flipped_bit_otherwise() {
        for case in list(&effect::tests::vectors("user_operations")) {
            let payload = bytes(&case["payload"]);
            let hash = UserOperation::parse(&payload).unwrap().hash();
            for length in 0..payload.len() {
                assert!(UserOperation::parse(&payload[..length]).is_err(), "{length}");
            }
            assert!(UserOperation::parse(&[&payload[..], &[0; 32]].concat()).is_err());
            for bit in 0..payload.len() * 8 {
                let mut flipped = payload.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let Ok(operation) = UserOperation::parse(&flipped) else { continue };
                assert_eq!(operation.to_bytes(), flipped);
                assert_ne!(operation.hash(), hash);
            }
        }
    }

    /// The payload of an operation that calls nothing, with some words changed.
    fn bent(words: &[(usize, [u8; 32])]) -> Result<Vec<Effect>, Rejected> {
        let cases = effect::tests::vectors("user_operations");
        let mut payload = bytes(&list(&cases)[0]["payload"]);
        for (at, word) in words {
            payload[at * 32..][..32].copy_from_slice(word);
        }
        UserOperation::parse(&payload).map(|operation| operation.effects())
    }

    #[test]
    fn refuses_other_entry_points_chains_and_prices() {
        let number = |number: u128| U256::from(number).to_be_bytes();
        assert!(bent(&[]).is_ok());
        assert_eq!(unsignable(bent(&[(2, number(0))])), Unsignable::BadChainId { chain_id: 0 });
        assert_eq!(unsignable(bent(&[(2, number(1 << 64))])), Unsignable::BadChainId { chain_id: u64::MAX });
        let entry_point = Address::from([0; 20]);
        assert_eq!(unsignable(bent(&[(1, [0; 32])])), Unsignable::EntryPoint { entry_point });
        let prices = |max_priority, max| pair([max_priority, max]).to_be_bytes();
        let priority = Unsignable::PriorityAboveMax { max_priority: 2, max: 1 };
        assert_eq!(unsignable(bent(&[(9, prices(2, 1))])), priority);
        assert_eq!(unsignable(bent(&[(9, prices(0, u128::MAX))])), Unsignable::FeeTooLarge);
        assert_eq!(unsignable(bent(&[(7, prices(u128::MAX, u128::MAX))])), Unsignable::FeeTooLarge);
        assert!(bent(&[(8, [0xff; 32])]).is_err());
    }

    #[test]
    fn refuses_factories_and_paymasters_that_are_not_all_there() {
        let cases = effect::tests::vectors("user_operations");
        let first = bytes(&list(&cases)[0]["payload"]);
        let operation = UserOperation::parse(&first).unwrap();
        for (length, refused) in [(0, false), (1, true), (19, true), (20, false)] {
            let init_code = vec![7; length];
            let payload = UserOperation { init_code: &init_code, ..operation.clone() }.to_bytes();
            assert_eq!(UserOperation::parse(&payload).is_err(), refused, "{length}");
        }
        // Which the entry point takes for none.
        let nobody = UserOperation { paymaster_and_data: &[0; PAYMASTER], ..operation.clone() }.to_bytes();
        assert!(UserOperation::parse(&nobody).is_err());
        for (length, refused) in [(0, false), (1, true), (20, true), (51, true), (52, false)] {
            let paymaster = vec![7; length];
            let payload = UserOperation { paymaster_and_data: &paymaster, ..operation.clone() }.to_bytes();
            assert_eq!(UserOperation::parse(&payload).is_err(), refused, "{length}");
        }
        let large = vec![0; limits::ETHEREUM_USER_OPERATION + 1];
        assert_eq!(UserOperation::parse(&large).unwrap_err().code(), "payload_too_large");
    }

    #[test]
    fn takes_no_other_encoding_for_a_call_that_the_account_makes() {
        for case in list(&effect::tests::vectors("user_operations")) {
            let payload = bytes(&case["payload"]);
            let operation = UserOperation::parse(&payload).unwrap();
            let Some(calls) = inner_calls(operation.call_data()) else { continue };
            let input = operation.call_data();
            let longer = [input, &[0; 32]].concat();
            let cut = (4..input.len()).map(|length| &input[..length]);
            assert!(cut.chain([&longer[..]]).all(|bent| inner_calls(bent).is_none()));
            for bit in 32..input.len() * 8 {
                let mut bent = input.to_vec();
                bent[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(inner_calls(&bent), Some(calls.clone()), "bit {bit}");
            }
        }
    }
}
