//! The JSON of an ERC-4337 user operation of version 0.7 that is to be signed:
//!
//! ```json
//! { "userOperation": { "sender": "0x…", … }, "entryPoint": "0x0000000071727De22E5E9d8BAf0edAc6f37da032", "chainId": 1 }
//! ```
//! The operation is packed, as the entry point takes it, or not, as `eth_sendUserOperation` does. A `signature` in it is a stand-in, of
//! which nothing is signed.

use cloister_chains::{Rejected, U256, ethereum::UserOperation};
use serde::Deserialize;

use crate::json_value::{Json, Misfit, Sign, address, hexadecimal, misfit, number};

/// Why a JSON document is no user operation that can be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAUserOperation {
    /// Not JSON, or with other members.
    #[error("this is not the JSON of a user operation with its entry point and chain id: {0}")]
    Json(String),
    /// A member that is missing, too many or of the wrong form.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A user operation that no signer takes.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl NotAUserOperation {
    /// The stable code, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Misfit(_) => "user_operation_json_invalid",
            Self::Rejected(why) => why.code(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    user_operation: Operation,
    entry_point: Json,
    chain_id: Json,
}

/// Both forms; which one it is follows from `accountGasLimits`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Operation {
    sender: Json,
    nonce: Json,
    call_data: Json,
    pre_verification_gas: Json,
    #[serde(rename = "signature")]
    _signature: Option<Json>,
    init_code: Option<Json>,
    account_gas_limits: Option<Json>,
    gas_fees: Option<Json>,
    paymaster_and_data: Option<Json>,
    factory: Option<Json>,
    factory_data: Option<Json>,
    verification_gas_limit: Option<Json>,
    call_gas_limit: Option<Json>,
    max_priority_fee_per_gas: Option<Json>,
    max_fee_per_gas: Option<Json>,
    paymaster: Option<Json>,
    paymaster_verification_gas_limit: Option<Json>,
    paymaster_post_op_gas_limit: Option<Json>,
    paymaster_data: Option<Json>,
}

/// What is packed: `initCode`, `accountGasLimits`, `gasFees`, `paymasterAndData`.
struct Packed {
    init_code: Vec<u8>,
    account_gas_limits: Vec<u8>,
    gas_fees: Vec<u8>,
    paymaster_and_data: Vec<u8>,
}

/// What [`UserOperation::parse`] reads.
///
/// # Errors
/// [`NotAUserOperation`].
pub fn from_json(json: &[u8]) -> Result<Vec<u8>, NotAUserOperation> {
    let Document { user_operation, entry_point, chain_id } =
        serde_json::from_slice(json).map_err(|why| NotAUserOperation::Json(why.to_string()))?;
    let entry_point = word(address(&entry_point, "entryPoint")?.as_bytes());
    let chain_id = number(&chain_id, Sign::Unsigned, "chainId")?.to_be_bytes();
    let head = [U256::from(HEAD).to_be_bytes(), entry_point, chain_id].concat();
    let bytes = [head, user_operation.encode()?].concat();
    UserOperation::parse(&bytes)?;
    Ok(bytes)
}

impl Operation {
    /// As Solidity's ABI has the packed form, without the signature.
    fn encode(&self) -> Result<Vec<u8>, Misfit> {
        let Packed { init_code, account_gas_limits, gas_fees, paymaster_and_data } = self.packed()?;
        let call_data = hexadecimal(&self.call_data, "callData")?;
        let tails = [init_code, call_data, paymaster_and_data].map(|bytes| tail(&bytes));
        let mut place = STRUCT;
        let [init_code, call_data, paymaster_and_data] = tails.each_ref().map(|tail| {
            let here = U256::from(place).to_be_bytes();
            place += tail.len() as u64;
            here
        });
        let sender = word(address(&self.sender, "sender")?.as_bytes());
        let nonce = number(&self.nonce, Sign::Unsigned, "nonce")?.to_be_bytes();
        let pre_verification_gas =
            number(&self.pre_verification_gas, Sign::Unsigned, "preVerificationGas")?.to_be_bytes();
        let [account_gas_limits, gas_fees] = [(account_gas_limits, "accountGasLimits"), (gas_fees, "gasFees")]
            .map(|(bytes, name)| <[u8; 32]>::try_from(bytes).or_else(|_| misfit(name, "must have 32 bytes")));
        let fields = [
            sender,
            nonce,
            init_code,
            call_data,
            account_gas_limits?,
            pre_verification_gas,
            gas_fees?,
            paymaster_and_data,
        ];
        Ok([fields.concat(), tails.concat()].concat())
    }

