//! PSBTs: the maps, the transaction that they are about, and the coins that it spends.
//!
//! ```text
//! "psbt" 0xff  global map  one map per input  one map per output
//! map  = { key value } 0x00          key, value = CompactSize length, bytes
//! key  = CompactSize type, data
//! ```

use std::collections::BTreeMap;

use super::{
    Amount, Outpoint, TxIn, TxOut, Txid,
    encoding::write_string,
    fields::{self, NON_WITNESS_UTXO, TX_MODIFIABLE, UNSIGNED_TX, VERSION, Version, WITNESS_UTXO},
    transaction::{UnsignedTransaction, spent_output},
    unsignable::{Map, Place, Unsignable},
    version_2,
};
use crate::{
    Rejected,
    cursor::Cursor,
    limits,
    rejected::{Encoding, Fault},
};

/// A PSBT of version 0 or 2. Its known fields have the form that BIP-174, BIP-370 and BIP-371 give
/// them, its unknown ones are kept, and every UTXO in it belongs to the input where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Psbt {
    pub(super) transaction: UnsignedTransaction,
    pub(super) inputs: Vec<Input>,
    global: Pairs,
    pub(super) outputs: Vec<Pairs>,
}

/// An input's map, and the output that the input spends if the map says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) pairs: Pairs,
    pub(super) utxo: Option<TxOut>,
}

/// The pairs of one map, keys with their types in front.
pub(super) type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

impl Psbt {
    /// Reads a whole PSBT of at most [`limits::PSBT`] bytes. What it lacks for signing is found
    /// out in [`Self::sighashes`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let mut reader = Reader::start(bytes)?;
        let global = reader.pairs(Map::Global)?;
        let layout = Layout::of(&global)?;
        let (inputs, outputs) = layout.counts();
        let inputs = (0..inputs).map(|input| reader.pairs(Map::Input(input))).collect::<Result<Vec<_>, _>>()?;
        let outputs = (0..outputs).map(|output| reader.pairs(Map::Output(output))).collect::<Result<Vec<_>, _>>()?;
        reader.cursor.finish()?;
        let transaction = layout.transaction(&global, &inputs, &outputs)?;
        let inputs = inputs.into_iter().zip(&transaction.inputs).enumerate();
        let inputs = inputs.map(|(input, (pairs, txin))| {
            let utxo = read_utxo(&pairs, txin, input)?;
            Ok(Input { pairs, utxo })
        });
        let inputs = inputs.collect::<Result<_, Rejected>>()?;
        Ok(Self { transaction, inputs, global, outputs })
    }

    /// The PSBT, each map's keys in ascending order.
    pub fn to_bytes(&self) -> Vec<u8> {
        let inputs = self.inputs.iter().map(|input| &input.pairs);
        let mut bytes = MAGIC.to_vec();
        for pairs in core::iter::once(&self.global).chain(inputs).chain(&self.outputs) {
            for (key, value) in pairs {
                write_string(&mut bytes, key);
                write_string(&mut bytes, value);
            }
            bytes.push(0);
        }
        bytes
    }

    /// The id of the transaction without signatures, which they do not change where all inputs are
    /// native SegWit's. Otherwise [`Self::finalise`] tells the id.
    pub fn txid(&self) -> Txid {
        self.transaction.txid()
    }

    /// What the transaction spends: at least one coin, none twice.
    pub fn inputs(&self) -> &[TxIn] {
        &self.transaction.inputs
    }

    /// The coins that it spends, in order.
    pub fn outpoints(&self) -> impl Iterator<Item = Outpoint> {
        self.inputs().iter().map(|input| input.outpoint)
    }

    /// The output that input number `input` spends, if the PSBT says.
    pub fn utxo(&self, input: usize) -> Option<&TxOut> {
        self.inputs.get(input)?.utxo.as_ref()
    }

    /// What the transaction pays: at least one output.
    pub fn outputs(&self) -> &[TxOut] {
        &self.transaction.outputs
    }

    /// What the inputs bring and the outputs do not pay. Refused if an input's UTXO is not in the
    /// PSBT or the outputs pay more.
    pub fn fee(&self) -> Result<Amount, Rejected> {
        let inputs = self.sum_of_inputs()?;
        let outputs = self.sum_of_outputs()?;
        Ok(inputs.minus(outputs).ok_or(Unsignable::Overspent { inputs, outputs })?)
    }

    /// The output that each input spends, in order.
    pub(super) fn utxos(&self) -> Result<Vec<&TxOut>, Unsignable> {
        let utxos = self.inputs.iter().enumerate();
        utxos.map(|(input, Input { utxo, .. })| utxo.as_ref().ok_or(Unsignable::NoUtxo { input })).collect()
    }

    /// No input or output may be added once a signature covers them all (BIP-370, "Signer").
    pub(super) fn close(&mut self) {
        if let Some([flags]) = self.global.get_mut(TX_MODIFIABLE).map(Vec::as_mut_slice) {
            *flags &= !(INPUTS_MODIFIABLE | OUTPUTS_MODIFIABLE);
        }
    }

    fn sum_of_inputs(&self) -> Result<Amount, Unsignable> {
        let mut utxos = self.utxos()?.into_iter().enumerate();
        utxos.try_fold(Amount::ZERO, |sum, (input, utxo)| sum.plus(utxo.amount, Place::Input(input)))
    }

    fn sum_of_outputs(&self) -> Result<Amount, Unsignable> {
        let mut outputs = self.outputs().iter().enumerate();
        outputs.try_fold(Amount::ZERO, |sum, (output, txout)| sum.plus(txout.amount, Place::Output(output)))
    }
}

