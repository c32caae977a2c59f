//! Ethereum transactions, calls, authorisations and user operations, random and damaged, judged by the crates `alloy-*`.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, address, keccak256};
use alloy_rlp::Decodable;
use alloy_sol_types::{SolCall, SolValue, sol};
use cloister_chains::{
    effect::{Asset, Effect, Party},
    ethereum::{AuthorizationRequest, Transaction, UserOperation},
};
use proptest::{collection::vec, prelude::*};

use crate::damage;

sol! {
    function transfer(address to, uint256 amount);
    function transferFrom(address from, address to, uint256 amount);
    function approve(address spender, uint256 amount);
    function increaseAllowance(address spender, uint256 amount);
    function setApprovalForAll(address operator, bool allowed);
    function safeBatchTransferFrom(address from, address to, uint256[] ids, uint256[] amounts, bytes data);
    interface Item {
        function safeTransferFrom(address from, address to, uint256 id);
    }
    interface ItemWithData {
        function safeTransferFrom(address from, address to, uint256 id, bytes data);
    }
    interface KindOfItem {
        function safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes data);
    }
    struct Inner {
        address to;
        uint256 value;
        bytes input;
    }
    function execute(address to, uint256 value, bytes input);
    interface Arrays {
        function executeBatch(address[] to, uint256[] values, bytes[] inputs);
    }
    interface Structs {
        function executeBatch(Inner[] calls);
    }
    #[derive(Debug)]
    struct Operation {
        address sender;
        uint256 nonce;
        bytes initCode;
        bytes callData;
        bytes32 accountGasLimits;
        uint256 preVerificationGas;
        bytes32 gasFees;
        bytes paymasterAndData;
    }
}

const ENTRY_POINT: Address = address!("0x0000000071727De22E5E9d8BAf0edAc6f37da032");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn reads_and_hashes_transactions_as_alloy_does(draft in draft(), damage in damage()) {
        agree(&draft.legacy(), damage.clone())?;
        agree(&draft.access_list(), damage.clone())?;
        agree(&draft.dynamic_fee(), damage.clone())?;
        agree(&draft.blob(), damage.clone())?;
        agree(&draft.set_code(), damage)?;
    }

    #[test]
    fn takes_for_a_call_of_a_standard_what_alloy_encodes_for_it_and_nothing_else(input in call(), damage in damage()) {
        let transaction = |input: &[u8]| TxEip1559 {
            chain_id: 1,
            to: TxKind::Call([0xcc; 20].into()),
            input: input.to_vec().into(),
            ..TxEip1559::default()
        };
        agree(&transaction(&input), vec![])?;
        let mut damaged = input;
        damage.into_iter().for_each(|damage| damage.apply(&mut damaged));
        agree(&transaction(&damaged), vec![])?;
    }

    #[test]
    fn hashes_authorisations_as_alloy_does(chain: [u8; 32], code: [u8; 20], nonce in 0..u64::MAX, damage in damage()) {
        let theirs = Authorization { chain_id: U256::from_be_bytes(chain), address: code.into(), nonce };
        let mut bytes = alloy_rlp::encode(&theirs);
        let ours = AuthorizationRequest::parse(&bytes).unwrap();
        prop_assert_eq!(ours.signing_hash(), theirs.signature_hash().0);
        let delegation = Effect::Delegation { code: code.into(), chain_id: chain.into(), nonce };
        prop_assert_eq!(ours.effects(), [delegation]);
        damage.into_iter().for_each(|damage| damage.apply(&mut bytes));
        if let Ok(damaged) = AuthorizationRequest::parse(&bytes) {
            prop_assert_eq!(damaged.to_bytes(), bytes);
        }
    }

    #[test]
    fn takes_exactly_the_user_operations_that_alloy_encodes(operation in operation(), chain in 1..u64::MAX / 2, damage in damage()) {
        let mut bytes = (operation, ENTRY_POINT, U256::from(chain)).abi_encode_params();
        agree_on_operation(&bytes)?;
        damage.into_iter().for_each(|damage| damage.apply(&mut bytes));
        agree_on_operation(&bytes)?;
    }
}

