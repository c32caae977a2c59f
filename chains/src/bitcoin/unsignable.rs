//! Why a PSBT is refused.

use super::Amount;

/// Why a PSBT may not be signed or finished, or something for one not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// Not a PSBT.
    #[error("the bytes do not start with the PSBT magic; send a PSBT (BIP-174)")]
    NotAPsbt,
    /// A PSBT of another version than 0 and 2.
    #[error("PSBT version {version} is not taken; convert it to version 0 or 2")]
    PsbtVersion {
        /// The version it states.
        version: u32,
    },
    /// The same key twice in one map.
    #[error("{map} holds a key twice; encode it again with a maintained library")]
    DuplicateKey {
        /// Which map.
        map: Map,
    },
    /// A field of BIP-174, BIP-370 or BIP-371 whose key or value has a form that it cannot have.
    #[error(
        "{map}: field type {field:#04x} has a key or value of the wrong form; encode it again with a maintained library"
    )]
    BadField {
        /// Which map.
        map: Map,
        /// The field's type.
        field: u64,
    },
    /// A field of PSBT version 2 in a PSBT of version 0.
    #[error("{map}: field type {field:#04x} belongs to PSBT version 2; remove it or state the version")]
    FieldOfVersion2 {
        /// Which map.
        map: Map,
        /// The field's type.
        field: u64,
    },
    /// The transaction of version 0 in a PSBT of version 2.
    #[error("{map}: field type {field:#04x} belongs to PSBT version 0; remove it or state that version")]
    FieldOfVersion0 {
        /// Which map.
        map: Map,
        /// The field's type.
        field: u64,
    },
    /// A PSBT of version 2 without a field that BIP-370 demands.
    #[error("{map}: field type {field:#04x} is missing, which PSBT version 2 demands; build the PSBT again")]
    MissingField {
        /// Which map.
        map: Map,
        /// The field's type.
        field: u64,
    },
    /// Some inputs can only be locked by a height, others only by a time.
    #[error("the inputs require lock times of both kinds, height and time, which no transaction has; spend them apart")]
    LockTimes,
    /// No unsigned transaction.
    #[error("there is no unsigned transaction; build the PSBT again")]
    NoTransaction,
    /// The transaction has no inputs.
    #[error("the transaction has no inputs; build it with coins to spend")]
    NoInputs,
    /// The transaction has no outputs.
    #[error("the transaction has no outputs: all of it would be fee; build it with a recipient")]
    NoOutputs,
    /// The unsigned transaction carries a signature.
    #[error("input {input} of the unsigned transaction has a scriptSig; build the PSBT again")]
    ScriptSig {
        /// The input.
        input: usize,
    },
    /// Two inputs spend one coin, or one spends none (as in a coinbase).
    #[error("input {input} spends the coin of another input or none at all; build the transaction again")]
    BadOutpoint {
        /// The input.
        input: usize,
    },
    /// Neither the spent output nor the transaction that made it is there.
    #[error(
        "input {input} has no witness UTXO and no non-witness UTXO; let the wallet add them (an updater's job in BIP-174)"
    )]
    NoUtxo {
        /// The input.
        input: usize,
    },
    /// The previous transaction is another one, has no such output, or states another output than the witness UTXO.
    #[error(
        "input {input}: the previous transaction does not fit what the input spends; let the wallet add the right one"
    )]
    WrongUtxo {
        /// The input.
        input: usize,
    },
    /// The spent output does not belong to the key.
    #[error("input {input} spends an output that is not this key's; use the key that owns it")]
    NotOurs {
        /// The input.
        input: usize,
    },
    /// No input belongs to the key.
    #[error("no input spends an output of this key; use a key that owns one")]
    NothingToSign,
    /// An ECDSA key is to sign, and nothing proves the amount that an input brings.
    #[error(
        "input {input} has no non-witness UTXO; ECDSA signatures do not cover the amounts of all inputs, so let the \
         wallet add every previous transaction"
    )]
    UnprovenAmount {
        /// The input.
        input: usize,
    },
    /// A redeem or witness script where none belongs, another one than the output commits to, or none.
    #[error(
        "input {input}: its redeem and witness scripts are not those of the output that it spends; let the wallet \
         add the right ones"
    )]
    WrongScript {
        /// The input.
        input: usize,
    },
    /// The PSBT says that another internal key is behind the output.
    #[error("input {input} names another internal key; use the key that owns it")]
    WrongInternalKey {
        /// The input.
        input: usize,
    },
    /// The PSBT says that there is a script tree behind the output.
    #[error("input {input} names a script tree; only key path spends of keys without one are signed")]
    ScriptTree {
        /// The input.
        input: usize,
    },
    /// A sighash type that leaves parts of the transaction open.
    #[error(
        "input {input} asks for sighash type {sighash_type:#x}; only DEFAULT and ALL, which cover everything, are signed"
    )]
    SighashType {
        /// The input.
        input: usize,
        /// What it asks for.
        sighash_type: u32,
    },
    /// A sighash type other than ALL for an ECDSA signature.
    #[error(
        "input {input} asks for sighash type {sighash_type:#x}; ECDSA inputs are signed with ALL, which covers everything"
    )]
    EcdsaSighashType {
        /// The input.
        input: usize,
        /// What it asks for.
        sighash_type: u32,
    },
    /// Not an ECDSA signature that the network relays.
    #[error(
        "an ECDSA signature has r or s outside 1..n or s above n/2, or is not in DER; give the signature with the low s"
    )]
    BadSignature,
    /// A partial signature that does not fit its input.
    #[error("input {input} has a partial signature of another sighash type than it asks for; have it signed again")]
    WrongPartialSignature {
        /// The input.
        input: usize,
    },
    /// A signature of another sighash type than the input asks for.
    #[error(
        "the signature for input {input} has another sighash type than the PSBT asks for; sign the digest that was given"
    )]
    OtherSighashType {
        /// The input.
        input: usize,
    },
    /// The input is signed or finished already.
    #[error("input {input} has a signature already; send the PSBT without")]
    AlreadySigned {
        /// The input.
        input: usize,
    },
    /// An amount above all the money there will be.
    #[error("{satoshis} satoshis up to {place}, above the {limit} that can exist; build the transaction again", limit = Amount::MAX)]
    BadAmount {
        /// Where the amount stands.
        place: Place,
        /// The amount there, or the sum up to there.
        satoshis: u64,
    },
    /// The outputs pay more than the inputs bring.
    #[error("the outputs pay {outputs}, the inputs bring {inputs}; add inputs or lower the amounts")]
    Overspent {
        /// Sum of the inputs.
        inputs: Amount,
        /// Sum of the outputs.
        outputs: Amount,
    },
    /// There is no such input.
    #[error("there is no input {input}; the first is 0")]
    NoSuchInput {
        /// What was asked for.
        input: usize,
    },
    /// The input has no signature yet, so the transaction cannot be finished.
    #[error("input {input} has no signature that finishes it; have it signed first")]
    NotSigned {
        /// The input.
        input: usize,
    },
    /// Not an extended public key.
    #[error("not an extended public key; give the xpub or tpub of BIP-32 in base58 with its checksum")]
    BadXpub,
}

