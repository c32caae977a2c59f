//! Typed data as wallets have it (`eth_signTypedData_v4`), turned into the one encoding that signers read.
//!
//! Nobody has to trust this: signers parse what comes out, and sign what it says. What wallets are lenient about is refused here,
//! so that nothing stands in the JSON which is not signed, types that the message does not use aside.

use std::collections::{BTreeMap, BTreeSet};

use cloister_chains::{
    Rejected,
    ethereum::{RlpList, TypedData},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::json_value::{self, Misfit, Sign, address, hexadecimal, number};

/// Why a JSON document is not typed data that can be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTypedData {
    /// Not JSON, or not with the members that typed data has.
    #[error("this is not the JSON of typed data (types, primaryType, domain, message): {0}")]
    Json(String),
    /// A part that does not fit its type.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// Typed data that no signer takes.
    #[error("{0}")]
    Rejected(#[from] Rejected),
}

impl NotTypedData {
    /// The stable code, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Misfit(_) => "typed_data_invalid",
            Self::Rejected(why) => why.code(),
        }
    }
}

/// The canonical bytes of the typed data in `json`, which [`TypedData::parse`] takes.
pub fn from_json(json: &[u8]) -> Result<Vec<u8>, NotTypedData> {
    let document: Document = serde_json::from_slice(json).map_err(|error| NotTypedData::Json(error.to_string()))?;
    let bytes = document.encode()?;
    TypedData::parse(&bytes)?;
    Ok(bytes)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    types: BTreeMap<String, Vec<Member>>,
    primary_type: String,
    domain: Map<String, Value>,
    message: Value,
}

#[derive(Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Member {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Document {
    fn encode(&self) -> Result<Vec<u8>, NotTypedData> {
        self.check_domain_type()?;
        let used = self.used();
        let types = self.types.iter().filter(|(name, _)| used.contains(name.as_str()));
        let parts = RlpList::new().items(types, |list, (name, members)| {
            let fields = |list: RlpList, member: &Member| {
                list.list(RlpList::new().string(member.name.as_bytes()).string(member.kind.as_bytes()))
            };
            list.list(RlpList::new().string(name.as_bytes()).items(members, fields))
        });
        let parts = parts.string(self.primary_type.as_bytes()).list(self.domain()?);
        let parts = self.append(parts, &self.primary_type, &self.message, "message")?;
        Ok(parts.finish())
    }

    /// `EIP712Domain` may be left out, but must be what follows from the domain where it is there.
    fn check_domain_type(&self) -> Result<(), NotTypedData> {
        let present = || DOMAIN.iter().filter(|(name, _)| self.domain.contains_key(*name));
        if self.domain.len() != present().count() {
            return misfit("domain", "only name, version, chainId, verifyingContract and salt can stand here");
        }
        let Some(declared) = self.types.get("EIP712Domain") else { return Ok(()) };
        let declared = declared.iter().map(|member| (member.name.as_str(), member.kind.as_str()));
        if declared.eq(present().copied()) {
            return Ok(());
        }
        misfit("types.EIP712Domain", "must list the domain's members, with the types and in the order of EIP-712")
    }

    fn domain(&self) -> Result<RlpList, NotTypedData> {
        DOMAIN.iter().try_fold(RlpList::new(), |list, (name, kind)| {
            let field = match self.domain.get(*name) {
                Some(value) => self.append(RlpList::new(), kind, value, &format!("domain.{name}"))?,
                None => RlpList::new(),
            };
            Ok(list.list(field))
        })
    }

    /// The primary type and all structs that it uses.
    fn used(&self) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        let mut unseen = vec![self.primary_type.as_str()];
        while let Some(name) = unseen.pop() {
            let Some(members) = self.types.get(name).filter(|_| used.insert(name)) else { continue };
            unseen.extend(members.iter().map(|member| member.kind.split('[').next().unwrap_or_default()));
        }
        used
    }

    /// Appends `value`, which should be of type `kind`.
    fn append(&self, list: RlpList, kind: &str, value: &Value, path: &str) -> Result<RlpList, NotTypedData> {
        if let Some((inner, _)) = kind.strip_suffix(']').and_then(|kind| kind.rsplit_once('[')) {
            return Ok(list.list(self.array(inner, value, path)?));
        }
        if let Some(members) = self.types.get(kind) {
            return Ok(list.list(self.structure(members, value, path)?));
        }
        match kind {
            "string" => match value {
                Value::String(text) => Ok(list.string(text.as_bytes())),
                _ => misfit(path, "must be a string"),
            },
            "bool" => match value {
                Value::Bool(yes) => Ok(list.number(u64::from(*yes))),
                _ => misfit(path, "must be true or false"),
            },
            "address" => Ok(list.string(address(value, path)?.as_bytes())),
            _ if kind.starts_with("bytes") => Ok(list.string(&hexadecimal(value, path)?)),
            _ if kind.starts_with("uint") => Ok(list.number(number(value, Sign::Unsigned, path)?)),
            _ if kind.starts_with("int") => Ok(list.number(number(value, Sign::Signed, path)?)),
            _ => misfit(path, "has a type that is not declared; add it to the types"),
        }
    }

    fn array(&self, kind: &str, value: &Value, path: &str) -> Result<RlpList, NotTypedData> {
        let Value::Array(elements) = value else { return misfit(path, "must be an array") };
        elements.iter().enumerate().try_fold(RlpList::new(), |list, (position, element)| {
            self.append(list, kind, element, &format!("{path}[{position}]"))
        })
    }

    fn structure(&self, members: &[Member], value: &Value, path: &str) -> Result<RlpList, NotTypedData> {
        let Value::Object(values) = value else { return misfit(path, "must be an object") };
        if let Some(name) = values.keys().find(|name| members.iter().all(|member| member.name != **name)) {
            return misfit(
                &format!("{path}.{name}"),
                "is no member of the type, and would not be signed; leave it out",
            );
        }
        members.iter().try_fold(RlpList::new(), |list, Member { name, kind }| {
            let path = format!("{path}.{name}");
            match values.get(name) {
                Some(value) => self.append(list, kind, value, &path),
                None => misfit(&path, "is missing"),
            }
        })
    }
}

