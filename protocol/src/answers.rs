//! The shares that were released last, so that an answer which was lost on the way can be given again.
//!
//! Only for the *identical* packages is the share that was made given again; it is the same share, so nothing is signed twice. What is
//! forgotten here is not given again: nothing rests on this memory.

use std::collections::{BTreeMap, VecDeque};

use cloister_wire::ids::Hash;

use crate::share::SignatureShare;

/// Answers kept for repetition.
const ANSWERS: usize = 1024;
/// Shares in all of them: about 1 MiB. One answer has up to `limits::DIGESTS`.
const SHARES: usize = 16_384;

/// The answers, by the hash that binds request and signing packages.
#[derive(Default)]
pub(crate) struct Answers {
    answers: BTreeMap<Hash, Vec<SignatureShare>>,
    order: VecDeque<Hash>,
    shares: usize,
}

impl Answers {
    /// The shares that were made under `package`.
    pub(crate) fn get(&self, package: &Hash) -> Option<&[SignatureShare]> {
        self.answers.get(package).map(Vec::as_slice)
    }

    /// Keeps the shares that were made under `package`.
    pub(crate) fn keep(&mut self, package: Hash, shares: &[SignatureShare]) {
        self.shares = self.shares.saturating_add(shares.len());
        while (self.order.len() >= ANSWERS || self.shares > SHARES)
            && let Some(oldest) = self.order.pop_front()
        {
            let forgotten = self.answers.remove(&oldest).unwrap_or_default();
            self.shares = self.shares.saturating_sub(forgotten.len());
        }
        self.order.push_back(package);
        self.answers.insert(package, shares.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_answers_within_the_bound_on_their_shares() {
        let mut answers = Answers::default();
        let package = |number: u8| Hash::from_bytes([number; 32]);
        let large = vec![SignatureShare::default(); 512];
        (0..100).for_each(|number| answers.keep(package(number), &large));
        assert_eq!((answers.shares, answers.answers.len(), answers.order.len()), (SHARES, SHARES / 512, SHARES / 512));
        assert!(answers.get(&package(99)).is_some() && answers.get(&package(0)).is_none());
    }
}
