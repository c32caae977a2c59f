//! What operators make: the manifest, start orders and policies, each signed by a quorum.
//!
//! Everything here is a pure function of what it is given, so that it runs on an offline machine: documents are files that operators
//! hand round, and each adds a signature with [`endorse`].

use std::collections::BTreeSet;

use cloister_wire::{
    bounded::{List, TooLong},
    endorsement::{Endorsable, Endorsed},
    ids::{GroupId, Hash, Incarnation, KeyName, PolicyVersion, Requester, SignerId, Tenant},
    manifest::{Manifest, ManifestError, Measurements, SignerSlot, ValidManifest},
    order::{RosterEntry, StartKind, StartOrder},
    policy::{ForeignInputs, KeyRule, Permission, Policy, RequesterKey},
    signature::PublicKey,
};

use crate::{
    boot::{self, AttestedBoot},
    error::Error,
    secret::Secret,
};

/// Why an operator's plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A list that is too long.
    #[error("too many {what}: {why}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The numbers.
        why: TooLong,
    },
    /// A signer number that the group cannot have.
    #[error("a group has 1 to 32 signers")]
    Signers,
    /// The key is no operator's.
    #[error("{0} is no operator key of this manifest")]
    NotAnOperator(Box<PublicKey>),
    /// The operator has signed already.
    #[error("operator {0} has signed this document already")]
    SignedAlready(u16),
    /// A boot stands twice for one signer.
    #[error("signer {0} has two boots: name the one that is to count")]
    TwoBoots(SignerId),
    /// At genesis every signer takes part.
    #[error("genesis needs every signer: {named} of {signers} are named")]
    Incomplete {
        /// How many boots are named.
        named: usize,
        /// *n*.
        signers: usize,
    },
    /// The order starts a group again.
    #[error("this start order is no genesis")]
    NotGenesis,
    /// The numbers have run out.
    #[error("there is no next version")]
    NoNextVersion,
    /// The number of a start was taken by another.
    #[error("incarnation {given} is taken: the group's last start known is {last}; give a higher number")]
    IncarnationTaken {
        /// Of the order.
        given: Incarnation,
        /// The highest that a signer or host shows.
        last: Incarnation,
    },
    /// The policy has no such requester.
    #[error("the policy names no requester {0}")]
    UnknownRequester(Requester),
    /// What is to be denied is not allowed.
    #[error("the policy does not allow all of this with the key {0}")]
    NotAllowed(KeyName),
    /// The name stands for another key or tenant.
    #[error("the policy names a requester {0} with another key or tenant; choose another name")]
    RequesterTaken(Requester),
}

/// A random group id.
///
/// # Errors
/// [`Error::NoRandomness`].
pub fn new_group() -> Result<GroupId, Error> {
    let mut id = [0; GroupId::LEN];
    getrandom::fill(&mut id)?;
    Ok(GroupId::from_bytes(id))
}

/// What a manifest is made of; see [`Manifest`].
#[derive(Clone, Debug)]
pub struct ManifestPlan {
    /// The group.
    pub group: GroupId,
    /// *t*.
    pub threshold: u16,
    /// Every signer, in order.
    pub signers: Vec<SignerSlot>,
    /// Every operator's key; an operator is named by its position here.
    pub operators: Vec<PublicKey>,
    /// How many operators have to sign.
    pub quorum: u16,
    /// The accepted release.
    pub release: Measurements,
}

impl ManifestPlan {
    /// The manifest, not signed yet, and its checked form.
    ///
    /// # Errors
    /// [`Error::Plan`] or [`Error::Manifest`].
    pub fn build(self) -> Result<(Endorsed<Manifest>, ValidManifest), Error> {
        let manifest = Manifest {
            group: self.group,
            threshold: self.threshold,
            signers: list("signers", self.signers)?,
            operators: list("operators", self.operators)?,
            quorum: self.quorum,
            release: self.release,
        };
        let endorsed = Endorsed::new(&manifest).map_err(|why| Error::TooLarge { what: "manifest", why })?;
        Ok((endorsed, manifest.try_into()?))
    }
}

/// Reads a manifest that may lack signatures.
///
/// # Errors
/// [`ManifestError`].
pub fn read_manifest(endorsed: &Endorsed<Manifest>) -> Result<ValidManifest, ManifestError> {
    ValidManifest::from_bytes(endorsed.body.as_slice())
}

