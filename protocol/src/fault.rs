//! Failures by blame: the host's or a peer's, which are refused, and ours, which are terminal.

use cloister_wire::{bounded::TooLong, codec::DecodeError, refusal::Refusal};

/// Why a request was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Their doing: refused, and nothing has changed.
    Refused(Refusal),
    /// Ours or the hardware's: the signer stops.
    Fatal,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<DecodeError> for Fault {
    fn from(_: DecodeError) -> Self {
        Self::Refused(Refusal::Malformed)
    }
}

impl From<TooLong> for Fault {
    /// What we make ourselves fits its bounds; if not, an invariant is broken.
    fn from(_: TooLong) -> Self {
        Self::Fatal
    }
}