/// Compares the transaction, and what `damage` makes of it where it is still taken.
fn agree<T>(theirs: &T, damage: Vec<crate::Damage>) -> Result<(), TestCaseError>
where
    T: SignableTransaction<Signature> + Decodable,
{
    let mut bytes = theirs.encoded_for_signing();
    let ours = Transaction::parse(&bytes).unwrap();
    let kind = ours.transaction_type();
    same(&ours, theirs)?;
    damage.into_iter().for_each(|damage| damage.apply(&mut bytes));
    let Ok(damaged) = Transaction::parse(&bytes) else { return Ok(()) };
    if damaged.transaction_type() == kind {
        let typed = usize::from(kind.byte().is_some());
        same(&damaged, &T::decode(&mut &bytes[typed..]).unwrap())?;
    }
    Ok(())
}

fn same<T: SignableTransaction<Signature>>(ours: &Transaction<'_>, theirs: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.to_bytes(), theirs.encoded_for_signing());
    prop_assert_eq!(ours.signing_hash(), theirs.signature_hash().0);
    prop_assert_eq!(Some(ours.chain_id()), theirs.chain_id());
    prop_assert_eq!((ours.nonce(), ours.gas_limit()), (theirs.nonce(), theirs.gas_limit()));
    let mut effects = match theirs.kind() {
        TxKind::Call(to) => called(to, theirs.value(), theirs.input()),
        TxKind::Create => vec![Effect::Creation { code: keccak256(theirs.input()).0, value: number(theirs.value()) }],
    };
    effects.extend(theirs.authorization_list().unwrap_or_default().iter().map(|signed| Effect::Delegation {
        code: signed.address.into_array().into(),
        chain_id: number(signed.chain_id),
        nonce: signed.nonce,
    }));
    let execution = u128::from(theirs.gas_limit()) * theirs.max_fee_per_gas();
    let blobs = u128::from(theirs.blob_gas_used().unwrap_or(0)) * theirs.max_fee_per_blob_gas().unwrap_or(0);
    prop_assert_eq!(ours.max_fee(), execution + blobs);
    effects.push(Effect::Fee { asset: Asset::Wei, most: (execution + blobs).into() });
    prop_assert_eq!(ours.effects(), effects);
    Ok(())
}

/// What a call does, by what alloy makes of its input.
fn called(to: Address, value: U256, input: &[u8]) -> Vec<Effect> {
    let paid = Effect::Transfer { asset: Asset::Wei, from: Party::Signer, to: party(to), amount: number(value) };
    let mut effects: Vec<_> = (!value.is_zero() || input.is_empty()).then_some(paid).into_iter().collect();
    if !input.is_empty() {
        effects.extend(standard(party(to), input).unwrap_or_else(|| vec![unknown(to, input)]));
    }
    effects
}

fn unknown(contract: Address, input: &[u8]) -> Effect {
    Effect::Call { contract: party(contract), function: input.first_chunk().copied(), input: input.to_vec() }
}

fn standard(contract: Party, input: &[u8]) -> Option<Vec<Effect>> {
    let token = || Asset::Token(contract.clone());
    let item = |id: U256| Asset::Item { collection: contract.clone(), id: number(id) };
    let moved = |asset, from: Address, to: Address, amount: U256| Effect::Transfer {
        asset,
        from: party(from),
        to: party(to),
        amount: number(amount),
    };
    let allowed = |spender: Address, amount: U256, further| Effect::Allowance {
        asset: token(),
        spender: party(spender),
        amount: number(amount),
        further,
    };
    let effect = if let Some(call) = exactly::<transferCall>(input) {
        Effect::Transfer { asset: token(), from: Party::Signer, to: party(call.to), amount: number(call.amount) }
    } else if let Some(call) = exactly::<transferFromCall>(input) {
        moved(token(), call.from, call.to, call.amount)
    } else if let Some(call) = exactly::<approveCall>(input) {
        allowed(call.spender, call.amount, false)
    } else if let Some(call) = exactly::<increaseAllowanceCall>(input) {
        allowed(call.spender, call.amount, true)
    } else if let Some(call) = exactly::<setApprovalForAllCall>(input) {
        Effect::Operator { collection: contract, operator: party(call.operator), allowed: call.allowed }
    } else if let Some(call) = exactly::<Item::safeTransferFromCall>(input) {
        moved(item(call.id), call.from, call.to, U256::from(1))
    } else if let Some(call) = exactly::<ItemWithData::safeTransferFromCall>(input).filter(|call| call.data.is_empty())
    {
        moved(item(call.id), call.from, call.to, U256::from(1))
    } else if let Some(call) = exactly::<KindOfItem::safeTransferFromCall>(input).filter(|call| call.data.is_empty()) {
        moved(item(call.id), call.from, call.to, call.amount)
    } else {
        let call = exactly::<safeBatchTransferFromCall>(input)
            .filter(|call| call.ids.len() == call.amounts.len() && call.data.is_empty())?;
        let pairs = call.ids.iter().zip(&call.amounts);
        return Some(pairs.map(|(id, amount)| moved(item(*id), call.from, call.to, *amount)).collect());
    };
    Some(vec![effect])
}

