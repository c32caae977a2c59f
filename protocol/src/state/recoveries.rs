//! Credentials that guardians gave members, in place of those that the policy names.

use std::collections::BTreeMap;

use cloister_wire::{
    credential::Credential,
    ids::{Hash, Requester, Tenant, UnixMillis},
    limits,
    policy::{Member, Policy},
};

/// By member: names are unique in the whole policy.
#[derive(Default)]
pub(crate) struct Recoveries(BTreeMap<Requester, Recovered>);

/// What became of one member's credential: at most one recovery that is in force, and one that waits behind it.
struct Recovered {
    tenant: Tenant,
    /// Hash of the credential that the policy names. Under another one nothing of this counts.
    base: Hash,
    given: Vec<Given>,
}

/// A new credential, from a moment on.
struct Given {
    recovery: Hash,
    credential: Credential,
    effective_at: UnixMillis,
    not_after: UnixMillis,
}

/// What begins.
pub(super) struct Beginning<'a> {
    pub(super) recovery: &'a Hash,
    pub(super) tenant: &'a Tenant,
    pub(super) member: &'a Requester,
    pub(super) base: &'a Hash,
    pub(super) credential: &'a Credential,
    pub(super) effective_at: UnixMillis,
    pub(super) not_after: UnixMillis,
}

impl Recoveries {
    /// The one answer to whose proof counts: the policy's credential, unless a recovery in force replaces exactly that.
    pub(crate) fn credential<'a>(&'a self, member: &'a Member, now: UnixMillis) -> &'a Credential {
        let recovered = self.0.get(&member.name).filter(|recovered| recovered.base == member.credential.hash());
        recovered.and_then(|recovered| recovered.in_force(now)).map_or(&member.credential, |given| &given.credential)
    }

    /// Whether this recovery waits or is in force.
    pub(crate) fn has(&self, member: &Requester, recovery: &Hash) -> bool {
        self.0.get(member).is_some_and(|recovered| recovered.given.iter().any(|given| given.recovery == *recovery))
    }

    /// The member's recovery that waits.
    pub(crate) fn waiting(&self, member: &Requester, now: UnixMillis) -> Option<Hash> {
        let mut given = self.0.get(member)?.given.iter();
        given.find(|given| given.effective_at > now).map(|given| given.recovery)
    }

    /// Whether this member's can be remembered, too: `part` is how many a tenant may have.
    pub(crate) fn has_room(&self, tenant: &Tenant, member: &Requester, part: usize) -> bool {
        let of_tenant = self.0.values().filter(|recovered| recovered.tenant == *tenant).count();
        self.0.contains_key(member) || (self.0.len() < limits::RECOVERIES && of_tenant < part)
    }

    /// What does not outlast a policy or a start: what still waits, and what replaces a credential that the policy does not name.
    pub(crate) fn ended_by(&self, policy: &Policy, now: UnixMillis) -> Vec<(Hash, UnixMillis, Tenant)> {
        let ended = |(name, recovered): (_, &Recovered)| {
            let named = policy.member(name).is_some_and(|(tenant, member)| {
                tenant.tenant == recovered.tenant && member.credential.hash() == recovered.base
            });
            let over = |given: &&Given| !named || given.effective_at > now;
            let ended = |given: &Given| (given.recovery, given.not_after, recovered.tenant.clone());
            recovered.given.iter().filter(over).map(ended).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(ended).collect()
    }

    /// Takes it in, and says which one of the same member will never count again.
    pub(super) fn begin(&mut self, now: UnixMillis, beginning: &Beginning<'_>) -> Option<(Hash, UnixMillis)> {
        let Beginning { recovery, tenant, member, base, credential, effective_at, not_after } = *beginning;
        let fresh = || Recovered { tenant: tenant.clone(), base: *base, given: Vec::new() };
        let recovered = self.0.entry(member.clone()).or_insert_with(fresh);
        let newest = recovered.in_force(now).map(|given| given.recovery);
        let over = recovered.given.iter().find(|given| Some(given.recovery) != newest);
        let over = over.map(|given| (given.recovery, given.not_after));
        recovered.given.retain(|given| Some(given.recovery) == newest);
        let (recovery, credential) = (*recovery, credential.clone());
        recovered.given.push(Given { recovery, credential, effective_at, not_after });
        over
    }

    pub(super) fn end(&mut self, recovery: &Hash) {
        self.0.retain(|_, recovered| {
            recovered.given.retain(|given| given.recovery != *recovery);
            !recovered.given.is_empty()
        });
    }
}

/// The end of all of them, and what ends them, have room in one receipt.
const _: () = assert!(2 * limits::RECOVERIES < limits::EVENTS);

impl Recovered {
    /// The newest whose delay is over.
    fn in_force(&self, now: UnixMillis) -> Option<&Given> {
        self.given.iter().rev().find(|given| given.effective_at <= now)
    }
}

#[cfg(test)]
mod tests {
    use cloister_wire::{
        ids::{GroupId, PolicyVersion},
        policy::TenantPolicy,
        signature::PublicKey,
    };
    use ed25519_dalek::SigningKey;

