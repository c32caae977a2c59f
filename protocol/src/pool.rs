//! Nonces made ahead, each for one signature (P4).
//!
//! FROST's `SigningNonces` can be cloned and serialised, and `round2::sign` takes the same ones twice. [`Nonces`] can neither be copied
//! nor written, and [`Pool::take`] gives it away by value, before a byte of the share is computed. What is not used within
//! [`LIFE_MS`] is erased. A restart empties every pool, because nothing of it is ever sealed.

use std::collections::BTreeMap;

use cloister_wire::{bounded::Bytes, ids::UnixMillis, limits, refusal::Refusal};
use frost_core::{
    Ciphersuite,
    keys::SigningShare,
    round1::{self, SigningCommitments, SigningNonces},
};
use rand_core::{CryptoRng, RngCore};

use crate::fault::Fault;

/// How long a commitment stays usable, milliseconds.
const LIFE_MS: u64 = 10 * 60 * 1000;

/// A commitment as it is sent.
pub(crate) type Commitment = Bytes<{ limits::COMMITMENT }>;

/// The nonces of one commitment. They are consumed by the one signature that uses them, and erased on drop.
pub(crate) struct Nonces<C: Ciphersuite>(SigningNonces<C>);

/// Unused nonces of one key, by their commitment.
pub(crate) struct Pool<C: Ciphersuite> {
    unused: BTreeMap<Vec<u8>, (UnixMillis, Nonces<C>)>,
}

impl<C: Ciphersuite> Nonces<C> {
    /// Their public side, known here already: what a package says of it need not be decompressed again.
    pub(crate) fn commitments(&self) -> SigningCommitments<C> {
        *self.0.commitments()
    }

    /// Uses the nonces up. The caller computes at most one share with what it is lent.
    pub(crate) fn consume<T>(self, sign: impl FnOnce(&SigningNonces<C>) -> T) -> T {
        sign(&self.0)
    }
}

impl<C: Ciphersuite> Pool<C> {
    pub(crate) fn new() -> Self {
        Self { unused: BTreeMap::new() }
    }

    /// Makes `count` fresh commitments. Randomness is the caller's generator mixed with the share, as RFC 9591 section 4.1 does it.
    pub(crate) fn commit<R: RngCore + CryptoRng>(
        &mut self,
        now: UnixMillis,
        rng: &mut R,
        share: &SigningShare<C>,
        count: usize,
    ) -> Result<Vec<Commitment>, Fault> {
        self.forget_expired(now);
        if self.unused.len().saturating_add(count) > limits::POOL {
            return Err(Refusal::PoolFull.into());
        }
        (0..count).map(|_| self.commit_once(now, rng, share)).collect()
    }

    /// Erases what has expired.
    pub(crate) fn forget_expired(&mut self, now: UnixMillis) {
        self.unused.retain(|_, (made, _)| made.plus(LIFE_MS) > now);
    }

    /// Erases the nonces of a commitment that was named in a request which was refused.
    pub(crate) fn burn(&mut self, commitment: &Commitment) {
        self.unused.remove(commitment.as_slice());
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.unused.len()
    }

    fn commit_once<R: RngCore + CryptoRng>(
        &mut self,
        now: UnixMillis,
        rng: &mut R,
        share: &SigningShare<C>,
    ) -> Result<Commitment, Fault> {
        let (nonces, commitments) = round1::commit(share, rng);
        let bytes = commitments.serialize().map_err(|_| Fault::Fatal)?;
        let commitment = Commitment::try_from(bytes.as_slice())?;
        // Two equal commitments would mean a repeated nonce: a broken generator.
        match self.unused.insert(bytes, (now, Nonces(nonces))) {
            None => Ok(commitment),
            Some(_) => Err(Fault::Fatal),
        }
    }

    /// Takes the nonces of a commitment out of the pool, for good.
    pub(crate) fn take(&mut self, now: UnixMillis, commitment: &Commitment) -> Result<Nonces<C>, Refusal> {
        let (made, nonces) = self.unused.remove(commitment.as_slice()).ok_or(Refusal::CommitmentUnknown)?;
        if made.plus(LIFE_MS) > now { Ok(nonces) } else { Err(Refusal::CommitmentUnknown) }
    }
}