/// Adds an operator's signature to a document of `manifest`'s group.
///
/// # Errors
/// [`PlanError::NotAnOperator`], [`PlanError::SignedAlready`].
pub fn endorse<T: Endorsable>(
    document: &mut Endorsed<T>,
    manifest: &ValidManifest,
    operator: &Secret,
) -> Result<(), Error> {
    let key = operator.public();
    let position = manifest.operators.iter().position(|known| *known == key);
    let number =
        position.and_then(|position| u16::try_from(position).ok()).ok_or(PlanError::NotAnOperator(Box::new(key)))?;
    if document.signatures.iter().any(|signature| signature.operator == number) {
        return Err(PlanError::SignedAlready(number).into());
    }
    operator.endorse(document, number)
}

/// A document signed by all of `operators`.
///
/// # Errors
/// As [`endorse`]; [`Error::TooLarge`].
pub fn endorsed_by<'a, T: Endorsable>(
    document: &T,
    manifest: &ValidManifest,
    operators: impl IntoIterator<Item = &'a Secret>,
) -> Result<Endorsed<T>, Error> {
    let mut endorsed = Endorsed::new(document).map_err(|why| Error::TooLarge { what: "document", why })?;
    operators.into_iter().try_for_each(|operator| endorse(&mut endorsed, manifest, operator))?;
    Ok(endorsed)
}

/// An order that names `boots`, which were attested just now, as the group.
///
/// # Errors
/// [`PlanError::TwoBoots`]; [`PlanError::Incomplete`] at genesis.
///
/// # Security
/// Every boot named here is given shares or opens them. Name each signer's newest boot, and never two starts with one incarnation.
pub fn start_order(
    manifest: &ValidManifest,
    kind: StartKind,
    incarnation: Incarnation,
    boots: &[AttestedBoot],
    policy: &Endorsed<Policy>,
) -> Result<StartOrder, PlanError> {
    let mut roster: Vec<_> =
        boots.iter().map(|boot| RosterEntry { signer: boot.signer(), boot: boot.boot() }).collect();
    roster.sort_by_key(|entry| entry.signer);
    if let Some([twice, _]) = roster.array_windows().find(|[a, b]| a.signer == b.signer) {
        return Err(PlanError::TwoBoots(twice.signer));
    }
    let signers = manifest.signers.len();
    if kind == StartKind::Genesis && roster.len() != signers {
        return Err(PlanError::Incomplete { named: roster.len(), signers });
    }
    Ok(StartOrder {
        group: manifest.group,
        manifest: manifest.hash(),
        kind,
        incarnation,
        roster: list("boots", roster)?,
        policy: policy.hash(),
        issued_at: boot::now(),
    })
}

/// A restart of the group that `genesis` founded.
///
/// # Errors
/// [`Error::NotEndorsed`] if the order lacks its quorum; [`PlanError::NotGenesis`].
///
/// # Security
/// Signers open nothing that another genesis made. Where more than one was signed, name the one under which the group's keys were made.
pub fn restart_of(manifest: &ValidManifest, genesis: &Endorsed<StartOrder>) -> Result<StartKind, Error> {
    let order = genesis.verify(manifest).map_err(|why| Error::NotEndorsed { what: "genesis order", why })?;
    match order.kind {
        StartKind::Genesis => Ok(StartKind::Restart { genesis: genesis.hash() }),
        StartKind::Restart { .. } => Err(PlanError::NotGenesis.into()),
    }
}

/// A policy version in the making.
#[derive(Clone, Debug)]
pub struct PolicyDraft {
    group: GroupId,
    manifest: Hash,
    version: PolicyVersion,
    previous: Option<Hash>,
    requesters: Vec<RequesterKey>,
    key_creators: Vec<Requester>,
    rules: Vec<KeyRule>,
}

