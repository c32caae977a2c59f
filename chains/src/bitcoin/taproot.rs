//! Taproot key path spends: which inputs may be signed, and their signatures.

use super::{
    Foreign, Psbt, Spend, Spender, XOnlyKey,
    fields::{TAP_INTERNAL_KEY, TAP_KEY_SIG, TAP_LEAF_SCRIPT, TAP_MERKLE_ROOT},
    psbt::Input,
    spend::has_type,
    unsignable::Unsignable,
};
use crate::Rejected;

/// What a signature covers besides its own input: both types cover the whole transaction, and
/// differ in how the signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SighashType {
    /// `SIGHASH_DEFAULT`, 0x00: the signature is 64 bytes.
    Default,
    /// `SIGHASH_ALL`, 0x01: the type follows the signature as its 65th byte.
    All,
}

/// The digest that a BIP-340 signature of one input signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaprootSighash {
    /// The input.
    pub input: usize,
    /// The digest.
    pub sighash: [u8; 32],
    /// The type that the digest and the signature have.
    pub sighash_type: SighashType,
}

impl Psbt {
    /// The digests of BIP-341, one per input in order, for a PSBT of which *every* input spends an
    /// output of `output_key`.
    ///
    /// Refused: an input without UTXO, of another output key or of another internal key, with a
    /// script tree, with a sighash type other than DEFAULT and ALL, or signed already; amounts
    /// that do not add up. That `output_key` is `internal_key` with the empty tweak (BIP-86) is
    /// for the caller to know.
    ///
    /// # Security
    /// The digest covers the amounts and scripts of all spent outputs: if the PSBT lies about
    /// them, the signature is worthless.
    pub fn taproot_key_path_sighashes(
        &self,
        internal_key: &XOnlyKey,
        output_key: &XOnlyKey,
    ) -> Result<Vec<TaprootSighash>, Rejected> {
        let spender = Spender::Taproot { internal_key: *internal_key, output_key: *output_key };
        let sighashes = self.sighashes(&spender, Foreign::Refuse)?.sighashes.into_iter();
        let sighashes = sighashes.filter_map(|to_sign| match to_sign.spend {
            Spend::Taproot(sighash_type) => {
                Some(TaprootSighash { input: to_sign.input, sighash: to_sign.digest, sighash_type })
            }
            Spend::P2wpkh | Spend::P2shP2wpkh | Spend::P2pkh => None,
        });
        Ok(sighashes.collect())
    }

    /// Puts a BIP-340 signature into an input. It is not verified here: callers have done that.
    /// Refused unless the input asks for `sighash_type` and has no signature.
    pub fn insert_taproot_signature(
        &mut self,
        input: usize,
        signature: [u8; 64],
        sighash_type: SighashType,
    ) -> Result<(), Rejected> {
        let slot = self.inputs.get_mut(input).ok_or(Unsignable::NoSuchInput { input })?;
        slot.refuse_if_signed(input)?;
        if slot.sighash_type(input)? != sighash_type {
            return Err(Unsignable::OtherSighashType { input }.into());
        }
        slot.pairs.insert(TAP_KEY_SIG.to_vec(), sighash_type.append_to(signature));
        self.close();
        Ok(())
    }
}

impl Input {
    /// The sighash type of an input that `internal_key` may sign by the key path.
    pub(super) fn key_path_sighash_type(
        &self,
        input: usize,
        internal_key: &XOnlyKey,
    ) -> Result<SighashType, Unsignable> {
        self.refuse_if_signed(input)?;
        let named = self.pairs.get(TAP_INTERNAL_KEY);
        if named.is_some_and(|named| named != internal_key.as_bytes()) {
            return Err(Unsignable::WrongInternalKey { input });
        }
        if self.pairs.contains_key(TAP_MERKLE_ROOT) || has_type(&self.pairs, TAP_LEAF_SCRIPT) {
            return Err(Unsignable::ScriptTree { input });
        }
        self.sighash_type(input)
    }

    /// What the input asks for: `SIGHASH_DEFAULT` if it is silent (BIP-371).
    fn sighash_type(&self, input: usize) -> Result<SighashType, Unsignable> {
        match self.stated_sighash_type() {
            None | Some(0) => Ok(SighashType::Default),
            Some(1) => Ok(SighashType::All),
            Some(sighash_type) => Err(Unsignable::SighashType { input, sighash_type }),
        }
    }
}

impl SighashType {
    /// The byte that stands for it in the digest.
    pub fn byte(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::All => 1,
        }
    }

    /// The signature as it stands in a witness.
    fn append_to(self, signature: [u8; 64]) -> Vec<u8> {
        let mut bytes = signature.to_vec();
        match self {
            Self::Default => {}
            Self::All => bytes.push(self.byte()),
        }
        bytes
    }
}
