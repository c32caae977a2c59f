//! Solana: legacy and v0 messages, and the transactions around them.
//!
//! A message that parses here passes the sanitisation of the Solana SDK (`solana-message`,
//! `legacy::Message::sanitize`, `v0::Message::sanitize`), and then some: no account twice (the
//! runtime refuses it), compact-u16 lengths in their shortest form, and address table lookups only
//! where the caller says what the tables hold, which cannot be seen from here.

mod effects;
mod lookup;
mod message;
mod token_account;
mod transaction;
mod unsignable;

use core::fmt;

pub use effects::DurableNonce;
pub use lookup::LookupTable;
pub use message::{Instruction, Message, Version};
pub use transaction::Transaction;
pub use unsignable::Unsignable;

use crate::{
    cursor::Cursor,
    rejected::{Fault, Malformed},
};

/// An Ed25519 public key or another account address, shown in base58.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pubkey([u8; 32]);

impl Pubkey {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Pubkey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Pubkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.0).into_string())
    }
}

impl fmt::Debug for Pubkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pubkey({self})")
    }
}

/// A compact-u16: seven bits a byte, low ones first, in the fewest bytes.
fn read_compact_u16(cursor: &mut Cursor<'_>, field: &'static str) -> Result<u16, Malformed> {
    let low = cursor.byte(field)?;
    if low < 0x80 {
        return Ok(u16::from(low));
    }
    let middle = cursor.byte(field)?;
    let value = u16::from(low & 0x7f) | u16::from(middle & 0x7f) << 7;
    match middle {
        0 => Err(cursor.fault(Fault::NotMinimal { field })),
        1..0x80 => Ok(value),
        0x80.. => match cursor.byte(field)? {
            high @ 1..=3 => Ok(value | u16::from(high) << 14),
            _ => Err(cursor.fault(Fault::NotMinimal { field })),
        },
    }
}
