//! Functions of contracts, by their Solidity signatures.

use cloister_wire::{
    ids::{Hash, ListName, Quantity, Selector},
    policy::{Argument, Check, Function},
};
use serde::{Deserialize, Deserializer, Serialize};
use sha3::{Digest, Keccak256};

use super::text::{Text, Written, formed};
use cloister_chains::U256;

/// A function, and what has to hold of its arguments.
pub(super) struct FunctionEntry(pub(super) Function);

/// `{ signature = "deposit(uint256,address)", arguments = [{ argument = 0, at_most = "5" }] }`, or with `selector` and `word`, for
/// functions of which the signature is not known.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<Text<Signature>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selector: Option<Text<Selector>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<ArgumentForm>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgumentForm {
    /// By the signature, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argument: Option<usize>,
    /// Of the input behind the selector, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    equals: Option<Text<Word>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_most: Option<Text<Number>>,
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    is_in: Option<Text<ListName>>,
}

impl<'de> Deserialize<'de> for FunctionEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        formed::<D, FunctionForm, Self>(deserializer)
    }
}

impl Serialize for FunctionEntry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FunctionForm::from(&self.0).serialize(serializer)
    }
}

impl TryFrom<FunctionForm> for FunctionEntry {
    type Error = String;

    fn try_from(form: FunctionForm) -> Result<Self, String> {
        let (selector, signature) = match (form.selector, form.signature) {
            (Some(selector), None) => (selector.0, None),
            (None, Some(Text(signature))) => (signature.selector(), Some(signature)),
            (Some(_), Some(_)) | (None, None) => return Err("a function has either signature or selector".to_owned()),
        };
        let arguments = form.arguments.into_iter().map(|argument| argument.read(signature.as_ref()));
        let arguments =
            arguments.collect::<Result<Vec<_>, _>>()?.try_into().map_err(|why| format!("arguments: {why}"))?;
        Ok(Self(Function { selector, arguments }))
    }
}

impl From<&Function> for FunctionForm {
    fn from(function: &Function) -> Self {
        Self {
            signature: None,
            selector: Some(Text(function.selector)),
            arguments: function.arguments.iter().map(ArgumentForm::from).collect(),
        }
    }
}

impl ArgumentForm {
    fn read(self, signature: Option<&Signature>) -> Result<Argument, String> {
        let word = match (self.argument, self.word, signature) {
            (None, Some(word), _) => word,
            (Some(argument), None, Some(signature)) => signature.word(argument)?,
            (Some(_), None, None) => return Err("without a signature, name the word of the input: word = 0".to_owned()),
            _ => return Err("an argument is named by either argument or word".to_owned()),
        };
        let check = match (self.equals, self.at_most, self.is_in) {
            (Some(value), None, None) => Check::Equals(value.0.0),
            (None, Some(most), None) => Check::AtMost(most.0.0),
            (None, None, Some(list)) => Check::In(list.0),
            _ => return Err("an argument has one of equals, at_most and in".to_owned()),
        };
        Ok(Argument { word, check })
    }
}

impl From<&Argument> for ArgumentForm {
    fn from(argument: &Argument) -> Self {
        let form = Self { argument: None, word: Some(argument.word), equals: None, at_most: None, is_in: None };
        match &argument.check {
            Check::Equals(value) => Self { equals: Some(Text(Word(*value))), ..form },
            Check::AtMost(most) => Self { at_most: Some(Text(Number(*most))), ..form },
            Check::In(list) => Self { is_in: Some(Text(list.clone())), ..form },
        }
    }
}

/// A whole number.
struct Number(Quantity);

impl Written for Number {
    const WHAT: &'static str = "a whole number";
    const NUMBER: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        let number: U256 = text.parse().map_err(|_| format!("expected {}", Self::WHAT))?;
        Ok(Self(Quantity::from_be_bytes(number.to_be_bytes())))
    }

    fn write(&self) -> String {
        U256::from(self.0.to_be_bytes()).to_string()
    }
}

