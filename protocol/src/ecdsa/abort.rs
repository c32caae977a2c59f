//! What a failed check means.
//!
//! The library says whom a failed check is about and, by `AbortKind`, what has to follow. Three cases are kept apart:
//! - **Lost or altered on the way**: the channel's tag fails, and no message reaches this module.
//! - **Another attempt, another set-up, a malformed message, a failed proof or commitment** (`Recoverable`): the attempt is over and
//!   everything of it is erased; nothing of lasting state has leaked. The sender is named where it alone can be the cause,
//!   and otherwise everybody who can: one of three or more who uses a wrong share is not told from the others, and hosts exchange signers.
//! - **A failed check of the oblivious-transfer extension, the multiplication or its consistency** (`BanCounterparty`): a peer that
//!   chose what to send learns from our abort about the base transfers that all later signatures of this pair use (ePrint 2023/765, functionality 3.5).
//!   The pair is barred: see [`super::Pairs::bar`].

use cloister_wire::{ids::SignerId, refusal::Refusal};
use dkls23::protocols::{Abort as LibraryAbort, AbortKind, AbortReason, PartyIndex};

use super::signer;
use crate::{fault::Fault, keygen::Blame};

/// Why an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// It may be tried again.
    Failed(Blame),
    /// It may be tried again, too, and a message was wrong: this peer's, unless we are at fault ourselves; if it is none, any peer's.
    Unsettled(Option<SignerId>),
    /// This peer may take part with us no more.
    Bar(SignerId),
    /// Our own state is at fault.
    Fatal,
}

impl Abort {
    /// `culprit`'s message cannot be right.
    pub(super) fn on(culprit: SignerId) -> Self {
        Self::Failed(Blame { refusal: Refusal::CeremonyFailed, culprit: Some(culprit) })
    }

    /// The fault of a step that uses no base transfers yet, so that it can bar nobody.
    pub(crate) fn unbarred(self) -> Fault {
        match self {
            Abort::Failed(blame) => Fault::Refused(blame.refusal),
            Abort::Unsettled(_) => Fault::Refused(Refusal::CeremonyFailed),
            Abort::Bar(_) | Abort::Fatal => Fault::Fatal,
        }
    }

    /// Who may have caused what nobody can be blamed for.
    fn without_culprit(reason: &AbortReason) -> Self {
        match reason {
            // It may be our own fault, after a set-up that only one side has.
            AbortReason::SessionBindingMismatch { counterparty } => Self::Unsettled(signer(*counterparty)),
            // The shares of all together are not the key.
            AbortReason::PolynomialInconsistency => Self::Unsettled(None),
            _ => Self::nobody(Refusal::CeremonyFailed),
        }
    }

    /// Nobody in particular.
    pub(super) fn nobody(refusal: Refusal) -> Self {
        Self::Failed(Blame { refusal, culprit: None })
    }
}

impl From<Fault> for Abort {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusal) => Self::nobody(refusal),
            Fault::Fatal => Self::Fatal,
        }
    }
}

impl From<Refusal> for Abort {
    fn from(refusal: Refusal) -> Self {
        Self::nobody(refusal)
    }
}

impl From<LibraryAbort> for Abort {
    fn from(abort: LibraryAbort) -> Self {
        match abort.kind {
            AbortKind::BanCounterparty(peer) => signer(peer).map_or(Self::Fatal, Self::Bar),
            AbortKind::Recoverable => match culprit(&abort.reason).filter(|index| *index != abort.index) {
                Some(culprit) => signer(culprit).map_or(Self::Fatal, Self::on),
                None => Self::without_culprit(&abort.reason),
            },
        }
    }
}

/// Whose message it was, where that is certain.
fn culprit(reason: &AbortReason) -> Option<PartyIndex> {
    use AbortReason as R;
    match reason {
        R::ProofVerificationFailed { counterparty }
        | R::CommitmentMismatch { counterparty }
        | R::TrivialInstancePoint { counterparty }
        | R::OtConsistencyCheckFailed { counterparty }
        | R::MultiplicationVerificationFailed { counterparty, .. }
        | R::GammaUInconsistency { counterparty }
        | R::ZeroShareDecommitFailed { counterparty } => Some(*counterparty),
        R::ChainCodeCommitmentFailed { party } => Some(*party),
        // The library's enum is open; what it may add names nobody until it is read.
        _ => None,
    }
}
