//! Transactions as they stand in PSBTs: the unsigned one, and the previous ones whose outputs it spends.

use core::fmt;
use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{
    encoding::{write_compact_size, write_string},
    unsignable::{Place, Unsignable},
};
use crate::{
    Rejected,
    cursor::Cursor,
    limits,
    rejected::{Encoding, Fault, Malformed},
};

/// An amount of at most [`Amount::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

impl Amount {
    /// 21 million bitcoin, more than there will ever be.
    pub const MAX: Self = Self(2_100_000_000_000_000);
    pub(super) const ZERO: Self = Self(0);

    /// In satoshis.
    pub fn satoshis(self) -> u64 {
        self.0
    }

    /// The sum, unless it is above [`Amount::MAX`].
    pub(super) fn plus(self, other: Self, place: Place) -> Result<Self, Unsignable> {
        // Both are at most MAX, so that the sum is far below u64::MAX.
        Self::checked(self.0.saturating_add(other.0), place)
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    fn checked(satoshis: u64, place: Place) -> Result<Self, Unsignable> {
        if satoshis > Self::MAX.0 { Err(Unsignable::BadAmount { place, satoshis }) } else { Ok(Self(satoshis)) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} satoshis", self.0)
    }
}

/// A transaction's id: the double SHA-256 of it without witnesses, shown in reverse as everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Txid([u8; 32]);

impl Txid {
    /// The 32 bytes in the order of the hash, which is not the order in which they are shown.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(parts: [&[u8]; 3]) -> Self {
        Self(double_sha256(&parts))
    }
}

impl From<[u8; 32]> for Txid {
    /// From the bytes in the order of the hash.
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Bitcoin's HASH256 of the parts, one after the other.
pub(super) fn double_sha256(parts: &[&[u8]]) -> [u8; 32] {
    let once = parts.iter().fold(Sha256::new(), Digest::chain_update).finalize();
    Sha256::digest(once).into()
}

impl fmt::Display for Txid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Txid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Txid({self})")
    }
}

/// Names a coin: an output of an earlier transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outpoint {
    /// The earlier transaction.
    pub txid: Txid,
    /// Which of its outputs.
    pub index: u32,
}

/// An input without its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxIn {
    /// The coin that it spends.
    pub outpoint: Outpoint,
    /// `nSequence`.
    pub sequence: u32,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxOut {
    /// What it holds.
    pub amount: Amount,
    /// Who may spend it: the `scriptPubKey`.
    pub script: Vec<u8>,
}

impl TxOut {
    /// An output as PSBT version 2 has it, in two fields.
    pub(super) fn new(satoshis: u64, script: &[u8], place: Place) -> Result<Self, Unsignable> {
        RawTxOut { satoshis, script }.checked(place)
    }

    /// Reads the value of a `PSBT_IN_WITNESS_UTXO`.
    pub(super) fn parse_witness_utxo(bytes: &[u8], input: usize) -> Result<Self, Rejected> {
        let mut cursor = Cursor::new(Encoding::WitnessUtxo { input }, bytes);
        let output = RawTxOut::read(&mut cursor)?.checked(Place::Input(input))?;
        cursor.finish()?;
        Ok(output)
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.amount.0.to_le_bytes());
        write_string(bytes, &self.script);
    }
}

/// The transaction that a PSBT is about: at least one input and one output, no coin twice, no
/// signature, every amount and their sum within [`Amount::MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnsignedTransaction {
    pub(super) version: u32,
    pub(super) inputs: Vec<TxIn>,
    pub(super) outputs: Vec<TxOut>,
    pub(super) lock_time: u32,
}

