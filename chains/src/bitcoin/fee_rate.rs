//! What a PSBT's transaction pays for its size, before it is signed.
//!
//! The size is estimated from what every input spends: a signature by the key path has 64 bytes (65 where the input asks for type ALL), an
//! ECDSA signature 72 (its longest, type included), a key 33. Of an input of any other kind nothing but the input itself is counted, nor is
//! a script or witness that somebody has put into the PSBT, which nobody has verified. So the estimate errs towards the higher rate.

use super::{Psbt, fields::REDEEM_SCRIPT, finalise::Scripts, psbt::Input};
use crate::{Rejected, hash160};

impl Psbt {
    /// Satoshis for each virtual byte of the signed transaction, as far as its size can be told, rounded up.
    ///
    /// Refused: what [`Psbt::fee`] refuses.
    pub fn fee_rate(&self) -> Result<u64, Rejected> {
        let fee = self.fee()?.satoshis();
        Ok(fee.div_ceil(self.virtual_size().max(1)))
    }

    /// Virtual bytes (BIP-141) of the signed transaction, as far as its size can be told.
    pub fn virtual_size(&self) -> u64 {
        let expected: Vec<_> = self.inputs.iter().map(Input::expected_scripts).collect();
        let whole = self.with_scripts(&expected).len();
        let stripped = self.transaction.with_script_sigs(expected.iter().map(Scripts::script_sig)).len();
        // A PSBT is bounded, and so is what stands for each of its inputs.
        stripped.saturating_mul(3).saturating_add(whole).div_ceil(4) as u64
    }
}

impl Input {
    /// Placeholders as long as what will stand there.
    fn expected_scripts(&self) -> Scripts {
        let script = self.utxo.as_ref().map_or(&[][..], |utxo| &utxo.script);
        let key_path = if self.stated_sighash_type().unwrap_or(0) == 0 { 64 } else { 65 };
        let by_key: [&[u8]; 2] = [&[0; ECDSA_SIGNATURE], &[0; KEY]];
        match script {
            [0x51, 0x20, key @ ..] if key.len() == 32 => Scripts::new(b"", &[&vec![0; key_path]]),
            [0x00, 0x14, hash @ ..] if hash.len() == 20 => Scripts::new(b"", &by_key),
            [0xa9, 0x14, hash @ .., 0x87] if self.nests_p2wpkh(hash) => Scripts::new(&[0; NESTED], &by_key),
            [0x76, 0xa9, 0x14, hash @ .., 0x88, 0xac] if hash.len() == 20 => Scripts::new(&[0; PUSHED], &[]),
            _ => Scripts::new(b"", &[]),
        }
    }

    fn nests_p2wpkh(&self, hash: &[u8]) -> bool {
        let redeem_script = self.pairs.get(REDEEM_SCRIPT).filter(|script| hash160(script) == *hash);
        redeem_script.is_some_and(|script| script.len() == 22 && script.starts_with(&[0x00, 0x14]))
    }
}

/// `r` and `s` in DER, and the sighash type.
const ECDSA_SIGNATURE: usize = 72;
/// A compressed key.
const KEY: usize = 33;
/// A P2WPKH script that is pushed.
const NESTED: usize = 23;
/// Signature and key that are pushed.
const PUSHED: usize = ECDSA_SIGNATURE + KEY + 2;