/// The call of which `input` is the only encoding.
fn exactly<C: SolCall>(input: &[u8]) -> Option<C> {
    C::abi_decode_validate(input).ok().filter(|call| call.abi_encode() == input)
}

fn agree_on_operation(bytes: &[u8]) -> Result<(), TestCaseError> {
    type Payload = (Operation, Address, U256);
    let judged = Payload::abi_decode_params_validate(bytes).ok().filter(|payload| payload.abi_encode_params() == bytes);
    let judged = judged.and_then(|(operation, entry_point, chain)| {
        let chain = u64::try_from(chain).ok().filter(|chain| (1..=u64::MAX / 2 - 36).contains(chain))?;
        (entry_point == ENTRY_POINT).then_some(())?;
        // The entry point takes such a paymaster for none, and the account pays.
        (!operation.paymasterAndData.starts_with(&[0; 20])).then_some(())?;
        Some((max_fee(&operation)?, operation, chain))
    });
    let ours = UserOperation::parse(bytes);
    prop_assert_eq!(ours.is_ok(), judged.is_some(), "{:?} {:?}", ours, judged);
    let (Ok(ours), Some((max_fee, theirs, chain))) = (ours, judged) else { return Ok(()) };
    prop_assert_eq!(ours.to_bytes(), bytes);
    let [init, call, paymaster] = [&theirs.initCode, &theirs.callData, &theirs.paymasterAndData].map(keccak256);
    let (limits, gas, fees) = (theirs.accountGasLimits, theirs.preVerificationGas, theirs.gasFees);
    let packed = keccak256((theirs.sender, theirs.nonce, init, call, limits, gas, fees, paymaster).abi_encode());
    let hash = keccak256((packed, ENTRY_POINT, U256::from(chain)).abi_encode());
    prop_assert_eq!(ours.hash(), hash.0);
    prop_assert_eq!(ours.signing_hash(), alloy_primitives::eip191_hash_message(hash).0);
    prop_assert_eq!((ours.chain_id(), ours.max_fee()), (chain, max_fee));
    let mut effects = Vec::new();
    if let Some((factory, input)) = theirs.initCode.split_first_chunk::<20>() {
        effects.push(unknown(factory.into(), input));
    }
    let inner = made(&theirs.callData).unwrap_or_else(|| vec![unknown(theirs.sender, &theirs.callData)]);
    effects.extend(inner.into_iter().filter(|_| !theirs.callData.is_empty()));
    effects.push(match theirs.paymasterAndData.split_first_chunk::<20>() {
        Some((paymaster, rest)) => unknown(paymaster.into(), &rest[32..]),
        None => Effect::Fee { asset: Asset::Wei, most: max_fee.into() },
    });
    prop_assert_eq!(ours.effects(), effects);
    Ok(())
}

/// The most that the entry point takes, unless it would refuse the operation.
fn max_fee(operation: &Operation) -> Option<u128> {
    let half = |bytes: &[u8], at: usize| U256::from_be_slice(&bytes[at..at + 16]);
    let (limits, fees, paymaster) = (&operation.accountGasLimits, &operation.gasFees, &operation.paymasterAndData);
    let whole = |field: &Bytes, least| field.is_empty() || field.len() >= least;
    let sound = whole(&operation.initCode, 20) && whole(paymaster, 52) && half(&fees[..], 0) <= half(&fees[..], 16);
    sound.then_some(())?;
    let paymaster = if paymaster.is_empty() { U256::ZERO } else { half(paymaster, 20) + half(paymaster, 36) };
    let gas = half(&limits[..], 0) + half(&limits[..], 16) + paymaster;
    gas.checked_add(operation.preVerificationGas)?.checked_mul(half(&fees[..], 16))?.try_into().ok()
}

