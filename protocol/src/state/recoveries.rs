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
    use cloister_wire::signature::PublicKey;
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
}