impl UnsignedTransaction {
    /// Reads the value of a `PSBT_GLOBAL_UNSIGNED_TX`, which is never in the witness format.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let mut cursor = Cursor::new(Encoding::UnsignedTransaction, bytes);
        let version = cursor.u32("version")?;
        let inputs = read_inputs(&mut cursor)?;
        let outputs = read_outputs(&mut cursor)?;
        let lock_time = cursor.u32("lock time")?;
        cursor.finish()?;
        Ok(Self::new(version, inputs, outputs, lock_time)?)
    }

    /// A transaction of these parts, if a node could take it.
    pub(super) fn new(
        version: u32,
        inputs: Vec<TxIn>,
        outputs: Vec<TxOut>,
        lock_time: u32,
    ) -> Result<Self, Unsignable> {
        let mut coins = BTreeSet::new();
        for (input, TxIn { outpoint, .. }) in inputs.iter().enumerate() {
            if *outpoint == COINBASE || !coins.insert(*outpoint) {
                return Err(Unsignable::BadOutpoint { input });
            }
        }
        let mut sum = Amount::ZERO;
        for (output, txout) in outputs.iter().enumerate() {
            sum = sum.plus(txout.amount, Place::Output(output))?;
        }
        match (inputs.is_empty(), outputs.is_empty()) {
            (true, _) => Err(Unsignable::NoInputs),
            (false, true) => Err(Unsignable::NoOutputs),
            (false, false) => Ok(Self { version, inputs, outputs, lock_time }),
        }
    }

    pub(super) fn txid(&self) -> Txid {
        self.txid_with(self.inputs.iter().map(|_| &b""[..]))
    }

    /// The id that the transaction has with one `scriptSig` per input.
    pub(super) fn txid_with<'a>(&self, script_sigs: impl Iterator<Item = &'a [u8]>) -> Txid {
        let body = self.inputs_and_outputs(script_sigs);
        Txid::of([&self.version.to_le_bytes(), &body, &self.lock_time.to_le_bytes()])
    }

    /// The transaction without witnesses.
    pub(super) fn with_script_sigs<'a>(&self, script_sigs: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let body = self.inputs_and_outputs(script_sigs);
        [&self.version.to_le_bytes()[..], &body, &self.lock_time.to_le_bytes()].concat()
    }

    /// The transaction in the witness format (BIP-144), one `scriptSig` and one witness per input.
    pub(super) fn with_witnesses<'a>(
        &self,
        script_sigs: impl Iterator<Item = &'a [u8]>,
        witnesses: impl Iterator<Item = &'a [u8]>,
    ) -> Vec<u8> {
        let mut bytes = self.version.to_le_bytes().to_vec();
        bytes.extend(SEGWIT_MARKER_AND_FLAG);
        bytes.extend(self.inputs_and_outputs(script_sigs));
        bytes.extend(witnesses.flatten());
        bytes.extend(self.lock_time.to_le_bytes());
        bytes
    }

    fn inputs_and_outputs<'a>(&self, script_sigs: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_compact_size(&mut bytes, self.inputs.len());
        for (TxIn { outpoint, sequence }, script_sig) in self.inputs.iter().zip(script_sigs) {
            outpoint.write(&mut bytes);
            write_string(&mut bytes, script_sig);
            bytes.extend(sequence.to_le_bytes());
        }
        write_compact_size(&mut bytes, self.outputs.len());
        self.outputs.iter().for_each(|output| output.write(&mut bytes));
        bytes
    }
}

impl Outpoint {
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.txid.0);
        bytes.extend(self.index.to_le_bytes());
    }
}

fn read_inputs(cursor: &mut Cursor<'_>) -> Result<Vec<TxIn>, Rejected> {
    let count = cursor.count("inputs", limits::PSBT_INPUTS)?;
    let mut inputs = Vec::new();
    for input in 0..count {
        let (txin, script_sig) = read_input(cursor)?;
        if !script_sig.is_empty() {
            return Err(Unsignable::ScriptSig { input }.into());
        }
        inputs.push(txin);
    }
    Ok(inputs)
}

