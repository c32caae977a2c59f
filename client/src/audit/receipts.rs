use std::collections::BTreeMap;

use cloister_wire::{
    ids::{BootId, Hash, Pcr, Sequence, SignerId, UnixMillis},
    order::StartOrder,
    policy::Policy,
    receipt::{Event, Receipt, ReceiptBody},
    tag::Tag,
};

use super::Finding;
use crate::{boot::AttestedBoot, key::Key};

/// The checked chain of one boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootChain {
    /// Its signer.
    pub signer: SignerId,
    /// The boot.
    pub boot: BootId,
    /// How many receipts it has.
    pub receipts: usize,
    /// Hash of the last.
    pub head: Option<Hash>,
    /// Time of the first and the last, by the enclave's clock.
    pub span: Option<(UnixMillis, UnixMillis)>,
    /// Requests for which shares were released.
    pub released: usize,
    /// Requests refused.
    pub refused: usize,
    /// Peers that failed a check in ECDSA signing, with which this boot does not sign again.
    pub barred: Vec<SignerId>,
    /// All receipts that the boot signed, by number.
    pub bodies: Vec<ReceiptBody>,
}

/// What receipts may speak of.
pub(super) struct Known<'a> {
    pub(super) boots: &'a BTreeMap<BootId, AttestedBoot>,
    pub(super) orders: &'a BTreeMap<Hash, StartOrder>,
    pub(super) policies: &'a BTreeMap<Hash, Policy>,
    pub(super) keys: &'a [Key],
    /// PCR0 of the release that the manifest accepts.
    pub(super) image: Pcr,
}

impl Known<'_> {
    /// Checks every chain, and that none is missing.
    pub(super) fn check(&self, receipts: &BTreeMap<BootId, Vec<Receipt>>) -> (Vec<BootChain>, Vec<Finding>) {
        let (mut chains, mut findings) = (Vec::new(), Vec::new());
        for (boot, receipts) in receipts {
            match self.boots.get(boot) {
                Some(attested) => chains.push(self.check_chain(attested, receipts, &mut findings)),
                None => findings.push(Finding::UnknownSigner { boot: *boot }),
            }
        }
        for entry in self.orders.values().flat_map(|order| &order.roster) {
            let missing = Finding::MissingChain { signer: entry.signer, boot: entry.boot };
            if receipts.get(&entry.boot).is_none_or(Vec::is_empty) && !findings.contains(&missing) {
                findings.push(missing);
            }
        }
        (chains, findings)
    }

    fn check_chain(&self, attested: &AttestedBoot, receipts: &[Receipt], findings: &mut Vec<Finding>) -> BootChain {
        let boot = attested.boot();
        let links = read(attested, receipts, findings);
        let mut chain = BootChain {
            signer: attested.signer(),
            boot,
            receipts: links.len(),
            head: None,
            span: None,
            released: 0,
            refused: 0,
            barred: Vec::new(),
            bodies: Vec::with_capacity(links.len()),
        };
        let mut expected = Sequence(0);
        for (sequence, (hash, body)) in links {
            if sequence != expected {
                findings.push(Finding::Gap { boot, missing: expected });
            } else if body.previous != chain.head {
                findings.push(Finding::Unlinked { boot, sequence });
            }
            if chain.span.is_some_and(|(_, last)| body.at < last) {
                findings.push(Finding::Backwards { boot, sequence });
            }
            if body.image != self.image {
                findings.push(Finding::WrongImage { boot, sequence, image: body.image });
            }
            findings.extend(body.events.iter().filter_map(|event| self.dangling(&body, event)));
            chain.add(hash, &body);
            chain.bodies.push(body);
            expected = sequence.next().unwrap_or(sequence);
        }
        chain
    }

    /// What the event names and the export lacks. A refusal may name anything.
    fn dangling(&self, body: &ReceiptBody, event: &Event) -> Option<Finding> {
        let (what, hash, known) = match event {
            Event::Started { order, incarnation } => {
                let named = self.orders.get(order);
                let names = |order: &StartOrder| {
                    order.incarnation == *incarnation && order.roster.iter().any(|entry| entry.boot == body.boot)
                };
                ("start order", *order, named.is_some_and(names))
            }
            Event::PolicyChanged { policy } => ("policy", *policy, self.policies.contains_key(policy)),
            Event::KeyCreated { key, .. } | Event::ShareOpened { key } | Event::Released { key, .. } => {
                ("key", Hash::from_bytes(*key.as_bytes()), self.keys.iter().any(|known| known.id() == *key))
            }
            Event::Refused { .. }
            | Event::PairBarred { .. }
            | Event::Approved { .. }
            | Event::Withdrawn { .. }
            | Event::SwitchClosed { .. }
            | Event::SwitchOpened { .. }
            | Event::RecoveryBegun { .. }
            | Event::RecoveryCancelled { .. } => return None,
        };
        (!known).then_some(Finding::Dangling { boot: body.boot, sequence: body.sequence, what, hash })
    }
}

