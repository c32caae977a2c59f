//! The chain of receipts: every share released, request refused and change of authority, in order, signed by the boot identity.

use cloister_wire::{
    codec,
    ids::{Hash, PolicyVersion, Sequence, UnixMillis},
    receipt::{Event, Receipt, ReceiptBody},
    tag::Tag,
};

use crate::{boot::Boot, fault::Fault};

/// The chain so far, and what the receipt of the next reply will say.
#[derive(Default)]
pub(crate) struct Receipts {
    next: Sequence,
    head: Option<Hash>,
    policy: PolicyVersion,
    events: Vec<Event>,
}

impl Receipts {
    /// Notes what happened, and under which policy. The reply is not given before it is signed.
    pub(crate) fn record(&mut self, policy: PolicyVersion, event: Event) {
        self.policy = policy;
        self.events.push(event);
    }

    /// Makes the receipt of everything since the last one.
    pub(crate) fn take(&mut self, boot: &Boot, at: UnixMillis) -> Result<Option<Receipt>, Fault> {
        if self.events.is_empty() {
            return Ok(None);
        }
        let events = core::mem::take(&mut self.events).try_into()?;
        let (sequence, previous) = (self.next, self.head);
        let body = ReceiptBody { boot: boot.id(), sequence, previous, at, policy: self.policy, events };
        let body = codec::encode(&body);
        let receipt = Receipt { signature: boot.sign(Tag::RECEIPT, &body), body: body.try_into()? };
        self.head = Some(receipt.hash());
        self.next = self.next.next().ok_or(Fault::Fatal)?;
        Ok(Some(receipt))
    }

    /// How many there are, and the hash of the last.
    pub(crate) fn head(&self) -> (Sequence, Option<Hash>) {
        (self.next, self.head)
    }
}
