//! What typed data does: the permits that move tokens without a transaction of the signer's, and everything else as an agreement of which
//! only its application knows the meaning.
//!
//! A permit is known by the hash of its type (ERC-2612; Uniswap's Permit2, `PermitHash.sol`). A token's own permit is for the contract
//! that its domain names; Permit2's are known only under the address at which Permit2 stands on every chain.

use super::TypedData;
use crate::{
    Rejected, U256,
    effect::{Asset, Effect, Party},
    ethereum::{Address, keccak256, rlp::Reader},
    rejected::{Encoding, Malformed},
};

impl TypedData<'_> {
    /// What it does once somebody uses the signature.
    pub fn effects(&self) -> Vec<Effect> {
        let permitted = self.read_permit().and_then(Result::ok);
        permitted.unwrap_or_else(|| {
            vec![Effect::Agreement {
                domain: self.domain_separator(),
                kind: self.type_hash,
                message: self.message_hash,
            }]
        })
    }

    fn read_permit(&self) -> Option<Result<Vec<Effect>, Rejected>> {
        let contract = self.domain().verifying_contract()?;
        let mut outer = Reader::new(Encoding::EthereumTypedData, self.message, 0);
        let mut fields = outer.list("struct").ok()?;
        let of = |kind: &str| self.type_hash == keccak256(kind);
        let permit2 = *contract.as_bytes() == PERMIT2;
        Some(if of(PERMIT) {
            read_permit(&mut fields, contract)
        } else if permit2 && (of(PERMIT_SINGLE) || of(PERMIT_TRANSFER)) {
            read_permit2(&mut fields, |fields| Ok(vec![Grant::read(fields)?]))
        } else if permit2 && (of(PERMIT_BATCH) || of(PERMIT_BATCH_TRANSFER)) {
            read_permit2(&mut fields, |fields| fields.items("grants", usize::MAX, Grant::read))
        } else {
            return None;
        })
    }
}

fn read_permit(fields: &mut Reader<'_>, token: Address) -> Result<Vec<Effect>, Rejected> {
    fields.address("owner")?;
    let spender = fields.address("spender")?;
    Ok(vec![Grant { token, amount: fields.number("value")? }.to(spender)])
}

/// In all of Permit2's messages the spender follows what is granted.
fn read_permit2<'a>(
    fields: &mut Reader<'a>,
    grants: impl FnOnce(&mut Reader<'a>) -> Result<Vec<Grant>, Malformed>,
) -> Result<Vec<Effect>, Rejected> {
    let grants = grants(fields)?;
    let spender = fields.address("spender")?;
    Ok(grants.into_iter().map(|grant| grant.to(spender)).collect())
}

/// What both of Permit2's inner structs begin with.
struct Grant {
    token: Address,
    amount: U256,
}

impl Grant {
    fn read(fields: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut fields = fields.list("struct")?;
        Ok(Self { token: fields.address("token")?, amount: fields.number("amount")? })
    }

    fn to(self, spender: Address) -> Effect {
        let asset = Asset::Token(Party::Ethereum(self.token));
        Effect::Allowance { asset, spender: Party::Ethereum(spender), amount: self.amount, further: false }
    }
}

const PERMIT: &str = "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
const PERMIT_SINGLE: &str = "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)\
    PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)";
const PERMIT_BATCH: &str = "PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)\
    PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)";
const PERMIT_TRANSFER: &str = "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)\
    TokenPermissions(address token,uint256 amount)";
const PERMIT_BATCH_TRANSFER: &str = "PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)\
    TokenPermissions(address token,uint256 amount)";

