//! The chain of receipts: every share released, request refused and change of authority, in order, signed by the boot identity.

use cloister_wire::{
    codec,
    ids::{Hash, PolicyVersion, Sequence, UnixMillis},
    receipt::{Event, Receipt, ReceiptBody},
    tag::Tag,
};

use crate::{boot::Boot, fault::Fault};

/// The chain so far, and the receipts that the next reply carries.
#[derive(Default)]
pub(crate) struct Receipts {
    next: Sequence,
    head: Option<Hash>,
    made: Vec<Receipt>,
}

impl Receipts {
    /// Makes the next receipt.
    pub(crate) fn record(
        &mut self,
        boot: &Boot,
        at: UnixMillis,
        policy: PolicyVersion,
        event: Event,
    ) -> Result<(), Fault> {
        let body = ReceiptBody { boot: boot.id(), sequence: self.next, previous: self.head, at, policy, event };
        let body = codec::encode(&body);
        let receipt = Receipt { signature: boot.sign(Tag::RECEIPT, &body), body: body.try_into()? };
        self.head = Some(receipt.hash());
        self.next = self.next.next().ok_or(Fault::Fatal)?;
        self.made.push(receipt);
        Ok(())
    }

    /// Takes what was made since the last reply.
    pub(crate) fn take(&mut self) -> Vec<Receipt> {
        core::mem::take(&mut self.made)
    }

    /// How many there are, and the hash of the last.
    pub(crate) fn head(&self) -> (Sequence, Option<Hash>) {
        (self.next, self.head)
    }
}
