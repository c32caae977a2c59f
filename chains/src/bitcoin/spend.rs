//! Which inputs a key may sign, and the digests that it signs for them.

use super::{
    CompressedKey, Psbt, TxOut, XOnlyKey,
    address::{p2pkh_script, p2sh_p2wpkh_script, p2tr_script, p2wpkh_script},
    fields::{
        FINAL_SCRIPT_SIG, FINAL_SCRIPT_WITNESS, NON_WITNESS_UTXO, PARTIAL_SIG, REDEEM_SCRIPT, SIGHASH_TYPE,
        TAP_KEY_SIG, TAP_SCRIPT_SIG, WITNESS_SCRIPT,
    },
    psbt::{Input, Pairs},
    sighash::{Commitments, legacy},
    taproot::SighashType,
    unsignable::Unsignable,
};
use crate::Rejected;

/// The key that is about to sign. It owns the outputs whose scripts follow from it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spender {
    /// A BIP-340 key, which owns its P2TR output.
    Taproot {
        /// The key before the tweak.
        internal_key: XOnlyKey,
        /// The key in the output: the internal key with BIP-86's tweak, which is for the caller to know.
        output_key: XOnlyKey,
    },
    /// An ECDSA key, which owns its P2WPKH, P2SH-P2WPKH and P2PKH outputs.
    Ecdsa(CompressedKey),
}

/// How an output is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// By the key path (BIP-341), with a BIP-340 signature of this type.
    Taproot(SighashType),
    /// Native SegWit (BIP-143), with an ECDSA signature of type ALL.
    P2wpkh,
    /// SegWit nested in P2SH (BIP-143), with an ECDSA signature of type ALL.
    P2shP2wpkh,
    /// As before SegWit, with an ECDSA signature of type ALL.
    P2pkh,
}

/// What becomes of inputs that the key does not own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// The PSBT is refused.
    Refuse,
    /// They are left as they are, for others to sign. Their amounts count towards the fee.
    LeaveAlone,
}

/// What a key has to do for a PSBT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSign {
    /// One digest for each input of the key, in order; at least one.
    pub sighashes: Vec<Sighash>,
    /// The inputs of others, in order.
    pub foreign: Vec<usize>,
}

/// The digest that the signature of one input is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighash {
    /// The input.
    pub input: usize,
    /// The digest.
    pub digest: [u8; 32],
    /// How the input spends its coin, and so what kind of signature it takes.
    pub spend: Spend,
}

impl Psbt {
    /// The digests that `spender` signs, and the inputs that it does not own.
    ///
    /// Refused: an input without UTXO, amounts that do not add up, inputs of others unless `foreign`
    /// allows them, and a PSBT with none of the key's. Of the key's inputs: another internal key, a
    /// script tree, redeem or witness scripts that are not the output's, signatures that are there
    /// already, and sighash types other than ALL (and DEFAULT for Taproot).
    ///
    /// # Security
    /// A Taproot digest covers the amounts and scripts of all spent outputs: if the PSBT lies about
    /// them, the signature is worthless. BIP-143's covers the amount of its own input alone, and the
    /// digest from before SegWit none. Whoever states other amounts in each of several PSBTs of one
    /// transaction could gather a valid signature for every input, though each PSBT showed a small
    /// fee. So an ECDSA key signs only if *every* input, also one said to be of others, has the
    /// previous transaction that proves its script and amount (`PSBT_IN_NON_WITNESS_UTXO`).
    pub fn sighashes(&self, spender: &Spender, foreign: Foreign) -> Result<ToSign, Rejected> {
        self.fee()?;
        let utxos = self.utxos()?;
        let commitments = Commitments::new(&self.transaction, &utxos);
        let mut to_sign = ToSign { sighashes: Vec::new(), foreign: Vec::new() };
        for (input, (map, utxo)) in self.inputs.iter().zip(&utxos).enumerate() {
            match (map.spend(input, utxo, spender)?, foreign) {
                (Some(spend), _) => {
                    let digest = self.digest(&commitments, input, utxo, spend)?;
                    to_sign.sighashes.push(Sighash { input, digest, spend });
                }
                (None, Foreign::LeaveAlone) => to_sign.foreign.push(input),
                (None, Foreign::Refuse) => return Err(Unsignable::NotOurs { input }.into()),
            }
        }
        if to_sign.sighashes.is_empty() { Err(Unsignable::NothingToSign.into()) } else { Ok(to_sign) }
    }