    fn packed(&self) -> Result<Packed, Misfit> {
        let packed = self.account_gas_limits.is_some();
        self.refuse_fields_of_the_other_form(packed)?;
        let bytes = |field: &Option<Json>, name| field.as_ref().map_or(Ok(Vec::new()), |one| hexadecimal(one, name));
        if packed {
            return Ok(Packed {
                init_code: bytes(&self.init_code, "initCode")?,
                account_gas_limits: bytes(&self.account_gas_limits, "accountGasLimits")?,
                gas_fees: bytes(&self.gas_fees, "gasFees")?,
                paymaster_and_data: bytes(&self.paymaster_and_data, "paymasterAndData")?,
            });
        }
        let verification = half(&self.verification_gas_limit, "verificationGasLimit")?;
        let priority = half(&self.max_priority_fee_per_gas, "maxPriorityFeePerGas")?;
        Ok(Packed {
            init_code: self.factory()?,
            account_gas_limits: [verification, half(&self.call_gas_limit, "callGasLimit")?].concat(),
            gas_fees: [priority, half(&self.max_fee_per_gas, "maxFeePerGas")?].concat(),
            paymaster_and_data: self.paymaster()?,
        })
    }

    fn refuse_fields_of_the_other_form(&self, packed: bool) -> Result<(), Misfit> {
        let fields = [
            ("initCode", &self.init_code, true),
            ("gasFees", &self.gas_fees, true),
            ("paymasterAndData", &self.paymaster_and_data, true),
            ("factory", &self.factory, false),
            ("factoryData", &self.factory_data, false),
            ("verificationGasLimit", &self.verification_gas_limit, false),
            ("callGasLimit", &self.call_gas_limit, false),
            ("maxPriorityFeePerGas", &self.max_priority_fee_per_gas, false),
            ("maxFeePerGas", &self.max_fee_per_gas, false),
            ("paymaster", &self.paymaster, false),
            ("paymasterVerificationGasLimit", &self.paymaster_verification_gas_limit, false),
            ("paymasterPostOpGasLimit", &self.paymaster_post_op_gas_limit, false),
            ("paymasterData", &self.paymaster_data, false),
        ];
        match fields.into_iter().find(|(_, field, belongs)| field.is_some() && *belongs != packed) {
            Some((name, ..)) => {
                misfit(name, "mixes the packed form, which has accountGasLimits, with the other, which has not")
            }
            None => Ok(()),
        }
    }

    /// The factory and its input; nothing if there is none.
    fn factory(&self) -> Result<Vec<u8>, Misfit> {
        match (&self.factory, &self.factory_data) {
            (None, None) => Ok(Vec::new()),
            (None, Some(_)) => misfit("factoryData", "belongs to a factory, and there is none"),
            (Some(factory), data) => {
                let data = data.as_ref().map_or(Ok(Vec::new()), |data| hexadecimal(data, "factoryData"))?;
                Ok([address(factory, "factory")?.as_bytes().as_slice(), &data].concat())
            }
        }
    }

    /// The paymaster, its two gas limits and its input; nothing if there is none.
    fn paymaster(&self) -> Result<Vec<u8>, Misfit> {
        let Some(paymaster) = &self.paymaster else {
            let fields =
                [&self.paymaster_verification_gas_limit, &self.paymaster_post_op_gas_limit, &self.paymaster_data];
            let left = fields.iter().any(|field| field.is_some());
            return if left { misfit("paymaster", "is missing, and fields of it are there") } else { Ok(Vec::new()) };
        };
        let verification = half(&self.paymaster_verification_gas_limit, "paymasterVerificationGasLimit")?;
        let post = half(&self.paymaster_post_op_gas_limit, "paymasterPostOpGasLimit")?;
        let data = self.paymaster_data.as_ref();
        let data = data.map_or(Ok(Vec::new()), |data| hexadecimal(data, "paymasterData"))?;
        Ok([address(paymaster, "paymaster")?.as_bytes().as_slice(), &verification, &post, &data].concat())
    }
}

/// A number of 128 bits, which is half a word.
fn half(field: &Option<Json>, name: &str) -> Result<[u8; 16], Misfit> {
    let Some(value) = field else { return misfit(name, "is missing; nothing is filled in here") };
    match u128::try_from(number(value, Sign::Unsigned, name)?) {
        Ok(number) => Ok(number.to_be_bytes()),
        Err(_) => misfit(name, "must be below 2^128"),
    }
}