impl BootChain {
    fn add(&mut self, hash: Hash, body: &ReceiptBody) {
        self.head = Some(hash);
        self.span = Some((self.span.map_or(body.at, |(first, _)| first), body.at));
        for event in &body.events {
            match event {
                Event::PairBarred { peer } => self.barred.push(*peer),
                Event::Released { .. } => self.released += 1,
                Event::Refused { .. } => self.refused += 1,
                Event::Started { .. }
                | Event::PolicyChanged { .. }
                | Event::KeyCreated { .. }
                | Event::ShareOpened { .. }
                | Event::Approved { .. }
                | Event::Withdrawn { .. }
                | Event::SwitchClosed { .. }
                | Event::SwitchOpened { .. }
                | Event::RecoveryBegun { .. }
                | Event::RecoveryCancelled { .. } => {}
            }
        }
    }
}

/// The receipts that this boot signed, by number. The same receipt may stand in the export several times.
fn read(
    attested: &AttestedBoot,
    receipts: &[Receipt],
    findings: &mut Vec<Finding>,
) -> BTreeMap<Sequence, (Hash, ReceiptBody)> {
    let boot = attested.boot();
    let mut links: BTreeMap<Sequence, (Hash, ReceiptBody)> = BTreeMap::new();
    for (position, receipt) in receipts.iter().enumerate() {
        match verify(attested, receipt) {
            Ok(body) => {
                let (hash, sequence) = (receipt.hash(), body.sequence);
                if links.entry(sequence).or_insert((hash, body)).0 != hash {
                    findings.push(Finding::Fork { boot, sequence });
                }
            }
            Err(what) => findings.push(Finding::Altered { boot, position, what }),
        }
    }
    links
}

fn verify(attested: &AttestedBoot, receipt: &Receipt) -> Result<ReceiptBody, &'static str> {
    attested
        .identity()
        .verify(Tag::RECEIPT, receipt.body.as_slice(), &receipt.signature)
        .map_err(|_| "its boot did not sign it")?;
    let body = receipt.unverified().map_err(|_| "it cannot be read")?;
    if body.boot == attested.boot() { Ok(body) } else { Err("it is another boot's") }
}

#[cfg(test)]
mod tests {
    use cloister_wire::{bounded::List, codec, ids::PolicyVersion, signature::Signature};
    use ed25519_dalek::SigningKey;

    use super::*;

    #[test]
    fn a_receipt_of_another_image_than_the_manifests_is_found() {
        let secret = SigningKey::from_bytes(&[1; 32]);
        let attested = AttestedBoot::believed(&secret);
        let [ours, other] = [7, 8].map(|byte| Pcr::from_bytes([byte; 48]));
        let mut previous = None;
        let receipts = [(0, ours), (1, other), (2, ours)].map(|(sequence, image)| {
            let body = ReceiptBody {
                boot: attested.boot(),
                sequence: Sequence(sequence),
                previous,
                at: UnixMillis(1),
                image,
                policy: PolicyVersion(1),
                events: List::new(),
            };
            let body = codec::encode(&body);
            let signature = Signature::sign(&secret, Tag::RECEIPT, &body);
            let receipt = Receipt { body: body.try_into().unwrap(), signature };
            previous = Some(receipt.hash());
            receipt
        });
        let boots = BTreeMap::from([(attested.boot(), attested.clone())]);
        let (orders, policies) = Default::default();
        let known = Known { boots: &boots, orders: &orders, policies: &policies, keys: &[], image: ours };
        let (chains, findings) = known.check(&BTreeMap::from([(attested.boot(), receipts.to_vec())]));
        assert_eq!(chains[0].receipts, 3);
        assert_eq!(findings, [Finding::WrongImage { boot: attested.boot(), sequence: Sequence(1), image: other }]);
    }
}