    fn digest(
        &self,
        commitments: &Commitments,
        input: usize,
        utxo: &TxOut,
        spend: Spend,
    ) -> Result<[u8; 32], Unsignable> {
        let txin = self.transaction.inputs.get(input).ok_or(Unsignable::NoSuchInput { input })?;
        Ok(match spend {
            Spend::Taproot(sighash_type) => commitments.taproot(input, sighash_type),
            Spend::P2wpkh => commitments.segwit_v0(txin, &script_code(&utxo.script), utxo.amount),
            Spend::P2shP2wpkh => {
                let redeem_script = self.inputs.get(input).and_then(|map| map.pairs.get(REDEEM_SCRIPT));
                let redeem_script = redeem_script.ok_or(Unsignable::WrongScript { input })?;
                commitments.segwit_v0(txin, &script_code(redeem_script), utxo.amount)
            }
            Spend::P2pkh => legacy(&self.transaction, input, &utxo.script),
        })
    }
}

impl Input {
    /// How `spender` may spend the coin, `None` if it is not its own.
    fn spend(&self, input: usize, utxo: &TxOut, spender: &Spender) -> Result<Option<Spend>, Unsignable> {
        match spender {
            Spender::Taproot { internal_key, output_key } if utxo.script == p2tr_script(output_key) => {
                self.key_path_sighash_type(input, internal_key).map(Spend::Taproot).map(Some)
            }
            Spender::Taproot { .. } => Ok(None),
            Spender::Ecdsa(_) if !self.pairs.contains_key(NON_WITNESS_UTXO) => {
                Err(Unsignable::UnprovenAmount { input })
            }
            Spender::Ecdsa(key) => self.ecdsa_spend(input, utxo, key),
        }
    }

    /// How `key` spends the coin by ECDSA, if the input lets it.
    pub(super) fn ecdsa_spend(
        &self,
        input: usize,
        utxo: &TxOut,
        key: &CompressedKey,
    ) -> Result<Option<Spend>, Unsignable> {
        let Some(spend) = Spend::by_ecdsa(&utxo.script, key) else {
            return Ok(None);
        };
        self.refuse_if_signed(input)?;
        self.check_scripts(input, spend, key)?;
        match self.stated_sighash_type() {
            None | Some(1) => Ok(Some(spend)),
            Some(sighash_type) => Err(Unsignable::EcdsaSighashType { input, sighash_type }),
        }
    }

    /// Only an output nested in P2SH has a redeem script, which is the key's P2WPKH script.
    pub(super) fn check_scripts(&self, input: usize, spend: Spend, key: &CompressedKey) -> Result<(), Unsignable> {
        let program = p2wpkh_script(key);
        let expected = match spend {
            Spend::P2shP2wpkh => Some(program.as_slice()),
            Spend::Taproot(_) | Spend::P2wpkh | Spend::P2pkh => None,
        };
        let stated = self.pairs.get(REDEEM_SCRIPT).map(Vec::as_slice);
        if stated != expected || self.pairs.contains_key(WITNESS_SCRIPT) {
            return Err(Unsignable::WrongScript { input });
        }
        Ok(())
    }

    pub(super) fn refuse_if_signed(&self, input: usize) -> Result<(), Unsignable> {
        let single = [TAP_KEY_SIG, FINAL_SCRIPT_SIG, FINAL_SCRIPT_WITNESS];
        let several = [PARTIAL_SIG, TAP_SCRIPT_SIG];
        let signed = single.iter().any(|&key| self.pairs.contains_key(key))
            || several.iter().any(|&kind| has_type(&self.pairs, kind));
        if signed { Err(Unsignable::AlreadySigned { input }) } else { Ok(()) }
    }

    /// What `PSBT_IN_SIGHASH_TYPE` says, if it is there.
    pub(super) fn stated_sighash_type(&self) -> Option<u32> {
        let value = self.pairs.get(SIGHASH_TYPE)?;
        let bytes = <[u8; 4]>::try_from(value.as_slice()).expect("fields::check demands four bytes");
        Some(u32::from_le_bytes(bytes))
    }
}

impl Spend {
    /// How `key` spends an output with `script`, if it is the key's.
    pub(super) fn by_ecdsa(script: &[u8], key: &CompressedKey) -> Option<Self> {
        match script {
            _ if script == p2wpkh_script(key) => Some(Self::P2wpkh),
            _ if script == p2sh_p2wpkh_script(key) => Some(Self::P2shP2wpkh),
            _ if script == p2pkh_script(key) => Some(Self::P2pkh),
            _ => None,
        }
    }
}

/// BIP-143's `scriptCode` for a P2WPKH script: the P2PKH script of the same hash.
fn script_code(program: &[u8]) -> Vec<u8> {
    let (_, hash) = program.split_at_checked(2).unwrap_or_default();
    [&[0x76, 0xa9, 0x14], hash, &[0x88, 0xac]].concat()
}

/// Whether a map holds a pair of a type whose keys have data.
pub(super) fn has_type(pairs: &Pairs, kind: u8) -> bool {
    pairs.keys().any(|key| key.first() == Some(&kind))
}
