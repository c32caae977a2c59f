//! The struct types of typed data.

use std::collections::BTreeSet;

use super::field_type::{Base, FieldType, is_identifier, is_struct_name};
use crate::{
    Rejected,
    ethereum::{keccak256, rlp::Reader, unsignable::Unsignable},
    limits,
    rejected::{Fault, Malformed},
};

/// Struct types, ascending by name; each struct that a field names is among them.
pub(super) struct Types<'a>(Vec<Struct<'a>>);

/// One struct type.
pub(super) struct Struct<'a> {
    name: &'a str,
    fields: Vec<Field<'a>>,
}

/// One field of a struct type.
pub(super) struct Field<'a> {
    name: &'a str,
    /// The type as it is written.
    declared: &'a str,
    pub(super) kind: FieldType<'a>,
}

impl<'a> Types<'a> {
    pub(super) fn read(parts: &mut Reader<'a>) -> Result<Self, Rejected> {
        let types = Self(parts.items("types", limits::ETHEREUM_TYPED_DATA_TYPES, Struct::read)?);
        for (position, (kind, next)) in types.0.iter().zip(types.0.iter().skip(1)).enumerate() {
            if kind.name >= next.name {
                return Err(Unsignable::TypeOrder { position: position.saturating_add(1) }.into());
            }
        }
        for (position, kind) in types.0.iter().enumerate() {
            if kind.structs().any(|name| types.position(name).is_none()) {
                return Err(Unsignable::UnknownStruct { position }.into());
            }
        }
        Ok(types)
    }

    /// Where the struct of this name stands.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|kind| kind.name.cmp(name)).ok()
    }

    /// The fields of the struct at `position`.
    pub(super) fn fields(&self, position: usize) -> &[Field<'a>] {
        self.0.get(position).map_or(&[], |kind| kind.fields.as_slice())
    }

    /// Refuses types that the one at `primary` has no use for.
    pub(super) fn refuse_unused(&self, primary: usize) -> Result<(), Unsignable> {
        let used = self.used_by(primary);
        match (0..self.0.len()).find(|position| !used.contains(position)) {
            Some(position) => Err(Unsignable::UnusedType { position }),
            None => Ok(()),
        }
    }

    /// `typeHash` of every struct, in their order.
    pub(super) fn hashes(&self) -> Vec<[u8; 32]> {
        (0..self.0.len()).map(|position| keccak256(self.encode_type(position))).collect()
    }

    /// `encodeType`: the struct at `position`, and behind it those that it uses, by name.
    fn encode_type(&self, position: usize) -> String {
        let mut used = self.used_by(position);
        used.remove(&position);
        let positions = [position].into_iter().chain(used);
        positions.filter_map(|position| self.0.get(position)).map(Struct::declaration).collect()
    }

    /// The struct at `position` and all that it uses, directly or not.
    fn used_by(&self, position: usize) -> BTreeSet<usize> {
        let mut used = BTreeSet::from([position]);
        let mut unseen = vec![position];
        while let Some(kind) = unseen.pop().and_then(|position| self.0.get(position)) {
            let found = kind.structs().filter_map(|name| self.position(name));
            unseen.extend(found.filter(|&position| used.insert(position)));
        }
        used
    }
}

impl<'a> Struct<'a> {
    fn read(types: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut parts = types.list("type")?;
        let name = read_name(&mut parts, "type's name")?;
        let mut names = BTreeSet::new();
        let fields = parts.items("fields", limits::ETHEREUM_TYPED_DATA_FIELDS, |fields| {
            let twice = fields.fault(Fault::WrongForm { field: "field, named as another one," });
            let field = Field::read(fields)?;
            if names.insert(field.name) { Ok(field) } else { Err(twice) }
        })?;
        parts.finish()?;
        Ok(Self { name, fields })
    }

    /// The structs that its fields name.
    fn structs(&self) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter_map(|field| match field.kind.base {
            Base::Struct(name) => Some(name),
            Base::Uint { .. }
            | Base::Int { .. }
            | Base::Bool
            | Base::Address
            | Base::FixedBytes { .. }
            | Base::Bytes
            | Base::String => None,
        })
    }

    /// `Name(type name,type name)`.
    fn declaration(&self) -> String {
        let fields: Vec<_> = self.fields.iter().map(|field| format!("{} {}", field.declared, field.name)).collect();
        format!("{}({})", self.name, fields.join(","))
    }
}

impl<'a> Field<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, Malformed> {
        let mut parts = fields.list("field")?;
        let name = read_checked(&mut parts, "field's name", is_identifier)?;
        let wrong = parts.fault(Fault::WrongForm { field: "field's type" });
        let declared = read_checked(&mut parts, "field's type", |_| true)?;
        let kind = FieldType::parse(declared).ok_or(wrong)?;
        parts.finish()?;
        Ok(Self { name, declared, kind })
    }
}

/// The next item, the name of a struct.
pub(super) fn read_name<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a str, Malformed> {
    read_checked(reader, field, is_struct_name)
}

fn read_checked<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    fits: impl FnOnce(&str) -> bool,
) -> Result<&'a str, Malformed> {
    let wrong = reader.fault(Fault::WrongForm { field });
    let text = super::domain::read_text(reader, field)?;
    if fits(text) { Ok(text) } else { Err(wrong) }
}