    use super::*;

    #[test]
    fn no_tenant_takes_the_room_of_the_others() {
        const PART: usize = 7;
        let mut recoveries = Recoveries::default();
        let (hash, credential) = (Hash::from_bytes([1; 32]), PublicKey::of(&SigningKey::from_bytes(&[2; 32])).into());
        let [first, second] = ["first", "second"].map(|name| name.parse::<Tenant>().unwrap());
        let member = |number: usize| format!("member-{number}").parse::<Requester>().unwrap();
        for number in 0..PART {
            assert!(recoveries.has_room(&first, &member(number), PART));
            let (now, later) = (UnixMillis(1), UnixMillis(2));
            let beginning = Beginning {
                recovery: &hash,
                tenant: &first,
                member: &member(number),
                base: &hash,
                credential: &credential,
                effective_at: later,
                not_after: later,
            };
            recoveries.begin(now, &beginning);
        }
        let another = member(PART);
        assert!(!recoveries.has_room(&first, &another, PART) && recoveries.has_room(&second, &another, PART));
        assert!(recoveries.has_room(&first, &member(0), PART), "it is remembered already");
    }

    const NOW: UnixMillis = UnixMillis(1);
    const LATER: UnixMillis = UnixMillis(10);
    const END: UnixMillis = UnixMillis(100);

    fn credential(byte: u8) -> Credential {
        PublicKey::of(&SigningKey::from_bytes(&[byte; 32])).into()
    }

    fn hash(byte: u8) -> Hash {
        Hash::from_bytes([byte; 32])
    }

    /// Ann of `tenant`, whose credential is number 1.
    fn policy(tenant: &str) -> Policy {
        let ann = Member { name: "ann".parse().unwrap(), credential: credential(1), guardians: None };
        let members = vec![ann].try_into().unwrap();
        let tenant = TenantPolicy { members, ..TenantPolicy::new(tenant.parse().unwrap()) };
        let (group, version) = (GroupId::from_bytes([0; 16]), PolicyVersion(1));
        let tenants = vec![tenant].try_into().unwrap();
        Policy { group, manifest: hash(0), version, previous: None, tenants }
    }

    /// Ann's recovery of this number, to the credential of this number, in place of what the policy names.
    fn begin(recoveries: &mut Recoveries, now: UnixMillis, number: u8) -> Option<(Hash, UnixMillis)> {
        let beginning = Beginning {
            recovery: &hash(number),
            tenant: &"acme".parse().unwrap(),
            member: &"ann".parse().unwrap(),
            base: &credential(1).hash(),
            credential: &credential(number),
            effective_at: LATER,
            not_after: END,
        };
        recoveries.begin(now, &beginning)
    }

    #[test]
    fn a_recovery_replaces_the_credential_that_the_policy_named_and_no_other() {
        let mut recoveries = Recoveries::default();
        begin(&mut recoveries, NOW, 2);
        let ann = |byte| Member { name: "ann".parse().unwrap(), credential: credential(byte), guardians: None };
        assert_eq!(recoveries.credential(&ann(1), UnixMillis(9)), &credential(1));
        assert_eq!(recoveries.credential(&ann(1), LATER), &credential(2));
        assert_eq!(recoveries.credential(&ann(3), LATER), &credential(3));
    }

    #[test]
    fn what_is_in_force_ends_when_its_member_is_another_tenants() {
        let mut recoveries = Recoveries::default();
        begin(&mut recoveries, NOW, 2);
        assert_eq!(recoveries.ended_by(&policy("acme"), LATER), []);
        assert_eq!(recoveries.ended_by(&policy("other"), LATER), [(hash(2), END, "acme".parse().unwrap())]);
        assert_eq!(recoveries.ended_by(&policy("acme"), NOW).len(), 1, "what waits ends with any policy");
    }

    #[test]
    fn a_recovery_that_begins_is_the_end_of_the_one_behind_that_in_force() {
        let mut recoveries = Recoveries::default();
        assert_eq!(begin(&mut recoveries, NOW, 2), None);
        assert_eq!(begin(&mut recoveries, LATER, 3), None, "the one before is in force");
        assert_eq!(begin(&mut recoveries, LATER, 4), Some((hash(2), END)), "in whose place the next one came");
        assert!(recoveries.has(&"ann".parse().unwrap(), &hash(3)));
    }

    #[test]
    fn all_tenants_together_have_a_bound() {
        let mut recoveries = Recoveries::default();
        let tenant: Tenant = "acme".parse().unwrap();
        let member = |number: usize| format!("member-{number}").parse::<Requester>().unwrap();
        for number in 0..limits::RECOVERIES {
            assert!(recoveries.has_room(&tenant, &member(number), usize::MAX));
            let beginning = Beginning {
                recovery: &hash(2),
                tenant: &tenant,
                member: &member(number),
                base: &hash(1),
                credential: &credential(2),
                effective_at: LATER,
                not_after: END,
            };
            recoveries.begin(NOW, &beginning);
        }
        assert!(!recoveries.has_room(&"other".parse().unwrap(), &member(limits::RECOVERIES), usize::MAX));
    }
}
