//! Values of typed data: each is checked against its type, and hashed as it is read.

use super::{
    domain::read_text,
    field_type::{Base, Dimension},
    types::Types,
};
use crate::{
    Rejected, U256,
    ethereum::{keccak256, rlp::Reader, unsignable::Unsignable},
    limits,
    rejected::{Fault, Malformed},
};

/// Reads values of known types.
pub(super) struct Hasher<'t, 'a> {
    types: &'t Types<'a>,
    type_hashes: Vec<[u8; 32]>,
    values: usize,
}

impl<'t, 'a> Hasher<'t, 'a> {
    pub(super) fn new(types: &'t Types<'a>) -> Self {
        Self { types, type_hashes: types.hashes(), values: 0 }
    }

    /// `typeHash` of the struct at `position`.
    pub(super) fn type_hash(&self, position: usize) -> [u8; 32] {
        *self.type_hashes.get(position).expect("each struct has a hash, and positions come from the types")
    }

    /// `hashStruct` of the next item, a struct of the type at `position`.
    pub(super) fn message(&mut self, reader: &mut Reader<'a>, position: usize) -> Result<[u8; 32], Rejected> {
        self.structure(reader, position, limits::ETHEREUM_TYPED_DATA_DEPTH)
    }

    /// `hashStruct` of the next item. Structs and arrays may be nested `depth` deep.
    fn structure(&mut self, reader: &mut Reader<'a>, position: usize, depth: usize) -> Result<[u8; 32], Rejected> {
        let depth = depth.checked_sub(1).ok_or(Unsignable::TooDeep)?;
        let types = self.types;
        let mut values = reader.list("struct")?;
        let mut words = self.type_hash(position).to_vec();
        for field in types.fields(position) {
            words.extend(self.word(&mut values, field.kind.base, &field.kind.dimensions, depth)?);
        }
        values.finish()?;
        Ok(keccak256(words))
    }

    /// What `encodeData` has for the next item: 32 bytes.
    fn word(
        &mut self,
        reader: &mut Reader<'a>,
        base: Base<'a>,
        dimensions: &[Dimension],
        depth: usize,
    ) -> Result<[u8; 32], Rejected> {
        self.count(reader)?;
        match (dimensions.split_last(), base) {
            (Some((outer, inner)), _) => self.array(reader, base, (*outer, inner), depth),
            (None, Base::Struct(name)) => {
                let position = self.types.position(name).expect("Types::read has found each struct that is named");
                self.structure(reader, position, depth)
            }
            (None, base) => Ok(atom(reader, base)?),
        }
    }

    /// The hash of the next item's elements, of which there are as many as the outer brackets say.
    fn array(
        &mut self,
        reader: &mut Reader<'a>,
        base: Base<'a>,
        (outer, inner): (Dimension, &[Dimension]),
        depth: usize,
    ) -> Result<[u8; 32], Rejected> {
        let depth = depth.checked_sub(1).ok_or(Unsignable::TooDeep)?;
        let wrong = reader.fault(Fault::WrongForm { field: "array" });
        let words = reader.items("elements", limits::ETHEREUM_TYPED_DATA_VALUES, |elements| {
            self.word(elements, base, inner, depth)
        })?;
        match outer {
            Dimension::Fixed(length) if length != words.len() => Err(wrong.into()),
            Dimension::Fixed(_) | Dimension::Dynamic => Ok(keccak256(words.concat())),
        }
    }

    fn count(&mut self, reader: &Reader<'_>) -> Result<(), Malformed> {
        let limit = limits::ETHEREUM_TYPED_DATA_VALUES;
        self.values = self.values.saturating_add(1);
        if self.values > limit {
            return Err(reader.fault(Fault::TooMany { field: "values", count: self.values as u64, limit }));
        }
        Ok(())
    }
}

/// The word of the next item, which is neither an array nor a struct.
fn atom(reader: &mut Reader<'_>, base: Base<'_>) -> Result<[u8; 32], Malformed> {
    match base {
        Base::Uint { bits } => number(reader, "unsigned number", |word| fits_unsigned(word, bits)),
        Base::Int { bits } => number(reader, "signed number", |word| fits_signed(word, bits)),
        Base::Bool => number(reader, "bool", |word| U256::from(*word) <= U256::from(1_u64)),
        Base::Address => {
            let address = U256::from_be_slice(reader.address("address")?.as_bytes());
            Ok(address.expect("20 bytes are fewer than 32").to_be_bytes())
        }
        Base::FixedBytes { length } => fixed_bytes(reader, length),
        Base::Bytes => reader.string("bytes").map(keccak256),
        Base::String => read_text(reader, "string").map(keccak256),
        Base::Struct(_) => Err(reader.fault(Fault::WrongForm { field: "struct" })),
    }
}

/// The next item, a number whose 32 bytes `fits` takes.
fn number(
    reader: &mut Reader<'_>,
    field: &'static str,
    fits: impl FnOnce(&[u8; 32]) -> bool,
) -> Result<[u8; 32], Malformed> {
    let wrong = reader.fault(Fault::WrongForm { field });
    let word = reader.number(field)?.to_be_bytes();
    if fits(&word) { Ok(word) } else { Err(wrong) }
}

fn fits_unsigned(word: &[u8; 32], bits: usize) -> bool {
    split(word, bits).0.iter().all(|&byte| byte == 0)
}

/// Whether the bytes above the lowest `bits` repeat the sign.
fn fits_signed(word: &[u8; 32], bits: usize) -> bool {
    let (above, number) = split(word, bits);
    let sign = if number.first().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
    above.iter().all(|&byte| byte == sign)
}

/// What is above the lowest `bits`, and these.
fn split(word: &[u8; 32], bits: usize) -> (&[u8], &[u8]) {
    word.split_at(word.len().saturating_sub(bits / 8))
}

/// `bytesN`: the bytes, and zeros behind them.
fn fixed_bytes(reader: &mut Reader<'_>, length: usize) -> Result<[u8; 32], Malformed> {
    let wrong = reader.fault(Fault::WrongForm { field: "fixed bytes" });
    let bytes = reader.string("fixed bytes")?;
    let mut word = [0; 32];
    match word.get_mut(..length) {
        Some(start) if bytes.len() == length => start.copy_from_slice(bytes),
        _ => return Err(wrong),
    }
    Ok(word)
}