fn misfit<T>(path: &str, reason: &'static str) -> Result<T, NotTypedData> {
    Ok(json_value::misfit(path, reason)?)
}

/// The members of `EIP712Domain`, in the order of EIP-712.
const DOMAIN: [(&str, &str); 5] = [
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
    ("salt", "bytes32"),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn convert(document: &Value) -> Result<Vec<u8>, NotTypedData> {
        from_json(document.to_string().as_bytes())
    }

    fn vectors() -> Vec<Value> {
        let text = include_str!("../../chains/vectors/ethereum.json");
        let mut vectors: Value = serde_json::from_str(text).unwrap();
        vectors["typed_data"].take().as_array().unwrap().clone()
    }

    /// A document whose message has one field, `f`.
    fn field(kind: &str, value: Value) -> Value {
        json!({
            "types": { "T": [{ "name": "f", "type": kind }] }, "primaryType": "T",
            "domain": { "name": "n" }, "message": { "f": value },
        })
    }

    fn misfit_of(document: &Value) -> String {
        match convert(document) {
            Err(NotTypedData::Misfit(Misfit { path, .. })) => path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn writes_what_pyrlp_writes_and_eth_account_hashes() {
        for case in vectors() {
            let bytes = convert(&case["document"]).unwrap();
            assert_eq!(hex::encode(&bytes), case["canonical"], "{}", case["name"]);
            let hash = TypedData::parse(&bytes).unwrap().signing_hash();
            assert_eq!(hex::encode(hash), case["signing_hash"]);
        }
    }

    #[test]
    fn the_domains_type_may_be_left_out_but_not_differ() {
        let mut document = vectors()[0]["document"].take();
        let canonical = convert(&document).unwrap();
        let types = document["types"].as_object_mut().unwrap();
        let mut domain = types.remove("EIP712Domain").unwrap();
        assert_eq!(convert(&document).unwrap(), canonical);
        domain.as_array_mut().unwrap().swap(0, 1);
        document["types"]["EIP712Domain"] = domain;
        assert_eq!(misfit_of(&document), "types.EIP712Domain");
    }

    #[test]
    fn leaves_out_types_that_are_not_used_and_refuses_values_that_are_not_declared() {
        let mut document = field("bool", json!(true));
        let canonical = convert(&document).unwrap();
        document["types"]["Unused"] = json!([{ "name": "g", "type": "Nothing" }]);
        assert_eq!(convert(&document).unwrap(), canonical);
        document["message"]["more"] = json!(1);
        assert_eq!(misfit_of(&document), "message.more");
        document["message"] = json!({});
        assert_eq!(misfit_of(&document), "message.f");
        document["domain"]["owner"] = json!("me");
        assert_eq!(misfit_of(&document), "domain");
    }

    #[test]
    fn reads_numbers_in_every_usual_form() {
        let one = convert(&field("int256", json!(1))).unwrap();
        for value in [json!("1"), json!("0x1"), json!("0x01")] {
            assert_eq!(convert(&field("int256", value)).unwrap(), one);
        }
        assert_eq!(convert(&field("int256", json!("-1"))), convert(&field("int256", json!(-1))));
        let largest = format!("0x{}", "ff".repeat(32));
        assert!(convert(&field("uint256", json!(largest))).is_ok());
        let wrong = [
            ("uint256", json!(-1)),
            ("uint256", json!(1.5)),
            ("uint256", json!(1e18)),
            ("uint256", json!("")),
            ("uint256", json!("0x")),
            ("uint256", json!("01")),
            ("uint256", json!(true)),
            ("uint256", json!(null)),
            ("int256", json!(largest)),
            ("int256", json!(format!("-{largest}"))),
            ("int256", json!("--1")),
        ];
        for (kind, value) in wrong {
            assert_eq!(misfit_of(&field(kind, value)), "message.f");
        }
        assert!(matches!(convert(&field("uint8", json!(256))), Err(NotTypedData::Rejected(_))));
        assert!(matches!(convert(&field("int8", json!(-129))), Err(NotTypedData::Rejected(_))));
    }

    #[test]
    fn refuses_values_of_other_types() {
        let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert!(convert(&field("address", json!(address))).is_ok());
        assert!(convert(&field("address", json!(address.to_lowercase()))).is_ok());
        let wrong = [
            ("address", json!(address.replace("aA", "Aa"))),
            ("address", json!("0x00")),
            ("address", json!(1)),
            ("bytes", json!("00")),
            ("bytes", json!("0x0")),
            ("string", json!(1)),
            ("bool", json!("true")),
            ("bool", json!(1)),
            ("bool[]", json!(true)),
            ("Nothing", json!({})),
        ];
        for (kind, value) in wrong {
            assert_eq!(misfit_of(&field(kind, value)), "message.f");
        }
        assert_eq!(misfit_of(&field("bool[2][]", json!([[true, true], [true, 1]]))), "message.f[1][1]");
        assert!(matches!(convert(&field("bool[2]", json!([true]))), Err(NotTypedData::Rejected(_))));
        assert!(matches!(convert(&json!({})), Err(NotTypedData::Json(_))));
    }
}