/// One word of an input: 32 bytes in hex, an Ethereum address or a whole number.
struct Word(Hash);

impl Written for Word {
    const WHAT: &'static str = "0x and 64 hex digits, an Ethereum address or a whole number";
    const NUMBER: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {}", Self::WHAT);
        if let Ok(hash) = <Hash as Written>::read(text) {
            return Ok(Self(hash));
        }
        if text.starts_with("0x") {
            let address: cloister_chains::ethereum::Address = text.parse().map_err(|_| wrong())?;
            let mut word = [0; 32];
            word[12..].copy_from_slice(address.as_bytes());
            return Ok(Self(Hash::from_bytes(word)));
        }
        text.parse().map(|number: U256| Self(Hash::from_bytes(number.to_be_bytes()))).map_err(|_| wrong())
    }

    fn write(&self) -> String {
        Written::write(&self.0)
    }
}

impl Written for Selector {
    const WHAT: &'static str = "0x and 8 hex digits";

    fn read(text: &str) -> Result<Self, String> {
        text.strip_prefix("0x").and_then(|digits| digits.parse().ok()).ok_or_else(|| format!("expected {}", Self::WHAT))
    }

    fn write(&self) -> String {
        format!("0x{self}")
    }
}

/// A function's name and the types of its arguments, as its selector is made from: `deposit(uint256,address)`.
pub(super) struct Signature {
    text: String,
    /// How many words each argument takes in the head of the input.
    words: Vec<usize>,
}

impl Signature {
    fn selector(&self) -> Selector {
        let [a, b, c, d, ..]: [u8; 32] = Keccak256::digest(self.text.as_bytes()).into();
        Selector::from_bytes([a, b, c, d])
    }

    /// Where an argument stands; one of dynamic length stands elsewhere, and only its place is here.
    fn word(&self, argument: usize) -> Result<u16, String> {
        match self.words.get(argument) {
            None => Err(format!("{} has {} arguments, counted from 0", self.text, self.words.len())),
            Some(1) => {
                let before: usize = self.words[..argument].iter().sum();
                u16::try_from(before).map_err(|_| "too many arguments".to_owned())
            }
            Some(_) => {
                Err(format!("argument {argument} of {} has several words: name one of them with word", self.text))
            }
        }
    }
}

impl Written for Signature {
    const WHAT: &'static str = "a function's signature, such as \"deposit(uint256,address)\"";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {}: types as in its selector, without spaces and names", Self::WHAT);
        let open = text.find('(').ok_or_else(wrong)?;
        let (name, types) = text.split_at(open);
        let mut letters = name.bytes();
        let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b'$'));
        if !begins || !letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'$')) {
            return Err(wrong());
        }
        let (words, rest) = tuple(types, DEPTH).ok_or_else(wrong)?;
        if rest.is_empty() {
            Ok(Self { text: text.to_owned(), words: words.iter().map(|size| size.words()).collect() })
        } else {
            Err(wrong())
        }
    }

    fn write(&self) -> String {
        self.text.clone()
    }
}

/// How a type is encoded in the head.
#[derive(Clone, Copy)]
enum Size {
    /// In so many words.
    Static(usize),
    /// As an offset.
    Dynamic,
}

impl Size {
    /// No more words than can be numbered.
    fn fixed(words: usize) -> Option<Self> {
        (words <= u16::MAX.into()).then_some(Self::Static(words))
    }

    fn words(self) -> usize {
        match self {
            Self::Static(words) => words,
            Self::Dynamic => 1,
        }
    }
}

/// Reads `(type,type)`; answers what follows as well.
fn tuple(text: &str, depth: usize) -> Option<(Vec<Size>, &str)> {
    let mut rest = text.strip_prefix('(')?;
    if let Some(rest) = rest.strip_prefix(')') {
        return Some((Vec::new(), rest));
    }
    let mut sizes = Vec::new();
    loop {
        let (size, after) = one(rest, depth.checked_sub(1)?)?;
        sizes.push(size);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return after.strip_prefix(')').map(|rest| (sizes, rest)),
        }
    }
}