impl PolicyDraft {
    /// Version 1: nobody may do anything yet.
    #[must_use]
    pub fn first(manifest: &ValidManifest) -> Self {
        Self {
            group: manifest.group,
            manifest: manifest.hash(),
            version: PolicyVersion(1),
            previous: None,
            requesters: Vec::new(),
            key_creators: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// The version after `current`, saying the same so far.
    ///
    /// # Errors
    /// [`Error::NotEndorsed`] if `current` lacks its quorum; [`PlanError::NoNextVersion`].
    pub fn following(manifest: &ValidManifest, current: &Endorsed<Policy>) -> Result<Self, Error> {
        let policy = current.verify(manifest).map_err(|why| Error::NotEndorsed { what: "policy", why })?;
        Ok(Self {
            group: policy.group,
            manifest: policy.manifest,
            version: policy.version.next().ok_or(PlanError::NoNextVersion)?,
            previous: Some(current.hash()),
            requesters: policy.requesters.into_vec(),
            key_creators: policy.key_creators.into_vec(),
            rules: policy.keys.into_vec(),
        })
    }

    /// Names a requester. Naming the same one again changes nothing.
    ///
    /// # Errors
    /// [`PlanError::RequesterTaken`].
    pub fn add_requester(&mut self, name: Requester, tenant: Tenant, key: PublicKey) -> Result<(), PlanError> {
        let added = RequesterKey { name, tenant, key };
        match self.requesters.iter().find(|known| known.name == added.name) {
            Some(known) if *known == added => Ok(()),
            Some(_) => Err(PlanError::RequesterTaken(added.name)),
            None => {
                self.requesters.push(added);
                Ok(())
            }
        }
    }

    /// Takes a requester out, with everything that it may do.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`], [`PlanError::TooMany`].
    pub fn remove_requester(&mut self, name: &Requester) -> Result<(), PlanError> {
        self.requester(name)?;
        self.requesters.retain(|known| known.name != *name);
        self.key_creators.retain(|known| known != name);
        for rule in &mut self.rules {
            let left = rule.requesters.iter().filter(|known| *known != name).cloned().collect();
            rule.requesters = list("requesters of a key", left)?;
        }
        self.rules.retain(|rule| !rule.requesters.is_empty());
        Ok(())
    }

    /// Lets a requester create keys for its tenant.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`].
    pub fn allow_key_creation(&mut self, name: &Requester) -> Result<(), PlanError> {
        self.requester(name)?;
        if !self.key_creators.contains(name) {
            self.key_creators.push(name.clone());
        }
        Ok(())
    }

    /// Lets a requester sign what `permissions` say with its tenant's key `key`, besides what the key's rule allows already. All
    /// requesters of one rule may sign all that it permits.
    ///
    /// # Errors
    /// [`PlanError::UnknownRequester`], [`PlanError::TooMany`].
    pub fn allow_signing(
        &mut self,
        name: &Requester,
        key: &KeyName,
        permissions: &[Permission],
    ) -> Result<(), PlanError> {
        let tenant = self.requester(name)?.tenant.clone();
        let (mut requesters, mut allowed) = (BTreeSet::from([name.clone()]), Vec::new());
        let position = self.rules.iter().position(|rule| rule.tenant == tenant && rule.key == *key);
        if let Some(position) = position {
            let rule = self.rules.remove(position);
            requesters.extend(rule.requesters.into_vec());
            allowed.extend(rule.permissions.into_vec());
        }
        let rule = KeyRule {
            tenant,
            key: key.clone(),
            requesters: list("requesters of a key", requesters.into_iter().collect())?,
            permissions: list("permissions of a key", united(allowed, permissions))?,
        };
        self.rules.insert(position.unwrap_or(self.rules.len()), rule);
        Ok(())
    }

    /// Takes back what `permissions` say from everybody who may sign with the tenant's key `key`.
    ///
    /// # Errors
    /// [`PlanError::NotAllowed`], [`PlanError::TooMany`].
    pub fn deny_signing(
        &mut self,
        tenant: &Tenant,
        key: &KeyName,
        permissions: &[Permission],
    ) -> Result<(), PlanError> {
        let not_allowed = || PlanError::NotAllowed(key.clone());
        let fits = |rule: &&mut KeyRule| rule.tenant == *tenant && rule.key == *key;
        let rule = self.rules.iter_mut().find(fits).ok_or_else(not_allowed)?;
        if permissions.iter().any(|denied| !rule.permissions.iter().any(|allowed| allowed == denied)) {
            return Err(not_allowed());
        }
        let left = rule.permissions.iter().filter(|allowed| !permissions.contains(allowed)).cloned().collect();
        rule.permissions = list("permissions of a key", left)?;
        self.rules.retain(|rule| !rule.permissions.is_empty());
        Ok(())
    }

    /// The version's document.
    ///
    /// # Errors
    /// [`PlanError::TooMany`].
    pub fn build(self) -> Result<Policy, PlanError> {
        Ok(Policy {
            group: self.group,
            manifest: self.manifest,
            version: self.version,
            previous: self.previous,
            requesters: list("requesters", self.requesters)?,
            key_creators: list("key creators", self.key_creators)?,
            keys: list("key rules", self.rules)?,
        })
    }

    fn requester(&self, name: &Requester) -> Result<&RequesterKey, PlanError> {
        self.requesters
            .iter()
            .find(|known| known.name == *name)
            .ok_or_else(|| PlanError::UnknownRequester(name.clone()))
    }
}

/// Each permission once, and none that another one contains.
fn united(mut allowed: Vec<Permission>, more: &[Permission]) -> Vec<Permission> {
    let own_inputs = Permission::Bitcoin { foreign: ForeignInputs::Refused };
    for permission in more {
        if !allowed.contains(permission) {
            allowed.push(permission.clone());
        }
    }
    if allowed.contains(&Permission::Bitcoin { foreign: ForeignInputs::LeftAlone }) {
        allowed.retain(|permission| *permission != own_inputs);
    }
    allowed
}

fn list<T, const MAX: usize>(what: &'static str, values: Vec<T>) -> Result<List<T, MAX>, PlanError> {
    values.try_into().map_err(|why| PlanError::TooMany { what, why })
}

#[cfg(test)]
mod tests {
    use cloister_wire::{bounded::Bytes, endorsement::NotEndorsed, ids::Pcr, manifest::KmsKey};

    use super::*;

    fn kms(signer: u16, key: u8) -> KmsKey {
        let arn = format!("arn:aws:kms:eu-central-1:{signer:012}:key/{key}").parse().unwrap();
        KmsKey { arn, spki: Bytes::try_from(vec![u8::try_from(signer).unwrap(), key]).unwrap() }
    }

    fn manifest(operators: &[Secret]) -> (Endorsed<Manifest>, ValidManifest) {
        let pcr = Pcr::from_bytes([7; 48]);
        let slot = |id: u16| SignerSlot {
            id: id.try_into().unwrap(),
            pcr3: pcr,
            kms: vec![kms(id, 1), kms(id, 2)].try_into().unwrap(),
        };
        let plan = ManifestPlan {
            group: new_group().unwrap(),
            threshold: 2,
            signers: (1..=3).map(slot).collect(),
            operators: operators.iter().map(Secret::public).collect(),
            quorum: 2,
            release: Measurements { pcr0: pcr, pcr1: pcr, pcr2: pcr, pcr8: None },
        };
        plan.build().unwrap()
    }

    fn operators() -> [Secret; 3] {
        core::array::from_fn(|_| Secret::generate().unwrap())
    }

    #[test]
    fn a_manifest_counts_once_a_quorum_has_signed() {
        let operators = operators();
        let (mut endorsed, valid) = manifest(&operators);
        endorse(&mut endorsed, &valid, &operators[2]).unwrap();
        assert_eq!(endorsed.verify(&valid), Err(NotEndorsed::NoQuorum { got: 1, needed: 2 }));
        endorse(&mut endorsed, &valid, &operators[0]).unwrap();
        assert!(endorsed.verify(&valid).is_ok());
    }

    #[test]
    fn a_restart_names_a_genesis_that_a_quorum_has_signed() {
        let operators = operators();
        let (_, valid) = manifest(&operators);
        let policy = Endorsed::new(&PolicyDraft::first(&valid).build().unwrap()).unwrap();
        let elsewhere = StartKind::Restart { genesis: policy.hash() };
        let order = start_order(&valid, elsewhere, Incarnation(1), &[], &policy).unwrap();
        let order = |kind| StartOrder { kind, ..order.clone() };
        let genesis = endorsed_by(&order(StartKind::Genesis), &valid, &operators).unwrap();
        let restart = restart_of(&valid, &genesis).unwrap();
        assert_eq!(restart, StartKind::Restart { genesis: genesis.hash() });

        let unsigned = Endorsed::new(&order(StartKind::Genesis)).unwrap();
        assert!(matches!(restart_of(&valid, &unsigned), Err(Error::NotEndorsed { what: "genesis order", .. })));
        let later = endorsed_by(&order(restart), &valid, &operators).unwrap();
        assert!(matches!(restart_of(&valid, &later), Err(Error::Plan(PlanError::NotGenesis))));
    }

    #[test]
    fn strangers_cannot_sign_and_nobody_signs_twice() {
        let operators = operators();
        let (mut endorsed, valid) = manifest(&operators);
        let stranger = Secret::generate().unwrap();
        assert!(matches!(endorse(&mut endorsed, &valid, &stranger), Err(Error::Plan(PlanError::NotAnOperator(_)))));
        endorse(&mut endorsed, &valid, &operators[0]).unwrap();
        assert!(matches!(endorse(&mut endorsed, &valid, &operators[0]), Err(Error::Plan(PlanError::SignedAlready(0)))));
    }

    #[test]
    fn the_next_policy_names_the_hash_of_the_one_before_and_keeps_its_rules() {
        let operators = operators();
        let (_, valid) = manifest(&operators);
        let (alice, key): (Requester, KeyName) = ("alice".parse().unwrap(), "cold".parse().unwrap());
        let mut first = PolicyDraft::first(&valid);
        first.add_requester(alice.clone(), "acme".parse().unwrap(), operators[0].public()).unwrap();
        first.allow_signing(&alice, &key, &[Permission::Solana]).unwrap();
        let first = endorsed_by(&first.build().unwrap(), &valid, &operators).unwrap();

        let mut next = PolicyDraft::following(&valid, &first).unwrap();
        next.allow_signing(&alice, &key, &[Permission::Message]).unwrap();
        let next = next.build().unwrap();
        assert_eq!((next.version, next.previous), (PolicyVersion(2), Some(first.hash())));
        let rule = next.rule(&"acme".parse().unwrap(), &key).unwrap();
        assert_eq!(rule.permissions.as_slice(), [Permission::Solana, Permission::Message]);
        assert_eq!(rule.requesters.as_slice(), [alice]);
    }

    #[test]
    fn a_requester_that_is_removed_may_do_nothing_and_others_keep_what_they_may() {
        let (_, valid) = manifest(&operators());
        let names: [Requester; 2] = ["alice", "bob"].map(|name| name.parse().unwrap());
        let (shared, own): (KeyName, KeyName) = ("shared".parse().unwrap(), "own".parse().unwrap());
        let mut draft = PolicyDraft::first(&valid);
        for name in &names {
            draft.add_requester(name.clone(), "acme".parse().unwrap(), Secret::generate().unwrap().public()).unwrap();
            draft.allow_key_creation(name).unwrap();
            draft.allow_signing(name, &shared, &[Permission::Solana]).unwrap();
        }
        draft.allow_signing(&names[0], &own, &[Permission::Solana]).unwrap();
        draft.remove_requester(&names[0]).unwrap();
        assert_eq!(draft.remove_requester(&names[0]), Err(PlanError::UnknownRequester(names[0].clone())));
        let policy = draft.build().unwrap();
        let tenant = "acme".parse().unwrap();
        assert!(policy.requester(&names[0]).is_none() && policy.rule(&tenant, &own).is_none());
        assert_eq!(policy.key_creators.as_slice(), [names[1].clone()]);
        assert_eq!(policy.rule(&tenant, &shared).unwrap().requesters.as_slice(), [names[1].clone()]);
    }

    #[test]
    fn a_requester_must_be_named_before_it_is_allowed_anything() {
        let (_, valid) = manifest(&operators());
        let alice: Requester = "alice".parse().unwrap();
        let mut draft = PolicyDraft::first(&valid);
        assert_eq!(draft.allow_key_creation(&alice), Err(PlanError::UnknownRequester(alice.clone())));
        draft.add_requester(alice.clone(), "acme".parse().unwrap(), Secret::generate().unwrap().public()).unwrap();
        let other = draft.add_requester(alice.clone(), "acme".parse().unwrap(), Secret::generate().unwrap().public());
        assert_eq!(other, Err(PlanError::RequesterTaken(alice)));
    }
}