fn word(address: &[u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

/// The length, and the bytes filled up to whole words.
fn tail(bytes: &[u8]) -> Vec<u8> {
    let padding = vec![0; bytes.len().next_multiple_of(32) - bytes.len()];
    [&U256::from(bytes.len() as u64).to_be_bytes()[..], bytes, &padding].concat()
}

/// Bytes in front of the operation: where it begins, the entry point, the chain id.
const HEAD: u64 = 3 * 32;
/// Bytes of an operation in front of its first tail.
const STRUCT: u64 = 8 * 32;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn convert(document: &Value) -> Result<Vec<u8>, NotAUserOperation> {
        from_json(document.to_string().as_bytes())
    }

    /// Words of a payload, and its bytes at an offset of the struct that stands in one.
    fn field(payload: &[u8], number: usize) -> String {
        format!("0x{}", hex::encode(&payload[96 + number * 32..][..32]))
    }

    fn dynamic(payload: &[u8], number: usize) -> String {
        let at = |place: usize| usize::from_str_radix(&hex::encode(&payload[place + 24..place + 32]), 16).unwrap();
        let place = 96 + at(96 + number * 32);
        format!("0x{}", hex::encode(&payload[place + 32..][..at(place)]))
    }

    fn packed(payload: &[u8]) -> Value {
        json!({
            "userOperation": {
                "sender": format!("0x{}", hex::encode(&payload[108..128])),
                "nonce": field(payload, 1),
                "initCode": dynamic(payload, 2),
                "callData": dynamic(payload, 3),
                "accountGasLimits": field(payload, 4),
                "preVerificationGas": field(payload, 5),
                "gasFees": field(payload, 6),
                "paymasterAndData": dynamic(payload, 7),
                "signature": "0x",
            },
            "entryPoint": format!("0x{}", hex::encode(&payload[44..64])),
            "chainId": format!("0x{}", hex::encode(&payload[64..96])),
        })
    }

    /// The same in the other form.
    fn unpacked(payload: &[u8]) -> Value {
        let mut document = packed(payload);
        let operation = document["userOperation"].as_object_mut().unwrap();
        let mut take = |name: &str| operation.remove(name).unwrap().as_str().unwrap()[2..].to_owned();
        let [init_code, gas, fees, paymaster] =
            ["initCode", "accountGasLimits", "gasFees", "paymasterAndData"].map(&mut take);
        let mut put = |name: &str, digits: &str| drop(operation.insert(name.to_owned(), format!("0x{digits}").into()));
        put("verificationGasLimit", &gas[..32]);
        put("callGasLimit", &gas[32..]);
        put("maxPriorityFeePerGas", &fees[..32]);
        put("maxFeePerGas", &fees[32..]);
        if !init_code.is_empty() {
            put("factory", &init_code[..40]);
            put("factoryData", &init_code[40..]);
        }
        if !paymaster.is_empty() {
            put("paymaster", &paymaster[..40]);
            put("paymasterVerificationGasLimit", &paymaster[40..72]);
            put("paymasterPostOpGasLimit", &paymaster[72..104]);
            put("paymasterData", &paymaster[104..]);
        }
        document
    }

    /// `chains/vectors/effects.py` wrote them.
    fn payloads() -> Vec<Vec<u8>> {
        let vectors: Value = serde_json::from_str(include_str!("../../chains/vectors/effects.json")).unwrap();
        let cases = vectors["user_operations"].as_array().unwrap();
        cases.iter().map(|case| hex::decode(case["payload"].as_str().unwrap()).unwrap()).collect()
    }

    #[test]
    fn both_forms_give_the_payload_that_signers_read() {
        assert!(payloads().len() > 5);
        for payload in payloads() {
            assert_eq!(convert(&packed(&payload)).unwrap(), payload);
            assert_eq!(convert(&unpacked(&payload)).unwrap(), payload);
        }
    }

    #[test]
    fn refuses_what_is_missing_too_many_or_of_the_other_form() {
        let payload = &payloads()[0];
        let misfit = |base: &Value, name: &str, value: Value| {
            let mut document = base.clone();
            match value {
                Value::Null => drop(document["userOperation"].as_object_mut().unwrap().remove(name)),
                value => document["userOperation"][name] = value,
            }
            match convert(&document) {
                Err(NotAUserOperation::Misfit(Misfit { path, .. })) => path,
                Err(NotAUserOperation::Json(_)) => "json".to_owned(),
                other => panic!("{name}: {other:?}"),
            }
        };
        let (packed, unpacked) = (packed(payload), unpacked(payload));
        assert_eq!(misfit(&packed, "callGasLimit", 1.into()), "callGasLimit");
        assert_eq!(misfit(&packed, "gasFees", "0x00".into()), "gasFees");
        assert_eq!(misfit(&packed, "eip7702Auth", json!({})), "json");
        assert_eq!(misfit(&packed, "sender", Value::Null), "json");
        assert_eq!(misfit(&unpacked, "callGasLimit", Value::Null), "callGasLimit");
        assert_eq!(misfit(&unpacked, "initCode", "0x".into()), "initCode");
        assert_eq!(misfit(&unpacked, "factoryData", "0x".into()), "factoryData");
        assert_eq!(misfit(&unpacked, "paymasterData", "0x".into()), "paymaster");
        assert_eq!(misfit(&unpacked, "maxFeePerGas", format!("0x1{}", "0".repeat(32)).into()), "maxFeePerGas");
        let mut other = packed.clone();
        other["entryPoint"] = "0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789".into();
        assert_eq!(convert(&other).unwrap_err().code(), "ethereum_entry_point");
    }
}