/// Reads one type with its array brackets.
fn one(text: &str, depth: usize) -> Option<(Size, &str)> {
    let (mut size, mut rest) = if text.starts_with('(') {
        let (sizes, rest) = tuple(text, depth)?;
        let fixed = sizes.iter().all(|size| matches!(size, Size::Static(_)));
        let words: usize = sizes.iter().map(|size| size.words()).sum();
        (if fixed { Size::fixed(words)? } else { Size::Dynamic }, rest)
    } else {
        let end = text.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(text.len());
        (elementary(&text[..end])?, &text[end..])
    };
    while let Some(brackets) = rest.strip_prefix('[') {
        let (count, after) = brackets.split_once(']')?;
        size = match (count, size) {
            ("", _) | (_, Size::Dynamic) if count.is_empty() || number(count).is_some() => Size::Dynamic,
            (_, Size::Static(words)) => Size::fixed(words.checked_mul(number(count)?)?)?,
            _ => return None,
        };
        rest = after;
    }
    Some((size, rest))
}

/// Aliases such as `uint` would give another selector.
fn elementary(name: &str) -> Option<Size> {
    let bits = |digits: &str| number(digits).is_some_and(|bits| bits % 8 == 0 && (8..=256).contains(&bits));
    let fixed = match name {
        "bytes" | "string" => return Some(Size::Dynamic),
        "address" | "bool" | "function" => true,
        _ if name.starts_with("uint") => bits(&name[4..]),
        _ if name.starts_with("int") => bits(&name[3..]),
        _ if name.starts_with("bytes") => number(&name[5..]).is_some_and(|length| (1..=32).contains(&length)),
        _ => false,
    };
    fixed.then_some(Size::Static(1))
}

fn number(digits: &str) -> Option<usize> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain && digits.len() <= 4)
}

/// Tuples within tuples.
const DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(signature: &str) -> String {
        Signature::read(signature).unwrap().selector().to_string()
    }

    #[test]
    fn selectors_are_those_that_solidity_computes() {
        assert_eq!(selector("transfer(address,uint256)"), "a9059cbb");
        assert_eq!(selector("deposit(uint256,address)"), "6e553f65");
        assert_eq!(
            selector("exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"),
            "414bf389"
        );
        assert_eq!(selector("deposit()"), "d0e30db0");
    }

    #[test]
    fn arguments_stand_behind_the_heads_of_those_before() {
        let signature =
            Signature::read("f(bytes,uint256[3],(bool,int8),(string,bool),address[],bytes32[2][2],address)").unwrap();
        assert_eq!(signature.words, [1, 3, 2, 1, 1, 4, 1]);
        assert_eq!(signature.word(0), Ok(0));
        assert!(signature.word(1).is_err(), "three words");
        assert_eq!(signature.word(6), Ok(12));
        assert!(signature.word(7).is_err());
    }

    #[test]
    fn a_signature_that_would_give_another_selector_is_refused() {
        for text in [
            "",
            "f",
            "f(",
            "f)",
            "f(uint)",
            "f(int)",
            "f(uint256, address)",
            "f(uint256 amount)",
            "f(uint7)",
            "f(uint264)",
            "f(bytes33)",
            "f(bytes0)",
            "f(uint256,)",
            "f(uint256))",
            "f(uint256[)",
            "f(uint256[x])",
            "f(uint256[0])",
            "f(Token)",
            "1f()",
            " f()",
            "f()()",
            "f(uint0256)",
        ] {
            assert!(Signature::read(text).is_err(), "{text}");
        }
        assert!(Signature::read(&format!("f{}", "(".repeat(100_000))).is_err());
        assert!(Signature::read(&format!("f(uint8{})", "[9999]".repeat(4))).is_err());
        assert!(
            Signature::read(&format!("f({}uint8)", "uint8[9999],".repeat(9)))
                .is_ok_and(|signature| signature.word(9).is_err())
        );
    }
}
