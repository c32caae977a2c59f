//! Accounts that a v0 message takes from address lookup tables.
//!
//! What a table holds is in no message. Whoever lets a key sign for one says what it holds: a table only grows, what stands in it stays, and
//! no other table ever gets its address.

use super::{Pubkey, read_compact_u16, unsignable::Unsignable};
use crate::{Rejected, cursor::Cursor};

/// A lookup table as somebody knows it, from its first address on; it may have got more since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupTable {
    /// Its account.
    pub address: Pubkey,
    /// What it holds.
    pub addresses: Vec<Pubkey>,
}

/// The accounts of all lookups: first those that may be changed, then all others.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) writable: Vec<Pubkey>,
    pub(super) readonly: Vec<Pubkey>,
}

impl Loaded {
    pub(super) fn read(cursor: &mut Cursor<'_>, tables: &[LookupTable]) -> Result<Self, Rejected> {
        let count = read_compact_u16(cursor, "number of address table lookups")?;
        if count > 0 && tables.is_empty() {
            return Err(Unsignable::LookupTables { count }.into());
        }
        let mut loaded = Self::default();
        for _ in 0..count {
            loaded.add(cursor, tables)?;
        }
        Ok(loaded)
    }

    fn add(&mut self, cursor: &mut Cursor<'_>, tables: &[LookupTable]) -> Result<(), Rejected> {
        let address = Pubkey(cursor.array("lookup table")?);
        let writable = read_indices(cursor)?;
        let readonly = read_indices(cursor)?;
        let table = tables.iter().find(|table| table.address == address);
        let table = table.ok_or(Unsignable::UnknownLookupTable { table: address })?;
        if writable.is_empty() && readonly.is_empty() {
            return Err(Unsignable::EmptyLookup { table: address }.into());
        }
        self.writable.extend(table.at(writable)?);
        self.readonly.extend(table.at(readonly)?);
        Ok(())
    }
}

impl LookupTable {
    fn at(&self, indices: &[u8]) -> Result<Vec<Pubkey>, Unsignable> {
        let at = |&index: &u8| {
            let account = self.addresses.get(usize::from(index)).copied();
            account.ok_or(Unsignable::BeyondLookupTable { table: self.address, index })
        };
        indices.iter().map(at).collect()
    }
}

fn read_indices<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], Rejected> {
    let count = read_compact_u16(cursor, "number of accounts from a lookup table")?;
    Ok(cursor.take(usize::from(count), "accounts from a lookup table")?)
}
