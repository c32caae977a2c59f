//! The types of fields, as they are written: `uint256`, `Person[2][]`.

use crate::limits;

/// A field's type: what its elements are, and the arrays around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldType<'a> {
    pub(super) base: Base<'a>,
    /// From the innermost array to the outermost, as they are written.
    pub(super) dimensions: Vec<Dimension>,
}

/// What is in the innermost array, or the type itself where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base<'a> {
    Uint {
        bits: usize,
    },
    Int {
        bits: usize,
    },
    Bool,
    Address,
    /// `bytesN`.
    FixedBytes {
        length: usize,
    },
    Bytes,
    String,
    /// The name of a struct.
    Struct(&'a str),
}

/// One pair of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    /// `[]`.
    Dynamic,
    /// `[n]`, n at least 1.
    Fixed(usize),
}

impl<'a> FieldType<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let end = text.find('[').unwrap_or(text.len());
        let (base, brackets) = text.split_at_checked(end)?;
        Some(Self { base: Base::parse(base)?, dimensions: parse_brackets(brackets)? })
    }
}

impl<'a> Base<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        match text {
            "bool" => return Some(Self::Bool),
            "address" => return Some(Self::Address),
            "bytes" => return Some(Self::Bytes),
            "string" => return Some(Self::String),
            _ => {}
        }
        if let Some((stem, size)) = split_sized(text) {
            let size = parse_size(size)?;
            return match stem {
                "uint" if is_width(size) => Some(Self::Uint { bits: size }),
                "int" if is_width(size) => Some(Self::Int { bits: size }),
                "bytes" if size <= 32 => Some(Self::FixedBytes { length: size }),
                _ => None,
            };
        }
        is_struct_name(text).then_some(Self::Struct(text))
    }
}

/// Whether a struct may have this name: an identifier that Solidity does not use for a type of its
/// own. Colons are taken too, because some applications have them in their names.
pub(super) fn is_struct_name(text: &str) -> bool {
    let taken = matches!(text, "bool" | "address" | "string" | "EIP712Domain") || split_sized(text).is_some();
    !taken && is_identifier(&text.replace(':', "_"))
}

/// Whether a field may have this name.
pub(super) fn is_identifier(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    text.len() <= limits::ETHEREUM_TYPED_DATA_NAME
        && text.bytes().all(fits)
        && text.starts_with(|first: char| !first.is_ascii_digit())
}

/// `uint`, `int` or `bytes`, and the digits behind it, of which there may be none.
fn split_sized(text: &str) -> Option<(&'static str, &str)> {
    ["uint", "int", "bytes"].into_iter().find_map(|stem| {
        let size = text.strip_prefix(stem)?;
        size.bytes().all(|byte| byte.is_ascii_digit()).then_some((stem, size))
    })
}

fn is_width(bits: usize) -> bool {
    bits <= 256 && bits.is_multiple_of(8)
}

/// A number from 1, without zeros in front.
fn parse_size(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !text.starts_with('0') { text.parse().ok() } else { None }
}

fn parse_brackets(mut text: &str) -> Option<Vec<Dimension>> {
    let mut dimensions = Vec::new();
    while !text.is_empty() {
        let (size, rest) = text.strip_prefix('[')?.split_once(']')?;
        let dimension = if size.is_empty() { Dimension::Dynamic } else { Dimension::Fixed(parse_size(size)?) };
        dimensions.push(dimension);
        text = rest;
    }
    (dimensions.len() <= limits::ETHEREUM_TYPED_DATA_DEPTH).then_some(dimensions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_type_that_eip_712_has() {
        for bits in (8..=256).step_by(8) {
            assert_eq!(Base::parse(&format!("uint{bits}")), Some(Base::Uint { bits }));
            assert_eq!(Base::parse(&format!("int{bits}")), Some(Base::Int { bits }));
        }
        for length in 1..=32 {
            assert_eq!(Base::parse(&format!("bytes{length}")), Some(Base::FixedBytes { length }));
        }
        let nested = FieldType::parse("Person[2][]").unwrap();
        assert_eq!(nested.base, Base::Struct("Person"));
        assert_eq!(nested.dimensions, [Dimension::Fixed(2), Dimension::Dynamic]);
        assert!(FieldType::parse("App:Order_1$[10]").is_some());
    }

    #[test]
    fn refuses_aliases_widths_and_names_that_solidity_does_not_have() {
        let wrong = [
            "",
            "uint",
            "int",
            "uint0",
            "uint08",
            "uint7",
            "uint264",
            "int512",
            "bytes0",
            "bytes33",
            "bytes032",
            "[]",
            "A[",
            "A]",
            "A[0]",
            "A[01]",
            "A[-1]",
            "A[+1]",
            "A[1",
            "A[]x",
            "A [1]",
            "1A",
            "A,B",
            "A(B)",
            "A B",
            "A.B",
            "Ä",
            "EIP712Domain",
            "A[99999999999999999999]",
        ];
        for text in wrong {
            assert_eq!(FieldType::parse(text), None, "{text}");
        }
        assert!(FieldType::parse(&"A".repeat(limits::ETHEREUM_TYPED_DATA_NAME)).is_some());
        assert_eq!(FieldType::parse(&"A".repeat(limits::ETHEREUM_TYPED_DATA_NAME + 1)), None);
        assert_eq!(FieldType::parse(&format!("A{}", "[]".repeat(limits::ETHEREUM_TYPED_DATA_DEPTH + 1))), None);
    }
}
