//! Offline verification of a group's audit export: everything signed, nothing missing in between, attestation included.
//!
//! What it cannot show is a tail that the hosts cut off: compare [`BootChain::receipts`] and [`BootChain::head`] with the signers'
//! statuses, which are signed over a fresh nonce.

mod export;
mod finding;
mod receipts;

use std::collections::{BTreeMap, BTreeSet};

use cloister_attestation::RootKind;
use cloister_wire::{
    endorsement::{Endorsed, Endorsement},
    ids::{BootId, Hash, Incarnation, PolicyVersion, SignerId, Tenant},
    manifest::ValidManifest,
    order::{StartKind, StartOrder},
    policy::Policy,
    signature::PublicKey,
    tag::Tag,
};

pub use export::Export;
pub use finding::Finding;
pub use receipts::{BootChain, Link};

use crate::{boot::AttestedBoot, error::Error, key::Key, session::Pin};

/// What an export shows. It is in order only if there are no findings.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whose root the attestation documents rest on.
    pub root: RootKind,
    /// The chain of every boot that has receipts, each checked.
    pub chains: Vec<BootChain>,
    /// Keys whose certificates hold.
    pub keys: Vec<Key>,
    /// Start orders that count.
    pub orders: usize,
    /// Policy versions that count, by the policies' hashes.
    pub policies: BTreeMap<Hash, PolicyVersion>,
    /// Whose export it is: what concerns other tenants is withheld. Which events those are, its host decides: what a tenant misses among
    /// its own shows only in an export of all.
    pub tenant: Option<Tenant>,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub fn in_order(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Export {
    /// Checks the whole export against the pinned manifest and root.
    ///
    /// # Errors
    /// [`Error::WrongManifest`], [`Error::Manifest`] or [`Error::NotEndorsed`] if it is another group's; everything else is a finding.
    pub fn verify(&self, pin: &Pin) -> Result<Report, Error> {
        let manifest = pin.check(&self.manifest)?;
        let mut audit = Audit { manifest, boots: BTreeMap::new(), signer_keys: BTreeMap::new(), findings: Vec::new() };
        audit.findings.extend(self.unreachable.iter().map(|signer| Finding::HostMissing { signer: *signer }));
        audit.meet_boots(self, pin);
        let orders = audit.read_orders(&self.orders);
        let policies = audit.read_policies(&self.policies);
        let withheld = self.tenant.as_ref().map(|_| audit.read_endorsements(&self.endorsements)).unwrap_or_default();
        let keys = audit.read_certificates(self);
        let image = audit.manifest.release.pcr0;
        let (boots, of_tenant) = (&audit.boots, self.tenant.is_some());
        let known = receipts::Known {
            boots,
            orders: &orders,
            policies: &policies,
            keys: &keys,
            image,
            withheld: &withheld,
            of_tenant,
        };
        let (chains, mut found) = known.check(&self.receipts);
        audit.findings.append(&mut found);
        Ok(Report {
            root: pin.root.kind(),
            chains,
            keys,
            orders: orders.len(),
            policies: policies.iter().map(|(hash, policy)| (*hash, policy.version)).collect(),
            tenant: self.tenant.clone(),
            findings: audit.findings,
        })
    }
}

struct Audit {
    manifest: ValidManifest,
    boots: BTreeMap<BootId, AttestedBoot>,
    signer_keys: BTreeMap<SignerId, PublicKey>,
    findings: Vec<Finding>,
}

impl Audit {
    /// Every boot that shows, at its own time, an accepted release and its place in the group; and every signer's one key.
    fn meet_boots(&mut self, export: &Export, pin: &Pin) {
        for (position, introduction) in export.introductions.iter().enumerate() {
            match AttestedBoot::archived(&self.manifest, &pin.root, introduction) {
                Ok(boot) => self.meet(boot),
                Err(why) => self.findings.push(Finding::Introduction { position, why }),
            }
        }
    }

    fn meet(&mut self, boot: AttestedBoot) {
        let signer = boot.signer();
        if let Some(key) = boot.signer_key()
            && *self.signer_keys.entry(signer).or_insert(key) != key
        {
            self.findings.push(Finding::TwoSignerKeys { signer });
        }
        let known = self.boots.entry(boot.boot()).or_insert_with(|| boot.clone());
        if known.signer_key().is_none() {
            *known = boot;
        }
    }

    /// Orders by hash. Incarnations are distinct, and only boots that showed themselves are named.
    fn read_orders(&mut self, orders: &[Endorsed<StartOrder>]) -> BTreeMap<Hash, StartOrder> {
        let mut read = BTreeMap::new();
        let mut incarnations: BTreeMap<Incarnation, Hash> = BTreeMap::new();
        for endorsed in orders {
            let hash = endorsed.hash();
            match endorsed.verify(&self.manifest) {
                Ok(order) => {
                    if *incarnations.entry(order.incarnation).or_insert(hash) != hash {
                        self.findings.push(Finding::TwoOrders { incarnation: order.incarnation });
                    }
                    self.check_roster(&order);
                    read.insert(hash, order);
                }
                Err(why) => self.findings.push(Finding::Order { hash, why }),
            }
        }
        for order in read.values() {
            self.check_genesis(order, &read);
        }
        read
    }

    fn check_genesis(&mut self, order: &StartOrder, orders: &BTreeMap<Hash, StartOrder>) {
        if let StartKind::Restart { genesis } = order.kind
            && orders.get(&genesis).is_none_or(|named| named.kind != StartKind::Genesis)
        {
            self.findings.push(Finding::GenesisMissing { incarnation: order.incarnation });
        }
    }

    fn check_roster(&mut self, order: &StartOrder) {
        for entry in &order.roster {
            let boot = self.boots.get(&entry.boot);
            if boot.is_none_or(|boot| boot.signer() != entry.signer) {
                self.findings.push(Finding::UnknownBoot { boot: entry.boot });
            }
        }
    }

    /// Policies by hash: each version once, and linked to the one before.
    fn read_policies(&mut self, policies: &[Endorsed<Policy>]) -> BTreeMap<Hash, Policy> {
        let mut read = BTreeMap::new();
        for endorsed in policies {
            let hash = endorsed.hash();
            match endorsed.verify(&self.manifest) {
                Ok(policy) => drop(read.insert(hash, policy)),
                Err(why) => self.findings.push(Finding::Policy { hash, why }),
            }
        }
        for policy in read.values() {
            if policy.previous.is_some_and(|previous| !read.contains_key(&previous)) {
                self.findings.push(Finding::PolicyGap { version: policy.version });
            }
            if read.values().filter(|other| other.version == policy.version).count() > 1 {
                self.findings.push(Finding::TwoPolicies { version: policy.version });
            }
        }
        read
    }

    /// Hashes of policies that a quorum signed and whose contents are withheld.
    fn read_endorsements(&mut self, endorsements: &[Endorsement]) -> BTreeSet<Hash> {
        let mut read = BTreeSet::new();
        for endorsement in endorsements {
            match endorsement.verify(&self.manifest) {
                Ok(()) => drop(read.insert(endorsement.hash)),
                Err(why) => self.findings.push(Finding::Policy { hash: endorsement.hash, why }),
            }
        }
        read
    }

    /// Keys whose certificate every signer signed twice: with its signer key, and with the boot that took part.
    fn read_certificates(&mut self, export: &Export) -> Vec<Key> {
        let mut keys = Vec::new();
        for (position, certificate) in export.certificates.iter().enumerate() {
            match Key::verify(&self.manifest, &self.signer_keys, certificate.clone()) {
                Ok(key) => {
                    self.check_boot_signatures(&key);
                    keys.push(key);
                }
                Err(why) => self.findings.push(Finding::Certificate { position, why }),
            }
        }
        keys
    }

    fn check_boot_signatures(&mut self, key: &Key) {
        let certificate = key.certificate();
        for signature in &certificate.signatures {
            let boot = self.boots.get(&signature.boot).filter(|boot| boot.signer() == signature.signer);
            let body = certificate.body.as_slice();
            let good =
                boot.is_some_and(|boot| boot.identity().verify(Tag::CERTIFICATE, body, &signature.by_boot).is_ok());
            let known = self.signer_keys.contains_key(&signature.signer);
            if !good || !known {
                self.findings.push(Finding::CertificateSignature { key: key.id(), signer: signature.signer });
            }
        }
    }
}
