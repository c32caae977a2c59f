//! What eth-account hashed (`chains/vectors/ethereum.json`), and what is refused.

use super::TypedData;
use crate::{
    Rejected, U256,
    ethereum::{
        RlpList, Unsignable,
        tests::{array, bytes, fault, list, unsignable, vectors},
    },
    limits,
    rejected::Fault,
};

#[test]
fn eth_account_hashes_the_same() {
    for case in list(&vectors("typed_data")) {
        let canonical = bytes(&case["canonical"]);
        let data = TypedData::parse(&canonical).unwrap();
        assert_eq!(data.domain_separator(), array(&case["domain_separator"]), "{}", case["name"]);
        assert_eq!(*data.message_hash(), array(&case["message_hash"]), "{}", case["name"]);
        assert_eq!(data.signing_hash(), array(&case["signing_hash"]), "{}", case["name"]);
        assert_eq!(data.primary_type(), case["document"]["primaryType"].as_str().unwrap());
    }
}

#[test]
fn the_mail_of_eip_712_has_the_hashes_of_the_eip() {
    // EIP-712, assets/eip-712/Example.js.
    let typed_data = vectors("typed_data");
    let canonical = bytes(&list(&typed_data)[0]["canonical"]);
    let mail = TypedData::parse(&canonical).unwrap();
    let expected = [
        (mail.type_hash(), "a0cedeb2dc280ba39b857546d74f5549c3a1d7bdc2dd96bf881f76108e23dac2"),
        (mail.message_hash(), "c52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e"),
        (&mail.domain_separator(), "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"),
        (&mail.signing_hash(), "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"),
    ];
    for (hash, text) in expected {
        assert_eq!(hex::encode(hash), text);
    }
    let domain = mail.domain();
    assert_eq!((domain.name(), domain.version()), (Some("Ether Mail"), Some("1")));
    assert_eq!((domain.chain_id(), domain.salt()), (Some(U256::from(1_u64)), None));
    let contract = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC".parse().unwrap();
    assert_eq!(domain.verifying_contract(), Some(contract));
}

/// `[name, [[field name, field type], ...]]`.
fn structure(name: &str, fields: &[(&str, &str)]) -> RlpList {
    RlpList::new()
        .string(name.as_bytes())
        .items(fields, |list, (name, kind)| list.list(RlpList::new().string(name.as_bytes()).string(kind.as_bytes())))
}

/// A domain that has a name.
fn domain() -> RlpList {
    (0..4).fold(RlpList::new().list(RlpList::new().string(b"n")), |list, _| list.list(RlpList::new()))
}

fn parse(types: &[RlpList], primary: &str, domain: RlpList, message: RlpList) -> Result<(), Rejected> {
    let declared = RlpList::new().items(types.iter().cloned(), RlpList::list);
    let bytes = declared.string(primary.as_bytes()).list(domain).list(message).finish();
    TypedData::parse(&bytes).map(drop)
}

/// One field of type `kind` with the value that `write` appends.
fn field(kind: &str, write: impl Fn(RlpList) -> RlpList) -> Result<(), Rejected> {
    parse(&[structure("T", &[("f", kind)])], "T", domain(), write(RlpList::new()))
}

fn number(kind: &str, number: impl Into<U256>) -> Result<(), Rejected> {
    let number = number.into();
    field(kind, |list| list.number(number))
}

/// `-number`, in 256 bits.
fn minus(number: u128) -> U256 {
    let mut word = [0xff; 32];
    word[16..].copy_from_slice(&number.wrapping_neg().to_be_bytes());
    U256::from(word)
}

const UNSIGNED: Fault = Fault::WrongForm { field: "unsigned number" };
const SIGNED: Fault = Fault::WrongForm { field: "signed number" };

#[test]
fn refuses_numbers_outside_of_their_type() {
    for bits in (8..=120).step_by(8) {
        let unsigned = format!("uint{bits}");
        assert!(number(&unsigned, (1_u128 << bits) - 1).is_ok());
        assert_eq!(fault(number(&unsigned, 1_u128 << bits)), UNSIGNED);
        assert_eq!(fault(number(&unsigned, minus(1))), UNSIGNED);
        let signed = format!("int{bits}");
        let half = 1_u128 << (bits - 1);
        assert!(number(&signed, half - 1).is_ok() && number(&signed, minus(half)).is_ok());
        assert_eq!(fault(number(&signed, half)), SIGNED);
        assert_eq!(fault(number(&signed, minus(half + 1))), SIGNED);
    }
    assert!(number("uint256", minus(1)).is_ok() && number("int256", minus(1)).is_ok());
    assert!(number("bool", 1_u64).is_ok() && number("bool", 0_u64).is_ok());
    assert_eq!(fault(number("bool", 2_u64)), Fault::WrongForm { field: "bool" });
    assert_eq!(fault(field("uint256", |list| list.string(&[0]))), Fault::NotMinimal { field: "unsigned number" });
    assert_eq!(fault(field("uint256", |list| list.string(&[1; 33]))), UNSIGNED);
    assert_eq!(fault(field("uint256", |list| list.list(RlpList::new()))), UNSIGNED);
}

