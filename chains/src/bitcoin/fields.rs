//! The fields of BIP-174, BIP-370 and BIP-371: their types, and the forms that their keys and values have.

use super::unsignable::{Map, Unsignable};
use crate::{
    Rejected,
    cursor::Cursor,
    rejected::{Encoding, Malformed},
};

/// A known field of one kind of map. Fields that are not listed are unknown, and kept as they are.
pub(super) struct Field {
    kind: u64,
    key: Lengths,
    value: Lengths,
}

/// Lengths in bytes from `least` to `most`, each `step` more than the one before.
struct Lengths {
    least: usize,
    step: usize,
    most: usize,
}

impl Lengths {
    const fn exactly(length: usize) -> Self {
        Self { least: length, step: 1, most: length }
    }

    fn contain(&self, length: usize) -> bool {
        let above = length.checked_sub(self.least);
        length <= self.most && above.is_some_and(|above| above.is_multiple_of(self.step))
    }
}

/// The versions of PSBT: with a transaction in the global map, and with its parts in all maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Zero,
    Two,
}

/// Refuses a pair whose type is known and whose key or value has not the form of that type, and
/// the fields of the other PSBT version.
pub(super) fn check(version: Version, map: Map, key: &[u8], value: &[u8]) -> Result<(), Rejected> {
    let (kind, data) = split_key(map, key)?;
    let (of_both, of_version_2) = match map {
        Map::Global => (GLOBAL, GLOBAL_OF_VERSION_2),
        Map::Input(_) => (INPUT, INPUT_OF_VERSION_2),
        Map::Output(_) => (OUTPUT, OUTPUT_OF_VERSION_2),
    };
    let find = |fields: &'static [Field]| fields.iter().find(|field| field.kind == kind);
    let field = match (version, find(of_version_2)) {
        (Version::Zero, Some(_)) if data.is_empty() => {
            return Err(Unsignable::FieldOfVersion2 { map, field: kind }.into());
        }
        (Version::Two, Some(field)) => Some(field),
        (Version::Zero | Version::Two, _) => find(of_both),
    };
    if version == Version::Two && map == Map::Global && key == UNSIGNED_TX {
        return Err(Unsignable::FieldOfVersion0 { map, field: kind }.into());
    }
    match field {
        Some(field) if !(field.key.contain(data.len()) && field.value.contain(value.len())) => {
            Err(Unsignable::BadField { map, field: kind }.into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a finished input keeps the pair: its UTXO, what is unknown (BIP-174, "Input Finalizer"),
/// and its part of the transaction in PSBT version 2.
pub(super) fn outlives_signing(key: &[u8]) -> bool {
    let known = |field: &Field| key.first().is_some_and(|&kind| field.kind == u64::from(kind));
    key == NON_WITNESS_UTXO || key == WITNESS_UTXO || !INPUT.iter().any(known)
}

/// A key's type, a CompactSize, and the key data behind it.
fn split_key(map: Map, key: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut cursor = Cursor::new(Encoding::PsbtKey { map }, key);
    let kind = cursor.compact_size("key type")?;
    Ok((kind, cursor.rest()))
}

// The fields that this crate reads and writes: whole keys, since none of them has key data.
pub(super) const UNSIGNED_TX: &[u8] = &[0x00];
pub(super) const VERSION: &[u8] = &[0xfb];
pub(super) const TX_VERSION: &[u8] = &[0x02];
pub(super) const FALLBACK_LOCK_TIME: &[u8] = &[0x03];
pub(super) const INPUT_COUNT: &[u8] = &[0x04];
pub(super) const OUTPUT_COUNT: &[u8] = &[0x05];
pub(super) const TX_MODIFIABLE: &[u8] = &[0x06];
pub(super) const NON_WITNESS_UTXO: &[u8] = &[0x00];
pub(super) const WITNESS_UTXO: &[u8] = &[0x01];
pub(super) const SIGHASH_TYPE: &[u8] = &[0x03];
pub(super) const REDEEM_SCRIPT: &[u8] = &[0x04];
pub(super) const WITNESS_SCRIPT: &[u8] = &[0x05];
pub(super) const FINAL_SCRIPT_SIG: &[u8] = &[0x07];
pub(super) const FINAL_SCRIPT_WITNESS: &[u8] = &[0x08];
pub(super) const PREVIOUS_TXID: &[u8] = &[0x0e];
pub(super) const OUTPUT_INDEX: &[u8] = &[0x0f];
pub(super) const SEQUENCE: &[u8] = &[0x10];
pub(super) const REQUIRED_TIME: &[u8] = &[0x11];
pub(super) const REQUIRED_HEIGHT: &[u8] = &[0x12];
pub(super) const TAP_KEY_SIG: &[u8] = &[0x13];
pub(super) const TAP_INTERNAL_KEY: &[u8] = &[0x17];
pub(super) const TAP_MERKLE_ROOT: &[u8] = &[0x18];
pub(super) const AMOUNT: &[u8] = &[0x03];
pub(super) const SCRIPT: &[u8] = &[0x04];

// Types that have key data, so that a map may hold several.
pub(super) const PARTIAL_SIG: u8 = 0x02;
pub(super) const TAP_SCRIPT_SIG: u8 = 0x14;
pub(super) const TAP_LEAF_SCRIPT: u8 = 0x15;
pub(super) const OUT_BIP32_DERIVATION: u8 = 0x02;
pub(super) const OUT_TAP_BIP32_DERIVATION: u8 = 0x07;

const ANY: Lengths = Lengths { least: 0, step: 1, most: usize::MAX };
const NONE: Lengths = Lengths::exactly(0);
/// A 32-bit number.
const NUMBER: Lengths = Lengths::exactly(4);
/// A CompactSize.
const COUNT: Lengths = Lengths { least: 1, step: 1, most: 9 };
/// A SHA-256 or HASH256, an x-only key or a Merkle root.
const HASH: Lengths = Lengths::exactly(32);
/// A RIPEMD-160 or HASH160.
const SHORT_HASH: Lengths = Lengths::exactly(20);
/// A public key in SEC1, compressed or not.
const PUBLIC_KEY: Lengths = Lengths { least: 33, step: 32, most: 65 };
const EXTENDED_PUBLIC_KEY: Lengths = Lengths::exactly(78);
/// A fingerprint and the indices of a path, of which BIP-32 counts at most 255.
const ORIGIN: Lengths = Lengths { least: 4, step: 4, most: 1024 };
/// A BIP-340 signature, with its sighash type unless that is DEFAULT.
const SIGNATURE: Lengths = Lengths { least: 64, step: 1, most: 65 };
/// An x-only key and a leaf hash.
const KEY_AND_LEAF: Lengths = Lengths::exactly(64);
/// A version and an internal key, and up to 128 hashes (BIP-341).
const CONTROL_BLOCK: Lengths = Lengths { least: 33, step: 32, most: 4129 };
/// A script and its leaf version.
const LEAF: Lengths = Lengths { least: 1, step: 1, most: usize::MAX };

const fn field(kind: u64, key: Lengths, value: Lengths) -> Field {
    Field { kind, key, value }
}

const GLOBAL: &[Field] = &[
    field(0x00, NONE, ANY),                   // PSBT_GLOBAL_UNSIGNED_TX
    field(0x01, EXTENDED_PUBLIC_KEY, ORIGIN), // PSBT_GLOBAL_XPUB
    field(0xfb, NONE, NUMBER),                // PSBT_GLOBAL_VERSION
];

const INPUT: &[Field] = &[
    field(0x00, NONE, ANY),               // PSBT_IN_NON_WITNESS_UTXO
    field(0x01, NONE, ANY),               // PSBT_IN_WITNESS_UTXO
    field(0x02, PUBLIC_KEY, ANY),         // PSBT_IN_PARTIAL_SIG
    field(0x03, NONE, NUMBER),            // PSBT_IN_SIGHASH_TYPE
    field(0x04, NONE, ANY),               // PSBT_IN_REDEEM_SCRIPT
    field(0x05, NONE, ANY),               // PSBT_IN_WITNESS_SCRIPT
    field(0x06, PUBLIC_KEY, ORIGIN),      // PSBT_IN_BIP32_DERIVATION
    field(0x07, NONE, ANY),               // PSBT_IN_FINAL_SCRIPTSIG
    field(0x08, NONE, ANY),               // PSBT_IN_FINAL_SCRIPTWITNESS
    field(0x09, NONE, ANY),               // PSBT_IN_POR_COMMITMENT
    field(0x0a, SHORT_HASH, ANY),         // PSBT_IN_RIPEMD160
    field(0x0b, HASH, ANY),               // PSBT_IN_SHA256
    field(0x0c, SHORT_HASH, ANY),         // PSBT_IN_HASH160
    field(0x0d, HASH, ANY),               // PSBT_IN_HASH256
    field(0x13, NONE, SIGNATURE),         // PSBT_IN_TAP_KEY_SIG
    field(0x14, KEY_AND_LEAF, SIGNATURE), // PSBT_IN_TAP_SCRIPT_SIG
    field(0x15, CONTROL_BLOCK, LEAF),     // PSBT_IN_TAP_LEAF_SCRIPT
    field(0x16, HASH, ANY),               // PSBT_IN_TAP_BIP32_DERIVATION
    field(0x17, NONE, HASH),              // PSBT_IN_TAP_INTERNAL_KEY
    field(0x18, NONE, HASH),              // PSBT_IN_TAP_MERKLE_ROOT
];

const OUTPUT: &[Field] = &[
    field(0x00, NONE, ANY),          // PSBT_OUT_REDEEM_SCRIPT
    field(0x01, NONE, ANY),          // PSBT_OUT_WITNESS_SCRIPT
    field(0x02, PUBLIC_KEY, ORIGIN), // PSBT_OUT_BIP32_DERIVATION
    field(0x05, NONE, HASH),         // PSBT_OUT_TAP_INTERNAL_KEY
    field(0x06, NONE, ANY),          // PSBT_OUT_TAP_TREE
    field(0x07, HASH, ANY),          // PSBT_OUT_TAP_BIP32_DERIVATION
];

// BIP-370 excludes these from version 0. None has key data; with some, the type is merely unknown
// there (BIP-174 has a vector of that).
const GLOBAL_OF_VERSION_2: &[Field] = &[
    field(0x02, NONE, NUMBER),              // PSBT_GLOBAL_TX_VERSION
    field(0x03, NONE, NUMBER),              // PSBT_GLOBAL_FALLBACK_LOCKTIME
    field(0x04, NONE, COUNT),               // PSBT_GLOBAL_INPUT_COUNT
    field(0x05, NONE, COUNT),               // PSBT_GLOBAL_OUTPUT_COUNT
    field(0x06, NONE, Lengths::exactly(1)), // PSBT_GLOBAL_TX_MODIFIABLE
];

const INPUT_OF_VERSION_2: &[Field] = &[
    field(0x0e, NONE, HASH),   // PSBT_IN_PREVIOUS_TXID
    field(0x0f, NONE, NUMBER), // PSBT_IN_OUTPUT_INDEX
    field(0x10, NONE, NUMBER), // PSBT_IN_SEQUENCE
    field(0x11, NONE, NUMBER), // PSBT_IN_REQUIRED_TIME_LOCKTIME
    field(0x12, NONE, NUMBER), // PSBT_IN_REQUIRED_HEIGHT_LOCKTIME
];

const OUTPUT_OF_VERSION_2: &[Field] = &[
    field(0x03, NONE, Lengths::exactly(8)), // PSBT_OUT_AMOUNT
    field(0x04, NONE, ANY),                 // PSBT_OUT_SCRIPT
];