/// What the calls that an account makes do, if its input is one of those that are understood.
fn made(input: &[u8]) -> Option<Vec<Effect>> {
    if let Some(call) = exactly::<executeCall>(input) {
        return Some(called(call.to, call.value, &call.input));
    }
    if let Some(call) = exactly::<Structs::executeBatchCall>(input) {
        return Some(call.calls.iter().flat_map(|call| called(call.to, call.value, &call.input)).collect());
    }
    let call = exactly::<Arrays::executeBatchCall>(input)?;
    let same = call.to.len() == call.values.len() && call.values.len() == call.inputs.len();
    let calls = call.to.iter().zip(&call.values).zip(&call.inputs);
    same.then(|| calls.flat_map(|((to, value), input)| called(*to, *value, input)).collect())
}

fn party(address: Address) -> Party {
    Party::Ethereum(address.into_array().into())
}

fn number(number: U256) -> cloister_chains::U256 {
    number.to_be_bytes::<32>().into()
}

fn any_address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address::from)
}

fn any_number() -> impl Strategy<Value = U256> {
    prop_oneof![any::<u64>().prop_map(U256::from), any::<[u8; 32]>().prop_map(U256::from_be_bytes), Just(U256::ZERO)]
}

fn any_bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..70).prop_map(Bytes::from)
}

/// The input of a call of one of the standards, or of none.
fn call() -> impl Strategy<Value = Vec<u8>> {
    let lists = (vec(any_number(), 0..4), vec(any_number(), 0..4), any::<bool>());
    let parties = (any_address(), any_address());
    (0..10, parties, any_number(), any_number(), any_bytes(), lists).prop_map(
        |(kind, (from, to), id, amount, data, (ids, mut amounts, flag))| match kind {
            0 => transferCall { to, amount }.abi_encode(),
            1 => transferFromCall { from, to, amount }.abi_encode(),
            2 => approveCall { spender: to, amount }.abi_encode(),
            3 => increaseAllowanceCall { spender: to, amount }.abi_encode(),
            4 => setApprovalForAllCall { operator: to, allowed: flag }.abi_encode(),
            5 => Item::safeTransferFromCall { from, to, id }.abi_encode(),
            6 => ItemWithData::safeTransferFromCall { from, to, id, data }.abi_encode(),
            7 => KindOfItem::safeTransferFromCall { from, to, id, amount, data }.abi_encode(),
            8 => {
                if flag {
                    amounts = ids.clone();
                }
                safeBatchTransferFromCall { from, to, ids, amounts, data }.abi_encode()
            }
            _ => data.to_vec(),
        },
    )
}