impl Unsignable {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotAPsbt => "psbt_bad_magic",
            Self::PsbtVersion { .. } => "psbt_unknown_version",
            Self::DuplicateKey { .. } => "psbt_duplicate_key",
            Self::BadField { .. } => "psbt_bad_field",
            Self::FieldOfVersion2 { .. } => "psbt_field_of_version_2",
            Self::FieldOfVersion0 { .. } => "psbt_field_of_version_0",
            Self::MissingField { .. } => "psbt_missing_field",
            Self::LockTimes => "psbt_lock_times",
            Self::NoTransaction => "psbt_no_transaction",
            Self::NoInputs => "psbt_no_inputs",
            Self::NoOutputs => "psbt_no_outputs",
            Self::ScriptSig { .. } => "psbt_script_sig",
            Self::BadOutpoint { .. } => "psbt_bad_outpoint",
            Self::NoUtxo { .. } => "psbt_no_utxo",
            Self::WrongUtxo { .. } => "psbt_wrong_utxo",
            Self::NotOurs { .. } => "psbt_input_of_another_key",
            Self::NothingToSign => "psbt_no_input_of_the_key",
            Self::UnprovenAmount { .. } => "psbt_unproven_amount",
            Self::WrongScript { .. } => "psbt_wrong_script",
            Self::WrongInternalKey { .. } => "psbt_wrong_internal_key",
            Self::ScriptTree { .. } => "psbt_script_tree",
            Self::SighashType { .. } => "psbt_sighash_type",
            Self::EcdsaSighashType { .. } => "psbt_ecdsa_sighash_type",
            Self::BadSignature => "bitcoin_bad_signature",
            Self::WrongPartialSignature { .. } => "psbt_wrong_partial_signature",
            Self::OtherSighashType { .. } => "psbt_other_sighash_type",
            Self::AlreadySigned { .. } => "psbt_already_signed",
            Self::BadAmount { .. } => "psbt_bad_amount",
            Self::Overspent { .. } => "psbt_overspent",
            Self::NoSuchInput { .. } => "psbt_no_such_input",
            Self::NotSigned { .. } => "psbt_not_signed",
            Self::BadXpub => "bitcoin_bad_xpub",
        }
    }
}

/// One of a PSBT's maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// The global map.
    Global,
    /// An input's map.
    Input(usize),
    /// An output's map.
    Output(usize),
}

impl core::fmt::Display for Map {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Global => f.write_str("the global map"),
            Self::Input(input) => write!(f, "input {input}"),
            Self::Output(output) => write!(f, "output {output}"),
        }
    }
}

/// Where an amount stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an output that an input spends.
    Input(usize),
    /// In an output.
    Output(usize),
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Input(input) => write!(f, "input {input}"),
            Self::Output(output) => write!(f, "output {output}"),
        }
    }
}
