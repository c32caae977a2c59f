//! What an Ethereum transaction does: ether that moves, calls of the token standards, and every other call by its function.
//!
//! A call counts as one of a standard (ERC-20, ERC-721, ERC-1155) only if its input is exactly what Solidity's ABI encodes for it: no byte
//! more, addresses and offsets padded with zeros, tails one behind the other. Contracts take looser encodings; those stay [`Effect::Call`]s.
//! Whether the contract *is* of that standard cannot be seen here. A policy that names the contract says so.

use super::{Address, Transaction, abi::Arguments, keccak256};
use crate::{
    U256,
    effect::{Asset, Effect, Party},
};

impl Transaction<'_> {
    /// What it does if it succeeds, the fee last.
    pub fn effects(&self) -> Vec<Effect> {
        let mut effects = match self.to() {
            None => vec![Effect::Creation { code: keccak256(self.data()), value: self.value() }],
            Some(to) => call(to, self.value(), self.data()),
        };
        let delegation = |authorization: &super::Authorization| Effect::Delegation {
            code: authorization.address,
            chain_id: authorization.chain_id,
            nonce: authorization.nonce,
        };
        effects.extend(self.authorizations().iter().map(delegation));
        effects.push(Effect::Fee { asset: Asset::Wei, most: self.max_fee().into() });
        effects
    }
}

/// What it does that an account pays or calls another.
pub(super) fn call(to: Address, value: U256, input: &[u8]) -> Vec<Effect> {
    let mut effects = Vec::new();
    if value != U256::ZERO || input.is_empty() {
        let (from, to) = (Party::Signer, Party::Ethereum(to));
        effects.push(Effect::Transfer { asset: Asset::Wei, from, to, amount: value });
    }
    if !input.is_empty() {
        effects.extend(standard_call(to, input).unwrap_or_else(|| vec![unknown_call(to, input)]));
    }
    effects
}

pub(super) fn unknown_call(contract: Address, input: &[u8]) -> Effect {
    let function = input.first_chunk().copied();
    Effect::Call { contract: Party::Ethereum(contract), function, input: input.to_vec() }
}

fn standard_call(contract: Address, input: &[u8]) -> Option<Vec<Effect>> {
    let (function, arguments) = input.split_first_chunk()?;
    let mut arguments = Arguments::new(arguments)?;
    let effects = read_call(Party::Ethereum(contract), *function, &mut arguments)?;
    arguments.is_empty().then_some(effects)
}

fn read_call(contract: Party, function: [u8; 4], arguments: &mut Arguments<'_>) -> Option<Vec<Effect>> {
    let party = |arguments: &mut Arguments<'_>| arguments.address().map(Party::Ethereum);
    let token = || Asset::Token(contract.clone());
    let item = |id| Asset::Item { collection: contract.clone(), id };
    let effect = match function {
        TRANSFER => {
            let (to, amount) = (party(arguments)?, arguments.number()?);
            Effect::Transfer { asset: token(), from: Party::Signer, to, amount }
        }
        TRANSFER_FROM => {
            let (from, to, amount) = (party(arguments)?, party(arguments)?, arguments.number()?);
            Effect::Transfer { asset: token(), from, to, amount }
        }
        APPROVE | INCREASE_ALLOWANCE => {
            let (spender, amount) = (party(arguments)?, arguments.number()?);
            Effect::Allowance { asset: token(), spender, amount, further: function == INCREASE_ALLOWANCE }
        }
        SET_APPROVAL_FOR_ALL => {
            let (operator, allowed) = (party(arguments)?, arguments.flag()?);
            Effect::Operator { collection: contract, operator, allowed }
        }
        SAFE_TRANSFER_FROM | SAFE_TRANSFER_FROM_WITH_DATA => {
            let (from, to, id) = (party(arguments)?, party(arguments)?, arguments.number()?);
            if function == SAFE_TRANSFER_FROM_WITH_DATA {
                nothing(arguments.bytes()?)?;
            }
            Effect::Transfer { asset: item(id), from, to, amount: U256::from(1_u64) }
        }
        SAFE_TRANSFER_FROM_OF_KIND => {
            let (from, to) = (party(arguments)?, party(arguments)?);
            let (id, amount) = (arguments.number()?, arguments.number()?);
            nothing(arguments.bytes()?)?;
            Effect::Transfer { asset: item(id), from, to, amount }
        }
        SAFE_BATCH_TRANSFER_FROM => {
            let (from, to) = (party(arguments)?, party(arguments)?);
            let ([ids, amounts], data) = arguments.two_arrays_and_bytes()?;
            nothing(data)?;
            let transfer = |(id, amount)| {
                let (from, to) = (from.clone(), to.clone());
                Effect::Transfer { asset: item(id), from, to, amount }
            };
            return (ids.len() == amounts.len()).then(|| ids.into_iter().zip(amounts).map(transfer).collect());
        }
        _ => return None,
    };
    Some(vec![effect])
}

