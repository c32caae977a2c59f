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

use crate::json_value::{self, Json, Misfit, Sign, address, fits, hexadecimal, number};

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
    let bytes = Document::read(json)?.encode()?;
    TypedData::parse(&bytes)?;
    Ok(bytes)
}

/// A value in the message, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it stands, such as `message.orders[0].price`.
    pub path: String,
    /// What stands there: texts in quotation marks, `uint` in decimal.
    pub value: String,
}

/// Every value of the message of a document that [`from_json`] takes, in the order of its types.
pub fn fields(json: &[u8]) -> Result<Vec<Field>, NotTypedData> {
    let document = Document::read(json)?;
    let mut fields = Vec::new();
    document.collect(&document.primary_type, &document.message, "message", &mut fields);
    Ok(fields)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    types: BTreeMap<String, Vec<Member>>,
    primary_type: String,
    domain: BTreeMap<String, Json>,
    message: Json,
}

#[derive(Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Member {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Document {
    fn read(json: &[u8]) -> Result<Self, NotTypedData> {
        // serde would take an array of the four, too.
        if !json.trim_ascii_start().starts_with(b"{") {
            return Err(NotTypedData::Json("it has to be an object".to_owned()));
        }
        serde_json::from_slice(json).map_err(|error| NotTypedData::Json(error.to_string()))
    }

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
    fn append(&self, list: RlpList, kind: &str, value: &Json, path: &str) -> Result<RlpList, NotTypedData> {
        if let Some((inner, size)) = array(kind) {
            return Ok(list.list(self.array((inner, size), value, path)?));
        }
        if let Some(members) = self.types.get(kind) {
            return Ok(list.list(self.structure(members, value, path)?));
        }
        match kind {
            "string" => match value {
                Json::String(text) => Ok(list.string(text.as_bytes())),
                _ => misfit(path, "must be a string"),
            },
            "bool" => match value {
                Json::Bool(yes) => Ok(list.number(u64::from(*yes))),
                _ => misfit(path, "must be true or false"),
            },
            "address" => Ok(list.string(address(value, path)?.as_bytes())),
            "bytes" => Ok(list.string(&hexadecimal(value, path)?)),
            _ => sized(list, kind, value, path),
        }
    }

    fn array(&self, (kind, size): (&str, &str), value: &Json, path: &str) -> Result<RlpList, NotTypedData> {
        let Json::Array(elements) = value else { return misfit(path, "must be an array") };
        if !size.is_empty() && size != elements.len().to_string() {
            return misfit(path, "must have as many elements as its type says");
        }
        elements.iter().enumerate().try_fold(RlpList::new(), |list, (position, element)| {
            self.append(list, kind, element, &format!("{path}[{position}]"))
        })
    }

    fn collect(&self, kind: &str, value: &Json, path: &str, fields: &mut Vec<Field>) {
        match (value, array(kind), self.types.get(kind)) {
            (Json::Array(elements), Some((inner, _)), _) if !elements.is_empty() => {
                for (position, element) in elements.iter().enumerate() {
                    self.collect(inner, element, &format!("{path}[{position}]"), fields);
                }
            }
            (Json::Object(values), _, Some(members)) => {
                for Member { name, kind } in members {
                    let value = values.get(name).unwrap_or(&Json::Null);
                    self.collect(kind, value, &format!("{path}.{name}"), fields);
                }
            }
            _ => fields.push(Field { path: path.to_owned(), value: shown(kind, value) }),
        }
    }

    fn structure(&self, members: &[Member], value: &Json, path: &str) -> Result<RlpList, NotTypedData> {
        let Json::Object(values) = value else { return misfit(path, "must be an object") };
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

/// The type in front of the last brackets, and what stands in them.
fn array(kind: &str) -> Option<(&str, &str)> {
    kind.strip_suffix(']').and_then(|kind| kind.rsplit_once('['))
}

/// Appends a value of `uintN`, `intN` or `bytesN`.
fn sized(list: RlpList, kind: &str, value: &Json, path: &str) -> Result<RlpList, NotTypedData> {
    let stem = kind.trim_end_matches(|digit: char| digit.is_ascii_digit());
    let digits = &kind[stem.len()..];
    let size = digits.parse().ok().filter(|size: &usize| size.to_string() == digits);
    match (stem, size) {
        ("bytes", Some(length @ 1..=32)) => match hexadecimal(value, path)? {
            bytes if bytes.len() == length => Ok(list.string(&bytes)),
            _ => misfit(path, "must have as many bytes as its type says"),
        },
        ("uint" | "int", Some(bits @ 8..=256)) if bits % 8 == 0 => {
            let sign = if stem == "uint" { Sign::Unsigned } else { Sign::Signed };
            match number(value, sign, path)? {
                number if fits(number, sign, bits) => Ok(list.number(number)),
                _ => misfit(path, "is too large for its type"),
            }
        }
        _ => misfit(path, "has a type that is neither one of EIP-712, such as uint256 or bytes32, nor among the types"),
    }
}

/// A value that is neither an array nor a struct.
fn shown(kind: &str, value: &Json) -> String {
    match value {
        Json::String(text) if kind == "string" => serde_json::Value::from(text.as_str()).to_string(),
        Json::String(text) | Json::Number(text) if kind.starts_with("uint") => {
            number(value, Sign::Unsigned, "").map_or_else(|_| text.clone(), |number| number.to_string())
        }
        Json::String(text) | Json::Number(text) => text.clone(),
        Json::Bool(yes) => yes.to_string(),
        Json::Null | Json::Array(_) | Json::Object(_) => "nothing".to_owned(),
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
    use serde_json::{Value, json};

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
        for (kind, fits, wrong) in [("uint8", 255, 256), ("int8", -128, -129), ("int8", 127, 128), ("uint16", 256, -1)]
        {
            assert!(convert(&field(kind, json!(fits))).is_ok());
            assert_eq!(misfit_of(&field(kind, json!(wrong))), "message.f");
        }
        let large = field("uint256", json!(7)).to_string().replace('7', "20000000000000000000");
        assert_eq!(from_json(large.as_bytes()), convert(&field("uint256", json!("20000000000000000000"))));
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
            ("uint", json!(1)),
            ("uint257", json!(1)),
            ("uint08", json!(1)),
            ("bytes4", json!("0x000000")),
            ("bytes33", json!("0x00")),
            ("bool[2]", json!([true])),
        ];
        for (kind, value) in wrong {
            assert_eq!(misfit_of(&field(kind, value)), "message.f");
        }
        assert_eq!(misfit_of(&field("bool[2][]", json!([[true, true], [true, 1]]))), "message.f[1][1]");
        for no_object in [json!({}), json!([]), json!([{}, "T", {}, {}])] {
            assert!(matches!(convert(&no_object), Err(NotTypedData::Json(_))));
        }
    }

    #[test]
    fn every_value_of_the_message_is_there_to_be_shown() {
        let document = json!({
            "types": { "T": [{ "name": "who", "type": "address" }, { "name": "of", "type": "Item[]" }],
                "Item": [{ "name": "what", "type": "string" }, { "name": "price", "type": "uint256" }] },
            "primaryType": "T", "domain": { "name": "n" },
            "message": { "of": [{ "price": "0xff", "what": "a\n\"b" }, { "price": 7, "what": "" }],
                "who": "0x3535353535353535353535353535353535353535" },
        });
        let shown = fields(document.to_string().as_bytes()).unwrap();
        let shown: Vec<_> = shown.iter().map(|field| format!("{} {}", field.path, field.value)).collect();
        let expected = [
            "message.who 0x3535353535353535353535353535353535353535",
            r#"message.of[0].what "a\n\"b""#,
            "message.of[0].price 255",
            r#"message.of[1].what """#,
            "message.of[1].price 7",
        ];
        assert_eq!(shown, expected);
        let empty = fields(field("bool[]", json!([])).to_string().as_bytes()).unwrap();
        assert_eq!(empty, [Field { path: "message.f".into(), value: "nothing".into() }]);
    }
}