#[test]
fn refuses_bytes_of_other_lengths_and_strings_that_are_not_utf_8() {
    let string = |kind: &str, bytes: &[u8]| field(kind, |list| list.string(bytes));
    assert!(string("address", &[0; 20]).is_ok() && string("bytes4", &[0; 4]).is_ok());
    for length in [0, 3, 5, 19, 21, 32] {
        assert_eq!(fault(string("address", &vec![0; length])), Fault::WrongForm { field: "address" });
        assert_eq!(fault(string("bytes4", &vec![0; length])), Fault::WrongForm { field: "fixed bytes" });
    }
    assert!(string("bytes", b"\xff").is_ok() && string("string", "ü".as_bytes()).is_ok());
    assert_eq!(fault(string("string", b"\xff")), Fault::WrongForm { field: "string" });
    for kind in ["bytes", "string", "bool", "int8"] {
        assert!(matches!(fault(field(kind, |list| list.list(RlpList::new()))), Fault::WrongForm { .. }), "{kind}");
    }
}

#[test]
fn refuses_arrays_of_other_lengths_than_declared() {
    let numbers =
        |kind: &str, count: usize| field(kind, |list| list.items(0..count, |elements, _| elements.number(1_u64)));
    for count in 0..5 {
        assert!(numbers("uint8[]", count).is_ok());
        assert_eq!(numbers("uint8[3]", count).is_ok(), count == 3, "{count}");
    }
    assert_eq!(fault(numbers("uint8[3]", 2)), Fault::WrongForm { field: "array" });
    assert!(matches!(fault(numbers("uint8[][]", 1)), Fault::WrongForm { field: "array" | "elements" }));
}

#[test]
fn refuses_structs_with_fields_too_few_or_too_many() {
    let types = [structure("T", &[("a", "bool"), ("b", "bool")])];
    let values = |count: usize| (0..count).fold(RlpList::new(), |list, _| list.number(1_u64));
    assert!(parse(&types, "T", domain(), values(2)).is_ok());
    assert!(matches!(fault(parse(&types, "T", domain(), values(1))), Fault::Truncated { .. }));
    assert_eq!(fault(parse(&types, "T", domain(), values(3))), Fault::TrailingBytes { extra: 1 });
}

#[test]
fn refuses_types_that_are_unknown_unused_unsorted_or_named_twice() {
    let [a, b] = [structure("A", &[("x", "bool")]), structure("B", &[("a", "A")])];
    let message = || RlpList::new().list(RlpList::new().number(1_u64));
    let parse = |types: &[RlpList], primary: &str| parse(types, primary, domain(), message());
    assert!(parse(&[a.clone(), b.clone()], "B").is_ok());
    assert_eq!(unsignable(parse(&[b.clone(), a.clone()], "B")), Unsignable::TypeOrder { position: 1 });
    assert_eq!(unsignable(parse(&[a.clone(), a.clone(), b.clone()], "B")), Unsignable::TypeOrder { position: 1 });
    assert_eq!(unsignable(parse(std::slice::from_ref(&b), "B")), Unsignable::UnknownStruct { position: 0 });
    assert_eq!(unsignable(parse(&[a.clone(), b.clone()], "A")), Unsignable::UnusedType { position: 1 });
    assert_eq!(unsignable(parse(&[a.clone(), b.clone()], "C")), Unsignable::NoPrimaryType);
    assert_eq!(unsignable(parse(&[], "C")), Unsignable::NoPrimaryType);
    for name in ["uint256", "uint", "bytes33", "address", "EIP712Domain", "A[]", "A,B", "", "1A"] {
        let refused = parse(&[structure(name, &[])], name);
        assert_eq!(fault(refused), Fault::WrongForm { field: "type's name" }, "{name}");
    }
}

#[test]
fn refuses_field_names_that_are_no_identifiers_or_there_twice() {
    for name in ["", "1", "a b", "a,uint8 b", "a)", "a:b", "ä"] {
        let refused = parse(&[structure("T", &[(name, "bool")])], "T", domain(), RlpList::new().number(1_u64));
        assert_eq!(fault(refused), Fault::WrongForm { field: "field's name" }, "{name}");
    }
    let twice = structure("T", &[("a", "bool"), ("a", "uint8")]);
    let refused = parse(&[twice], "T", domain(), RlpList::new().number(1_u64).number(1_u64));
    assert!(matches!(fault(refused), Fault::WrongForm { .. }));
    for kind in ["uint", "uint7", "bytes33", "bool[0]", "bool[", "EIP712Domain", ""] {
        let refused = field(kind, |list| list.number(1_u64));
        assert_eq!(fault(refused), Fault::WrongForm { field: "field's type" }, "{kind}");
    }
}