/// What a receiving contract is told with a transfer may be an order, of which only it knows the meaning.
fn nothing(data: &[u8]) -> Option<()> {
    data.is_empty().then_some(())
}

/// `transfer(address,uint256)`, ERC-20.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
/// `transferFrom(address,address,uint256)`, ERC-20 and ERC-721.
const TRANSFER_FROM: [u8; 4] = [0x23, 0xb8, 0x72, 0xdd];
/// `approve(address,uint256)`, ERC-20 and ERC-721.
const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
/// `increaseAllowance(address,uint256)`, which many ERC-20 contracts add.
const INCREASE_ALLOWANCE: [u8; 4] = [0x39, 0x50, 0x93, 0x51];
/// `setApprovalForAll(address,bool)`, ERC-721 and ERC-1155.
const SET_APPROVAL_FOR_ALL: [u8; 4] = [0xa2, 0x2c, 0xb4, 0x65];
/// `safeTransferFrom(address,address,uint256)`, ERC-721.
const SAFE_TRANSFER_FROM: [u8; 4] = [0x42, 0x84, 0x2e, 0x0e];
/// `safeTransferFrom(address,address,uint256,bytes)`, ERC-721.
const SAFE_TRANSFER_FROM_WITH_DATA: [u8; 4] = [0xb8, 0x8d, 0x4f, 0xde];
/// `safeTransferFrom(address,address,uint256,uint256,bytes)`, ERC-1155.
const SAFE_TRANSFER_FROM_OF_KIND: [u8; 4] = [0xf2, 0x42, 0x43, 0x2a];
/// `safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)`, ERC-1155.
const SAFE_BATCH_TRANSFER_FROM: [u8; 4] = [0x2e, 0xb2, 0xc2, 0xd6];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effect,
        ethereum::{
            RlpList,
            tests::{bytes, list},
        },
    };

    const CONTRACT: [u8; 20] = [0xcc; 20];

    /// What eth-abi encodes (`chains/vectors/effects.json`), and what that does.
    fn calls() -> Vec<(Vec<u8>, Vec<String>)> {
        let vectors = effect::tests::vectors("ethereum");
        let said = |effect: &serde_json::Value| {
            effect.as_str().unwrap().replace("{contract}", &Address::from(CONTRACT).to_string())
        };
        let case = |case: &serde_json::Value| (bytes(&case["data"]), list(&case["effects"]).iter().map(said).collect());
        list(&vectors).iter().map(case).collect()
    }

    fn said(value: u64, input: &[u8]) -> Vec<String> {
        call(CONTRACT.into(), value.into(), input).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_the_calls_of_the_token_standards_that_eth_abi_encodes() {
        let calls = calls();
        assert!(calls.len() > 15);
        for (input, effects) in calls {
            assert_eq!(said(0, &input), effects, "{}", hex::encode(&input));
        }
    }

    #[test]
    fn takes_no_other_encoding_for_a_call_of_a_standard() {
        for (input, effects) in calls() {
            for bent in (4..input.len()).map(|length| input[..length].to_vec()).chain([[&input[..], &[0; 32]].concat()])
            {
                let function = hex::encode(&bent[..4]);
                let [unknown] = &said(0, &bent)[..] else { panic!("{bent:?}") };
                assert!(unknown.starts_with(&format!("calls function 0x{function}")), "{unknown}");
            }
            let has_data = input.len() > 4 + 4 * 32;
            for bit in (32..input.len() * 8).filter(|_| !has_data) {
                let mut bent = input.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(said(0, &bent), effects, "bit {bit} of {}", hex::encode(&input));
            }
        }
    }

    #[test]
    fn tells_payments_calls_and_creations_apart() {
        let contract = Address::from(CONTRACT);
        assert_eq!(said(0, b""), [format!("pays 0 wei to {contract}")]);
        let hash = hex::encode(keccak256([1, 2, 3, 4, 5]));
        let called = format!("calls function 0x01020304 of {contract} with input 0x{hash}");
        assert_eq!(said(7, &[1, 2, 3, 4, 5]), [format!("pays 7 wei to {contract}"), called]);
        let [_, Effect::Call { input, .. }] = &call(contract, 7_u64.into(), &[1, 2, 3, 4, 5])[..] else {
            panic!("a call")
        };
        assert_eq!(input, &[1, 2, 3, 4, 5]);
        assert_eq!(said(0, &[1]), [format!("calls {contract} with input 0x{}", hex::encode(keccak256([1])))]);
        let creation = RlpList::new().number(0_u64).number(2_u64).number(100_u64).string(b"").number(3_u64);
        let creation = creation.string(b"code").number(1_u64).number(0_u64).number(0_u64).finish();
        let effects = Transaction::parse(&creation).unwrap().effects();
        let effects: Vec<_> = effects.iter().map(ToString::to_string).collect();
        let code = hex::encode(keccak256(b"code"));
        assert_eq!(
            effects,
            [format!("creates a contract by code 0x{code} and pays it 3 wei"), "costs up to 200 wei".into()]
        );
    }
}