/// What an account is called with: one or several of such calls, or something else.
fn account_call() -> impl Strategy<Value = Vec<u8>> {
    let inner = (any_address(), any_number(), call());
    (0..5, vec(inner, 0..4), any_bytes()).prop_map(|(kind, calls, data)| {
        let first = calls.first().cloned();
        match (kind, first) {
            (0, Some((to, value, input))) => executeCall { to, value, input: input.into() }.abi_encode(),
            (0 | 1, _) => {
                let call = |(to, value, input): (Address, U256, Vec<u8>)| Inner { to, value, input: input.into() };
                Structs::executeBatchCall { calls: calls.into_iter().map(call).collect() }.abi_encode()
            }
            (2 | 3, _) => {
                let (to, mut values) = calls.iter().map(|(to, value, _)| (*to, *value)).collect::<(Vec<_>, Vec<_>)>();
                let inputs = calls.into_iter().map(|(_, _, input)| input.into()).collect();
                values.truncate(if kind == 2 { values.len() } else { 1 });
                Arrays::executeBatchCall { to, values, inputs }.abi_encode()
            }
            _ => data.to_vec(),
        }
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let gas = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let fields = prop_oneof![Just((0, 0)), (20..60usize, 0..80usize), (0..60usize, 52..80usize)];
    (any_address(), any_number(), account_call(), gas, fields, any::<u8>()).prop_map(
        |(sender, nonce, input, (verification, call, pre, max, priority), (init, paymaster), fill)| {
            let pair = |high: u32, low: u32| B256::from(U256::from(u128::from(low)) | (U256::from(high) << 128));
            Operation {
                sender,
                nonce,
                initCode: vec![fill; init].into(),
                callData: input.into(),
                accountGasLimits: pair(verification, call),
                preVerificationGas: U256::from(pre),
                gasFees: pair(priority.min(max), max),
                // Limits of gas that the fee leaves room for.
                paymasterAndData: (0..paymaster)
                    .map(|at| if (20..52).contains(&at) { u8::from(at % 16 == 3) } else { fill })
                    .collect(),
            }
        },
    )
}

/// A transaction to be, of any type.
#[derive(Debug, Clone)]
struct Draft {
    chain_id: u64,
    nonce: u64,
    gas_limit: u64,
    price: u128,
    priority: u128,
    to: TxKind,
    value: U256,
    input: Bytes,
    access_list: AccessList,
    blobs: Vec<B256>,
    authorizations: Vec<SignedAuthorization>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let numbers = (1..u64::MAX / 2 - 36, 0..u64::MAX, any::<u32>(), any::<u64>(), any::<u64>());
    let to = prop_oneof![4 => any_address().prop_map(TxKind::Call), 1 => Just(TxKind::Create)];
    let item = (any_address(), vec(any::<[u8; 32]>().prop_map(B256::from), 0..3));
    let item = item.prop_map(|(address, storage_keys)| AccessListItem { address, storage_keys });
    let blob = any::<[u8; 32]>().prop_map(|mut hash| {
        hash[0] = 1;
        B256::from(hash)
    });
    let signed = (any_number(), any_address(), any::<u64>(), 0..2u8, any_number(), any_number());
    let signed = signed.prop_map(|(chain_id, address, nonce, parity, r, s)| {
        SignedAuthorization::new_unchecked(Authorization { chain_id, address, nonce }, parity, r, s)
    });
    let lists = (vec(item, 0..3), vec(blob, 1..7), vec(signed, 1..4));
    (numbers, to, any_number(), prop_oneof![call(), any_bytes().prop_map(|bytes| bytes.to_vec())], lists).prop_map(
        |((chain_id, nonce, gas, price, priority), to, value, input, (items, blobs, authorizations))| Draft {
            chain_id,
            nonce,
            gas_limit: gas.into(),
            price: price.into(),
            priority: priority.min(price).into(),
            to,
            value,
            input: input.into(),
            access_list: AccessList(items),
            blobs,
            authorizations,
        },
    )
}

impl Draft {
    fn recipient(&self) -> Address {
        self.to.to().copied().unwrap_or_default()
    }

    fn legacy(&self) -> TxLegacy {
        let Self { chain_id, nonce, gas_limit, price: gas_price, to, value, input, .. } = self.clone();
        TxLegacy { chain_id: Some(chain_id), nonce, gas_price, gas_limit, to, value, input }
    }

    fn access_list(&self) -> TxEip2930 {
        let Self { chain_id, nonce, gas_limit, price: gas_price, to, value, input, access_list, .. } = self.clone();
        TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input }
    }

    fn dynamic_fee(&self) -> TxEip1559 {
        let Self { chain_id, nonce, gas_limit, to, value, input, access_list, .. } = self.clone();
        let (max_fee_per_gas, max_priority_fee_per_gas) = (self.price, self.priority);
        TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            to,
            value,
            access_list,
            input,
        }
    }

    fn blob(&self) -> TxEip4844 {
        let Self { chain_id, nonce, gas_limit, value, input, access_list, blobs, .. } = self.clone();
        TxEip4844 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: self.price,
            max_priority_fee_per_gas: self.priority,
            to: self.recipient(),
            value,
            access_list,
            blob_versioned_hashes: blobs,
            max_fee_per_blob_gas: self.priority,
            input,
        }
    }

    fn set_code(&self) -> TxEip7702 {
        let Self { chain_id, nonce, gas_limit, value, input, access_list, authorizations, .. } = self.clone();
        TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: self.price,
            max_priority_fee_per_gas: self.priority,
            to: self.recipient(),
            value,
            access_list,
            authorization_list: authorizations,
            input,
        }
    }
}