fn read_input<'a>(cursor: &mut Cursor<'a>) -> Result<(TxIn, &'a [u8]), Malformed> {
    let outpoint = Outpoint { txid: Txid(cursor.array("spent transaction's id")?), index: cursor.u32("output index")? };
    let script_sig = cursor.string("scriptSig")?;
    let sequence = cursor.u32("sequence")?;
    Ok((TxIn { outpoint, sequence }, script_sig))
}

fn read_outputs(cursor: &mut Cursor<'_>) -> Result<Vec<TxOut>, Rejected> {
    let count = cursor.count("outputs", limits::PSBT_OUTPUTS)?;
    (0..count).map(|output| Ok(RawTxOut::read(cursor)?.checked(Place::Output(output))?)).collect()
}

/// An output whose amount has not been looked at.
#[derive(Debug, Clone, Copy)]
struct RawTxOut<'a> {
    satoshis: u64,
    script: &'a [u8],
}

impl<'a> RawTxOut<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, Malformed> {
        Ok(Self { satoshis: cursor.u64("amount")?, script: cursor.string("scriptPubKey")? })
    }

    fn checked(self, place: Place) -> Result<TxOut, Unsignable> {
        Ok(TxOut { amount: Amount::checked(self.satoshis, place)?, script: self.script.to_vec() })
    }
}

/// Reads the value of input `input`'s `PSBT_IN_NON_WITNESS_UTXO`, a whole transaction with or
/// without witnesses, and returns the output that `coin` names, if this is the transaction it names.
pub(super) fn spent_output(bytes: &[u8], coin: &Outpoint, input: usize) -> Result<TxOut, Rejected> {
    let (txid, output) = scan(bytes, coin.index, input)?;
    match output {
        Some(output) if txid == coin.txid => Ok(output.checked(Place::Input(input))?),
        _ => Err(Unsignable::WrongUtxo { input }.into()),
    }
}

/// The id of a transaction, and its output number `index` if it has one. Keeps nothing else, so that
/// a previous transaction may have any number of inputs and outputs.
fn scan(bytes: &[u8], index: u32, input: usize) -> Result<(Txid, Option<RawTxOut<'_>>), Malformed> {
    let mut cursor = Cursor::new(Encoding::PreviousTransaction { input }, bytes);
    let version = cursor.take(4, "version")?;
    let has_witnesses = cursor.rest().starts_with(&SEGWIT_MARKER_AND_FLAG);
    if has_witnesses {
        cursor.take(SEGWIT_MARKER_AND_FLAG.len(), "witness marker")?;
    }
    let body = cursor.rest();
    let start = cursor.at();
    let inputs = cursor.compact_size("inputs")?;
    for _ in 0..inputs {
        read_input(&mut cursor)?;
    }
    let mut output = None;
    for position in 0..cursor.compact_size("outputs")? {
        let read = RawTxOut::read(&mut cursor)?;
        if position == u64::from(index) {
            output = Some(read);
        }
    }
    let (body, _) =
        body.split_at_checked(cursor.at().saturating_sub(start)).expect("the cursor has read within the body");
    if has_witnesses {
        skip_witnesses(&mut cursor, inputs)?;
    }
    let lock_time = cursor.take(4, "lock time")?;
    cursor.finish()?;
    Ok((Txid::of([version, body, lock_time]), output))
}

/// Witnesses must not all be empty: such a transaction is written without them.
fn skip_witnesses(cursor: &mut Cursor<'_>, inputs: u64) -> Result<(), Malformed> {
    let mut any = false;
    for _ in 0..inputs {
        for _ in 0..cursor.compact_size("witness items")? {
            cursor.string("witness item")?;
            any = true;
        }
    }
    if any { Ok(()) } else { Err(cursor.fault(Fault::NotMinimal { field: "witness" })) }
}

const SEGWIT_MARKER_AND_FLAG: [u8; 2] = [0, 1];
/// What a coinbase input "spends".
const COINBASE: Outpoint = Outpoint { txid: Txid([0; 32]), index: u32::MAX };
