//! What operators have ordered: the manifest measured at the start, the roster, the policy in force.

use std::collections::BTreeMap;

use cloister_wire::{
    endorsement::{Endorsed, NotEndorsed},
    ids::{BootId, GroupId, Hash, Pcr, PolicyVersion, SignerId, UnixMillis},
    limits,
    manifest::ValidManifest,
    order::{StartKind, StartOrder},
    policy::Policy,
    refusal::Refusal,
};

use crate::gate::CLOCK_SKEW_MS;

/// The manifest and the place in it that this boot has measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) manifest: ValidManifest,
    pub(crate) signer: SignerId,
    /// PCR0.
    pub(crate) image: Pcr,
}

/// A start order that a quorum signed and that names this boot, with the policy that it names.
#[derive(Debug)]
pub(crate) struct Standing {
    order: StartOrder,
    order_hash: Hash,
    policy: Policy,
    policy_hash: Hash,
}

impl Measured {
    /// Checks an order and its policy for the boot `boot`. `before` is what is in force already. Without that, nothing but its age tells an order
    /// that hosts kept back from the newest.
    pub(crate) fn admit(
        &self,
        now: UnixMillis,
        boot: BootId,
        order: &Endorsed<StartOrder>,
        policy: &Endorsed<Policy>,
        before: Option<&Standing>,
    ) -> Result<Standing, Refusal> {
        let order_hash = order.hash();
        let order = order.verify(&self.manifest).map_err(refuse_endorsement)?;
        self.check_group(order.group, order.manifest)?;
        if order.boot_of(self.signer) != Some(boot) {
            return Err(Refusal::NotRostered);
        }
        self.check_roster(&order)?;
        if order.issued_at > now.plus(CLOCK_SKEW_MS) || now > order.issued_at.plus(limits::START_LIFE_MS) {
            return Err(Refusal::StartExpired);
        }
        if before
            .is_some_and(|before| order.incarnation <= before.order.incarnation || order.kind == StartKind::Genesis)
        {
            return Err(Refusal::StaleIncarnation);
        }
        let policy_hash = policy.hash();
        let policy = self.read_policy(policy)?;
        let older = before.is_some_and(|before| policy.version < before.policy.version);
        if policy_hash != order.policy || older {
            return Err(Refusal::PolicyMismatch);
        }
        Ok(Standing { order, order_hash, policy, policy_hash })
    }

    /// The policy, if a quorum signed it for this group and it names nobody and nothing twice.
    fn read_policy(&self, policy: &Endorsed<Policy>) -> Result<Policy, Refusal> {
        let policy = policy.verify(&self.manifest).map_err(refuse_endorsement)?;
        self.check_group(policy.group, policy.manifest)?;
        policy.check().map_err(|_| Refusal::PolicyIncoherent)?;
        Ok(policy)
    }

    /// Whether a document is for this group and its manifest.
    pub(crate) fn check_group(&self, group: GroupId, manifest: Hash) -> Result<(), Refusal> {
        let same = group == self.manifest.group && manifest == self.manifest.hash();
        if same { Ok(()) } else { Err(Refusal::WrongGroup) }
    }

    /// Each signer once, in order; all of them at genesis.
    fn check_roster(&self, order: &StartOrder) -> Result<(), Refusal> {
        let known = order.roster.iter().all(|entry| self.manifest.slot(entry.signer).is_some());
        let rising = order.roster.as_slice().is_sorted_by(|a, b| a.signer < b.signer);
        let complete = order.kind != StartKind::Genesis || order.roster.len() == self.manifest.signers.len();
        if known && rising && complete { Ok(()) } else { Err(Refusal::UnknownSigner) }
    }
}

impl Standing {
    pub(crate) fn order(&self) -> &StartOrder {
        &self.order
    }

    /// Who stands for each signer.
    pub(crate) fn boots(&self) -> BTreeMap<SignerId, BootId> {
        self.order.roster.iter().map(|entry| (entry.signer, entry.boot)).collect()
    }

    pub(crate) fn order_hash(&self) -> Hash {
        self.order_hash
    }

    /// Hash of the genesis order: of this one, or of the one that this one names.
    pub(crate) fn genesis(&self) -> Hash {
        match self.order.kind {
            StartKind::Genesis => self.order_hash,
            StartKind::Restart { genesis } => genesis,
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn policy_version(&self) -> PolicyVersion {
        self.policy.version
    }

    pub(crate) fn policy_hash(&self) -> Hash {
        self.policy_hash
    }

    /// Puts the next version into force: one higher, naming the hash of the one before.
    pub(crate) fn apply(&mut self, measured: &Measured, policy: &Endorsed<Policy>) -> Result<Hash, Refusal> {
        let hash = policy.hash();
        let policy = measured.read_policy(policy)?;
        if Some(policy.version) != self.policy.version.next() || policy.previous != Some(self.policy_hash) {
            return Err(Refusal::PolicyMismatch);
        }
        self.policy = policy;
        self.policy_hash = hash;
        Ok(hash)
    }
}

/// One coarse code for whatever is wrong with operators' signatures.
pub(crate) fn refuse_endorsement(why: NotEndorsed) -> Refusal {
    match why {
        NotEndorsed::Unreadable(_) => Refusal::Malformed,
        NotEndorsed::BadSignature(_) | NotEndorsed::NoQuorum { .. } => Refusal::NotEndorsed,
    }
}
