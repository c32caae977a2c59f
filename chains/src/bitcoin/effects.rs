//! What a PSBT does: who is paid, what comes back to the key, and the fee.

use super::{
    Psbt, Spender,
    address::p2tr_script,
    fields::{OUT_BIP32_DERIVATION, OUT_TAP_BIP32_DERIVATION},
    psbt::Pairs,
    spend::Spend,
};
use crate::{
    Rejected, U256,
    derivation::ChildPath,
    effect::{Asset, Effect, Party},
};

impl Psbt {
    /// What the transaction does, the fee last. Every output is counted as paid by the signer, also where others' inputs help to pay it.
    ///
    /// An output comes back to the signer if its script is `signer`'s, or that of a child to which the output's own derivation leads
    /// (`PSBT_OUT_BIP32_DERIVATION`, `PSBT_OUT_TAP_BIP32_DERIVATION`): the PSBT names the path and nothing more, `child` says who spends
    /// there. Only paths from the key with this fingerprint (BIP-32) are looked at, and the first for an output alone.
    ///
    /// Refused: what [`Psbt::fee`] refuses.
    pub fn effects(
        &self,
        signer: &Spender,
        fingerprint: [u8; 4],
        child: impl Fn(&ChildPath) -> Option<Spender>,
    ) -> Result<Vec<Effect>, Rejected> {
        let fee = self.fee()?;
        let outputs = self.transaction.outputs.iter().zip(&self.outputs);
        let mut effects: Vec<Effect> = outputs
            .map(|(output, pairs)| {
                let named = || own_path(pairs, fingerprint).and_then(|path| child(&path));
                let own = signer.owns(&output.script) || named().is_some_and(|child| child.owns(&output.script));
                let to = if own { Party::Signer } else { Party::Bitcoin(output.script.clone()) };
                let amount = U256::from(output.amount.satoshis());
                Effect::Transfer { asset: Asset::Satoshis, from: Party::Signer, to, amount }
            })
            .collect();
        effects.push(Effect::Fee { asset: Asset::Satoshis, most: U256::from(fee.satoshis()) });
        Ok(effects)
    }
}

impl Spender {
    fn owns(&self, script: &[u8]) -> bool {
        match self {
            Self::Taproot { output_key, .. } => script == p2tr_script(output_key),
            Self::Ecdsa(key) => Spend::by_ecdsa(script, key).is_some(),
        }
    }
}

/// The first path of an output's derivations that starts at the key with this fingerprint.
fn own_path(pairs: &Pairs, fingerprint: [u8; 4]) -> Option<ChildPath> {
    pairs.iter().find_map(|(key, value)| {
        let origin = match *key.first()? {
            OUT_BIP32_DERIVATION => value.as_slice(),
            OUT_TAP_BIP32_DERIVATION => behind_leaf_hashes(value)?,
            _ => return None,
        };
        let (root, path) = origin.split_first_chunk::<4>()?;
        let (steps, rest) = path.as_chunks::<4>();
        let steps: Vec<_> = steps.iter().map(|step| u32::from_le_bytes(*step)).collect();
        (*root == fingerprint && rest.is_empty()).then(|| ChildPath::new(&steps).ok()).flatten()
    })
}

/// A key path's derivation has no leaf hashes in front: their number is zero.
fn behind_leaf_hashes(value: &[u8]) -> Option<&[u8]> {
    let (&count, origin) = value.split_first()?;
    (count == 0).then_some(origin)
}