#[test]
fn refuses_domains_that_say_nothing_or_something_else() {
    let with = |domain| parse(&[structure("T", &[])], "T", domain, RlpList::new());
    let absent = |count: usize| (0..count).fold(RlpList::new(), |list, _| list.list(RlpList::new()));
    assert!(with(domain()).is_ok());
    assert_eq!(unsignable(with(absent(5))), Unsignable::NoDomain);
    assert!(with(absent(4)).is_err() && with(domain().list(RlpList::new())).is_err());
    let two_names = RlpList::new().string(b"a").string(b"b");
    let two_names = (0..4).fold(RlpList::new().list(two_names), |list, _| list.list(RlpList::new()));
    assert_eq!(fault(with(two_names)), Fault::TrailingBytes { extra: 1 });
    let name = RlpList::new().list(RlpList::new().string(b"\xff"));
    assert_eq!(fault(with(name)), Fault::WrongForm { field: "domain's name" });
}

#[test]
fn an_absent_field_of_the_domain_differs_from_an_empty_one() {
    let separator = |version: RlpList| {
        let domain = RlpList::new().list(RlpList::new().string(b"n")).list(version);
        let domain = (0..3).fold(domain, |list, _| list.list(RlpList::new()));
        let types = RlpList::new().list(structure("T", &[]));
        let bytes = RlpList::new().list(types).string(b"T").list(domain).list(RlpList::new()).finish();
        TypedData::parse(&bytes).unwrap().domain_separator()
    };
    assert_ne!(separator(RlpList::new()), separator(RlpList::new().string(b"")));
}

#[test]
fn refuses_values_that_are_nested_beyond_the_bound() {
    let node = structure("T", &[("children", "T[]")]);
    let nested = |depth: usize| {
        let leaf = RlpList::new().list(RlpList::new());
        let message = (0..depth).fold(leaf, |inner, _| RlpList::new().list(RlpList::new().list(inner)));
        parse(std::slice::from_ref(&node), "T", domain(), message)
    };
    // Each step is an array and a struct.
    assert!(nested(limits::ETHEREUM_TYPED_DATA_DEPTH / 2 - 1).is_ok());
    assert_eq!(unsignable(nested(limits::ETHEREUM_TYPED_DATA_DEPTH / 2)), Unsignable::TooDeep);
    assert_eq!(unsignable(nested(5000)), Unsignable::TooDeep);
}

#[test]
fn refuses_a_struct_that_contains_itself_without_an_array() {
    let node = structure("T", &[("next", "T")]);
    let message = (0..100).fold(RlpList::new(), |inner, _| RlpList::new().list(inner));
    assert_eq!(unsignable(parse(&[node], "T", domain(), message)), Unsignable::TooDeep);
}

#[test]
fn refuses_more_bytes_values_types_or_fields_than_the_bounds() {
    let too_many = |refused| match fault(refused) {
        Fault::TooMany { field, .. } => field,
        other => panic!("{other:?}"),
    };
    let values = |count: usize| field("uint8[]", |list| list.items(0..count, |elements, _| elements.number(1_u64)));
    assert!(values(limits::ETHEREUM_TYPED_DATA_VALUES - 1).is_ok());
    assert_eq!(too_many(values(limits::ETHEREUM_TYPED_DATA_VALUES)), "values");
    let bytes = field("bytes", |list| list.string(&[0; limits::ETHEREUM_TYPED_DATA]));
    assert_eq!(too_many(bytes), "bytes");
    let names: Vec<_> = (0..=limits::ETHEREUM_TYPED_DATA_TYPES).map(|n| format!("f{n:03}")).collect();
    let types: Vec<_> = names.iter().map(|name| structure(name, &[])).collect();
    assert_eq!(too_many(parse(&types, "T", domain(), RlpList::new())), "types");
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "bool")).collect();
    assert_eq!(too_many(parse(&[structure("T", &fields)], "T", domain(), RlpList::new())), "fields");
}

#[test]
fn the_most_types_with_the_longest_names_take_little_time() {
    let name = |n: usize| format!("T{n:063}");
    let names: Vec<_> = (0..limits::ETHEREUM_TYPED_DATA_TYPES).map(name).collect();
    let types: Vec<_> = names
        .iter()
        .map(|name| {
            let fields: Vec<_> = (0..14).map(|n| (format!("f{n}"), format!("{}[]", names[n * 4 % 64]))).collect();
            let mut fields: Vec<_> = fields.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
            let next = format!("{}[]", names[(names.iter().position(|n| n == name).unwrap() + 1) % 64]);
            fields.push(("next", &next));
            structure(name, &fields)
        })
        .collect();
    let message = (0..15).fold(RlpList::new(), |list, _| list.list(RlpList::new()));
    assert_eq!(parse(&types, &names[0], domain(), message), Ok(()));
}
