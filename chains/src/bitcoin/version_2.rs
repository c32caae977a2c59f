//! PSBT version 2 (BIP-370): the transaction in parts, each in the map of its input or output.

use super::{
    Outpoint, TxIn, TxOut, Txid,
    fields::{
        AMOUNT, FALLBACK_LOCK_TIME, INPUT_COUNT, OUTPUT_COUNT, OUTPUT_INDEX, PREVIOUS_TXID, REQUIRED_HEIGHT,
        REQUIRED_TIME, SCRIPT, SEQUENCE, TX_VERSION,
    },
    psbt::Pairs,
    transaction::UnsignedTransaction,
    unsignable::{Map, Place, Unsignable},
};
use crate::{Rejected, cursor::Cursor, limits, rejected::Encoding};

/// How many inputs and outputs the global map announces.
pub(super) fn counts(global: &Pairs) -> Result<(usize, usize), Rejected> {
    let count = |key, field, limit| {
        let mut cursor = Cursor::new(Encoding::PsbtCount { field }, required(global, Map::Global, key)?);
        let count = cursor.count(field, limit)?;
        cursor.finish()?;
        Ok::<_, Rejected>(count)
    };
    Ok((count(INPUT_COUNT, "inputs", limits::PSBT_INPUTS)?, count(OUTPUT_COUNT, "outputs", limits::PSBT_OUTPUTS)?))
}

/// The transaction that the maps make up. They have been through [`super::fields::check`].
pub(super) fn transaction(
    global: &Pairs,
    inputs: &[Pairs],
    outputs: &[Pairs],
) -> Result<UnsignedTransaction, Unsignable> {
    let version = u32::from_le_bytes(array(global, Map::Global, TX_VERSION)?);
    let txins = inputs.iter().enumerate().map(|(input, pairs)| txin(pairs, Map::Input(input)));
    let txouts = outputs.iter().enumerate().map(|(output, pairs)| txout(pairs, output));
    let (txins, txouts) = (txins.collect::<Result<_, _>>()?, txouts.collect::<Result<_, _>>()?);
    UnsignedTransaction::new(version, txins, txouts, lock_time(global, inputs)?)
}

fn txin(pairs: &Pairs, map: Map) -> Result<TxIn, Unsignable> {
    let txid = Txid::from(array::<32>(pairs, map, PREVIOUS_TXID)?);
    let index = u32::from_le_bytes(array(pairs, map, OUTPUT_INDEX)?);
    let sequence = number(pairs, map, SEQUENCE)?.unwrap_or(u32::MAX);
    Ok(TxIn { outpoint: Outpoint { txid, index }, sequence })
}

fn txout(pairs: &Pairs, output: usize) -> Result<TxOut, Unsignable> {
    let map = Map::Output(output);
    let satoshis = u64::from_le_bytes(array(pairs, map, AMOUNT)?);
    TxOut::new(satoshis, required(pairs, map, SCRIPT)?, Place::Output(output))
}

/// BIP-370, "Determining Lock Time": the greatest that an input requires, of the kind that all
/// inputs with requirements have; a height where they have both; the fallback where none has any.
fn lock_time(global: &Pairs, inputs: &[Pairs]) -> Result<u32, Unsignable> {
    let required = inputs.iter().enumerate().map(|(input, pairs)| Required::read(pairs, Map::Input(input)));
    let required: Vec<Required> = required.collect::<Result<_, _>>()?;
    let constrained = || required.iter().filter(|lock| lock.height.is_some() || lock.time.is_some());
    if constrained().next().is_none() {
        return Ok(number(global, Map::Global, FALLBACK_LOCK_TIME)?.unwrap_or(0));
    }
    // None if one of them is, else the greatest.
    let greatest = |kind: fn(&Required) -> Option<u32>| {
        constrained().map(kind).reduce(|one, other| Some(one?.max(other?))).flatten()
    };
    greatest(|lock| lock.height).or_else(|| greatest(|lock| lock.time)).ok_or(Unsignable::LockTimes)
}

/// The lock times that an input requires.
struct Required {
    height: Option<u32>,
    time: Option<u32>,
}

impl Required {
    fn read(pairs: &Pairs, map: Map) -> Result<Self, Unsignable> {
        let height = number(pairs, map, REQUIRED_HEIGHT)?;
        let time = number(pairs, map, REQUIRED_TIME)?;
        if height.is_some_and(|height| height == 0 || height >= FIRST_TIME) {
            return Err(Unsignable::BadField { map, field: kind(REQUIRED_HEIGHT) });
        }
        if time.is_some_and(|time| time < FIRST_TIME) {
            return Err(Unsignable::BadField { map, field: kind(REQUIRED_TIME) });
        }
        Ok(Self { height, time })
    }
}

fn number(pairs: &Pairs, map: Map, key: &[u8]) -> Result<Option<u32>, Unsignable> {
    let bytes = pairs.contains_key(key).then(|| array(pairs, map, key)).transpose()?;
    Ok(bytes.map(u32::from_le_bytes))
}

fn array<const N: usize>(pairs: &Pairs, map: Map, key: &[u8]) -> Result<[u8; N], Unsignable> {
    let value = required(pairs, map, key)?;
    <[u8; N]>::try_from(value).map_err(|_| Unsignable::BadField { map, field: kind(key) })
}

fn required<'a>(pairs: &'a Pairs, map: Map, key: &[u8]) -> Result<&'a [u8], Unsignable> {
    pairs.get(key).map(Vec::as_slice).ok_or(Unsignable::MissingField { map, field: kind(key) })
}

/// The type in a key without data.
fn kind(key: &[u8]) -> u64 {
    key.first().copied().map_or(0, u64::from)
}

/// Lock times are heights below this, and Unix times from it on.
const FIRST_TIME: u32 = 500_000_000;