/// `0x000000000022D473030F116dDEE9F6B43aC78BA3`.
const PERMIT2: [u8; 20] =
    [0, 0, 0, 0, 0, 0x22, 0xd4, 0x73, 3, 0x0f, 0x11, 0x6d, 0xde, 0xe9, 0xf6, 0xb4, 0x3a, 0xc7, 0x8b, 0xa3];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethereum::RlpList;

    const OWNER: [u8; 20] = [0xa1; 20];
    const SPENDER: [u8; 20] = [0x5e; 20];
    const TOKEN: [u8; 20] = [0x70; 20];

    /// Typed data of `structs` (the primary one first), each a name and its fields.
    fn said(structs: &[(&str, &str)], contract: &[u8; 20], message: RlpList) -> Vec<String> {
        let mut sorted = structs.to_vec();
        sorted.sort_unstable();
        let field = |list: RlpList, field: &str| {
            let (kind, name) = field.split_once(' ').unwrap();
            list.list(RlpList::new().string(name.as_bytes()).string(kind.as_bytes()))
        };
        let types = sorted.into_iter().fold(RlpList::new(), |list, (name, fields)| {
            list.list(RlpList::new().string(name.as_bytes()).items(fields.split(','), field))
        });
        let absent = RlpList::new();
        let domain = RlpList::new().list(RlpList::new().string(b"App")).list(absent.clone()).list(absent.clone());
        let domain = domain.list(RlpList::new().string(contract)).list(absent);
        let bytes = RlpList::new().list(types).string(structs[0].0.as_bytes()).list(domain).list(message).finish();
        TypedData::parse(&bytes).unwrap().effects().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_types_are_those_that_the_contracts_check() {
        for (kind, published) in [
            (PERMIT, "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9"),
            (PERMIT_SINGLE, "f3841cd1ff0085026a6327b620b67997ce40f282c88a8e905a7a5626e310f3d0"),
            (PERMIT_BATCH, "af1b0d30d2cab0380e68f0689007e3254993c596f2fdd0aaa7f4d04f79440863"),
            (PERMIT_TRANSFER, "939c21a48a8dbe3a9a2404a1d46691e4d39f6583d6ec6b35714604c986d80106"),
            (PERMIT_BATCH_TRANSFER, "fcf35f5ac6a2c28868dc44c302166470266239195f02b0ee408334829333b766"),
        ] {
            assert_eq!(hex::encode(keccak256(kind)), published, "{kind}");
        }
        assert_eq!(Address::from(PERMIT2).to_string(), "0x000000000022D473030F116dDEE9F6B43aC78BA3");
    }

    #[test]
    fn a_permit_lets_its_spender_take_tokens() {
        let fields = "address owner,address spender,uint256 value,uint256 nonce,uint256 deadline";
        let message = || RlpList::new().string(&OWNER).string(&SPENDER).number(5_u64).number(0_u64).number(9_u64);
        let (spender, token) = (Address::from(SPENDER), Address::from(TOKEN));
        let expected = format!("lets {spender} take up to 5 of token {token}");
        assert_eq!(said(&[("Permit", fields)], &TOKEN, message()), [expected]);
        let renamed = fields.replace("owner", "holder");
        let [unknown] = &said(&[("Permit", &renamed)], &TOKEN, message())[..] else { panic!("one effect") };
        assert!(unknown.starts_with("agrees to typed data"), "{unknown}");
    }

    #[test]
    fn permit2_lets_its_spender_take_tokens_under_its_own_address_alone() {
        let details = ("PermitDetails", "address token,uint160 amount,uint48 expiration,uint48 nonce");
        let permissions = ("TokenPermissions", "address token,uint256 amount");
        let detail = |amount: u64| RlpList::new().string(&TOKEN).number(amount).number(1_u64).number(2_u64);
        let permission = |amount: u64| RlpList::new().string(&TOKEN).number(amount);
        let (spender, token) = (Address::from(SPENDER), Address::from(TOKEN));
        let lets = |amount: u64| format!("lets {spender} take up to {amount} of token {token}");
        let single = RlpList::new().list(detail(5)).string(&SPENDER).number(9_u64);
        let kind = [("PermitSingle", "PermitDetails details,address spender,uint256 sigDeadline"), details];
        assert_eq!(said(&kind, &PERMIT2, single.clone()), [lets(5)]);
        assert!(said(&kind, &TOKEN, single)[0].starts_with("agrees"));
        let batch =
            RlpList::new().items([5, 6], |list, amount| list.list(detail(amount))).string(&SPENDER).number(9_u64);
        let kind = [("PermitBatch", "PermitDetails[] details,address spender,uint256 sigDeadline"), details];
        assert_eq!(said(&kind, &PERMIT2, batch), [lets(5), lets(6)]);
        let transfer = RlpList::new().list(permission(7)).string(&SPENDER).number(1_u64).number(9_u64);
        let fields = "TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline";
        assert_eq!(said(&[("PermitTransferFrom", fields), permissions], &PERMIT2, transfer), [lets(7)]);
        let several = RlpList::new().items([7, 8], |list, amount| list.list(permission(amount)));
        let several = several.string(&SPENDER).number(1_u64).number(9_u64);
        let fields = fields.replace("TokenPermissions p", "TokenPermissions[] p");
        assert_eq!(said(&[("PermitBatchTransferFrom", &fields), permissions], &PERMIT2, several), [lets(7), lets(8)]);
    }
}
