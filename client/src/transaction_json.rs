//! The JSON that `eth_signTransaction` takes, turned into the unsigned transaction that signers read.
//!
//! The type follows from the fields, and from `type` where that is there. What belongs to another type, or is not known, is refused,
//! so that nothing stands in the JSON which is not signed.

use cloister_chains::{
    Rejected, U256,
    ethereum::{Address, RlpList, Transaction, TransactionType},
};
use serde::Deserialize;

use crate::json_value::{Json, Misfit, Sign, address, fits, hexadecimal, misfit, number};

/// An unsigned transaction, and who is to sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// What [`Transaction::parse`] reads.
    pub bytes: Vec<u8>,
    /// The sender, where the document names one.
    pub from: Option<Address>,
}

/// Why a JSON document is no transaction that can be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATransaction {
    /// Not JSON, or with other members.
    #[error("this is not the JSON of an unsigned Ethereum transaction: {0}")]
    Json(String),
    /// A member that is missing, too many or of the wrong form.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A transaction that no signer takes.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl NotATransaction {
    /// The stable code, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Misfit(_) => "transaction_json_invalid",
            Self::Rejected(why) => why.code(),
        }
    }
}

/// The transaction in `json`.
///
/// # Errors
/// [`NotATransaction`].
pub fn from_json(json: &[u8]) -> Result<Unsigned, NotATransaction> {
    let document: Document = serde_json::from_slice(json).map_err(|why| NotATransaction::Json(why.to_string()))?;
    let kind = document.transaction_type()?;
    document.refuse_fields_of_others(kind)?;
    let mut bytes: Vec<u8> = kind.byte().into_iter().collect();
    bytes.extend(document.fields(kind)?.finish());
    Transaction::parse(&bytes)?;
    Ok(Unsigned { bytes, from: document.from.as_ref().map(|from| address(from, "from")).transpose()? })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(rename = "type")]
    kind: Option<Json>,
    from: Option<Json>,
    to: Option<Json>,
    chain_id: Option<Json>,
    nonce: Option<Json>,
    #[serde(alias = "gasLimit")]
    gas: Option<Json>,
    gas_price: Option<Json>,
    max_priority_fee_per_gas: Option<Json>,
    max_fee_per_gas: Option<Json>,
    max_fee_per_blob_gas: Option<Json>,
    value: Option<Json>,
    data: Option<Json>,
    input: Option<Json>,
    access_list: Option<Vec<AccessListItem>>,
    blob_versioned_hashes: Option<Vec<Json>>,
    authorization_list: Option<Vec<Authorization>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccessListItem {
    address: Json,
    storage_keys: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Authorization {
    chain_id: Json,
    address: Json,
    nonce: Json,
    y_parity: Json,
    r: Json,
    s: Json,
}

impl Document {
    fn transaction_type(&self) -> Result<TransactionType, Misfit> {
        let Some(stated) = &self.kind else { return Ok(self.likely_type()) };
        let types = [
            TransactionType::Legacy,
            TransactionType::AccessList,
            TransactionType::DynamicFee,
            TransactionType::Blob,
            TransactionType::SetCode,
        ];
        let stated = number(stated, Sign::Unsigned, "type")?;
        let known = (0_u64..).zip(types).find(|(byte, _)| U256::from(*byte) == stated);
        known.map_or_else(|| misfit("type", "must be 0x0 to 0x4"), |(_, kind)| Ok(kind))
    }

    fn likely_type(&self) -> TransactionType {
        if self.authorization_list.is_some() {
            TransactionType::SetCode
        } else if self.blob_versioned_hashes.is_some() || self.max_fee_per_blob_gas.is_some() {
            TransactionType::Blob
        } else if self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some() {
            TransactionType::DynamicFee
        } else if self.access_list.is_some() {
            TransactionType::AccessList
        } else {
            TransactionType::Legacy
        }
    }

    fn refuse_fields_of_others(&self, kind: TransactionType) -> Result<(), Misfit> {
        use TransactionType as T;
        let priced = matches!(kind, T::Legacy | T::AccessList);
        let fields = [
            ("gasPrice", self.gas_price.is_some(), priced),
            ("maxPriorityFeePerGas", self.max_priority_fee_per_gas.is_some(), !priced),
            ("maxFeePerGas", self.max_fee_per_gas.is_some(), !priced),
            ("accessList", self.access_list.is_some(), kind != T::Legacy),
            ("maxFeePerBlobGas", self.max_fee_per_blob_gas.is_some(), kind == T::Blob),
            ("blobVersionedHashes", self.blob_versioned_hashes.is_some(), kind == T::Blob),
            ("authorizationList", self.authorization_list.is_some(), kind == T::SetCode),
        ];
        match fields.into_iter().find(|(_, present, belongs)| *present && !belongs) {
            Some((name, ..)) => misfit(name, "does not belong to a transaction of this type; leave it out"),
            None => Ok(()),
        }
    }

    fn fields(&self, kind: TransactionType) -> Result<RlpList, Misfit> {
        let chain_id = small(&self.chain_id, "chainId")?;
        let list = match kind {
            TransactionType::Legacy => RlpList::new(),
            _ => RlpList::new().number(chain_id),
        };
        let list = list.number(small(&self.nonce, "nonce")?);
        let list = match kind {
            TransactionType::Legacy | TransactionType::AccessList => {
                list.number(required(&self.gas_price, "gasPrice")?)
            }
            TransactionType::DynamicFee | TransactionType::Blob | TransactionType::SetCode => {
                let priority = required(&self.max_priority_fee_per_gas, "maxPriorityFeePerGas")?;
                list.number(priority).number(required(&self.max_fee_per_gas, "maxFeePerGas")?)
            }
        };
        let list = list.number(small(&self.gas, "gas")?);
        let list = list.string(&self.recipient()?).number(self.value()?).string(&self.data()?);
        self.append_rest(list, kind, chain_id)
    }

    /// What follows the data.
    fn append_rest(&self, list: RlpList, kind: TransactionType, chain_id: U256) -> Result<RlpList, Misfit> {
        if kind == TransactionType::Legacy {
            return Ok(list.number(chain_id).number(0_u64).number(0_u64));
        }
        let items = self.access_list.iter().flatten().zip(0..);
        let items = items.map(|(item, position)| item.encode(&format!("accessList[{position}]")));
        let list = list.list(collect(items)?);
        match kind {
            TransactionType::Blob => {
                let list = list.number(required(&self.max_fee_per_blob_gas, "maxFeePerBlobGas")?);
                let hashes = self.blob_versioned_hashes.iter().flatten().zip(0..);
                hashes_list(hashes.map(|(hash, position)| (hash, format!("blobVersionedHashes[{position}]"))))
                    .map(|hashes| list.list(hashes))
            }
            TransactionType::SetCode => {
                let items = self.authorization_list.iter().flatten().zip(0..);
                let items = items.map(|(item, position)| item.encode(&format!("authorizationList[{position}]")));
                Ok(list.list(collect(items)?))
            }
            TransactionType::Legacy | TransactionType::AccessList | TransactionType::DynamicFee => Ok(list),
        }
    }

    /// Nobody for a contract that is created, which takes its code.
    fn recipient(&self) -> Result<Vec<u8>, Misfit> {
        match &self.to {
            Some(to) => Ok(address(to, "to")?.as_bytes().to_vec()),
            None if self.data()?.is_empty() => {
                misfit("to", "is missing, and there is no code of a new contract either")
            }
            None => Ok(Vec::new()),
        }
    }

    fn value(&self) -> Result<U256, Misfit> {
        self.value.as_ref().map_or_else(|| Ok(U256::default()), |value| number(value, Sign::Unsigned, "value"))
    }

    /// `data` or `input`, which have to agree.
    fn data(&self) -> Result<Vec<u8>, Misfit> {
        let read = |field: &Option<Json>, path| field.as_ref().map(|value| hexadecimal(value, path)).transpose();
        match (read(&self.data, "data")?, read(&self.input, "input")?) {
            (Some(data), Some(input)) if data != input => misfit("input", "is not the same as data; leave one out"),
            (data, input) => Ok(data.or(input).unwrap_or_default()),
        }
    }
}

impl AccessListItem {
    fn encode(&self, path: &str) -> Result<RlpList, Misfit> {
        let keys = self.storage_keys.iter().zip(0..);
        let keys = hashes_list(keys.map(|(key, position)| (key, format!("{path}.storageKeys[{position}]"))))?;
        Ok(RlpList::new().string(address(&self.address, &format!("{path}.address"))?.as_bytes()).list(keys))
    }
}

impl Authorization {
    fn encode(&self, path: &str) -> Result<RlpList, Misfit> {
        let number = |value, field: &str| number(value, Sign::Unsigned, &format!("{path}.{field}"));
        let address = address(&self.address, &format!("{path}.address"))?;
        let list = RlpList::new().number(number(&self.chain_id, "chainId")?).string(address.as_bytes());
        let list = list.number(number(&self.nonce, "nonce")?).number(number(&self.y_parity, "yParity")?);
        Ok(list.number(number(&self.r, "r")?).number(number(&self.s, "s")?))
    }
}

fn required(field: &Option<Json>, name: &str) -> Result<U256, Misfit> {
    match field {
        Some(value) => number(value, Sign::Unsigned, name),
        None => misfit(name, "is missing; nothing is filled in here"),
    }
}

/// A number that the signers' parser takes up to 64 bits: here it still has a name.
fn small(field: &Option<Json>, name: &str) -> Result<U256, Misfit> {
    let number = required(field, name)?;
    if fits(number, Sign::Unsigned, 64) { Ok(number) } else { misfit(name, "must be below 2^64") }
}

fn collect(mut items: impl Iterator<Item = Result<RlpList, Misfit>>) -> Result<RlpList, Misfit> {
    items.try_fold(RlpList::new(), |list, item| Ok(list.list(item?)))
}

/// Whether each has its 32 bytes is for the signers' parser to say.
fn hashes_list<'a>(mut hashes: impl Iterator<Item = (&'a Json, String)>) -> Result<RlpList, Misfit> {
    hashes.try_fold(RlpList::new(), |list, (hash, path)| Ok(list.string(&hexadecimal(hash, &path)?)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    const TO: &str = "0x3535353535353535353535353535353535353535";

    fn convert(document: &Value) -> Result<Unsigned, NotATransaction> {
        from_json(document.to_string().as_bytes())
    }

    /// EIP-155's example.
    fn legacy() -> Value {
        json!({"chainId": "0x1", "nonce": "0x9", "gasPrice": "0x4a817c800", "gas": "0x5208", "to": TO,
            "value": "0xde0b6b3a7640000", "data": "0x"})
    }

    fn dynamic() -> Value {
        json!({"chainId": 1, "nonce": 0, "maxPriorityFeePerGas": "1", "maxFeePerGas": "0x2", "gasLimit": 21000, "to": TO})
    }

    fn with(mut document: Value, more: Value) -> Value {
        document.as_object_mut().unwrap().append(more.as_object().cloned().as_mut().unwrap_or(&mut Map::new()));
        document
    }

    fn misfit_of(document: &Value) -> String {
        match convert(document) {
            Err(NotATransaction::Misfit(Misfit { path, .. })) => path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn writes_the_example_of_eip_155() {
        let unsigned = convert(&legacy()).unwrap();
        let expected = "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080";
        assert_eq!(hex::encode(unsigned.bytes), expected);
        assert_eq!(unsigned.from, None);
    }

    /// `chains/vectors/ethereum.py` wrote them, with eth-account. Those of type 4 name no authorisations there.
    #[test]
    fn writes_what_eth_account_writes() {
        let vectors: Value = serde_json::from_str(&quote(include_str!("../../chains/vectors/ethereum.json"))).unwrap();
        let cases = vectors["transactions"].as_array().unwrap();
        let known = |case: &&Value| !case["name"].as_str().unwrap().starts_with("EIP-7702");
        let mut compared = 0;
        for case in cases.iter().filter(known) {
            match convert(&case["fields"]) {
                Ok(unsigned) => assert_eq!(hex::encode(unsigned.bytes), case["unsigned"], "{}", case["name"]),
                Err(why) => assert_eq!(why.to_string().split(':').next(), Some("to"), "{}", case["name"]),
            }
            compared += 1;
        }
        assert_eq!(compared, 29);
    }

    /// Numbers above 64 bits as strings: as numbers, `serde_json` rounds them.
    fn quote(json: &str) -> String {
        let long = |word: &&str| word.len() > 18 && word.bytes().all(|byte| byte.is_ascii_digit());
        let mut words: Vec<&str> = json.split([' ', ',', '}', ']', '\n']).filter(long).collect();
        words.sort_unstable_by_key(|word| core::cmp::Reverse(word.len()));
        words.dedup();
        let mut quoted = json.to_owned();
        for word in words {
            for end in [',', '}', '\n'] {
                quoted = quoted.replace(&format!(" {word}{end}"), &format!(" \"{word}\"{end}"));
            }
        }
        quoted
    }

    #[test]
    fn the_type_follows_from_the_fields() {
        let hash = format!("0x01{}", "07".repeat(31));
        let authorization = json!({"chainId": 1, "address": TO, "nonce": 1, "yParity": 1, "r": "0x1", "s": "0x2"});
        let access = json!([{"address": TO, "storageKeys": [format!("0x{}", "00".repeat(32))]}]);
        let cases = [
            (legacy(), TransactionType::Legacy),
            (with(legacy(), json!({"type": "0x1"})), TransactionType::AccessList),
            (with(legacy(), json!({"accessList": access})), TransactionType::AccessList),
            (dynamic(), TransactionType::DynamicFee),
            (with(dynamic(), json!({"accessList": access, "type": 2})), TransactionType::DynamicFee),
            (with(dynamic(), json!({"maxFeePerBlobGas": 1, "blobVersionedHashes": [hash]})), TransactionType::Blob),
            (with(dynamic(), json!({"authorizationList": [authorization]})), TransactionType::SetCode),
        ];
        for (document, kind) in cases {
            let unsigned = convert(&document).unwrap();
            assert_eq!(Transaction::parse(&unsigned.bytes).unwrap().transaction_type(), kind, "{document}");
        }
    }

    #[test]
    fn refuses_what_is_missing_does_not_belong_or_is_not_known() {
        for name in ["chainId", "nonce", "gasPrice", "gas", "to"] {
            let mut document = legacy();
            document.as_object_mut().unwrap().remove(name);
            assert_eq!(misfit_of(&document), name);
        }
        let wrong = [
            ("gasPrice", with(dynamic(), json!({"gasPrice": 1}))),
            ("maxPriorityFeePerGas", with(dynamic(), json!({"type": "0x0"}))),
            ("accessList", with(legacy(), json!({"accessList": [], "type": 0}))),
            ("type", with(dynamic(), json!({"type": 5}))),
            ("input", with(dynamic(), json!({"data": "0x01", "input": "0x02"}))),
            ("to", with(dynamic(), json!({"to": "0x00"}))),
            ("from", with(dynamic(), json!({"from": "me"}))),
            ("value", with(dynamic(), json!({"value": -1}))),
            ("nonce", with(dynamic(), json!({"nonce": "18446744073709551616"}))),
            ("gas", with(dynamic(), json!({"gasLimit": "0x10000000000000000"}))),
        ];
        for (path, document) in wrong {
            assert_eq!(misfit_of(&document), path);
        }
        for more in [json!({"blobs": []}), json!({"hash": "0x"}), json!({"gas": 1, "chainID": 1})] {
            assert!(matches!(convert(&with(dynamic(), more)), Err(NotATransaction::Json(_))));
        }
        assert!(matches!(convert(&with(dynamic(), json!({"maxFeePerGas": 0}))), Err(NotATransaction::Rejected(_))));
        assert!(matches!(from_json(b"{\"nonce\":1,\"nonce\":2}"), Err(NotATransaction::Json(_))));
    }

    #[test]
    fn reads_numbers_of_every_size_as_they_are_written() {
        let document = dynamic().to_string().replacen('{', "{\"value\":20000000000000000001,", 1);
        let bytes = from_json(document.as_bytes()).unwrap().bytes;
        assert_eq!(Transaction::parse(&bytes).unwrap().value().to_string(), "20000000000000000001");
        for wrong in ["1.5", "2e19", "115792089237316195423570985008687907853269984665640564039457584007913129639936"] {
            let document = document.replace("20000000000000000001", wrong);
            assert!(matches!(from_json(document.as_bytes()), Err(NotATransaction::Misfit(_))), "{wrong}");
        }
        let nested = ["[", "]"].map(|bracket| bracket.repeat(100_000)).concat();
        let document = document.replace("20000000000000000001", &nested);
        assert!(matches!(from_json(document.as_bytes()), Err(NotATransaction::Json(_))));
    }

    #[test]
    fn reads_the_sender_and_a_contract_to_create() {
        let document = with(dynamic(), json!({"to": null, "input": "0x6000", "from": TO}));
        let unsigned = convert(&document).unwrap();
        let transaction = Transaction::parse(&unsigned.bytes).unwrap();
        assert_eq!((transaction.to(), transaction.data()), (None, &[0x60, 0][..]));
        assert_eq!(unsigned.from.unwrap().as_bytes(), &[0x35; 20]);
    }
}
