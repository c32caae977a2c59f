//! The chain of receipts: every share released, request refused and change of authority, in order, signed by the boot identity.

use cloister_wire::{
    bounded::List,
    codec,
    ids::{Hash, Pcr, PolicyVersion, Sequence, UnixMillis},
    limits,
    receipt::{Entry, Event, Receipt, ReceiptBody},
    tag::Tag,
};

use crate::{boot::Boot, fault::Fault, state::State};

/// What every receipt says of the boot: its image, and the policy in force.
#[derive(Clone, Copy)]
pub(crate) struct Under {
    pub(crate) image: Pcr,
    pub(crate) policy: PolicyVersion,
}

/// The chain so far, what the receipt of the next reply will say, and what follows from all of it.
#[derive(Default)]
pub(crate) struct Receipts {
    state: State,
    next: Sequence,
    head: Option<Hash>,
    under: Option<Under>,
    entries: Vec<Entry>,
}

impl Receipts {
    /// Notes what happened, and lets the state follow. The reply is not given before it is signed.
    pub(crate) fn record(&mut self, now: UnixMillis, under: Under, event: Event) {
        self.state.apply(now, &event);
        self.under = Some(under);
        self.entries.push(Entry::Shown(event));
    }

    /// Makes the receipt of everything since the last one.
    pub(crate) fn take(&mut self, boot: &Boot, at: UnixMillis) -> Result<Option<Receipt>, Fault> {
        let Some(Under { image, policy }) = self.under.take() else { return Ok(None) };
        let entries: List<_, { limits::EVENTS }> = core::mem::take(&mut self.entries).try_into()?;
        let (sequence, previous, events) = (self.next, self.head, Receipt::digest(entries.as_slice()));
        let body = ReceiptBody { boot: boot.id(), sequence, previous, at, image, policy, events };
        let body = codec::encode(&body);
        let receipt = Receipt { signature: boot.sign(Tag::RECEIPT, &body), body: body.try_into()?, entries };
        self.head = Some(receipt.hash());
        self.next = self.next.next().ok_or(Fault::Fatal)?;
        Ok(Some(receipt))
    }

    /// Forgets of the state what has expired.
    pub(crate) fn forget_expired(&mut self, now: UnixMillis) {
        self.state.forget_expired(now);
    }

    /// What follows from everything that was recorded.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// How many there are, and the hash of the last.
    pub(crate) fn head(&self) -> (Sequence, Option<Hash>) {
        (self.next, self.head)
    }
}
