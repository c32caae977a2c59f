use std::collections::{BTreeMap, BTreeSet};

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
    /// Events that are withheld, since they concern other tenants than the one whose export it is.
    pub withheld: usize,
    /// All receipts that the boot signed, by number.
    pub links: Vec<Link>,
}

/// One receipt of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What its boot signed.
    pub body: ReceiptBody,
    /// What happened, in order, as far as it is not withheld.
    pub events: Vec<Event>,
    hash: Hash,
    withheld: usize,
}

/// What receipts may speak of.
pub(super) struct Known<'a> {
    pub(super) boots: &'a BTreeMap<BootId, AttestedBoot>,
    pub(super) orders: &'a BTreeMap<Hash, StartOrder>,
    pub(super) policies: &'a BTreeMap<Hash, Policy>,
    pub(super) keys: &'a [Key],
    /// PCR0 of the release that the manifest accepts.
    pub(super) image: Pcr,
    /// Policies that a quorum signed and of which no more is known, by hash.
    pub(super) withheld: &'a BTreeSet<Hash>,
    /// Whether the export is of one tenant, so that others' events are withheld.
    pub(super) of_tenant: bool,
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
            withheld: 0,
            links: Vec::with_capacity(links.len()),
        };
        let mut expected = Sequence(0);
        for (sequence, link) in links {
            let body = &link.body;
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
            if link.withheld > 0 && !self.of_tenant {
                findings.push(Finding::Withheld { boot, sequence });
            }
            findings.extend(link.events.iter().filter_map(|event| self.dangling(body, event)));
            chain.add(&link);
            chain.links.push(link);
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
            Event::PolicyChanged { policy } => {
                ("policy", *policy, self.policies.contains_key(policy) || self.withheld.contains(policy))
            }
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
    fn add(&mut self, link: &Link) {
        let at = link.body.at;
        self.head = Some(link.hash);
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
        self.withheld += link.withheld;
        for event in &link.events {
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
fn read(attested: &AttestedBoot, receipts: &[Receipt], findings: &mut Vec<Finding>) -> BTreeMap<Sequence, Link> {
    let boot = attested.boot();
    let mut links: BTreeMap<Sequence, Link> = BTreeMap::new();
    for (position, receipt) in receipts.iter().enumerate() {
        match verify(attested, receipt) {
            Ok(body) => {
                let (hash, sequence) = (receipt.hash(), body.sequence);
                let events: Vec<_> = receipt.events().cloned().collect();
                let withheld = receipt.entries.len() - events.len();
                if links.entry(sequence).or_insert(Link { body, events, hash, withheld }).hash != hash {
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
    if Receipt::digest(receipt.entries.as_slice()) != body.events {
        return Err("its events are not those that its boot signed");
    }
    if body.boot == attested.boot() { Ok(body) } else { Err("it is another boot's") }
}

#[cfg(test)]
mod tests {
    use cloister_wire::{codec, ids::PolicyVersion, receipt::Entry, refusal::Refusal, signature::Signature};
    use ed25519_dalek::SigningKey;

    use super::*;

    const OURS: Pcr = Pcr::from_bytes([7; 48]);

    fn secret() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    /// A boot's receipts that say this, each of an image.
    fn chain(said: &[(Pcr, &[&str])]) -> Vec<Receipt> {
        let boot = AttestedBoot::believed(&secret()).boot();
        let mut previous = None;
        let receipt = |(sequence, (image, tenants)): (u64, &(Pcr, &[&str]))| {
            let refused = |tenant: &&str| Event::Refused {
                request: Hash::from_bytes([9; 32]),
                refusal: Refusal::NoRule,
                tenant: tenant.parse().unwrap(),
            };
            let entries: Vec<_> = tenants.iter().map(refused).map(Entry::Shown).collect();
            let (at, policy, events) = (UnixMillis(1), PolicyVersion(1), Receipt::digest(&entries));
            let (sequence, image) = (Sequence(sequence), *image);
            let body = codec::encode(&ReceiptBody { boot, sequence, previous, at, image, policy, events });
            let signature = Signature::sign(&secret(), Tag::RECEIPT, &body);
            let (body, entries) = (body.try_into().unwrap(), entries.try_into().unwrap());
            let receipt = Receipt { body, signature, entries };
            previous = Some(receipt.hash());
            receipt
        };
        (0..).zip(said).map(receipt).collect()
    }

    fn check(receipts: Vec<Receipt>, of_tenant: bool) -> (BootChain, Vec<Finding>) {
        let attested = AttestedBoot::believed(&secret());
        let boots = BTreeMap::from([(attested.boot(), attested.clone())]);
        let (orders, policies, withheld) = Default::default();
        let (boots, orders, policies, withheld) = (&boots, &orders, &policies, &withheld);
        let known = Known { boots, orders, policies, keys: &[], image: OURS, withheld, of_tenant };
        let (mut chains, findings) = known.check(&BTreeMap::from([(attested.boot(), receipts)]));
        (chains.remove(0), findings)
    }

    #[test]
    fn a_receipt_of_another_image_than_the_manifests_is_found() {
        let other = Pcr::from_bytes([8; 48]);
        let (chain, findings) = check(chain(&[(OURS, &[]), (other, &[]), (OURS, &[])]), false);
        assert_eq!(chain.receipts, 3);
        assert_eq!(findings, [Finding::WrongImage { boot: chain.boot, sequence: Sequence(1), image: other }]);
    }

    fn for_acme(event: &Event) -> bool {
        matches!(event, Event::Refused { tenant, .. } if tenant.as_str() == "acme")
    }

    #[test]
    fn a_chain_whose_other_tenants_events_are_withheld_verifies_and_shows_gaps_and_forks() {
        let whole = chain(&[(OURS, &["acme", "rivals"]), (OURS, &["rivals"]), (OURS, &["acme"])]);
        let shown: Vec<_> = whole.iter().cloned().map(|receipt| receipt.showing(for_acme)).collect();
        assert_eq!(
            shown.iter().map(Receipt::hash).collect::<Vec<_>>(),
            whole.iter().map(Receipt::hash).collect::<Vec<_>>()
        );
        let (read, findings) = check(shown.clone(), true);
        assert_eq!((read.receipts, read.withheld, read.refused, findings), (3, 2, 2, vec![]));
        let (boot, missing) = (read.boot, Sequence(1));
        let (_, findings) = check(vec![shown[0].clone(), shown[2].clone()], true);
        assert_eq!(findings, [Finding::Gap { boot, missing }]);
        let fork = chain(&[(OURS, &["other"])]).remove(0).showing(for_acme);
        let (_, findings) = check([shown.clone(), vec![fork]].concat(), true);
        assert_eq!(findings, [Finding::Fork { boot, sequence: Sequence(0) }]);
        let (_, findings) = check(shown, false);
        let withheld = |sequence| Finding::Withheld { boot, sequence: Sequence(sequence) };
        assert_eq!(findings, [withheld(0), withheld(1)], "an export of all tenants withholds nothing");
    }

    #[test]
    fn events_that_were_altered_left_out_added_or_put_in_another_order_are_found() {
        let whole = chain(&[(OURS, &["acme", "rivals"])]).remove(0);
        let entries = |change: fn(&mut Vec<Entry>)| {
            let mut entries = whole.entries.clone().into_vec();
            change(&mut entries);
            Receipt { entries: entries.try_into().unwrap(), ..whole.clone() }
        };
        let altered: [fn(&mut Vec<Entry>); 4] = [
            |entries| entries[0] = Entry::Withheld(entries[1].hash()),
            |entries| drop(entries.pop()),
            |entries| entries.push(entries[0].clone()),
            |entries| entries.swap(0, 1),
        ];
        for change in altered {
            let (chain, findings) = check(vec![entries(change)], true);
            let what = "its events are not those that its boot signed";
            assert_eq!((chain.receipts, findings), (0, vec![Finding::Altered { boot: chain.boot, position: 0, what }]));
        }
    }
}
