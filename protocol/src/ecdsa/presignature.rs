//! One signer's part of a presignature: good for one share, which uses it up (P4).

use cloister_wire::{
    ids::{SignerId, UnixMillis},
    limits,
};
use k256_dkls::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{POINT, reduced};
use crate::share::SignatureShare;

/// How long a presignature stays usable, milliseconds.
const LIFE_MS: u64 = 60 * 60 * 1000;

/// Neither `Clone` nor serialisable, erased on drop.
pub(crate) struct Presignature {
    made: UnixMillis,
    signers: Vec<SignerId>,
    path: Vec<u32>,
    /// Where it was made: what is moved is the pointer, and no copy stays behind.
    secret: Box<Secret>,
}

#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret {
    /// R, compressed: public, and the same at every signer.
    #[zeroize(skip)]
    pub(super) point: [u8; POINT],
    /// φᵢ.
    pub(super) mask: Scalar,
    /// uᵢ.
    pub(super) u: Scalar,
    /// r·vᵢ, for the path's own key.
    pub(super) w: Scalar,
}

impl Presignature {
    pub(super) fn new(made: UnixMillis, signers: Vec<SignerId>, path: Vec<u32>, secret: Box<Secret>) -> Self {
        Self { made, signers, path, secret }
    }

    /// Whether it may still be used.
    pub(super) fn is_fresh(&self, now: UnixMillis) -> bool {
        self.made.plus(LIFE_MS) > now
    }

    /// Whether it was made for these signers and this child.
    pub(super) fn is_for<'a>(&self, signers: impl Iterator<Item = &'a SignerId>, path: &[u32]) -> bool {
        self.signers.iter().eq(signers) && self.path == path
    }

    /// Whether `signer` takes part.
    pub(super) fn involves(&self, signer: SignerId) -> bool {
        self.signers.contains(&signer)
    }

    /// Step 9's `wᵢ = H(m)·φᵢ + r·vᵢ`. The share is `R ‖ uᵢ ‖ wᵢ`.
    #[expect(clippy::arithmetic_side_effects, reason = "a field and its group know no overflow")]
    pub(super) fn sign(self, digest: &[u8; 32]) -> Result<SignatureShare, cloister_wire::bounded::TooLong> {
        let Secret { point, mask, u, w } = &*self.secret;
        let w = reduced(digest) * mask + w;
        let mut share = Vec::with_capacity(limits::COMMITMENT);
        share.extend_from_slice(point);
        share.extend_from_slice(&u.to_bytes());
        share.extend_from_slice(&w.to_bytes());
        share.try_into()
    }
}