/// Where the transaction is.
enum Layout {
    /// Version 0: in the global map.
    Whole(UnsignedTransaction),
    /// Version 2: in the maps of that many inputs and outputs.
    Parts(usize, usize),
}

impl Layout {
    fn of(global: &Pairs) -> Result<Self, Rejected> {
        match version(global)? {
            Version::Zero => {
                let bytes = global.get(UNSIGNED_TX).ok_or(Unsignable::NoTransaction)?;
                UnsignedTransaction::parse(bytes).map(Self::Whole)
            }
            Version::Two => {
                let (inputs, outputs) = version_2::counts(global)?;
                Ok(Self::Parts(inputs, outputs))
            }
        }
    }

    fn counts(&self) -> (usize, usize) {
        match self {
            Self::Whole(transaction) => (transaction.inputs.len(), transaction.outputs.len()),
            Self::Parts(inputs, outputs) => (*inputs, *outputs),
        }
    }

    fn transaction(self, global: &Pairs, inputs: &[Pairs], outputs: &[Pairs]) -> Result<UnsignedTransaction, Rejected> {
        match self {
            Self::Whole(transaction) => Ok(transaction),
            Self::Parts(..) => Ok(version_2::transaction(global, inputs, outputs)?),
        }
    }
}

/// Reads maps while there is room for their pairs.
struct Reader<'a> {
    cursor: Cursor<'a>,
    pairs_left: usize,
    version: Version,
}

impl<'a> Reader<'a> {
    fn start(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let mut cursor = Cursor::new(Encoding::Psbt, bytes);
        if bytes.len() > limits::PSBT {
            let (field, count, limit) = ("bytes", bytes.len() as u64, limits::PSBT);
            return Err(cursor.fault(Fault::TooMany { field, count, limit }).into());
        }
        match cursor.take(MAGIC.len(), "magic")? {
            MAGIC => Ok(Self { cursor, pairs_left: limits::PSBT_PAIRS, version: Version::Zero }),
            _ => Err(Unsignable::NotAPsbt.into()),
        }
    }

    fn pairs(&mut self, map: Map) -> Result<Pairs, Rejected> {
        let mut pairs = Pairs::new();
        loop {
            let key = self.cursor.string("key")?;
            if key.is_empty() {
                break;
            }
            let value = self.cursor.string("value")?;
            self.count_pair()?;
            if pairs.insert(key.to_vec(), value.to_vec()).is_some() {
                return Err(Unsignable::DuplicateKey { map }.into());
            }
        }
        if map == Map::Global {
            self.version = version(&pairs)?;
        }
        pairs.iter().try_for_each(|(key, value)| fields::check(self.version, map, key, value))?;
        Ok(pairs)
    }

    fn count_pair(&mut self) -> Result<(), Rejected> {
        let limit = limits::PSBT_PAIRS;
        let fault = Fault::TooMany { field: "key-value pairs", count: (limit as u64).saturating_add(1), limit };
        self.pairs_left = self.pairs_left.checked_sub(1).ok_or(self.cursor.fault(fault))?;
        Ok(())
    }
}

/// A PSBT without a version is of version 0. Comes before the fields: each version has its own.
fn version(global: &Pairs) -> Result<Version, Unsignable> {
    let map = Map::Global;
    let Some(value) = global.get(VERSION) else {
        return Ok(Version::Zero);
    };
    let bytes = <[u8; 4]>::try_from(value.as_slice());
    match bytes.map(u32::from_le_bytes) {
        Ok(0) => Ok(Version::Zero),
        Ok(2) => Ok(Version::Two),
        Ok(version) => Err(Unsignable::PsbtVersion { version }),
        Err(_) => Err(Unsignable::BadField { map, field: 0xfb }),
    }
}

/// The output that the input spends, from its UTXO fields, which have to agree.
fn read_utxo(pairs: &Pairs, txin: &TxIn, input: usize) -> Result<Option<TxOut>, Rejected> {
    let stated = pairs.get(WITNESS_UTXO).map(|value| TxOut::parse_witness_utxo(value, input)).transpose()?;
    let proven = pairs.get(NON_WITNESS_UTXO).map(|value| spent_output(value, &txin.outpoint, input)).transpose()?;
    match (stated, proven) {
        (Some(stated), Some(proven)) if stated != proven => Err(Unsignable::WrongUtxo { input }.into()),
        (stated, proven) => Ok(proven.or(stated)),
    }
}

const MAGIC: &[u8] = b"psbt\xff";

// Bits of PSBT_GLOBAL_TX_MODIFIABLE.
const INPUTS_MODIFIABLE: u8 = 1;
const OUTPUTS_MODIFIABLE: u8 = 1 << 1;
